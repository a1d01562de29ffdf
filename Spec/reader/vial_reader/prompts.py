"""Prompt templates: TEMPLATES.md, "Prompt templates", R-520 to R-528.

Owns: what a template may hold. Must not: render it."""
import hashlib
import re

from .configuration import SAMPLING
from .fields import require
from .keyvalues import TEXT, TEXTS, U64, U64S, read_key_values

TASKS = ("symptoms diagnosis prescription laboratory imaging summary extraction triage education planning question "
         "calculation other").split()
SPELLED = {"id": (r"[a-z0-9._-]{1,64}", 64), "version": (r"(?s).+", 32), "task": ("|".join(TASKS), 64),
           "language": (r"[A-Za-z0-9-]{2,35}", 35)}
LONGEST = {"title": 1024, "note": 1024, "schema": 65536, "system": 65536, "clause.red_flags": 4096,
           "clause.unknown": 4096, "text": 65536, "user": 65536}
REQUIRED_COLUMNS = {"types": TEXTS, "limits": U64S, "required": U64S}
OPTIONAL_COLUMNS = {"items": (U64S, 0), "ranges": (TEXTS, ""), "units": (TEXTS, ""), "choices": (TEXTS, ""),
                    "defaults": (TEXTS, ""), "notes": (TEXTS, "")}
VERSION_2_COLUMNS = {"aliases": (TEXTS, ""), "not_before": (TEXTS, "")}
DECIMAL = r"-?\d+(?:\.\d+)?"
RANGE = re.compile(rf"({DECIMAL})?\.\.({DECIMAL})?", re.ASCII)
FENCE = re.compile(r"<(/?)([a-z_]{1,32})>")
PLACE = re.compile(r"\{\{(?:([a-z0-9_]{1,64})\}\}|\{\{)")


class Keys:
    """The entries of a template; a missing key or another type breaks R-520."""

    def __init__(self, data, base):
        self.entries, self.base = read_key_values(data, base), base

    def at(self, key):
        return self.entries[key].offset if key in self.entries else self.base

    def require(self, condition, rule, key, sentence):
        require(condition, rule, self.at(key), sentence)

    def value(self, key, kind, default=None):
        if key not in self.entries and default is not None:
            return default
        found = key in self.entries and self.entries[key].type == kind
        self.require(found, 520, key, "a key is missing or has the wrong type")
        return self.entries[key].value

    def has(self, key):
        return key in self.entries


def read_prompt(data, base, identifier):
    keys = Keys(data, base)
    version = keys.value("format", U64, default=1)
    keys.require(version in (1, 2), 528, "format", "the version of the format is not known")
    message = "text" if version == 1 else "user"
    for key, (pattern, longest) in SPELLED.items():
        text = keys.value(key, TEXT)
        spelled = len(text.encode()) <= longest and re.fullmatch(pattern, text) is not None
        keys.require(spelled, 521, key, "a template's name, version, task or language is not spelled as it must be")
    for key, longest in LONGEST.items():
        if key in ("text", "user") and key != message:
            continue
        if key == message or keys.has(key):
            keys.require(len(keys.value(key, TEXT).encode()) <= longest, 522, key, "a text is too long")
    names = keys.value("variable.names", TEXTS)
    _check_variables(keys, names, version)
    for key in ("system", "clause.red_flags", "clause.unknown", message):
        if keys.has(key):
            _check_places(keys, key, keys.value(key, TEXT), names)
    _check_defaults(keys)
    if version == 2:
        types = dict(zip(names, keys.value("variable.types", TEXTS)))
        quoted = {name for name in names if types[name] in ("text", "list")}
        _check_fences(keys, message, keys.value(message, TEXT), quoted)
        for key in ("system", "clause.red_flags", "clause.unknown"):
            if keys.has(key):
                outside = _variables(keys.value(key, TEXT)) & quoted
                keys.require(not outside, 528, key, "a text or a list stands outside of a fence")
    wanted = int.from_bytes(hashlib.sha256(keys.value("id", TEXT).encode()).digest()[:8], "little")
    keys.require(identifier == wanted, 527, "id", "a template lies in the section of another id")
    return {"template": keys.value("id", TEXT), "task": keys.value("task", TEXT), "variables": names}


def _check_variables(keys, names, version):
    columns = {name: keys.value(f"variable.{name}", kind) for name, kind in REQUIRED_COLUMNS.items()}
    optional = {**OPTIONAL_COLUMNS, **(VERSION_2_COLUMNS if version == 2 else {})}
    for name, (kind, empty) in optional.items():
        columns[name] = keys.value(f"variable.{name}", kind, default=[empty] * len(names))
    spelled = all(re.fullmatch(r"[a-z0-9_]{1,64}", name) for name in names)
    keys.require(len(names) <= 64 and spelled and len(set(names)) == len(names), 523, "variable.names",
                 "the names of the variables are not as they must be")
    for name, column in columns.items():
        keys.require(len(column) == len(names), 523, f"variable.{name}", "an array has not an element for each variable")
    for index in range(len(names)):
        variable = {name: column[index] for name, column in columns.items()}
        _check_variable(keys, variable, version)
        if version == 2:
            _check_version_2(keys, variable, index, names, columns["types"])


def _check_variable(keys, variable, version):
    kind = variable["types"]
    number, textual = kind in ("integer", "number"), kind in ("text", "list")
    need = lambda condition, name: keys.require(condition, 524, f"variable.{name}", "a variable has what its type does not take")
    need(number or textual or kind in ("choice", "date"), "types")
    need(1 <= variable["limits"] <= 1 << 20 if textual else variable["limits"] == 0, "limits")
    need(variable["required"] <= 1, "required")
    need(1 <= variable["items"] <= 1024 if kind == "list" else variable["items"] == 0, "items")
    need(_are_fine(variable["units"], 32 if number else 0, 32), "units")
    one = _is_range(variable["ranges"]) if version == 1 else _are_ranges(variable["ranges"], variable["units"])
    need(not variable["ranges"] or (number and one), "ranges")
    need(_are_fine(variable["choices"], 256 if kind == "choice" else 0, 256) and (kind != "choice" or variable["choices"]),
         "choices")
    need(len(variable["defaults"].encode()) <= 1024 and not (variable["required"] and variable["defaults"]), "defaults")
    need(len(variable["notes"].encode()) <= 1024, "notes")


def _is_range(text):
    match = RANGE.fullmatch(text)
    ends = [end for end in match.groups() if end is not None] if match else []
    short = all(sum(c.isdigit() for c in end) <= 15 for end in ends)
    return match is not None and short and (len(ends) < 2 or float(ends[0]) <= float(ends[1]))


def _are_ranges(text, units):
    """Version 2: a range for each unit that has one, or one for the only unit or none."""
    units, seen = units.split("\n") if units else [], []
    for line in text.split("\n"):
        numbers, space, unit = line.partition(" ")
        if not _is_range(numbers) or (space and unit not in units) or (not space and len(units) > 1):
            return False
        seen.append(unit if space else None)
    return len(set(seen)) == len(seen) and (None not in seen or len(seen) == 1)


def _check_version_2(keys, variable, index, names, types):
    known = [name for name in (variable["units"] + "\n" + variable["choices"]).split("\n") if name]
    lines = variable["aliases"].split("\n") if variable["aliases"] else []
    pairs = [line.split("\t") for line in lines]
    fine = len(lines) <= 512 and all(len(pair) == 2 and pair[1] in known for pair in pairs)
    fine = fine and _are_fine("\n".join(known + [pair[0] for pair in pairs]), 1 << 20, 256)
    keys.require(fine, 524, "variable.aliases", "an alias is misspelled or stands for nothing")
    other = variable["not_before"]
    fine = not other or (other in names and other != names[index] and
                         types[index] == types[names.index(other)] == "date")
    keys.require(fine, 524, "variable.not_before", "a date may not lie before something that is no other date")


def _variables(text):
    return {match[1] for match in PLACE.finditer(text) if match[1]}


def _check_fences(keys, key, text, quoted):
    """R-528: fences open and close by turns, texts and lists stand in them, alone on their lines."""
    opened = None
    for line in text.split("\n"):
        need = lambda condition, sentence: keys.require(condition, 528, key, sentence)
        # Four braces stand for two, which belong to no name of a fence.
        fence = FENCE.fullmatch(line)
        if fence:
            need((opened == fence[2]) if fence[1] else opened is None, "a fence is opened or closed where it must not be")
            opened = None if fence[1] else fence[2]
            continue
        # A variable at the start leaves a sign behind it at the start of what the template itself has there.
        need(not PLACE.sub(lambda match: "" if match[1] else "{{", line).startswith(">"), "a line begins as quoted values do")
        found = _variables(line) & quoted
        need(not found or opened is not None, "a text or a list stands outside of a fence")
        need(not found or line == "{{" + next(iter(found)) + "}}", "a text or a list does not stand alone on its line")
    keys.require(opened is None, 528, key, "a fence is not closed")


def _are_fine(joined, most, longest):
    lines = joined.split("\n") if joined else []
    fine = all(1 <= len(line.encode()) <= longest and line == line.strip(" ") for line in lines)
    return len(lines) <= most and fine and len(set(lines)) == len(lines)


def _check_places(keys, key, text, names):
    at = 0
    while (at := text.find("{{", at)) >= 0:
        if text.startswith("{{", at + 2):
            at += 4
            continue
        end = text.find("}", at)
        fine = end >= 0 and text.startswith("}}", end) and text[at + 2:end] in names
        keys.require(fine, 525, key, "two braces begin neither a variable nor four braces")
        at = end + 2


def _check_defaults(keys):
    for key, (kind, low, high) in SAMPLING.items():
        if keys.has(key):
            entry = keys.entries[key]
            keys.require(entry.type == kind and low <= entry.value <= high, 526, key, "a sampling value is out of its range")
    for key, low in (("max_tokens", 1), ("max_reasoning_tokens", 0)):
        if keys.has(key):
            keys.require(low <= keys.value(key, U64) <= 1 << 24, 526, key, "a number of tokens is out of its range")
    if keys.has("stop"):
        stops = keys.value("stop", TEXTS)
        fine = len(stops) <= 16 and all(1 <= len(stop.encode()) <= 256 for stop in stops)
        keys.require(fine, 526, "stop", "the stop strings are too many, empty or too long")
