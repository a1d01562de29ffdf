#!/usr/bin/env python3
"""Owns: whether the README's table says what a run of a binding's cases came to. Must not: run them.

table.py BINDING COUNT: fails unless the row of BINDING has COUNT, "all COUNT" if these are all cases.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def problem(binding: str, count: int) -> str:
    """What is wrong with the row; empty when nothing is."""
    page = (HERE / "README.md").read_text("utf-8")
    row = re.search(rf"^\| {re.escape(binding)} \([^|]*\) \| ([^|]*) \|(.*)\|$", page, re.M)
    cases = len(json.loads((HERE / "cases.json").read_text("utf-8"))["cases"])
    said = f"all {count}" if count == cases else str(count)
    if not row or row[1] != said or (count == cases) != (not row[2].strip()):
        return f"README.md of the conformance cases: {binding} ran {said} of {cases}, and its row says otherwise"
    return ""


if __name__ == "__main__":
    sys.exit(problem(sys.argv[1], int(sys.argv[2])) or 0)
