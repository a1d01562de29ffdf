#!/usr/bin/env python3
"""Every place of Sources/VialText where an overflow, a conversion or a force unwrap could end the host was looked at: per
file and kind, as many as reviewed_arithmetic.json says, with the reason why they cannot."""
import json, pathlib, re, sys

root = pathlib.Path(__file__).resolve().parents[2]
listed = json.loads((root / "Tests" / "Scripts" / "reviewed_arithmetic.json").read_text("utf-8"))
# Comments and texts, on one line each but for those that are meant to have several.
REMARKS = re.compile(r'//[^\n]*|/\*.*?\*/|""".*?"""|#"[^\n]*?"#|"(?:\\.|[^"\\\n])*"', re.S)
KINDS = {
    "multiplications": re.compile(r"(?<![&*/])\*(?![*/])"),
    "conversions": re.compile(
        r"\bU?Int(?:8|16|32|64)?\((?!(?:truncatingIfNeeded|clamping|exactly|littleEndian|ascii|bitPattern):)"),
    "force unwraps": re.compile(r"(?<=[\w)\]}])!(?!=)|\btry!|\bas!"),
}

problems, sums = [], dict.fromkeys(KINDS, 0)
found = {}
for path in sorted((root / "Sources" / "VialText").rglob("*.swift")):
    code = REMARKS.sub(" ", path.read_text("utf-8"))
    counts = {kind: len(pattern.findall(code)) for kind, pattern in KINDS.items()}
    counts = {kind: count for kind, count in counts.items() if count}
    for kind, count in counts.items(): sums[kind] += count
    if counts: found[path.relative_to(root / "Sources" / "VialText").as_posix()] = counts

for name in sorted(found.keys() | listed.keys()):
    entry = listed.get(name, {})
    stated = {kind: count for kind, count in entry.items() if kind != "why"}
    if found.get(name, {}) != stated:
        problems.append(f"{name}: {found.get(name, {})}, reviewed were {stated}: see that no input can make the new ones "
                        "trap, then put count and reason into Tests/Scripts/reviewed_arithmetic.json")
    elif not entry.get("why"): problems.append(f"{name}: the list does not say why these places cannot trap")
print(*problems, sep="\n", end="\n" if problems else "")
print(", ".join(f"{count} {kind}" for kind, count in sums.items()), f"in {len(found)} files")
sys.exit(bool(problems))
