"""Which tensors an architecture has: MODELS.md, R-701 to R-705 (R-706 is the tokenizer's).

Owns: names and shapes. Must not: compute."""
from .fields import require
from .tensors import PLAIN, TILE16

QKV_BIAS = {"qwen2": True, "llama": False}


def expected_tensors(configuration):
    """Name and shape of every tensor that the model computes with."""
    size = lambda key: configuration[key]
    hidden, forward, vocabulary = size("hidden_size"), size("feed_forward_size"), size("vocabulary_size")
    query = size("attention.head_count") * size("attention.head_dim")
    key = size("attention.kv_head_count") * size("attention.head_dim")
    yield "model.embed_tokens.weight", (vocabulary, hidden)
    for layer in range(size("layer_count")):
        at = f"model.layers.{layer}."
        yield at + "input_layernorm.weight", (hidden,)
        for name, outputs in (("q", query), ("k", key), ("v", key)):
            yield at + f"self_attn.{name}_proj.weight", (outputs, hidden)
            if size("attention.qkv_bias"):
                yield at + f"self_attn.{name}_proj.bias", (outputs,)
        yield at + "self_attn.o_proj.weight", (hidden, query)
        yield at + "post_attention_layernorm.weight", (hidden,)
        yield at + "mlp.gate_proj.weight", (forward, hidden)
        yield at + "mlp.up_proj.weight", (forward, hidden)
        yield at + "mlp.down_proj.weight", (hidden, forward)
    yield "model.norm.weight", (hidden,)
    if not size("embedding.tied"):
        yield "lm_head.weight", (vocabulary, hidden)


def check_model(configuration, configuration_offset, tensors, tensors_offset):
    architecture = configuration["architecture"]
    require(architecture in QKV_BIAS, 701, configuration_offset, "the architecture is unknown")
    require(configuration["attention.qkv_bias"] == QKV_BIAS[architecture], 702, configuration_offset,
            "the biases are not those of the architecture")
    by_name = {tensor.name: tensor for tensor in tensors}
    for name, shape in expected_tensors(configuration):
        tensor = by_name.get(name)
        require(tensor is not None, 703, tensors_offset, "a tensor of the architecture is missing")
        require(tensor.shape == shape and tensor.layout == (PLAIN if len(shape) == 1 else TILE16), 704, tensor.entry,
                "a tensor's shape is not that of the architecture")


def check_adapter(configuration, adapter, offset):
    """Targets are matrices that multiply: not the embedding."""
    able = {name for name, shape in expected_tensors(configuration) if len(shape) == 2} - {"model.embed_tokens.weight"}
    for index, target in enumerate(adapter["targets"]):
        require(target["name"] in able, 705, offset + 128 + 64 * index, "a target is not a linear layer")
