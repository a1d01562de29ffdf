"""Invalid vectors of prompt templates (R-520 to R-527)."""
from . import keyvalues as kv
from .cases import case, expect, section_of
from .container import PROMPT
from .prompts import FULL, prompt_section, section_id
from .valid import plain_model


def prompt(name, about, at_key, identifier=None, **changes):
    """A template with other values; the offset is that of the entry."""
    def make():
        renamed = {key.replace("__", "."): value for key, value in changes.items()}
        values = {k: v for k, v in {**FULL, **renamed}.items() if v is not None}
        section, _ = prompt_section(values, identifier)
        model = plain_model()
        model.prompts = [(section, None)]
        at = kv.entry_offset(values, at_key) if at_key else 0
        return expect(model.draft(), lambda file: section_of(file, PROMPT, section.id) + at)
    case(name, about, make, "verify")


def column(key, index, value):
    """A column of the full template with one other element."""
    kind, values = FULL[f"variable.{key}"]
    return kind, [value if at == index else each for at, each in enumerate(values)]


prompt("R-520-missing", "no text", None, text=None)
prompt("R-520-type", "a version that is a number", "version", version=(kv.U64, 1))
prompt("R-520-limits", "limits that are texts", "variable.limits", variable__limits=(kv.TEXTS, ["1"] * 6))
prompt("R-520-optional", "a note that is a number", "note", note=(kv.U64, 1))
prompt("R-521-id", "an upper case letter", "id", id=(kv.TEXT, "A"))
prompt("R-521-long", "65 letters", "id", id=(kv.TEXT, "a" * 65))
prompt("R-521-version", "no version", "version", version=(kv.TEXT, ""))
prompt("R-521-task", "a task that nobody knows", "task", task=(kv.TEXT, "cooking"))
prompt("R-521-language", "a language with an underscore", "language", language=(kv.TEXT, "de_CH"))
prompt("R-522-text", "65,537 bytes", "text", text=(kv.TEXT, "x" * 65537))
prompt("R-522-clause", "a clause of 4,097 bytes", "clause.unknown", clause__unknown=(kv.TEXT, "x" * 4097))
prompt("R-522-title", "a title of 1,025 bytes", "title", title=(kv.TEXT, "x" * 1025))
prompt("R-523-name", "a name with a hyphen", "variable.names", variable__names=column("names", 0, "com-plaint"))
prompt("R-523-twice", "a name twice", "variable.names", variable__names=column("names", 0, "items"))
prompt("R-523-count", "a type too few", "variable.types", variable__types=(kv.TEXTS, ["text"]))
prompt("R-523-optional", "a note too few", "variable.notes", variable__notes=(kv.TEXTS, []))
prompt("R-524-type", "a type that nobody knows", "variable.types", variable__types=column("types", 0, "string"))
prompt("R-524-limit", "a limit of a date", "variable.limits", variable__limits=column("limits", 5, 10))
prompt("R-524-limit-0", "a text of no bytes", "variable.limits", variable__limits=column("limits", 0, 0))
prompt("R-524-items", "a list of 1,025 items", "variable.items", variable__items=column("items", 1, 1025))
prompt("R-524-range", "a range that is empty", "variable.ranges", variable__ranges=column("ranges", 2, "2..1"))
prompt("R-524-spelling", "a range that is spelled otherwise", "variable.ranges", variable__ranges=column("ranges", 2, "1-2"))
prompt("R-524-date", "a range of a date", "variable.ranges", variable__ranges=column("ranges", 5, "1..2"))
prompt("R-524-unit", "a unit twice", "variable.units", variable__units=column("units", 2, "kg\nkg"))
prompt("R-524-choices", "no choices", "variable.choices", variable__choices=column("choices", 4, ""))
prompt("R-524-space", "a choice with a space", "variable.choices", variable__choices=column("choices", 4, "low \nhigh"))
prompt("R-524-default", "a default of what is required", "variable.defaults",
       variable__defaults=column("defaults", 0, "none"))
prompt("R-524-required", "neither 0 nor 1", "variable.required", variable__required=column("required", 0, 2))
prompt("R-525-undeclared", "a variable that is not declared", "text", text=(kv.TEXT, "{{who}}"))
prompt("R-525-open", "braces that nothing closes", "system", system=(kv.TEXT, "{{when"))
prompt("R-525-space", "a name with spaces", "clause.red_flags", clause__red_flags=(kv.TEXT, "{{ when }}"))
prompt("R-525-three", "three braces", "text", text=(kv.TEXT, "{{{when}}}"))
prompt("R-526-temperature", "a temperature above 100", "sampling.temperature", sampling__temperature=(kv.F64, 101.0))
prompt("R-526-type", "a top-k of another type", "sampling.top_k", sampling__top_k=(kv.F64, 1.0))
prompt("R-526-tokens", "no tokens", "max_tokens", max_tokens=(kv.U64, 0))
prompt("R-526-stop", "an empty stop string", "stop", stop=(kv.TEXTS, [""]))
prompt("R-526-stops", "17 stop strings", "stop", stop=(kv.TEXTS, ["x"] * 17))
prompt("R-527-section", "the section of another id", "id", section_id("other"))
