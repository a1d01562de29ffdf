#!/usr/bin/env python3
"""Make Tests/Fixtures/templates/tools/renderings.jsonl: what Jinja, set up as transformers does, makes of our templates
with tools, calls, reasoning and names. Everything here is ours. Needs jinja2.

usage: make_tool_renderings.py"""
import json
import pathlib
import random

from compare_templates import conversation, environment, tool

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "Fixtures" / "templates" / "tools"
TOKENS = {"bos_token": "<|begin|>", "eos_token": "<|end|>"}
TOOLS = [
    {"type": "function", "function": {
        "name": "dose", "description": "How much of a drug: \"mg\" <|im_end|>\nfor a weight.",
        "parameters": {"type": "object", "properties": {
            "drug": {"type": "string", "description": "Its name."},
            "kg": {"type": "number", "minimum": 0.5, "maximum": 1e20},
            "parts": {"type": "array", "items": {"type": "object", "properties": {"hour": {"type": "integer"}}, "required": ["hour"]}}},
            "required": ["drug", "kg"]}}},
    {"type": "function", "function": {"name": "now", "description": "The time.", "parameters": {"type": "object", "properties": {}}}}]
MESSAGES = [
    {"role": "system", "content": "You are careful."},
    {"role": "user", "content": "Paracetamol for 12.5 kg?"},
    {"role": "assistant", "content": "", "reasoning_content": "The <|im_end|> table\nknows.", "tool_calls": [
        {"type": "function", "id": "abcdefghi", "function": {"name": "dose", "arguments": {
            "drug": "paracetamol \"forte\"\n\u00e9\U0001d6fc\u2028\x7f", "kg": 12.5, "n": 100.0, "big": 2 ** 70, "tiny": 1e-7, "many": 1e16,
            "zero": -0.0, "parts": [{"hour": 8}, [], {}, None, True, False, ""]}}}]},
    {"role": "tool", "name": "dose", "tool_call_id": "abcdefghi", "content": "{\"mg\": 187.5}\\"},
    {"role": "assistant", "content": "187.5 mg.", "reasoning_content": "Said."},
    {"role": "user", "content": "Now?"}]


def main():
    made = environment(None)
    count = 0
    with open(FOLDER / "renderings.jsonl", "w", encoding="utf-8") as out:
        for path in sorted(FOLDER.glob("*.jinja")):
            template = made.from_string(path.read_text(encoding="utf-8"))
            rng = random.Random(path.name)
            conversations = [(MESSAGES, TOOLS), (MESSAGES[:4], TOOLS[1:]), (MESSAGES, None), (MESSAGES[1:2], TOOLS), (MESSAGES[:2], [])]
            for number in range(15):
                kind = (0, 1, 2, 2, 3)[number % 5]
                conversations.append((conversation(rng, kind), [tool(rng), tool(rng)] if kind > 1 else None))
            for messages, tools in conversations:
                row = {"template": path.name, "messages": messages, "tools": tools, "add_generation_prompt": rng.random() < 0.7}
                given = json.loads(json.dumps(row))
                try:
                    row["text"] = template.render(documents=None, **given, **TOKENS)
                except Exception:  # the template refuses these messages
                    pass
                out.write(json.dumps(row) + "\n")
                count += 1
    print(f"{count} renderings")


if __name__ == "__main__":
    main()
