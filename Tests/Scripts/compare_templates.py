#!/usr/bin/env python3
"""Chat templates of checkpoints against transformers on random conversations.

    python3 Tests/Scripts/compare_templates.py --out ROWS.jsonl [--count 120] [--seed 1] TEMPLATE...
    VIAL_RENDERINGS=ROWS.jsonl swift test -c release --disable-xctest --filter ExtraTemplateTests

writes what transformers renders, or that it refuses, and lets the test compare and count. A TEMPLATE is a Jinja file, or a
list of many: .jsonl or .jsonl.xz with "name" and "template" in each line. Conversations have what Vial's have: messages of
system, user, assistant and tool, with reasoning, tool calls and results as fields of their own or in the contents as
models write them, and tools. There are no documents, and no clock unless --date gives a day. Needs jinja2."""
import argparse
import datetime
import json
import lzma
import random
from pathlib import Path

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

WORDS = ("fever", " cough", "\n", "\n\n", "  ", "<think>", "</think>", "\u00e9", "\u4f60\u597d", "{{ x }}", "<|im_end|>", "\"q\"", "\\", "1.5 mg",
         "<tool_response>", "</tool_response>", "[INST]", "\t", "\U0001d6fc", "\u0301", "</answer>", "Hello.", "\u00a0", "\u2003", "\x1f", "%s", "%")
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


class Generation(Extension):
    """`generation` marks what the assistant wrote; it renders as its body."""
    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def environment(date):
    """As `transformers.utils.chat_template_utils` sets Jinja up (5.23)."""
    def refuse(message):
        raise jinja2.exceptions.TemplateError(message)

    def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = to_json
    made.globals["raise_exception"] = refuse
    if date:
        made.globals["strftime_now"] = datetime.datetime.fromisoformat(date).strftime
    return made


def text(rng):
    return "".join(rng.choice(WORDS) for _ in range(rng.choice((0, 1, 2, 3, 8, 20))))


def answer(rng):
    """What a model wrote: sometimes with its reasoning, sometimes with a call of a tool."""
    written = text(rng)
    if rng.random() < 0.4:
        written = f"<think>\n{text(rng)}\n</think>\n\n{written}"
    if rng.random() < 0.2:
        written += f'\n<tool_call>\n{{"name": "dose", "arguments": {{"mg": {rng.randrange(900)}}}}}\n</tool_call>'
    return written


def value(rng, depth=0):
    """A value of JSON, as arguments have them."""
    kind = rng.randrange(10 if depth < 3 else 7)
    if kind < 2:
        return text(rng)
    if kind == 2:
        return rng.choice((0, 1, -7, 500, 2 ** 53 + 1, 2 ** 70, -0.0, 0.5, 37.2, 1e-7, 1e16, 1.5e300, 100.0, 0.1 + 0.2))
    if kind < 7:
        return (None, True, False, rng.randrange(1000))[kind - 3]
    if kind == 7:
        return [value(rng, depth + 1) for _ in range(rng.choice((0, 1, 2, 4)))]
    return {name(rng): value(rng, depth + 1) for _ in range(rng.choice((0, 1, 2, 4)))}


def name(rng):
    return rng.choice(("drug", "Dose", "unit", "patient_id", "items", "a b", "type", "when", "Zeit", "role", "content", "name", "_x", "1"))


def schema(rng, depth=0):
    """What a tool says of an argument."""
    kind = rng.choice(("string", "number", "integer", "boolean", "array", "object") if depth < 2 else ("string", "number"))
    made = {"type": kind}
    if rng.random() < 0.7:
        made["description"] = text(rng)
    if kind == "string" and rng.random() < 0.3:
        made["enum"] = [text(rng) for _ in range(rng.choice((1, 2, 3)))]
    if kind == "array" and rng.random() < 0.8:
        made["items"] = schema(rng, depth + 1)
    if kind == "object":
        made["properties"] = {name(rng): schema(rng, depth + 1) for _ in range(rng.choice((0, 1, 2)))}
        if rng.random() < 0.5:
            made["required"] = list(made["properties"])[:1]
    if rng.random() < 0.1:
        made["nullable"] = True
    if rng.random() < 0.1:
        made["minimum"] = rng.choice((0, 0.5, 1e20))
    return made


def tool(rng):
    parameters = {"type": "object", "properties": {name(rng): schema(rng) for _ in range(rng.choice((0, 1, 2, 3)))}}
    if rng.random() < 0.8:
        parameters["required"] = list(parameters["properties"])[:rng.choice((0, 1, 2))]
    function = {"name": rng.choice(("dose", "look_up", "book-bed")), "description": text(rng), "parameters": parameters}
    if rng.random() < 0.1:
        function["return"] = {"type": "string", "description": text(rng)}
    if rng.random() < 0.1:
        del function["parameters"]
    return {"type": "function", "function": function}


def call(rng, as_text):
    arguments = {name(rng): value(rng) for _ in range(rng.choice((0, 1, 2, 3)))}
    made = {"type": "function", "function": {
        "name": rng.choice(("dose", "look_up", "book-bed")), "arguments": json.dumps(arguments) if as_text else arguments}}
    if rng.random() < 0.8:
        made["id"] = "".join(rng.choice("abcdefghijklmnopqrstuvwxyzABCDEF0123456789") for _ in range(rng.choice((9, 9, 9, 4))))
    return made


def add_call(rng, message, as_text):
    """Lets an assistant's message call tools; returns the messages of their results."""
    message["tool_calls"] = [call(rng, as_text) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    if rng.random() < 0.7:
        message["content"] = ""
    results = []
    for made in message["tool_calls"]:
        if rng.random() < 0.9:
            results.append({"role": "tool", "content": text(rng)})
            if rng.random() < 0.6:
                results[-1]["tool_call_id"] = made.get("id", "123456789")
            if rng.random() < 0.6:
                results[-1]["name"] = made["function"]["name"]
    return results


def conversation(rng, kind):
    """`kind` 0 has roles and contents only; 1 also reasoning; 2 tools and their calls, 3 with arguments as texts."""
    messages = [{"role": "system", "content": text(rng)}] if rng.random() < 0.5 else []
    for turn in range(rng.choice((1, 1, 2, 3, 4, 7))):
        role = ("user", "assistant")[turn % 2]
        messages.append({"role": role, "content": answer(rng) if role == "assistant" else text(rng)})
        if role == "user":
            continue
        if kind and rng.random() < 0.5:
            messages[-1][rng.choice(("reasoning_content", "reasoning_content", "reasoning", "thinking"))] = text(rng)
        if kind > 1 and rng.random() < 0.6:
            messages += add_call(rng, messages[-1], kind == 3)
            if rng.random() < 0.6:
                messages.append({"role": "assistant", "content": answer(rng)})
        elif rng.random() < 0.2:
            for _ in range(rng.choice((1, 1, 2))):
                messages.append({"role": "tool", "content": text(rng)})
    if rng.random() < 0.1:
        rng.shuffle(messages)
    return messages


def templates(paths):
    """Names and sources."""
    for path in paths:
        if not path.endswith((".jsonl", ".jsonl.xz")):
            yield Path(path).name, Path(path).read_text(encoding="utf-8")
            continue
        with (lzma.open if path.endswith(".xz") else open)(path, "rt", encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                yield row["name"], inside(row["template"])


def inside(source):
    """Collections also have whole tokenizer_config.json files: the template in one."""
    try:
        return json.loads(source)["chat_template"]
    except (json.JSONDecodeError, TypeError, KeyError):
        return source


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("templates", nargs="+")
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--date", help="the day that strftime_now takes for today, YYYY-MM-DD")
    options = parser.parse_args()
    made = environment(options.date)
    with open(options.out, "w", encoding="utf-8") as out:
        for name, source in templates(options.templates):
            try:
                template = made.from_string(source)
            except jinja2.TemplateSyntaxError as error:
                print(f"{name}: no template to Jinja either: {error}")
                template = None
            rng = random.Random(f"{options.seed} {name}")
            rows = []
            for number in range(options.count):
                kind = (0, 1, 2, 2, 3)[number % 5]
                row = {"kind": kind, "messages": conversation(rng, kind), "add_generation_prompt": rng.random() < 0.7, "tools": None}
                if kind > 1 and rng.random() < 0.8:
                    row["tools"] = [tool(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
                given = {key: row[key] for key in ("messages", "add_generation_prompt", "tools")}
                try:
                    row["text"] = template.render(documents=None, **json.loads(json.dumps(given)), **TOKENS)
                except Exception:  # the template refuses these messages, or is none
                    pass
                rows.append(row)
            out.write(json.dumps({"name": name, "source": source, "tokens": TOKENS, "date": options.date, "rows": rows}) + "\n")


if __name__ == "__main__":
    main()
