#!/usr/bin/env python3
"""What documents name is there: options of the command, numbers and functions of vial.h, keys of JSON.

Owns: which words of a page are such names. Must not: look at records of what was (CHANGELOG, Results). VIAL names the
command. Prints a line for each name that is nowhere; exit 1 when there is any."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
VIAL = os.environ.get("VIAL", str(ROOT / ".build/release/vial"))
GUIDES = ROOT / "Sources/Vial/Vial.docc/Guides"
RECORDS = re.compile(r"CHANGELOG\.md|Vial\.docc/Results/|Tests/Fixtures/")
# Options of other programs, which pages name beside Vial's.
FOREIGN = {
    "--cflags", "--libs", "--static", "--variable", "--clear-groups", "--product", "--disable-xctest", "--filter",
    "--kl-divergence", "--no-children", "--sort",
}
# Names of packages and sections that are no names of C.
NO_SYMBOLS = {"vial_cpp", "vial_swift5"}
CODE = re.compile(r"```.*?```|`[^`\n]+`|^ {4}.*$", re.M | re.S)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def pages():
    names = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.split():
        if not RECORDS.search(name):
            yield name, (ROOT / name).read_text("utf-8")


def commands(command, path=()):
    """{path: options} of a command and all below it."""
    path = path + (command["commandName"],)
    found = {path: {"--" + name["name"] for argument in command.get("arguments") or []
                    for name in argument.get("names") or [] if name["kind"] != "short"}}
    for below in command.get("subcommands") or []:
        found.update(commands(below, path))
    return found


def dumped():
    said = subprocess.run([VIAL, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
    return json.loads(said)["command"]


def scripts_options():
    """Options of the project's own scripts and programs."""
    names = subprocess.run(["git", "ls-files", "Tests", "Spec/reader", "bindings", ".ci", "Makefile"], cwd=ROOT,
                           check=True, capture_output=True, text=True).stdout.split()
    found = set()
    for name in names:
        path = ROOT / name
        if path.suffix in ("", ".py", ".sh") and path.is_file():
            found |= set(OPTION.findall(path.read_bytes().decode("utf-8", "replace")))
    return found


def wrong_options(known):
    everywhere = set().union(*known.values()) | scripts_options() | FOREIGN
    for name, text in pages():
        for code in CODE.findall(text):
            for option in OPTION.findall(code):
                if option not in everywhere:
                    yield f"{name}: no command has {option}"
            for line in re.findall(r"^\s*`?vial (.*)", code.replace("\\\n", " "), re.M):
                yield from wrong_of_line(name, line, known)


def wrong_of_line(name, line, known):
    """A line's options must be those of its own command."""
    line = re.split(r" \| |`", line)[0]
    path = ("vial",)
    for word in line.split():
        if path + (word,) not in known:
            break
        path += (word,)
    if path == ("vial",):
        if re.match(r"[a-z]+\b", line) and not line.startswith(("help", "knows", "has")):
            yield f"{name}: there is no command vial {line.split()[0]}"
        return
    for option in OPTION.findall(re.sub(r"\"[^\"]*\"|'[^']*'", "", line)):
        positive = "--" + option[5:] if option.startswith("--no-") else option
        if not {option, positive} & known[path] and option != "--help":
            yield f"{name}: {' '.join(path)} has no {option}"


def wrong_ranges(command):
    """A range in brackets behind an option is the one of the help."""
    helps = {}
    for argument in arguments(command):
        for name in argument.get("names") or []:
            helps.setdefault("--" + name["name"], []).append(argument.get("abstract") or "")
    for name, text in pages():
        for option, low, high in re.findall(r"`(--[a-z-]+)[^`]*`\s\(([\d,]+)\s+to\s+([\d,]+)\)", text):
            wanted = f"{low} to {high}".replace(",", "")
            if not any(wanted in one for one in helps.get(option, [])):
                yield f"{name}: the help of {option} has no range of {wanted}"


def arguments(command):
    """Of a command and all below it."""
    yield from command.get("arguments") or []
    for below in command.get("subcommands") or []:
        yield from arguments(below)


def wrong_symbols():
    """Names of the header; a name that ends in _... or * is the beginning of several."""
    header = (ROOT / "Include/vial.h").read_text("utf-8")
    others = "".join((ROOT / name).read_text("utf-8", "replace") for name in subprocess.run(
        ["git", "grep", "-lE", r"\bVIAL_|\bvial_", "--", "Sources", "Tests", "bindings", "Makefile", ":!*.md"], cwd=ROOT,
        check=True, capture_output=True, text=True).stdout.split())
    of_header, of_others = (set(re.findall(r"\b(?:VIAL|vial)_\w+", text)) for text in (header, others))
    for name, text in pages():
        for symbol in sorted(set(re.findall(r"\b(?:VIAL|vial)_\w*[A-Za-z0-9](?!\.\w|\w)", " ".join(CODE.findall(text))))):
            # FORMAT, NAME and the like stand for something.
            if symbol in NO_SYMBOLS or symbol.startswith("vial_") and re.search(r"_[A-Z]+(_|$)", symbol):
                continue
            known = of_header if symbol.startswith("vial_") and "Guides" in name else of_header | of_others
            if symbol not in known and not any(one.startswith(symbol + "_") for one in known):
                yield f"{name}: {symbol} is nowhere"


def keys(value):
    """All keys of a JSON value."""
    if isinstance(value, dict):
        return set(value) | set().union(set(), *map(keys, value.values()))
    return set().union(set(), *map(keys, value)) if isinstance(value, list) else set()


def vial_json(*arguments):
    done = subprocess.run([VIAL, *arguments], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return json.loads(done.stdout)


def column(page, header):
    """Backquoted words of the cell that stands under `header`, row by row."""
    text = (GUIDES / page).read_text("utf-8")
    head, _, rest = text.partition(header)
    position = (head.rsplit("\n", 1)[-1] + header).count("|") - 1
    for row in rest.split("\n\n", 1)[0].split("\n")[2:]:
        yield from re.findall(r"`([a-z_0-9]+)`", row.split("|")[position])


def wrong_keys():
    demo = str(ROOT / "Sources/VialCommand/Resources/demo.vial")
    compared = keys(vial_json("compare", demo, demo, "--text", "Anemia is a lack of red blood cells.", "--json"))
    named = set(column("Measure.md", "`--json` |"))
    for key in sorted(named - compared) + sorted({k for k in named if k + "_interval" not in compared}):
        yield f"Measure.md: vial compare --json has no {key}"
    with tempfile.TemporaryDirectory() as folder:
        questions = pathlib.Path(folder) / "questions.jsonl"
        fence = re.search(r"<!-- test: file questions.jsonl -->\n```json\n(.*?)```", (GUIDES / "Measure.md").read_text("utf-8"), re.S)
        questions.write_text(fence[1], "utf-8")
        evaluated = keys(vial_json("eval", demo, "--data", str(questions), "--json"))
    for key in column("Measure.md", "| figure | means"):
        if key not in evaluated:
            yield f"Measure.md: vial eval --json has no {key}"


def main():
    command = dumped()
    found = sorted(set([*wrong_options(commands(command)), *wrong_ranges(command), *wrong_symbols(), *wrong_keys()]))
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
