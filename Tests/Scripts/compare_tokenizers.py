#!/usr/bin/env python3
"""Compare Vial's tokenizer with Hugging Face `tokenizers` on random Unicode.

Either run the command on a packed file:
    compare_tokenizers.py --tokenizer DIR/tokenizer.json --file MODEL.vial [--vial .build/release/vial]
or write vectors that `swift test --filter ExtraVectorTests` reads (VIAL_VECTORS=DIR:FILE):
    compare_tokenizers.py --tokenizer DIR/tokenizer.json --vectors FILE

Needs the Python package `tokenizers`. Exit code 1 when anything differs.
"""
import argparse
import json
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

WORDS = (
    "the patient presents with acute onset of fever and SpO2 92% q6h PRN don't WE'LL it's "
    "mg/kg 12345 3.14 \u03b2-blocker na\u00efve caf\u00e9 \u53d1\u70ed \u54b3\u55fd "
    "\u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947 \ud55c\uad6d\uc5b4"
).split()
SPACES = " \t\n\r\u000b\u000c\u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"
QUOTES = ["'s", "'S", "'\u017f", "'t", "'re", "'VE", "'m", "'Ll", "'D", "''", "\u2019s", "'x"]
BLOCKS = [
    (0x20, 0x7E), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x8FF), (0x900, 0xDFF),
    (0xE00, 0x10FF), (0x1100, 0x11FF), (0x1AB0, 0x1AFF), (0x1DC0, 0x1EFF), (0x1F00, 0x20FF),
    (0x2100, 0x2BFF), (0x2C00, 0x33FF), (0xA000, 0xABFF), (0xAC00, 0xD7A3), (0xF900, 0xFFFD),
    (0x10000, 0x11FFF), (0x16000, 0x16FFF), (0x1D000, 0x1D7FF), (0x1E000, 0x1FAFF), (0x2F800, 0x2FA1F),
    (0, 0x10FFFF),
]


def scalar(rng):
    while True:
        low, high = rng.choice(BLOCKS)
        c = rng.randint(low, high)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def random_text(rng, added):
    """A string of words, spaces, contractions, digits, marks, added tokens and raw scalars."""
    parts = []
    for _ in range(rng.choice([1, 1, 2, 3, 5, 8, 13, 30])):
        kind = rng.random()
        if kind < 0.25:
            parts.append(rng.choice(["", " "]) + rng.choice(WORDS))
        elif kind < 0.45:
            parts.append("".join(rng.choice(SPACES[: rng.choice([1, 4, 16])]) for _ in range(rng.randint(1, 4))))
        elif kind < 0.55:
            parts.append(rng.choice(QUOTES) + rng.choice(["", "x", " "]))
        elif kind < 0.62:
            parts.append("".join(rng.choice("0123456789\u0663\u00bd\u2167") for _ in range(rng.randint(1, 9))))
        elif kind < 0.70:
            base = rng.choice(["a", "e", "o", "A", "\u1100", "\uac00", "\u0915", scalar(rng)])
            marks = [0x300, 0x301, 0x302, 0x308, 0x323, 0x327, 0x345, 0x1161, 0x11A8, 0x93C, 0x5B0, 0x64E]
            parts.append(base + "".join(chr(rng.choice(marks)) for _ in range(rng.randint(1, 5))))
        elif kind < 0.76 and added:
            token = rng.choice(added)
            parts.append(token if rng.random() < 0.7 else token[: rng.randint(1, len(token))])
        elif kind < 0.82:
            parts.append(rng.choice("!?.,;:-_=/*#<>|\u2581") * rng.randint(1, 6))
        else:
            parts.append("".join(scalar(rng) for _ in range(rng.randint(1, 6))))
    return "".join(parts)


def run_vial(vial, file, arguments):
    result = subprocess.run(
        [vial, "tokenize", file, *arguments, "--json"], capture_output=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"vial tokenize failed: {result.stderr.decode()}")
    return json.loads(result.stdout)


def compare(options, tokenizer, texts):
    """One process per batch would hide the text's edges, so each text is one call."""
    bad = 0
    with tempfile.NamedTemporaryFile() as file:
        for text in texts:
            with open(file.name, "wb") as out:
                out.write(text.encode())
            ids = run_vial(options.vial, options.file, ["--file", file.name])["tokens"]
            expected = tokenizer.encode(text, add_special_tokens=False).ids
            decoded = tokenizer.decode(expected, skip_special_tokens=False)
            got = decoded
            if expected:
                flags = ["--decode", ",".join(map(str, expected))]
                got = run_vial(options.vial, options.file, flags)["text"]
            if ids != expected or got != decoded:
                bad += 1
                print(json.dumps({"text": text, "expected": expected, "got": ids}), file=sys.stderr)
    print(f"{len(texts) - bad} of {len(texts)} equal")
    return bad


def write_vectors(path, tokenizer, texts):
    with open(path, "w", encoding="utf-8") as out:
        for text in texts:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            row = {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)}
            out.write(json.dumps(row) + "\n")
    print(f"{len(texts)} vectors", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--file")
    parser.add_argument("--vectors")
    parser.add_argument("--vial", default=".build/release/vial")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(options.tokenizer)
    added = [t.content for t in tokenizer.get_added_tokens_decoder().values()]
    rng = random.Random(options.seed)
    texts = [random_text(rng, added) for _ in range(options.count)]
    if options.vectors:
        write_vectors(options.vectors, tokenizer, texts)
    elif options.file:
        sys.exit(1 if compare(options, tokenizer, texts) else 0)
    else:
        parser.error("give --file or --vectors")


if __name__ == "__main__":
    main()
