#!/usr/bin/env python3
"""Compares Vial with Hugging Face `tokenizers`, id for id, on published vocabularies: given strings and random Unicode,
encoded and decoded.

    tokenizer_vectors.py FOLDER [NAME...] [--vial .build/release/vial] [--library .build-libvial/lib/libvial.so.0]
                         [--texts FILE] [--random 25000] [--seed 1]

NAME is a tokenizer of tokenizer_vocabularies.py, or "words of " and a pre-tokenizer of make_pattern_fixtures.py: then the
vocabulary is made of the words that it cuts the random strings into, so that ids tell every cut. Without a NAME all run.
FOLDER gets the packages and what is made of them (2 GB); it is no part of the project. FILE has lines {"text": ...}
(.jsonl, .jsonl.xz); without it the strings are llama.cpp's and those of make_tokenizer_fixtures.py. Each vocabulary is
packed into a model of one small layer. Needs tokenizers==0.23.3, transformers, gguf, sentencepiece and numpy. Exit
code 1 when anything differs.
"""
import argparse
import ctypes as c
import json
import lzma
import os
import pathlib
import random
import subprocess
import sys

import numpy
import tokenizers
from tokenizer_vocabularies import Vocabularies
from vial_engine import Text

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Scripts"))
from compare_tokenizers import random_text  # noqa: E402
from make_pattern_fixtures import PRE_TOKENIZERS, words  # noqa: E402
from tokenizer_patterns import dense_text  # noqa: E402

HIDDEN, FEED_FORWARD, HEADS = 64, 128, 2
ALLOW_SPECIAL, TOO_SMALL = 2, 6
WORDS = "words of "


def write_checkpoint(folder, tokenizer, rows):
    """A model of one small layer for the vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD, "max_position_embeddings": 64, "num_attention_heads": HEADS, "num_hidden_layers": 1,
        "num_key_value_heads": HEADS, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": True,
        "vocab_size": rows, "eos_token_id": 0}))
    shapes = {"embed_tokens": (rows, HIDDEN), "norm": (HIDDEN,), "layers.0.input_layernorm": (HIDDEN,),
              "layers.0.post_attention_layernorm": (HIDDEN,)}
    shapes |= {f"layers.0.self_attn.{name}_proj": (HIDDEN, HIDDEN) for name in "qkvo"}
    shapes |= {f"layers.0.mlp.{name}_proj": (FEED_FORWARD, HIDDEN) for name in ("gate", "up")}
    shapes["layers.0.mlp.down_proj"] = (HIDDEN, FEED_FORWARD)
    header, data = {}, b""
    for name, shape in sorted(shapes.items()):
        values = numpy.full(shape, 0x3C00, "<u2").tobytes()
        header[f"model.{name}.weight"] = {"dtype": "F16", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    (folder / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + data)


class Model:
    """A model's tokenizer through the C interface."""

    def __init__(self, library, path):
        self.library, self.model = c.CDLL(library), c.c_void_p()
        status = self.library.vial_model_open(str(path).encode(), None, c.byref(self.model), None)
        if status:
            raise SystemExit(f"vial_model_open: status {status}")

    def encode(self, text):
        data, count = text.encode(), c.c_uint64()
        room = len(data) * 4 + 64
        ids = (c.c_uint32 * room)()
        status = self.library.vial_model_encode(
            self.model, Text.of(data), c.c_uint32(ALLOW_SPECIAL), ids, c.c_uint64(room), c.byref(count), None)
        return ids[:count.value] if status == 0 else f"status {status}"

    def decode(self, ids):
        length, room = c.c_uint64(), 65536
        values, out = (c.c_uint32 * len(ids))(*ids), c.create_string_buffer(room)
        for _ in range(2):
            status = self.library.vial_model_decode(
                self.model, values, c.c_uint64(len(ids)), c.c_uint32(0), out, c.c_uint64(room), c.byref(length), None)
            if status != TOO_SMALL:
                break
            room = length.value
            out = c.create_string_buffer(room)
        return out.raw[:length.value].decode() if status == 0 else f"status {status}"


def given_texts(options, vocabularies):
    if options.texts is None:
        from make_tokenizer_fixtures import NASTY, TEXT
        return [text for text, _ in vocabularies.make("gpt-2")[1]] + NASTY + TEXT
    opened = lzma.open if options.texts.suffix == ".xz" else open
    with opened(options.texts, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def differences(model, tokenizer, texts, name, shows=3):
    """How many of the texts are encoded or decoded differently."""
    bad = 0
    for text, encoding in zip(texts, tokenizer.encode_batch(texts, add_special_tokens=False)):
        ids = model.encode(text)
        expected = tokenizer.decode(encoding.ids, skip_special_tokens=False)
        decoded = model.decode(encoding.ids)
        if ids != encoding.ids or decoded != expected:
            bad += 1
            if bad <= shows:
                row = {"tokenizer": name, "text": text, "expected": encoding.ids, "got": ids}
                if decoded != expected:
                    row |= {"expected text": expected, "got text": decoded}
                print(json.dumps(row), file=sys.stderr)
    return bad


def drawn_texts(options, name, special):
    rng = random.Random(f"{name} {options.seed}")
    return [random_text(rng, special) if rng.random() < 0.5 else dense_text(rng) for _ in range(options.random)]


def compare(options, vocabularies, name, texts):
    folder = options.folder / "checkpoints" / name
    if name.startswith(WORDS):
        drawn, vectors, steps = drawn_texts(options, name, []), [], PRE_TOKENIZERS[name.removeprefix(WORDS)]
        made = words(texts + drawn, {name: steps}) | {"pre_tokenizer": steps}
    else:
        made, vectors = vocabularies.make(name)
        drawn = drawn_texts(options, name, [token["content"] for token in made["added_tokens"]])
    rows = max([*made["model"]["vocab"].values(), *(t["id"] for t in made["added_tokens"])]) + 1
    write_checkpoint(folder, made, -(-rows // 64) * 64)
    file = options.folder / f"{name}.vial"
    file.unlink(missing_ok=True)
    packed = subprocess.run([options.vial, "pack", folder, "-o", file], capture_output=True, text=True)
    (folder / "model.safetensors").unlink()
    if packed.returncode:
        print(f"| {name} | refused: {packed.stderr.strip().splitlines()[0]} |")
        return 1
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = Model(str(options.library), file)
    counts = [(len(texts), differences(model, tokenizer, texts, name)), (len(drawn), differences(model, tokenizer, drawn, name))]
    agree = sum(tokenizer.encode(text, add_special_tokens=False).ids == ids for text, ids in vectors)
    own = sum(model.encode(text) == ids for text, ids in vectors)
    of_llama = f"{own} of {len(vectors)} (tokenizers {agree})" if vectors else "none"
    print(f"| {name} | {counts[0][0]} | {counts[0][1]} | {counts[1][0]} | {counts[1][1]} | {of_llama} |", flush=True)
    return counts[0][1] + counts[1][1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--vial", default=".build/release/vial")
    parser.add_argument("--library", type=pathlib.Path, default=pathlib.Path(".build-libvial/lib/libvial.so.0"))
    parser.add_argument("--texts", type=pathlib.Path)
    parser.add_argument("--random", type=int, default=25000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    vocabularies = Vocabularies(options.folder)
    texts = given_texts(options, vocabularies)
    names = [*vocabularies.names(), *(WORDS + name for name in PRE_TOKENIZERS)]
    print("| tokenizer | strings | different | random strings | different | llama.cpp's vectors |")
    print("|---|---|---|---|---|---|")
    bad = sum(compare(options, vocabularies, name, texts) for name in options.names or names)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
