#!/usr/bin/env python3
"""Chat templates of checkpoints against transformers on random conversations.

    python3 Tests/Scripts/compare_templates.py --out ROWS.jsonl [--count 200] [--seed 1] TEMPLATE.jinja...
    VIAL_RENDERINGS=ROWS.jsonl swift test -c release --disable-xctest --filter ExtraTemplateTests

writes what transformers renders, or that it refuses, and lets the test compare. Conversations have system, user and
assistant messages, as Vial's have; there are no tools, no documents and no clock. Needs transformers."""
import argparse
import json
import random
from pathlib import Path

WORDS = ("fever", " cough", "\n", "\n\n", "  ", "<think>", "</think>", "\u00e9", "\u4f60\u597d", "{{ x }}", "<|im_end|>", "\"q\"", "\\", "1.5 mg",
         "<tool_response>", "</tool_response>", "[INST]", "\t", "\U0001d6fc", "\u0301", "</answer>", "Hello.")
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


def text(rng):
    return "".join(rng.choice(WORDS) for _ in range(rng.choice((0, 1, 2, 3, 8, 20))))


def conversation(rng):
    messages = [{"role": "system", "content": text(rng)}] if rng.random() < 0.5 else []
    for turn in range(rng.choice((1, 1, 2, 3, 4, 7))):
        messages.append({"role": ("user", "assistant")[turn % 2], "content": text(rng)})
    if rng.random() < 0.1:
        rng.shuffle(messages)
    return messages


def main():
    from transformers.utils.chat_template_utils import _compile_jinja_template
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("templates", nargs="+")
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with open(options.out, "w", encoding="utf-8") as out:
        for path in options.templates:
            source = Path(path).read_text(encoding="utf-8")
            template = _compile_jinja_template(source)
            template.environment.globals.pop("strftime_now", None)
            rng = random.Random(f"{options.seed} {Path(path).name}")
            rows = []
            for _ in range(options.count):
                row = {"messages": conversation(rng), "add_generation_prompt": rng.random() < 0.7}
                try:
                    row["text"] = template.render(tools=None, documents=None, **row, **TOKENS)
                except Exception:  # the template refuses these messages
                    pass
                rows.append(row)
            out.write(json.dumps({"name": Path(path).name, "source": source, "tokens": TOKENS, "rows": rows}) + "\n")


if __name__ == "__main__":
    main()
