"""Owns: `python -m vial QUESTION`. Must not: grow into the command; `vial run` is that."""

from __future__ import annotations

import argparse
import sys

from . import Engine, FinishReason, Model, Part, VialError, demo_path


def main() -> int:
    """Streams an answer to stdout, its reasoning to stderr. 0: an answer; 1: none; 2: bad usage."""
    parser = argparse.ArgumentParser(prog="python -m vial", description="Answer a question, streaming.")
    parser.add_argument("question")
    parser.add_argument("--model", help="a .vial file (default: the demonstration model)")
    parser.add_argument("--max-tokens", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try:
        with Model(given.model or demo_path()) as model, Engine(model) as engine:
            if model.notice:
                print(ascii_controls(model.notice), file=sys.stderr)
            event = None
            with engine.submit(given.question, max_tokens=given.max_tokens, seed=given.seed) as request:
                for event in request:
                    out = sys.stdout if event.part == Part.ANSWER else sys.stderr
                    out.write(ascii_controls(event.text) if out.isatty() else event.text)
                    out.flush()
            print()
    except (VialError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if event is None or event.finish_reason != FinishReason.STOP:
        print("cut", file=sys.stderr)
    return 0


def ascii_controls(text: str) -> str:
    """The text with its control characters spelled out, for a terminal."""
    return "".join(
        one if one in "\n\t" or one.isprintable() else f"\\u{{{ord(one):x}}}" for one in text)


if __name__ == "__main__":
    sys.exit(main())
