#!/usr/bin/env python3
"""freeze.py VERSION FILE...: keeps files of a version of the format for good, with what Spec/reader finds in them.

Run once, when a version is done; a file that is there is never replaced. Needs numpy and lz4."""
import json
import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parents[2] / "Spec" / "reader"))
from vial_reader.report import describe  # noqa: E402


def main(version, *paths):
    folder = here / version
    folder.mkdir(exist_ok=True)
    for path in map(pathlib.Path, paths):
        target, data = folder / path.name, path.read_bytes()
        truth = describe(data)
        if target.exists() or not truth.get("runs") or truth["reports"]:
            sys.exit(f"{path.name}: is there already, or is not whole")
        target.write_bytes(data)
        target.with_suffix(".json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
