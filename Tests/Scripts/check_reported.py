#!/usr/bin/env python3
"""Reports of other engines' users, tried one by one: a folder for each, with its inputs.

    python3 Tests/Scripts/check_reported.py FOLDER --vial .build/release/vial [--file MODEL.vial]
        [--library .build/release] [--copying MODEL.vial] [--only NAME]

FOLDER holds the reports by name (the functions below say what each has). --file is any model, --library a folder with
libvial_c.so, --copying a model that copies numbers out of its prompt when it is asked to (1.5B parameters do).
Needs jsonschema (PyPI). Prints PASS, FAIL or SKIP for each; exit 1 when one fails."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import jsonschema

REPORTS = {}


def report(function):
    REPORTS[function.__name__.replace("_", "-")] = function
    return function


class Failure(Exception):
    pass


class Skipped(Exception):
    pass


def expect(holds, what):
    if not holds:
        raise Failure(what)


class Trial:
    def __init__(self, arguments, folder):
        self.vial, self.file, self.copying, self.library = (
            os.path.abspath(arguments.vial), os.path.abspath(arguments.file), arguments.copying, arguments.library)
        self.folder = folder

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def text(self, *parts):
        with open(self.path(*parts), encoding="utf-8") as file:
            return file.read()

    def run(self, *arguments, limit=60):
        """Exit status, standard output, standard error, seconds."""
        start = time.monotonic()
        done = subprocess.run([self.vial, *arguments], capture_output=True, timeout=limit, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - start

    def answer(self, schema, *arguments, prompt="x", file=None):
        """The object that `vial run --json` prints; its text is valid, ended by itself or not, or its budget ran out."""
        status, out, err, _ = self.run(
            "run", file or self.file, "--prompt", prompt, "--schema", schema, "--max-reasoning-tokens", "0", "--json", *arguments,
            limit=300)
        expect(status == 0, f"exit {status}: {err.strip()[-200:]}")
        answer = json.loads(out)
        if answer["finish_reason"] in ["stop", "length"]:
            with open(schema, encoding="utf-8") as text:
                try:
                    jsonschema.validate(json.loads(answer["text"]), json.load(text))
                except (jsonschema.ValidationError, json.JSONDecodeError) as error:
                    raise Failure(f"{answer['text']!r}: {str(error)[:120]}") from error
        else:
            expect(answer["finish_reason"] == "budget", f"ends with {answer['finish_reason']}")
        return answer

    def batch(self, lines, *arguments):
        """Answers of `vial batch` to these lines, in order, and the exit status."""
        with tempfile.TemporaryDirectory() as folder:
            source, target = os.path.join(folder, "in.jsonl"), os.path.join(folder, "out.jsonl")
            with open(source, "w", encoding="utf-8") as file:
                file.write("".join(line.rstrip("\n") + "\n" for line in lines))
            status, _, err, _ = self.run("batch", self.file, "--in", source, "--out", target, "--ordered", *arguments, limit=300)
            expect(os.path.exists(target), f"exit {status}: {err.strip()[-200:]}")
            with open(target, encoding="utf-8") as file:
                return [json.loads(line) for line in file], status, err


def accepts(trial, schema, **options):
    return trial.answer(schema, "--max-tokens", "60", "--temperature", "1.5", **options)


@report
def abort_many_open_requests(trial):
    trial_program(trial, "many.c", [trial.file, "40000", "64", "0"])


@report
def abort_memory_short(trial):
    for kind in range(4):
        trial_program(trial, "oom.c", [trial.file, str(kind)])


def trial_program(trial, name, arguments):
    """A C program of the report, linked with the library: it must not be ended by a signal."""
    if not trial.library:
        raise Skipped("needs --library")
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "a.out")
        header = os.path.join(os.path.dirname(__file__), "..", "..", "Include")
        built = subprocess.run(["cc", "-O1", trial.path(name), "-I", header, "-L", trial.library, "-lvial_c", "-lm",
                                f"-Wl,-rpath,{os.path.abspath(trial.library)}", "-o", program], capture_output=True, check=False)
        expect(built.returncode == 0, built.stderr.decode()[-300:])
        done = subprocess.run([program, *arguments], capture_output=True, timeout=600, check=False)
        expect(done.returncode >= 0, f"{name} {arguments[1:]}: signal {-done.returncode}: {done.stderr.decode()[-200:]}")


@report
def batch_ignores_unknown_fields(trial):
    answers, status, _ = trial.batch(trial.text("in.jsonl").splitlines())
    names = ["choices", "repetition_penalty", "max_reasoning_tokens"]
    for answer, line in zip(answers, trial.text("in.jsonl").splitlines()):
        fields = json.loads(line)
        strange = [name for name in fields if name not in names + ["id", "prompt", "max_tokens", "temperature", "seed"]]
        if strange:
            expect(any(name in (answer["error"] or "") for name in strange), f"{strange} are no error: {answer['error']}")
        elif "choices" in fields:
            expect(answer["error"] is None and answer.get("text") in fields["choices"] or answer.get("finish_reason") == "budget",
                   f"choices: {answer}")


@report
def bound_rounded_up(trial):
    for name in ["schema.json", "schema2.json"]:
        for seed in range(20):
            accepts_seeded(trial, trial.path(name), seed)


def accepts_seeded(trial, schema, seed, temperature="1.5"):
    return trial.answer(schema, "--max-tokens", "60", "--temperature", temperature, "--seed", str(seed))


@report
def enum_beside_unknown_keyword(trial):
    for name in sorted(os.listdir(trial.folder)):
        if name.endswith(".json"):
            accepts(trial, trial.path(name))


@report
def false_nothing_satisfies(trial):
    for name in ["epochms.json", "open.json", "sct.json"]:
        accepts(trial, trial.path(name))


@report
def fhir_trimmed_too_large(trial):
    for name in sorted(os.listdir(trial.folder)):
        if name.endswith(".json"):
            accepts(trial, trial.path(name))


FORMATS = {
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "duration": r"P(?=.)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?)",
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:[^ ]+",
}


@report
def formats_not_enforced(trial):
    properties = json.loads(trial.text("schema.json"))["properties"]
    for form in properties.values():
        if form.get("format") not in FORMATS:
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(form, file)
            file.flush()
            ended = 0
            for seed in range(12):
                answer = trial.answer(file.name, "--max-tokens", "200", "--temperature", "0.7", "--seed", str(seed))
                if answer["finish_reason"] != "budget":
                    ended += 1
                    value = json.loads(answer["text"])
                    expect(re.fullmatch(FORMATS[form["format"]], value), f"{value} is no {form['format']}")
            expect(ended, f"no answer ends: {form['format']}")


@report
def heading_injection(trial):
    answers, _, _ = trial.batch(trial.text("in.jsonl").splitlines(), "--max-tokens", "1")
    for line, answer in zip(trial.text("in.jsonl").splitlines(), answers):
        fields = json.loads(line)
        sets = []
        for name, value in fields["variables"].items():
            sets += ["--set", f"{name}={value}"]
        status, out, err, _ = trial.run("template", "render", fields["template"], trial.file, *sets)
        expect(status == 0, err[-200:])
        for value in fields["variables"].values():
            for heading in re.findall(r"^#.*$", str(value), re.M):
                expect(not re.search("^" + re.escape(heading) + "$", out, re.M), f"a value writes the heading {heading!r}")


@report
def integer_cut_at_12_digits(trial):
    copies(trial, r"\b\d{13,}\b")


@report
def small_number_becomes_zero(trial):
    copies(trial, r"\b0\.0{6,}\d+\b")


def copies(trial, number):
    """The model is asked to copy a number; any model can be held to the schema, a copying one gives all digits back."""
    accepts(trial, trial.path("schema.json"))
    if not trial.copying:
        raise Skipped("needs --copying for the digits")
    answer = trial.answer(trial.path("schema.json"), "--temperature", "0", "--max-tokens", "200", prompt=trial.text("prompt.txt"),
                          file=trial.copying)
    expected = [float(found) for found in re.findall(number, trial.text("prompt.txt"))]
    given = re.findall(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", answer["text"])
    whole = re.findall(number, trial.text("prompt.txt"))
    expect(any(digits in whole or float(digits) in expected and "e" in digits.lower() for digits in given),
           f"{answer['text']} has none of {whole}")


def required(schema):
    """Names of all fields that a schema asks for."""
    if isinstance(schema, dict):
        yield from schema.get("required", []) if isinstance(schema.get("required"), list) else []
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []:
        yield from required(part)


@report
def json_templates_do_not_say_json(trial):
    status, out, err, _ = trial.run("template", "list", trial.file)
    expect(status == 0, err[-200:])
    names = [line.split()[0] for line in out.splitlines()[1:] if line.split()[4] == "JSON"]
    expect(names, "the file has no template that answers JSON")
    for name in names:
        status, out, err, _ = trial.run("template", "show", name, trial.file)
        expect(status == 0, err[-200:])
        said, _, schema = out.partition("# system")[2].partition("# schema")
        expect("JSON" in said, f"{name} does not say JSON")
        expect('"emergency"' in schema, f"{name} has no field for an emergency")
        for field in required(json.loads(schema)):
            expect(f'"{field}"' in said, f"{name} does not name the field {field}")


@report
def multipleof_hang(trial):
    status, _, err, seconds = trial.run("run", trial.file, "--prompt", "x", "--schema", trial.path("schema.json"), "--max-tokens", "9")
    expect(seconds < 1, f"takes {seconds:.1f} s")
    expect(status == 0 or "multipleOf" in err, err[-200:])


@report
def multipleof_second_validator(trial):
    status, _, err, _ = trial.run("run", trial.file, "--prompt", "x", "--schema", trial.path("schema.json"), "--max-tokens", "9")
    if status != 0:
        expect("multiple" in err and "nothing satisfies" not in err, err.strip()[-200:])
        return
    for seed in range(20):
        accepts_seeded(trial, trial.path("schema.json"), seed)


@report
def not_json_message(trial):
    for name, word in [("deep.json", "level"), ("duplicate.json", "twice")]:
        status, _, err, _ = trial.run("run", trial.file, "--prompt", "x", "--schema", trial.path(name), "--max-tokens", "9")
        if status != 0:
            expect("not JSON" not in err and (word in err or "inside" in err), f"{name}: {err.strip()}")


@report
def options_missing_in_cli(trial):
    for option in [["--stop", "x"], ["--repetition-penalty", "1.1"]]:
        status, _, err, _ = trial.run("run", trial.file, "--prompt", "hi", "--max-tokens", "9", *option)
        expect(status == 0, f"{option}: {err.strip()[-200:]}")


@report
def pattern_dialect(trial):
    for name in ["nonword.json", "space.json"]:
        for seed in range(40):
            accepts_seeded(trial, trial.path(name), seed, "3")


@report
def set_at_sign_opens_file(trial):
    for value in ["@/etc/hostname", "@home feels dizzy"]:
        status, out, err, _ = trial.run(
            "template", "render", "triage", trial.file, "--set", f"complaint={value}", "--set", "age=45 years")
        expect(status == 0, err.strip()[-200:])
        expect(value in out, f"{value} is not in the prompt")
        expect("warning" in err, "there is no warning")


@report
def temperature_flt_min(trial):
    answers, _, _ = trial.batch(trial.text("in.jsonl").splitlines())
    texts = {answer.get("text") for answer in answers}
    expect(all(answer["error"] is None for answer in answers) and len(texts) == 1, f"{len(texts)} different answers")


@report
def template_values_fhir(trial):
    def render(template, **values):
        sets = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
        status, _, err, _ = trial.run("template", "render", template, trial.file, *sets)
        return status, err.strip()[-160:]
    for line in trial.text("values.txt").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, value = line.partition("=")
        status, err = render("triage", **{"complaint": "x", "age": "45 years", name: value})
        expect(status == 0, f"{line}: {err}")
    for value in ["98.6 °C", "98.6 Cel", "37 °F", "37 [degF]"]:
        status, err = render("triage", complaint="x", age="45 years", temperature=value)
        expect(status == 1 and "range" in err, f"temperature={value} is taken")
    stay = {"notes": "x", "age": "45 years", "medications_at_discharge": "none", "admitted": "2024-03-02"}
    expect(render("discharge-summary", **stay, discharged="2024-03-02")[0] == 0, "a stay of a day is refused")
    expect(render("discharge-summary", **stay, discharged="2024-03-01")[0] == 1, "a discharge before the admission is taken")


@report
def threads_above_cores(trial):
    def rate(count):
        start = time.monotonic()
        status, _, err, _ = trial.run("run", trial.file, "--prompt", "Describe asthma.", "--max-tokens", "100", "--threads", str(count))
        expect(status == 0, err[-200:])
        return time.monotonic() - start
    one = min(rate(1) for _ in range(3))
    for count in [2, 4, 16]:
        many = min(rate(count) for _ in range(3))
        expect(many < 10 * one, f"{count} threads take {many:.2f} s, one {one:.2f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--vial", required=True)
    parser.add_argument("--file", default=os.path.join(os.path.dirname(__file__), "../../Sources/VialCommand/Resources/demo.vial"))
    parser.add_argument("--library")
    parser.add_argument("--copying")
    parser.add_argument("--only")
    arguments = parser.parse_args()
    counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    for name in sorted(os.listdir(arguments.folder)):
        if arguments.only and name != arguments.only:
            continue
        verdict, why = "PASS", ""
        try:
            if name not in REPORTS:
                raise Skipped("nothing here tries it")
            REPORTS[name](Trial(arguments, os.path.join(arguments.folder, name)))
        except Skipped as error:
            verdict, why = "SKIP", str(error)
        except (Failure, subprocess.TimeoutExpired) as error:
            verdict, why = "FAIL", str(error)
        counts[verdict] += 1
        print(f"{verdict} {name}" + (f": {why}" if why else ""), flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    sys.exit(1 if counts["FAIL"] else 0)


if __name__ == "__main__":
    main()
