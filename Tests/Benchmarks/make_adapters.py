#!/usr/bin/env python3
"""Makes random LoRA adapters in PEFT's layout for the shape in a config.json: for measuring, not for answering.

    Tests/Benchmarks/make_adapters.py CHECKPOINT OUT [--count 8] [--rank 16] [--targets attention|all] [--type bf16|f16|f32]

OUT/0, OUT/1, … are folders for `vial adapter add FILE a0=OUT/0 …`. Nothing but Python's own library is needed."""
import argparse
import json
import pathlib
import random

SIZES = {"f32": 4, "f16": 2, "bf16": 2}
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]


def modules(config, targets):
    """(name, outputs, inputs) of every adapted layer."""
    hidden, forward = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    query, key = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        yield from ((f"{at}self_attn.{name}_proj", rows, hidden) for name, rows in (("q", query), ("k", key), ("v", key)))
        yield f"{at}self_attn.o_proj", hidden, query
        if targets == "all":
            yield from ((f"{at}mlp.{name}_proj", forward, hidden) for name in ("gate", "up"))
            yield f"{at}mlp.down_proj", hidden, forward


def numbers(generator, count, kind):
    """Random numbers of about ±0.01: the last byte of each is made the sign and the exponent."""
    size = SIZES[kind]
    data = bytearray(generator.randbytes(count * size))
    high = 0x20 if kind == "f16" else 0x3C
    data[size - 1::size] = data[size - 1::size].translate(bytes(high | byte & 0x80 for byte in range(256)))
    return data


def write(folder, config, targets, rank, kind, seed):
    generator, header, data = random.Random(seed), {}, bytearray()
    for name, outputs, inputs in modules(config, targets):
        for part, shape in (("A", [rank, inputs]), ("B", [outputs, rank])):
            begin = len(data)
            data += numbers(generator, shape[0] * shape[1], kind)
            header[f"base_model.model.{name}.lora_{part}.weight"] = {
                "dtype": kind.upper(), "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    names = ATTENTION + (["gate_proj", "up_proj", "down_proj"] if targets == "all" else [])
    (folder / "adapter_config.json").write_text(json.dumps(
        {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": names, "bias": "none"}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--targets", choices=("attention", "all"), default="attention")
    parser.add_argument("--type", choices=SIZES, default="bf16", dest="kind")
    options = parser.parse_args()
    config = json.loads((options.checkpoint / "config.json").read_text())
    for index in range(options.count):
        write(options.out / str(index), config, options.targets, options.rank, options.kind, index)


if __name__ == "__main__":
    main()
