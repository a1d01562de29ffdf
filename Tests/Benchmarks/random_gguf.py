"""Writes a GGUF file of random weights in the shape of a config.json, for measuring llama.cpp without a checkpoint.

usage: random_gguf.py CONFIG.json OUT.gguf --type Q4_0|Q4_K [--seed N]

Every matrix, embedding and head included, holds real blocks of the type: random quants, and random scales that give weights
of about the deviation a trained model has. Norms are 1 and biases 0. There is no tokenizer: ids go in and out. Needs numpy and gguf."""
import argparse, json, pathlib
import gguf, numpy as np

DEVIATION = 0.02
# Bytes of a block and its elements.
BLOCKS = {"Q4_0": (18, 32), "Q4_K": (144, 256)}


def halves(values):
    return values.astype("<f2").view(np.uint8).reshape(len(values), 2)


def random_blocks(kind, rows, columns, random):
    """`rows` x bytes of a row, block after block."""
    byte_count, elements = BLOCKS[kind]
    if columns % elements:
        raise SystemExit(f"{columns} inputs are not a multiple of {elements}: {kind} cannot hold them")
    count = rows * columns // elements
    blocks = random.integers(0, 256, (count, byte_count), dtype=np.uint8)
    spread = random.uniform(0.7, 1.3, count)
    if kind == "Q4_0":  # d, 16 bytes of quants; w = d * (q - 8), q uniform
        blocks[:, :2] = halves(DEVIATION / 4.6 * spread)
    else:  # d, dmin, 12 bytes of 6-bit scales and minima, 128 bytes of quants; w = d * scale * q - dmin * minimum
        d = DEVIATION / 4.6 / 32 * spread
        blocks[:, :2] = halves(d)
        blocks[:, 2:4] = halves(d * 7.5)
        blocks[:, 8:12] = blocks[:, 4:8]  # minima like scales, so that weights are around 0
    return blocks.reshape(rows, columns // elements * byte_count)


def matrices(config):
    """Names and shapes in file order."""
    hidden, wide = config["hidden_size"], config["intermediate_size"]
    heads, key_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head = config.get("head_dim", hidden // heads)
    yield "token_embd", config["vocab_size"], hidden
    for layer in range(config["num_hidden_layers"]):
        yield f"blk.{layer}.attn_q", heads * head, hidden
        yield f"blk.{layer}.attn_k", key_heads * head, hidden
        yield f"blk.{layer}.attn_v", key_heads * head, hidden
        yield f"blk.{layer}.attn_output", hidden, heads * head
        yield f"blk.{layer}.ffn_gate", wide, hidden
        yield f"blk.{layer}.ffn_up", wide, hidden
        yield f"blk.{layer}.ffn_down", hidden, wide
    if not config.get("tie_word_embeddings"):
        yield "output", config["vocab_size"], hidden


def vectors(config):
    """Names, lengths and values."""
    hidden = config["hidden_size"]
    head = config.get("head_dim", hidden // config["num_attention_heads"])
    yield "output_norm.weight", hidden, 1
    for layer in range(config["num_hidden_layers"]):
        yield f"blk.{layer}.attn_norm.weight", hidden, 1
        yield f"blk.{layer}.ffn_norm.weight", hidden, 1
        if config["model_type"] == "qwen2":
            yield f"blk.{layer}.attn_q.bias", config["num_attention_heads"] * head, 0
            yield f"blk.{layer}.attn_k.bias", config["num_key_value_heads"] * head, 0
            yield f"blk.{layer}.attn_v.bias", config["num_key_value_heads"] * head, 0


def write(config, out, kind, seed):
    writer = gguf.GGUFWriter(out, config["model_type"])
    writer.add_name("random")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(float(config["rope_theta"]))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    byte_count, elements = BLOCKS[kind]
    encoding = gguf.GGMLQuantizationType[kind]
    for name, rows, columns in matrices(config):
        row_bytes = columns // elements * byte_count
        writer.add_tensor_info(
            name + ".weight", (rows, row_bytes), np.dtype(np.uint8), rows * row_bytes, raw_dtype=encoding)
    for name, length, _ in vectors(config):
        writer.add_tensor_info(name, (length,), np.dtype(np.float32), 4 * length)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    random = np.random.default_rng(seed)
    for _, rows, columns in matrices(config):
        writer.write_tensor_data(random_blocks(kind, rows, columns, random))
    for _, length, value in vectors(config):
        writer.write_tensor_data(np.full(length, value, np.float32))
    writer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("out")
    parser.add_argument("--type", choices=BLOCKS, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write(json.loads(arguments.config.read_text()), arguments.out, arguments.type, arguments.seed)
