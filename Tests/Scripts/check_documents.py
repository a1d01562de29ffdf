#!/usr/bin/env python3
"""Every command line of README and of the guides runs, in order, on files that are made here.

    check_documents.py [PAGE...]

A command is a line of an indented block. What a page needs, and what is not run here, HTML comments in it say, which no
reader sees:

    <!-- test: needs MODEL note.txt -->       files and folders of MAKERS, there before the page's first command
    <!-- test: file answer.schema.json -->    before a fence: what it shows is this file
    <!-- test: skip make test: runs this -->  lines that begin so are not run, and why

`# ends "TEXT"` behind a command: its output ends so. Owns: the comments' meaning, and the files. Must not: know what
pages say. VIAL names the command, VIAL_STAGE an installation that is staged."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDES = ROOT / "Sources/Vial/Vial.docc/Guides"
FIXTURES = ROOT / "Tests/Fixtures"
VIAL = pathlib.Path(os.environ.get("VIAL", ROOT / ".build/release/vial")).resolve()
STAGE = pathlib.Path(os.environ.get("VIAL_STAGE", ROOT / ".build-libvial/stage")).resolve()
LIBRARY = pathlib.Path(os.environ.get("VIAL_LIBRARY", ROOT / ".build-libvial/lib/libvial.so.0")).resolve()
NOTE = ("The patient has had a fever and a dry cough for three days. She has no allergies and takes no medicine. "
        "Her temperature is 38.4 °C; the lungs are clear.\n")
TIME_LIMIT = 900


def vial(*arguments):
    subprocess.run([VIAL, *arguments], check=True, capture_output=True)


def checkpoint(path):
    shutil.copytree(FIXTURES / "checkpoints/qwen2-tiny-untied", path)


def adapter(path):
    shutil.copytree(FIXTURES / "adapters/lora-qkvo-r8", path)


def packed(*options):
    return lambda path: vial("pack", FIXTURES / "checkpoints/qwen2-tiny-untied", "-o", path, *options)


def calibration(path):
    turn = lambda number: [{"role": "user", "content": f"Note {number}: {NOTE}"}, {"role": "assistant", "content": NOTE}]
    path.write_text("".join(json.dumps({"messages": turn(number)}) + "\n" for number in range(60)), "utf-8")


def installation(path):
    """The library under the home folder's .local, as `make install PREFIX=$HOME/.local` puts it there."""
    command = ["make", "-C", ROOT, "install", f"PREFIX={path.parent / 'home/.local'}"]
    subprocess.run(command + ([f"STAGE={STAGE}"] if STAGE.is_dir() else []), check=True, capture_output=True)


def environment(path):
    """A Python of its own, whose pip reaches what the package needs."""
    subprocess.run([sys.executable, "-m", "venv", path], check=True, capture_output=True)
    subprocess.run([path / "bin/pip", "install", "--quiet", "numpy"], check=True, capture_output=True)


def program(path):
    """README's program in C."""
    path.write_text(re.search(r"^```c\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)[1], "utf-8")


# Files and folders that a page may need, by their names there.
MAKERS = {
    "MODEL": checkpoint, "DeepSeek-R1-Distill-Qwen-1.5B": checkpoint, "lora-oncology": adapter, "lora-ward": adapter,
    "model.vial": packed(), "f16.vial": packed("--weights", "f16"), "calibration.jsonl": calibration,
    "note.txt": lambda path: path.write_text(NOTE * 8, "utf-8"), "installation": installation,
    "venv": environment, "ask.c": program,
}
# What cannot be made without the net, and the commands that then are not run; where CI is set it has to be.
OF_THE_NET = {"venv": ("pip ", "python ")}
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```$", re.M | re.S)
REMARK = re.compile(r"<!-- test: (.*?) -->", re.S)
WRAPPERS = f"""
make() {{
  if [ "$1" = install ] && [ -d "{STAGE}" ]; then set -- "$@" "STAGE={STAGE}"; fi
  command make -s -C "{ROOT}" "$@"
}}
venv=$PWD/venv
pip() {{ (cd "{ROOT}" && "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"); }}
python() {{ "$venv/bin/python" "$@"; }}
"""


class Page:
    """A page's commands, the files that it shows, and what its remarks ask for."""

    def __init__(self, path):
        self.name, self.text = path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
        self.needs, self.skips, self.files, self.commands, self.problems = [], {}, {}, [], []
        for match in REMARK.finditer(self.text):
            self.remark(match)
        self.find_commands()

    def remark(self, match):
        kind, _, rest = match[1].strip().partition(" ")
        if kind == "needs":
            self.needs += rest.split()
        elif kind == "skip" and ": " in rest:
            line, _, why = rest.partition(": ")
            self.skips[line] = why
        elif kind == "file":
            fence = FENCE.search(self.text, match.end())
            self.files[rest] = fence[1] if fence else ""
            if not fence or self.text[match.end():fence.start()].strip():
                self.problems.append(f"{self.name}: no fence follows the remark for {rest}")
        else:
            self.problems.append(f"{self.name}: what does this remark mean: {match[1]}")
        self.problems += [f"{self.name}: nothing here makes {need}" for need in self.needs if need not in MAKERS]

    def find_commands(self):
        """(line, command) of every indented line; one that ends with a backslash goes on in the next."""
        plain = FENCE.sub(lambda match: re.sub(r"[^\n]", "", match[0]), self.text)
        begun = None
        for number, line in enumerate(plain.split("\n"), 1):
            if not line.startswith("    "):
                continue
            begun = (begun[0], begun[1] + "\n" + line) if begun else (number, line.strip())
            if not line.endswith("\\"):
                self.commands.append(begun)
                begun = None

    def script(self):
        lines = ["set -euo pipefail", WRAPPERS]
        for number, command in self.commands:
            if command.startswith(tuple(self.skips)):
                continue
            where = f"{self.name}:{number}: {command}"
            command, _, comment = command.partition("    # ")
            ending = re.search(r"ends \"(.*)\"$", comment)
            lines += [f"printf '%s' {quoted(where)} > \"$AT\"", f"{{ {command}\n}} > \"$SAID\" || exit 1"]
            if ending:
                lines.append(f"case $(cat \"$SAID\") in *{quoted(ending[1])}) ;; *) false ;; esac")
        unused = [start for start in self.skips if not any(c.startswith(start) for _, c in self.commands)]
        self.problems += [f"{self.name}: no command begins with {start}" for start in unused]
        return "\n".join(lines) + "\n"

    def run(self, folder):
        """What went wrong; nothing when every command ended with 0."""
        for need in dict.fromkeys(self.needs):
            try:
                MAKERS[need](folder / need)
            except subprocess.CalledProcessError as error:
                if need not in OF_THE_NET or os.environ.get("CI"):
                    return [f"{self.name}: {need}: {error.stderr.decode(errors='replace')[-600:]}"]
                print(f"{self.name}: commands that need {need} are not run: it cannot be made without the net")
                self.skips.update(dict.fromkeys(OF_THE_NET[need], "no net"))
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, "utf-8")
        script = self.script()
        if self.problems:
            return self.problems
        (folder / "home").mkdir(exist_ok=True)
        at, said = folder / ".at", folder / ".said"
        environment = {**os.environ, "PATH": f"{VIAL.parent}:{os.environ['PATH']}", "HOME": str(folder / "home"),
                       "AT": str(at), "SAID": str(said),
                       **({"VIAL_LIBRARY": str(LIBRARY)} if LIBRARY.is_file() else {})}
        done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIME_LIMIT)
        if done.returncode == 0:
            return []
        return [f"{at.read_text()}\n  exits with {done.returncode}: {done.stdout[-600:].strip()}"]


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def main(paths):
    pages = [pathlib.Path(path).resolve() for path in paths] or [ROOT / "README.md", *sorted(GUIDES.glob("*.md"))]
    count, problems = 0, []
    for path in pages:
        page = Page(path)
        count += len(page.commands)
        with tempfile.TemporaryDirectory() as folder:
            problems += page.problems or page.run(pathlib.Path(folder))
    if not paths and count < 45:
        problems.append(f"only {count} commands were found: this script does not see them")
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{count} commands of {len(pages)} pages" + (f": {len(problems)} fail" if problems else " run"))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
