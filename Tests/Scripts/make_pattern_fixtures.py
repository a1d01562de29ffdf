#!/usr/bin/env python3
"""Make Tests/Fixtures/tokenizers/patterns: one small vocabulary of our own, and the ids that Hugging Face `tokenizers`
gives to the same strings with each pre-tokenizer that Vial keeps.

The vocabulary has every word that a pre-tokenizer makes of the strings, and no merges: with "ignore_merges" a word is
one token, so that the ids tell where the words end. Deterministic for tokenizers 0.23.3; nothing is downloaded.

usage: make_pattern_fixtures.py
"""
import json
import random
import sys

import tokenizers
from make_tokenizer_fixtures import NASTY, ROOT, TEXT
from tokenizer_patterns import ALPHABET, CL100K, DEEPSEEK_V3, DIGITS, LLAMA3, O200K, QWEN2, QWEN35, TEKKEN, dense_text
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
GPT2 = {**BYTES, "use_regex": True}


def splits(regexes, behavior="Isolated"):
    parts = [{"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": behavior == "Removed"}
             for regex in regexes]
    return {"type": "Sequence", "pretokenizers": [*parts, BYTES]}


PRE_TOKENIZERS = {
    "gpt2": GPT2,
    "qwen2": splits([QWEN2]),
    "qwen2 possessive": splits([CL100K.replace("{1,3}", "")]),
    "llama3": splits([LLAMA3], "Removed"),
    "llama3 possessive": splits([CL100K]),
    "digits": {"type": "Sequence", "pretokenizers": [DIGITS, GPT2]},
    "tekken": splits([TEKKEN]),
    "o200k": splits([O200K], "Removed"),
    "qwen35": splits([QWEN35]),
    "deepseek-v3": splits(DEEPSEEK_V3),
    "deepseek-v3 escaped": splits([regex.replace("\r", "\\r").replace("\n", "\\n") for regex in DEEPSEEK_V3]),
}


def words(texts, pre_tokenizers_by_name):
    """A tokenizer.json whose tokens are the words that the pre-tokenizers make of the texts, and the bytes."""
    known = dict.fromkeys(pre_tokenizers.ByteLevel.alphabet())
    bare = json.loads(Tokenizer(models.BPE()).to_str())
    for steps in pre_tokenizers_by_name.values():
        cutter = Tokenizer.from_str(json.dumps({**bare, "pre_tokenizer": steps})).pre_tokenizer
        known.update(dict.fromkeys(word for text in texts for word, _ in cutter.pre_tokenize_str(text)))
    t = Tokenizer(models.BPE({word: i for i, word in enumerate(sorted(known))}, [], ignore_merges=True))
    t.decoder = decoders.ByteLevel()
    return json.loads(t.to_str())


def main():
    assert tokenizers.__version__ == "0.23.3"
    rng = random.Random("patterns")
    texts = NASTY[:-3] + [dense_text(rng) for _ in range(260)] + list(ALPHABET)
    texts = list(dict.fromkeys(texts))
    data = words(texts, PRE_TOKENIZERS)
    folder = ROOT / "tokenizers/patterns"
    folder.mkdir(parents=True, exist_ok=True)
    dump = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(dump(data) + "\n")
    (folder / "pre_tokenizers.json").write_text(json.dumps(PRE_TOKENIZERS, indent=1) + "\n")
    made = {name: Tokenizer.from_str(json.dumps({**data, "pre_tokenizer": steps})) for name, steps in PRE_TOKENIZERS.items()}
    # Equal ids stand once, under the first name.
    with open(folder / "vectors.jsonl", "w") as out:
        for text in texts:
            row = {"text": text}
            for name, tokenizer in made.items():
                ids = tokenizer.encode(text).ids
                first = next((known for known, other in row.items() if other == ids), None)
                row[name] = first or ids
            out.write(json.dumps(row, separators=(",", ":")) + "\n")
    print(f"{len(texts)} strings", file=sys.stderr)


if __name__ == "__main__":
    main()
