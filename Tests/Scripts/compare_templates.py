#!/usr/bin/env python3
"""Chat templates of checkpoints against transformers on random conversations.

    python3 Tests/Scripts/compare_templates.py --out ROWS.jsonl [--count 120] [--seed 1] TEMPLATE...
    VIAL_RENDERINGS=ROWS.jsonl swift test -c release --disable-xctest --filter ExtraTemplateTests

writes what transformers renders, or that it refuses, and lets the test compare and count. A TEMPLATE is a Jinja file, or a
list of many: .jsonl or .jsonl.xz with "name" and "template" in each line. Conversations have what Vial's have, roles and
contents: of system, user, assistant and tool, with reasoning, tool calls and results in the contents as models write
them. There are no `tools`, no documents, and no clock unless --date gives a day. Needs jinja2."""
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


def conversation(rng):
    messages = [{"role": "system", "content": text(rng)}] if rng.random() < 0.5 else []
    for turn in range(rng.choice((1, 1, 2, 3, 4, 7))):
        role = ("user", "assistant")[turn % 2]
        messages.append({"role": role, "content": answer(rng) if role == "assistant" else text(rng)})
        if role == "assistant" and rng.random() < 0.2:
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
            for _ in range(options.count):
                row = {"messages": conversation(rng), "add_generation_prompt": rng.random() < 0.7}
                try:
                    row["text"] = template.render(tools=None, documents=None, **row, **TOKENS)
                except Exception:  # the template refuses these messages, or is none
                    pass
                rows.append(row)
            out.write(json.dumps({"name": name, "source": source, "tokens": TOKENS, "date": options.date, "rows": rows}) + "\n")


if __name__ == "__main__":
    main()
