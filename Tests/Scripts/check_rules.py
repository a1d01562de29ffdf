#!/usr/bin/env python3
"""Every rule number that the code can report stands in Spec/, and every rule in Spec/ is reported by the code and
has a vector in Tests/VectorTests/vectors/invalid; and no vector is for a rule that is not there.
The laws of check_house.py are checked, too."""
import json, pathlib, re, sys

import check_house

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

vectors, problems = {}, []
folder = root / "Tests" / "VectorTests" / "vectors"
for path in sorted((folder / "invalid").glob("*.vial")):
    named = re.fullmatch(r"R-(\d{3})-[a-z0-9-]+", path.stem)
    truth = path.with_suffix(".json")
    if not named: problems.append(f"invalid/{path.name}: a vector's name is R-nnn-what")
    elif not truth.exists(): problems.append(f"invalid/{path.name} has no truth beside it")
    elif json.loads(truth.read_text("utf-8"))["rule"] != int(named[1]):
        problems.append(f"invalid/{path.name}: its truth names another rule")
    else: vectors[int(named[1])] = path.name
excused = {int(name[2:]) for name in json.loads((folder / "rules-without-vector.json").read_text("utf-8"))}

problems += [f"R-{n} is in Sources/ but not in Spec/" for n in sorted(code - spec)]
problems += [f"R-{n} is in Spec/ but not in Sources/" for n in sorted(spec - code)]
problems += [f"R-{n} has no vector: add one to Tests/VectorTests/vectors/writer/invalid*.py and run Tests/VectorTests/vectors/make_vectors.py"
             for n in sorted(spec - vectors.keys() - excused)]
problems += [f"invalid/{vectors[n]}: Spec/ has no R-{n}" for n in sorted(vectors.keys() - spec)]
problems += [f"rules-without-vector.json: R-{n} has a vector, or Spec/ does not have it"
             for n in sorted(excused - (spec - vectors.keys()))]
problems += check_house.problems(root)
print(*problems, sep="\n", end="\n" if problems else "")
print(f"{len(spec)} rules in Spec/, {len(code)} in Sources/, {len(vectors)} with vectors")
sys.exit(bool(problems or not spec))
