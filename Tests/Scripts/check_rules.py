#!/usr/bin/env python3
"""Every rule number that the code can report stands in Spec/, and every rule in Spec/ is reported by the code."""
import pathlib, re, sys

root = pathlib.Path(__file__).resolve().parents[2]
spec = set()
for page in sorted((root / "Spec").glob("*.md")):
    # A rule is defined where a line or a table row starts with its number.
    spec |= {int(n) for n in re.findall(r"^(?:\|\s*|[-*]\s+)?\**R-(\d{3})\b", page.read_text("utf-8"), re.M)}
code = set()
for source in sorted((root / "Sources").rglob("*.swift")):
    text = source.read_text("utf-8")
    code |= {int(n) for n in re.findall(r"\brule:\s*(\d{3})\b", text)}
    code |= {int(n) for n in re.findall(r"\bR-(\d{3})\b", text)}
missing, unused = sorted(code - spec), sorted(spec - code)
print(f"{len(spec)} rules in Spec/, {len(code)} in Sources/")
if missing: print("in Sources/ but not in Spec/:", *(f"R-{n}" for n in missing))
if unused: print("in Spec/ but not in Sources/:", *(f"R-{n}" for n in unused))
sys.exit(bool(missing or unused or not spec))
