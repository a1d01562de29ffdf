#!/usr/bin/env python3
"""Checkpoints that users of other engines reported, packed one by one and compared with the original's values.

    python3 Tests/Scripts/check_reported_models.py FOLDER --vial .build/release/vial [--only NAME]

FOLDER holds a folder for each report: inputs, and the right values in *.expected.json (of transformers and PEFT).
Prints PASS or FAIL for each case; exit 1 when one fails. Needs nothing but Python."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

# Largest difference of a logit of a float model; of one that keeps 4-bit integers, whose activations are rounded.
FLOAT, PACKED = 1e-3, 2.5

CASES = []


def case(name, *arguments):
    def add(function):
        CASES.append((name, function, arguments))
        return function
    return add


class Failure(Exception):
    pass


def expect(holds, what):
    if not holds:
        raise Failure(what)


class Trial:
    def __init__(self, vial, folder, scratch):
        self.vial, self.folder, self.file = vial, folder, os.path.join(scratch, "model.vial")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def expected(self, name="expected.json"):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def run(self, *arguments):
        done = subprocess.run([self.vial, *arguments], capture_output=True, timeout=300, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def answer(self, *arguments):
        status, out, err = self.run(*arguments)
        expect(status == 0, err.strip()[-300:])
        return json.loads(out)

    def pack(self, source, *arguments):
        """Packs and returns the warnings."""
        status, _, err = self.run("pack", self.path(source), "-o", self.file, *arguments)
        expect(status == 0, err.strip()[-300:])
        return err

    def refused(self, source, *words):
        status, _, err = self.run("pack", self.path(source), "-o", self.file)
        expect(status == 1, f"packed, or exit {status}")
        expect(all(word in err for word in words), f"{err.strip()} does not name {words}")

    def compare(self, expected, tolerance, *arguments):
        ids = ",".join(map(str, expected["token_ids"]))
        logits = self.answer("score", self.file, "--ids", ids, "--logits", "--json", "--kv", "f32", *arguments)["logits"]
        off = max(abs(a - b) for a, b in zip(logits[-1], expected["last_logits"]))
        best = [max(range(len(row)), key=row.__getitem__) for row in logits]
        right = sum(a == b for a, b in zip(best, expected["argmax"]))
        allowed = 0 if tolerance == FLOAT else 3
        expect(off <= tolerance and right >= len(best) - allowed, f"logits {off:.2g} off, arg max {right}/{len(best)}")


@case("01-tied-with-own-head", "model")
@case("02-tied-head-only", "model")
def logits(trial, source):
    trial.pack(source, "--weights", "f32")
    trial.compare(trial.expected(), FLOAT)


@case("03-rope-scaling-beside-rope-parameters")
def rope(trial):
    trial.pack("linear", "--weights", "f32")
    trial.compare(trial.expected("linear.expected.json"), FLOAT)
    trial.refused("yarn", "yarn")


@case("05-added-tokens-in-settings-only")
def added_tokens(trial):
    trial.pack("decoder", "--random-weights", "1")
    prompt(trial, trial.expected("decoder.expected.json"))
    for name in ["file", "flags", "list"]:
        trial.pack(name, "--random-weights", "1")
        expected = trial.expected(f"{name}.expected.json")
        ids = trial.answer("tokenize", trial.file, "--text", expected["text"], "--json")["tokens"]
        expect(ids == expected["ids"], f"{name}: {ids} instead of {expected['ids']}")


@case("07-gguf-old-rope-scale-key", "scale_linear.gguf", "factor_without_type.gguf")
def old_keys(trial, *sources):
    for source in sources:
        logits(trial, source)


@case("08-gguf-llama-attention-biases")
def biases(trial):
    status, _, err = trial.run("pack", trial.path("model.gguf"), "-o", trial.file, "--weights", "f32")
    if status == 0:
        trial.compare(trial.expected(), FLOAT)
    else:
        expect("bias" in err, err)


def ends(trial, source):
    trial.pack(source, "--weights", "f32")
    expected = trial.expected()
    answer = trial.answer(
        "run", trial.file, "--prompt", expected["prompt"], "--max-tokens", "12", "--temperature", "0", "--json", "--kv", "f32")
    given = (answer["tokens"], answer["finish_reason"])
    expect(given == (expected["tokens"], expected["finish_reason"]), f"{source}: {given}")


@case("09-gguf-end-of-turn-not-named", "model.gguf")
@case("10-eos-named-by-tokenizer-settings", "other", "none")
def end_tokens(trial, *sources):
    for source in sources:
        ends(trial, source)


@case("11-gptq-zeros-of-v2-called-gptq", "sym_true", "sym_absent")
@case("13-compressed-tensors-ignore-regex", "model")
def quantised(trial, *sources):
    for source in sources:
        trial.pack(source)
        trial.compare(trial.expected(), PACKED)
        trial.pack(source, "--weights", "f32")
        trial.compare(trial.expected(), FLOAT)


@case("12-raw-prompt-ends-with-eos", "processor", "settings")
def raw(trial, *sources):
    for source in sources:
        trial.pack(source, "--random-weights", "1")
        expected = trial.expected()
        answer = trial.answer("run", trial.file, "--raw", "--prompt", expected["prompt"], "--max-tokens", "1", "--json")
        expect(answer["prompt_tokens"] == expected["prompt_tokens"], f"{source}: {answer['prompt_tokens']}")


@case("14-lora-on-the-head")
@case("15-lora-target-that-is-nowhere")
def adapters(trial):
    trial.pack("base", "--weights", "f32", "--adapter", f"a={trial.path('adapter')}")
    trial.compare(trial.expected(), FLOAT, "--adapter", "a")


@case("16-gguf-split")
def split(trial):
    logits(trial, "model-00001-of-00003.gguf")
    for part in [2, 3]:
        trial.refused(f"model-0000{part}-of-00003.gguf", f"part {part} of 3")


def prompt(trial, expected):
    message = expected["messages"][0]["content"]
    given = trial.answer("run", trial.file, "--prompt", message, "--max-tokens", "1", "--json")["prompt_tokens"]
    expect(given == expected["ids"], f"{given} instead of {expected['ids']}")


@case("18-template-title", "model")
@case("19-template-percent-format", "model")
@case("22-template-unicode-space-trim", "model")
def templates(trial, source):
    trial.pack(source, "--random-weights", "1")
    prompt(trial, trial.expected())


@case("20-template-clock-hint")
def clock(trial):
    said = trial.pack("model", "--random-weights", "1")
    expect("--template-date" in said, said)
    trial.pack("model", "--random-weights", "1", "--template-date", "2026-11-30")
    prompt(trial, trial.expected())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--vial", required=True)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    failures = 0
    for name, function, sources in sorted(CASES, key=lambda entry: entry[0]):
        if arguments.only not in (None, name):
            continue
        why = ""
        with tempfile.TemporaryDirectory() as scratch:
            try:
                function(Trial(os.path.abspath(arguments.vial), os.path.join(arguments.folder, name), scratch), *sources)
            except (Failure, OSError, subprocess.TimeoutExpired) as error:
                why = str(error).replace("\n", " | ")
                failures += 1
        print(f"{'FAIL' if why else 'PASS'} {name}" + (f": {why[:300]}" if why else ""), flush=True)
    untried = set(os.listdir(arguments.folder)) - {name for name, _, _ in CASES} - {"run.sh"}
    if untried and not arguments.only:
        print(f"FAIL nothing here tries {', '.join(sorted(untried))}")
    sys.exit(1 if failures or untried and not arguments.only else 0)


if __name__ == "__main__":
    main()
