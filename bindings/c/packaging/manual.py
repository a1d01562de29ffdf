#!/usr/bin/env python3
"""Makes the man page from the command's own description of itself, so that it cannot lag behind.

Usage: vial --experimental-dump-help | manual.py VERSION > vial.1
Owns: the page's order and what help texts do not say. Must not: repeat an option.
"""
import json
import re
import sys

EXAMPLES = [
    ("Ask the demonstration model", 'vial run --prompt "What are the symptoms of anemia?"'),
    ("Pack a checkpoint and check the file", "vial pack DeepSeek-R1-Distill-Qwen-1.5B -o r1.vial\nvial verify r1.vial"),
    ("The same answer every time, for a program",
     'vial run r1.vial --prompt "Dose of ibuprofen?" --temperature 0 --json'),
]


def text(words):
    """Plain words as one roff line: nothing in them is a request or an escape."""
    line = " ".join((words or "").split())
    line = line.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    line = line.replace("^", "\\(ha").replace("~", "\\(ti")
    return ("\\&" + line) if line.startswith(".") else line


def sentence(words):
    """Words that end with a full stop."""
    words = " ".join((words or "").split())
    return words + "." if words and words[-1] not in ".:" else words


def spelled(name):
    return ("-" if name["kind"] == "short" else "--") + name["name"]


def value(argument):
    return "\\fI" + text(argument["valueName"]) + "\\fR"


def usage(argument):
    """An argument in a synopsis."""
    if argument["kind"] == "positional":
        shown = value(argument)
    else:
        shown = "\\fB" + text(spelled(argument["preferredName"])) + "\\fR"
        if argument["kind"] == "option":
            shown += " " + value(argument)
    if argument["isRepeating"]:
        shown += " ..."
    return "[" + shown + "]" if argument["isOptional"] else shown


def entry(argument):
    """An argument with its explanation."""
    if argument["kind"] == "positional":
        head = value(argument)
    else:
        head = ", ".join("\\fB" + text(spelled(name)) + "\\fR" for name in argument["names"])
        if argument["kind"] == "option":
            head += " " + value(argument)
    words = [sentence(argument.get("abstract")), sentence(argument.get("discussion"))]
    default = argument.get("defaultValue")
    if default is not None and argument["kind"] != "flag":
        words.append("Default: " + default + ".")
    return [".TP", head, text(" ".join(word for word in words if word)) or text("No explanation.")]


def shown(arguments):
    return [argument for argument in arguments or [] if argument["shouldDisplay"]]


def is_common(argument):
    """What every command has."""
    return any(name["name"] in ("help", "version") for name in argument.get("names") or [])


def synopsis(path, command):
    words = ["\\fB" + text(" ".join(path)) + "\\fR"]
    words += [usage(argument) for argument in shown(command.get("arguments")) if not is_common(argument)]
    return " ".join(words)


def section(path, command):
    lines = ['.SS "' + text(" ".join(path)) + '"', synopsis(path, command), ".PP", text(sentence(command.get("abstract")))]
    if command.get("discussion"):
        lines += [".PP", text(command["discussion"])]
    for argument in shown(command.get("arguments")):
        if not is_common(argument):
            lines += entry(argument)
    for inner in children(command):
        lines += section(path + [inner["commandName"]], inner)
    return lines


def children(command):
    return [inner for inner in command.get("subcommands") or []
            if inner.get("shouldDisplay", True) and inner["commandName"] != "help"]


def page(tool, version):
    name = tool["commandName"]
    lines = ['.\\" Made by bindings/c/packaging/manual.py from the command itself.',
             '.TH "' + name.upper() + '" "1" "" "' + text(name + " " + version) + '" "Vial"',
             ".nh", ".ad l",
             ".SH NAME", name + " \\- " + text((tool["abstract"] or "").rstrip(".")),
             ".SH SYNOPSIS"]
    for inner in children(tool):
        lines += ["\\fB" + text(name + " " + inner["commandName"]) + "\\fR \\fIarguments\\fR", ".br"]
    lines += ["\\fB" + name + " help\\fR [\\fIcommand\\fR]", ".br",
              "\\fB" + name + "\\fR \\fB\\-\\-version\\fR | \\fB\\-\\-help\\fR",
              ".SH DESCRIPTION",
              text("A .vial file holds a language model: packed weights, the tokenizer, the chat template and where all "
                   "of it came from, with a digest over every byte."), "\\fB" + name + "\\fR",
              text("packs such files, checks them and answers from them."),
              ".PP", text(tool.get("discussion")),
              ".SH COMMANDS"]
    for inner in children(tool):
        lines += section([name, inner["commandName"]], inner)
    lines += [".SH OPTIONS", ".TP", "\\fB\\-h\\fR, \\fB\\-\\-help\\fR", "Show help of the command before it.",
              ".TP", "\\fB\\-\\-version\\fR", "Show the versions of tool, format and arithmetic.",
              ".SH EXIT STATUS",
              ".TP", "0", "Success.",
              ".TP", "1", "A bad file, a failed check, or output that cannot be written.",
              ".TP", "2", "Bad usage.",
              ".TP", "129, 130, 143", "SIGHUP, SIGINT or SIGTERM stopped it.",
              ".TP", "141", "The reader of its output went away (SIGPIPE).",
              ".SH ENVIRONMENT", "No variable changes what the command does.",
              ".SH FILES", ".TP", "\\fI../share/vial/demo.vial\\fR",
              text("The demonstration model, beside the folder of the command. It is medically unreliable and not for "
                   "clinical use."),
              ".SH EXAMPLES"]
    for title, command in EXAMPLES:
        lines += [".PP", text(title) + ":", ".PP", ".RS", ".nf"]
        lines += [text(line) for line in command.split("\n")] + [".fi", ".RE"]
    lines += [".SH SEE ALSO", text("The C library's manual is its header, vial.h."), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not re.fullmatch(r"[0-9][0-9a-zA-Z.+-]*", sys.argv[1]):
        sys.exit("usage: vial --experimental-dump-help | manual.py VERSION > vial.1")
    sys.stdout.write(page(json.load(sys.stdin)["command"], sys.argv[1]))
