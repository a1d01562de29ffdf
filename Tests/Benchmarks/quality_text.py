#!/usr/bin/env python3
"""Cuts a held-out text into a part to measure on and a part to calibrate with, which share no block, and makes questions
of it.

usage: quality_text.py HELDOUT.txt measure|calibrate|questions > TEXT

Blocks lie between blank lines. measure: every fourth block from the second, the first 160,000 characters;
calibrate: the first, third, fifth ... block, the first 300,000 characters. questions: lines of JSON for `vial eval`, of
the second, fourth, sixth ... block where it begins with a question; the options are the beginnings of four answers to
questions that begin alike, its own among them, each behind the question that it may repeat."""
import json, pathlib, sys

LIMITS = {"measure": (1, 4, 160_000), "calibrate": (0, 2, 300_000)}
OPTION_LENGTH, WORDS, LEAST = 160, 4, 20


def blocks_of(path):
    return pathlib.Path(path).read_text("utf-8").split("\n\n")


def cut(path, kind):
    """The text of one kind."""
    first, step, limit = LIMITS[kind]
    return "\n\n".join(blocks_of(path)[first::step])[:limit]


def questions(path):
    """Questions as dictionaries, always the same ones in the same order."""
    kinds = {}
    for question, _, answer in (block.partition("\n") for block in blocks_of(path)[1::2]):
        answer = " ".join(answer.split())
        answer = answer[answer.find("? ") + 2 if "? " in answer[:OPTION_LENGTH] else 0:][:OPTION_LENGTH]
        if question.endswith("?") and len(answer) == OPTION_LENGTH:
            kinds.setdefault(" ".join(question.split()[:WORDS]), []).append((question, answer))
    number = 0
    for kind, members in kinds.items():
        for place, (question, answer) in enumerate(members):
            others = [members[(place + step) % len(members)][1] for step in (1, 7, 13)]
            if len(members) < LEAST or len({answer, *others}) < 4:
                continue
            own = number % 4
            yield {"id": f"q{number}", "question": question, "options": [*others[:own], answer, *others[own:]],
                   "answer": own, "category": kind}
            number += 1


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in (*LIMITS, "questions"):
        sys.exit(__doc__)
    if sys.argv[2] == "questions":
        for entry in questions(sys.argv[1]):
            print(json.dumps(entry, ensure_ascii=False))
    else:
        sys.stdout.buffer.write(cut(sys.argv[1], sys.argv[2]).encode())
