#!/usr/bin/env python3
"""Makes Tests/VectorTests/vectors/valid and Tests/VectorTests/vectors/invalid from Spec/ alone; `--check` compares with what is there.

The truth beside each file comes from what was written into it, not from a reader. Needs numpy."""
import argparse
import json
import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here))
from writer.invalid import INVALID, build_invalid  # noqa: E402
from writer.valid import VALID, build_valid  # noqa: E402


def files():
    """(path under Tests/VectorTests/vectors, bytes) of everything that is made: the first vector of a rule is a file, the
    others are changes of a valid one, because a model file has at least 64 KiB."""
    bases, variants, rules = {}, [], set()
    for name in VALID:
        data, truth = build_valid(name)
        bases[name] = data
        yield f"valid/{name}.vial", data
        yield f"valid/{name}.json", text(truth)
    for name in INVALID:
        data, truth = build_invalid(name)
        if truth["rule"] in rules:
            variants.append({"name": name, **truth, **variant(data, bases["plain"])})
            continue
        rules.add(truth["rule"])
        yield f"invalid/{name}.vial", data
        yield f"invalid/{name}.json", text(truth)
    lines = ",\n  ".join(json.dumps(each, ensure_ascii=False) for each in variants)
    yield "invalid/variants.json", f'{{"base": "valid/plain.vial", "variants": [\n  {lines}\n]}}\n'.encode()


def text(truth):
    return (json.dumps(truth, indent=1, ensure_ascii=False) + "\n").encode()


def variant(data, base):
    """How `data` comes from `base`: cut or filled with zeros to a length, then bytes replaced."""
    padded = base[:len(data)] + bytes(max(0, len(data) - len(base)))
    changes, at = [], 0
    while at < len(data):
        if data[at:at + 512] == padded[at:at + 512]:
            at += 512
            continue
        if data[at] == padded[at]:
            at += 1
            continue
        end = last = at
        while end < len(data) and end - last < 8:  # short stretches of equal bytes do not end a change
            last = end if data[end] != padded[end] else last
            end += 1
        changes.append([at, data[at:last + 1].hex()])
        at = last + 1
    return {"length": len(data), "changes": changes}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args().check
    wrong, made = [], set()
    for name, data in files():
        path = here / name
        made.add(path)
        if check and (not path.exists() or path.read_bytes() != data):
            wrong.append(f"{name} is not what the script makes")
        elif not check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
    for folder in ("valid", "invalid"):
        for path in sorted((here / folder).glob("*")):
            if path not in made:
                wrong.append(f"{path.relative_to(here)} is made by nobody")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(made)} files in Tests/VectorTests/vectors")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
