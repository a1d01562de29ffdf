#!/usr/bin/env python3
"""What holding an answer to a schema costs a token: answers with and without take turns.

    python3 Tests/Benchmarks/schema_cost.py .build/release/vial MODEL.vial [--rounds 7] [--tokens 160]

MODEL should have a large vocabulary; random weights do, and write what a schema allows. Every answer is a process of its
own, so nothing is remembered from the one before. Prints medians of the milliseconds a token after the first, and of
the ratios to the plain answers of the same round."""
import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[2] / "Sources/VialPacking/Resources/templates"
LONG = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "maxLength": 1000000}}}


def answer(options, seed, schema):
    command = [options.vial, "run", options.model, "--ids", "1,2,3,4", "--temperature", "1", "--seed", str(seed),
               "--max-tokens", str(options.tokens), "--json", *(["--schema", schema] if schema else [])]
    output = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return 1000 * output["timings"]["generation_seconds"] / max(1, len(output["tokens"]) - 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vial")
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=160)
    options = parser.parse_args()
    triage = (TEMPLATES / "triage.txt").read_text(encoding="utf-8").split("# schema\n")[1]
    with tempfile.TemporaryDirectory() as folder:
        schemas = {"none": None}
        for name, text in (("long string", json.dumps(LONG)), ("triage", triage)):
            schemas[name] = str(Path(folder) / f"{name}.json")
            Path(schemas[name]).write_text(text, encoding="utf-8")
        times = {name: [] for name in schemas}
        for seed in range(options.rounds):
            for name, schema in schemas.items():
                times[name].append(answer(options, seed, schema))
    for name, found in times.items():
        ratio = statistics.median(a / b for a, b in zip(found, times["none"]))
        print(f"{name}: {statistics.median(found):.2f} ms a token, {100 * (ratio - 1):+.1f}%")


if __name__ == "__main__":
    main()
