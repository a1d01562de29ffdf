"""A prompt template section: TEMPLATES.md, "Prompt templates".

Owns: which keys the valid one has."""
import hashlib

from . import keyvalues as kv
from .container import PROMPT, Section

FULL = {
    "id": (kv.TEXT, "every-type.1"), "version": (kv.TEXT, "2.0 é"), "task": (kv.TEXT, "laboratory"),
    "language": (kv.TEXT, "de-CH"), "title": (kv.TEXT, "Every type"), "note": (kv.TEXT, ""),
    "system": (kv.TEXT, "Values of {{when}}. {{{{ stays, so does }}."), "clause.red_flags": (kv.TEXT, "Call when {{level}}."),
    "clause.unknown": (kv.TEXT, "Say so."), "text": (kv.TEXT, "{{complaint}}\n{{items}}\n{{weight}} {{count}}{{when}}"),
    "variable.names": (kv.TEXTS, ["complaint", "items", "weight", "count", "level", "when"]),
    "variable.types": (kv.TEXTS, ["text", "list", "number", "integer", "choice", "date"]),
    "variable.limits": (kv.U64S, [1 << 20, 1, 0, 0, 0, 0]), "variable.required": (kv.U64S, [1, 0, 1, 0, 0, 0]),
    "variable.items": (kv.U64S, [0, 1024, 0, 0, 0, 0]),
    "variable.ranges": (kv.TEXTS, ["", "", "-0.5..700", "..999999999999999", "", ""]),
    "variable.units": (kv.TEXTS, ["", "", "kg\nlb", "µg", "", ""]),
    "variable.choices": (kv.TEXTS, ["", "", "", "", "low\nvery high", ""]),
    "variable.defaults": (kv.TEXTS, ["", "none", "", "not stated", "", ""]),
    "variable.notes": (kv.TEXTS, ["what is felt", "", "", "", "", ""]),
    "sampling.temperature": (kv.F64, 0.5), "sampling.top_k": (kv.U64, 0), "max_tokens": (kv.U64, 1 << 24),
    "max_reasoning_tokens": (kv.U64, 0), "stop": (kv.TEXTS, ["\n\n", "s" * 256]),
    "schema": (kv.TEXT, '{"type": "object"}'), "x.unknown": (kv.BOOL, 1),
}
# Version 2 of the format: fences, aliases, ranges for each unit, the order of dates.
QUOTED = {
    "format": (kv.U64, 2), "id": (kv.TEXT, "quoted"), "version": (kv.TEXT, "2"), "task": (kv.TEXT, "triage"),
    "language": (kv.TEXT, "en"), "system": (kv.TEXT, "Answer in {{tongue}}."),
    "user": (kv.TEXT, "<record>\nNote:\n{{note}}\n{{drugs}}\nFever: {{fever}} {{score}}\n</record>\n<x_y>\n{{note}}\n</x_y>\n"
             "{{from}}..{{to}} {{{{note}}\n<no-fence>\n< record>"),
    "variable.names": (kv.TEXTS, ["note", "drugs", "fever", "score", "tongue", "from", "to"]),
    "variable.types": (kv.TEXTS, ["text", "list", "number", "integer", "choice", "date", "date"]),
    "variable.limits": (kv.U64S, [100, 100, 0, 0, 0, 0, 0]), "variable.required": (kv.U64S, [1, 0, 0, 0, 0, 0, 0]),
    "variable.items": (kv.U64S, [0, 9, 0, 0, 0, 0, 0]),
    "variable.ranges": (kv.TEXTS, ["", "", "20..46 °C\n68..115 °F", "0..10", "", "", ""]),
    "variable.units": (kv.TEXTS, ["", "", "°C\n°F", "of 10", "", "", ""]),
    "variable.choices": (kv.TEXTS, ["", "", "", "", "English\nGerman", "", ""]),
    "variable.aliases": (kv.TEXTS, ["", "", "Cel\t°C\n[degF]\t°F", "{score}\tof 10", "en\tEnglish", "", ""]),
    "variable.not_before": (kv.TEXTS, ["", "", "", "", "", "", "from"]),
    # Version 1's key means nothing here.
    "text": (kv.TEXT, "{{nobody}}"),
}
LEAST = {
    "id": (kv.TEXT, "_"), "version": (kv.TEXT, "1"), "task": (kv.TEXT, "other"), "language": (kv.TEXT, "en"),
    "text": (kv.TEXT, ""), "variable.names": (kv.TEXTS, []), "variable.types": (kv.TEXTS, []),
    "variable.limits": (kv.U64S, []), "variable.required": (kv.U64S, []),
}


def section_id(identifier):
    return int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:8], "little")


def prompt_section(values, identifier=None):
    """The section, and what a reader says about it."""
    name = values["id"][1]
    identifier = section_id(name) if identifier is None else identifier
    truth = {"id": identifier, "template": name, "task": values["task"][1], "variables": values["variable.names"][1]}
    return Section(PROMPT, kv.encode(values), id=identifier), truth
