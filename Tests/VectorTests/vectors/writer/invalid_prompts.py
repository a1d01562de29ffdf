"""Invalid vectors of prompt templates (R-520 to R-528)."""
from . import keyvalues as kv
from .cases import case, expect, section_of
from .container import PROMPT
from .prompts import FULL, QUOTED, prompt_section, section_id
from .valid import plain_model


def prompt(name, about, at_key, identifier=None, of=None, **changes):
    """A template with other values; the offset is that of the entry."""
    def make():
        renamed = {key.replace("__", "."): value for key, value in changes.items()}
        values = {k: v for k, v in {**(of or FULL), **renamed}.items() if v is not None}
        section, _ = prompt_section(values, identifier)
        model = plain_model()
        model.prompts = [(section, None)]
        at = kv.entry_offset(values, at_key) if at_key else 0
        return expect(model.draft(), lambda file: section_of(file, PROMPT, section.id) + at)
    case(name, about, make, "verify")


def quoted(name, about, at_key, **changes):
    """A template of version 2 with other values."""
    prompt(name, about, at_key, of=QUOTED, **changes)


def column(key, index, value, of=FULL):
    """A column of a template with one other element."""
    kind, values = of[f"variable.{key}"]
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

quoted("R-520-user", "version 2 without its message", None, user=None)
prompt("R-520-format", "a version that is a text", "format", format=(kv.TEXT, "2"))
quoted("R-522-user", "65,537 bytes", "user", user=(kv.TEXT, "x" * 65537))
quoted("R-523-aliases", "aliases too few", "variable.aliases", variable__aliases=(kv.TEXTS, []))
prompt("R-524-unit-range", "a range with a unit in version 1", "variable.ranges",
       variable__ranges=column("ranges", 2, "0..1 kg"))
quoted("R-524-no-unit", "two units and a range without one", "variable.ranges",
       variable__ranges=column("ranges", 2, "20..115", QUOTED))
quoted("R-524-other-unit", "a range in a unit that is none", "variable.ranges",
       variable__ranges=column("ranges", 2, "20..46 K", QUOTED))
quoted("R-524-unit-twice", "two ranges in one unit", "variable.ranges",
       variable__ranges=column("ranges", 2, "20..46 °C\n20..45 °C", QUOTED))
quoted("R-524-two-ranges", "two ranges without a unit", "variable.ranges",
       variable__ranges=column("ranges", 3, "0..10\n0..10 of 10", QUOTED))
quoted("R-524-alias", "an alias of nothing", "variable.aliases", variable__aliases=column("aliases", 2, "K\tKelvin", QUOTED))
quoted("R-524-alias-tab", "an alias without a tab", "variable.aliases",
       variable__aliases=column("aliases", 2, "Cel °C", QUOTED))
quoted("R-524-alias-twice", "an alias of two units", "variable.aliases",
       variable__aliases=column("aliases", 2, "C\t°C\nC\t°F", QUOTED))
quoted("R-524-alias-text", "an alias of a text", "variable.aliases",
       variable__aliases=column("aliases", 0, "x\ty", QUOTED))
quoted("R-524-alias-alike", "an alias of what only looks like a choice", "variable.aliases",
       variable__choices=column("choices", 4, "\u00e9\nGerman", QUOTED),
       variable__aliases=column("aliases", 4, "x\te\u0301", QUOTED))
quoted("R-524-order", "not before a text", "variable.not_before",
       variable__not_before=column("not_before", 6, "note", QUOTED))
quoted("R-524-order-self", "not before itself", "variable.not_before",
       variable__not_before=column("not_before", 6, "to", QUOTED))
quoted("R-524-order-kind", "a number that is not before a date", "variable.not_before",
       variable__not_before=column("not_before", 2, "from", QUOTED))
quoted("R-525-user", "a variable that is not declared", "user", user=(kv.TEXT, "{{who}}"))
prompt("R-528-version", "a version from the future", "format", format=(kv.U64, 3))
quoted("R-528-outside", "a text outside of a fence", "user", user=(kv.TEXT, "<a>\n</a>\n{{note}}"))
quoted("R-528-system", "a text in the system message", "system", system=(kv.TEXT, "About\n{{note}}"))
quoted("R-528-clause", "a list in a clause", "clause.red_flags", clause__red_flags=(kv.TEXT, "{{drugs}}"))
quoted("R-528-inline", "a text that shares its line", "user", user=(kv.TEXT, "<a>\nNote: {{note}}\n</a>"))
quoted("R-528-two", "a text and a number on a line", "user", user=(kv.TEXT, "<a>\n{{fever}}{{note}}\n</a>"))
quoted("R-528-braces", "a text and braces on a line", "user", user=(kv.TEXT, "<a>\n{{note}}{{{{\n</a>"))
quoted("R-528-open", "a fence that is not closed", "user", user=(kv.TEXT, "<a>\n{{note}}"))
quoted("R-528-nested", "a fence in a fence", "user", user=(kv.TEXT, "<a>\n<b>\n{{note}}\n</b>\n</a>"))
quoted("R-528-other", "a fence that another one closes", "user", user=(kv.TEXT, "<a>\n{{note}}\n</b>"))
quoted("R-528-quote", "a line that begins as values do", "user", user=(kv.TEXT, "> x"))
quoted("R-528-quote-behind", "a sign behind a number", "user", user=(kv.TEXT, "{{fever}}> x"))
