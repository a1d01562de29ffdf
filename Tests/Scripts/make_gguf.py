#!/usr/bin/env python3
"""Makes a GGUF file from a small Qwen2 or Llama checkpoint with the `gguf` package (0.19), so that importing can be
compared with packing the checkpoint itself.

usage: make_gguf.py CHECKPOINT_DIR OUT.gguf [--type F32|F16|BF16|Q4_0|Q8_0|...] [--edge TYPE]

Names, the order of rows in Llama's query and key heads and the metadata follow llama.cpp's convert_hf_to_gguf.py."""
import argparse, json, pathlib
import gguf, numpy as np
from gguf.quants import quantize

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("out")
parser.add_argument("--type", default="F16", help="of matrices in layers")
parser.add_argument("--edge", default="F16", help="of embedding and head")
parser.add_argument("--pre", default="qwen2")
arguments = parser.parse_args()

config = json.loads((arguments.folder / "config.json").read_text())
settings = json.loads((arguments.folder / "tokenizer_config.json").read_text())
tokenizer = json.loads((arguments.folder / "tokenizer.json").read_text())
arch = config["model_type"]
heads = config["num_attention_heads"]
key_heads = config.get("num_key_value_heads", heads)


def tensors():
    for file in sorted(arguments.folder.glob("*.safetensors")):
        data = file.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        for name, entry in json.loads(data[8:start]).items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            raw = data[start + begin:start + end]
            if entry["dtype"] == "BF16":
                values = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
            else:
                values = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]).astype("<f4")
            yield name, values.reshape(entry["shape"])


def interleaved(weights, count):
    half = weights.shape[0] // count // 2
    return weights.reshape(count, 2, half, -1).swapaxes(1, 2).reshape(weights.shape)


names = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}
writer = gguf.GGUFWriter(arguments.out, arch)
writer.add_name(arguments.folder.name)
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_block_count(config["num_hidden_layers"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(heads)
writer.add_head_count_kv(key_heads)
writer.add_rope_freq_base(config.get("rope_theta", 10000.0))
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])

model = tokenizer["model"]
tokens = dict(model["vocab"])
kinds = {name: gguf.TokenType.NORMAL for name in tokens}
for added in tokenizer["added_tokens"]:
    tokens[added["content"]] = added["id"]
    kinds[added["content"]] = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
if model["unk_token"]:
    kinds[model["unk_token"]] = gguf.TokenType.UNKNOWN
ordered = sorted(tokens, key=tokens.get)
merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
if model["byte_fallback"]:
    rank = {}
    for index, merge in enumerate(merges):
        rank.setdefault(merge.replace(" ", ""), -float(index + 1))
    writer.add_tokenizer_model("llama")
    writer.add_token_scores([rank.get(token, -1e6) for token in ordered])
    for token in ordered:
        if token.startswith("<0x"):
            kinds[token] = gguf.TokenType.BYTE
else:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(arguments.pre)
    writer.add_token_merges(merges)
writer.add_token_list(ordered)
writer.add_token_types([kinds[token] for token in ordered])
for key in ("bos", "eos", "pad", "unk"):
    token = settings.get(f"{key}_token")
    token = token.get("content") if isinstance(token, dict) else token
    if token:
        getattr(writer, f"add_{key}_token_id")(tokens[token])
writer.add_add_bos_token(settings.get("add_bos_token", False))
if "chat_template" in settings:
    writer.add_chat_template(settings["chat_template"])

for name, values in tensors():
    module, _, kind = name.rpartition(".")
    parts = module.split(".")
    if parts[0] == "model" and parts[1] == "layers":
        target = f"blk.{parts[2]}.{names['.'.join(parts[3:])]}.{kind}"
        if arch == "llama" and "q_proj" in module:
            values = interleaved(values, heads)
        if arch == "llama" and "k_proj" in module:
            values = interleaved(values, key_heads)
        type_name = arguments.type
    else:
        target = f"{names[module]}.{kind}"
        type_name = arguments.edge
    if values.ndim == 1:
        type_name = "F32"
    type_ = gguf.GGMLQuantizationType[type_name]
    if values.shape[-1] % gguf.GGML_QUANT_SIZES[type_][0]:
        type_ = gguf.GGMLQuantizationType.F16
    writer.add_tensor(target, quantize(np.ascontiguousarray(values), type_), raw_dtype=type_)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
