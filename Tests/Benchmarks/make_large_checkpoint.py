#!/usr/bin/env python3
"""Writes a checkpoint of random weights in the shape and size of DeepSeek-R1-Distill-Qwen-7B: 15.2 GB of bf16 in
safetensors shards, so that packing can be measured without a download. Needs numpy. The same arguments give the
same bytes.

    make_large_checkpoint.py OUT --tokenizer FOLDER [--layers 28] [--shard-gb 5] [--seed 7]

FOLDER holds tokenizer.json and tokenizer_config.json of the model (its config.json is not read). A block of normal
numbers is scaled for each tensor and repeated from a place of the tensor's own: the values are distributed as in a
trained model, and writing costs no arithmetic.
"""
import argparse
import json
import math
import os
import shutil
import sys
import time

import numpy

HIDDEN, HEADS, KV_HEADS, HEAD_DIMENSION, FEED_FORWARD, VOCABULARY = 3584, 28, 4, 128, 18944, 152064
# Not a multiple of any row, so that rows differ although the block repeats.
BLOCK_COUNT = 4_194_301


def configuration(layers):
    return {
        "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
        "eos_token_id": 151643, "hidden_act": "silu", "hidden_size": HIDDEN, "initializer_range": 0.02,
        "intermediate_size": FEED_FORWARD, "max_position_embeddings": 131072, "max_window_layers": 28,
        "model_type": "qwen2", "num_attention_heads": HEADS, "num_hidden_layers": layers,
        "num_key_value_heads": KV_HEADS, "rms_norm_eps": 1e-06, "rope_theta": 10000, "sliding_window": 4096,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.44.0",
        "use_cache": True, "use_mrope": False, "use_sliding_window": False, "vocab_size": VOCABULARY,
    }


def tensors(layers):
    """(name, shape, mean, deviation) in the order of the model."""
    attention, kv = HEADS * HEAD_DIMENSION, KV_HEADS * HEAD_DIMENSION
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN), 0, 0.015
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (HIDDEN,), 1, 0.1
        for name, rows in (("q_proj", attention), ("k_proj", kv), ("v_proj", kv)):
            yield f"{prefix}self_attn.{name}.weight", (rows, HIDDEN), 0, 0.02
            yield f"{prefix}self_attn.{name}.bias", (rows,), 0, 0.05
        yield prefix + "self_attn.o_proj.weight", (HIDDEN, attention), 0, 0.02 / math.sqrt(2 * layers)
        yield prefix + "post_attention_layernorm.weight", (HIDDEN,), 1, 0.1
        yield prefix + "mlp.gate_proj.weight", (FEED_FORWARD, HIDDEN), 0, 0.02
        yield prefix + "mlp.up_proj.weight", (FEED_FORWARD, HIDDEN), 0, 0.02
        yield prefix + "mlp.down_proj.weight", (HIDDEN, FEED_FORWARD), 0, 0.02 / math.sqrt(2 * layers)
    yield "model.norm.weight", (HIDDEN,), 1, 0.1
    yield "lm_head.weight", (VOCABULARY, HIDDEN), 0, 0.02


def split(entries, limit):
    """Shards of at most `limit` bytes where the tensors allow it, as transformers makes them."""
    shards, size = [[]], 0
    for entry in entries:
        byte_count = 2 * math.prod(entry[1])
        if shards[-1] and size + byte_count > limit:
            shards.append([])
            size = 0
        shards[-1].append(entry)
        size += byte_count
    return shards


def bfloat16(values):
    """The nearest bf16 of each value, as little-endian bytes; the values are finite."""
    bits = values.astype("<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()


def write_shard(path, entries, block, seed):
    """One safetensors file; its tensors sorted by name, as the safetensors library writes them."""
    entries = sorted(entries)
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape, _, _ in entries:
        end = offset + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb", buffering=0) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape, mean, deviation in entries:
            left = 2 * math.prod(shape)
            place = numpy.random.default_rng([seed, *name.encode()]).integers(BLOCK_COUNT)
            data = memoryview(bfloat16(numpy.roll(block, place)[:left // 2] * deviation + mean))
            while left:
                left -= file.write(data[:left])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out")
    parser.add_argument("--tokenizer", required=True, metavar="FOLDER")
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--shard-gb", type=float, default=5)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()

    os.makedirs(arguments.out, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(os.path.join(arguments.tokenizer, name), os.path.join(arguments.out, name))
    with open(os.path.join(arguments.out, "config.json"), "w") as file:
        json.dump(configuration(arguments.layers), file, indent=2)

    block = numpy.random.default_rng(arguments.seed).standard_normal(BLOCK_COUNT, dtype=numpy.float32)
    shards = split(list(tensors(arguments.layers)), arguments.shard_gb * 1e9)
    weight_map, total, start = {}, 0, time.monotonic()
    for number, entries in enumerate(shards, 1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_shard(os.path.join(arguments.out, name), entries, block, arguments.seed)
        weight_map.update((entry[0], name) for entry in entries)
        total += sum(2 * math.prod(entry[1]) for entry in entries)
        print(f"{name}: {total / 1e9:.2f} GB after {time.monotonic() - start:.0f} s", file=sys.stderr)
    with open(os.path.join(arguments.out, "model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, file, indent=2)


if __name__ == "__main__":
    main()
