#!/usr/bin/env python3
"""Holds the reader of Spec/reader against every vector.

Needs numpy and lz4. Prints one line for each difference; exit 1 when there is any."""
import json
import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
spec = here.parents[2] / "Spec"
sys.path.insert(0, str(spec / "reader"))
from vial_reader.fields import Refusal  # noqa: E402
from vial_reader.report import OpenFile, describe  # noqa: E402
from vial_reader.verify import verify  # noqa: E402


def invalid_vectors():
    """(name, bytes, truth) of the files and of the variants."""
    for path in sorted((here / "invalid").glob("*.vial")):
        yield path.stem, path.read_bytes(), json.loads(path.with_suffix(".json").read_text("utf-8"))
    more = json.loads((here / "invalid" / "variants.json").read_text("utf-8"))
    base = (here / more["base"]).read_bytes()
    for truth in more["variants"]:
        data = bytearray(base[:truth["length"]].ljust(truth["length"], b"\0"))
        for at, change in truth["changes"]:
            data[at:at + len(change) // 2] = bytes.fromhex(change)
        yield truth["name"], bytes(data), truth


def verdict(data):
    """[(stage, rule, offset)]: what the reader has against a file."""
    try:
        file = OpenFile(data, needs_model=True)
    except Refusal as refusal:
        return [("open", refusal.rule, refusal.offset)]
    reports = [("verify", r.rule, r.offset) for r in verify(file.container, file.tensors, file.configuration)]
    if reports:
        return reports
    try:
        file.check_runs()
    except Refusal as refusal:
        return [("run", refusal.rule, refusal.offset)]
    return []


def check_valid(folder, problems):
    count = 0
    for path in sorted(folder.glob("*.vial")):
        count += 1
        truth = json.loads(path.with_suffix(".json").read_text("utf-8"))
        truth.pop("about", None)
        found = json.loads(json.dumps(describe(path.read_bytes())))
        # What the reader learned to tell since a version was frozen is not in its truths.
        told = found.keys() if folder.name == "valid" else set()
        for key in sorted(truth.keys() | told):
            if truth.get(key) != found.get(key):
                problems.append(f"{folder.name}/{path.name}: {key} is {found.get(key)!r:.300}, not {truth.get(key)!r:.300}")
    return count


def main():
    problems = []
    valid = check_valid(here / "valid", problems)
    frozen = sum(check_valid(folder, problems) for folder in sorted(here.glob("[0-9]*.[0-9]*")))
    invalid = 0
    for name, data, truth in invalid_vectors():
        invalid += 1
        found, wanted = verdict(data), [(truth["stage"], truth["rule"], truth["offset"])]
        if found != wanted:
            problems.append(f"invalid/{name}: {found}, not {wanted}")
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{valid} valid, {frozen} of earlier versions and {invalid} invalid vectors: "
          + (f"{len(problems)} differences" if problems else "the reader agrees"))
    return int(bool(problems) or not valid or not invalid)


if __name__ == "__main__":
    sys.exit(main())
