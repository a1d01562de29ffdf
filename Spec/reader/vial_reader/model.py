"""Which tensors an architecture has: MODELS.md, R-701 to R-705 (R-706 is the tokenizer's).

Owns: names and shapes. Must not: compute."""
from dataclasses import dataclass

from .configuration import trait
from .fields import require
from .tensors import PLAIN, TILE16


@dataclass(frozen=True)
class Architecture:
    """A row of the table of architectures; `None` for biases that either kind of model has."""
    qkv_bias: bool | None = None
    head_norm: str = "none"
    norms_before: bool = True
    norms_after: bool = False


ARCHITECTURES = {
    "qwen2": Architecture(qkv_bias=True), "llama": Architecture(), "qwen3": Architecture(head_norm="per head"),
    "mistral": Architecture(qkv_bias=False), "phi3": Architecture(qkv_bias=False), "smollm3": Architecture(),
    "granite": Architecture(),
    "olmo2": Architecture(qkv_bias=False, head_norm="whole", norms_before=False, norms_after=True),
    "gemma2": Architecture(qkv_bias=False, norms_after=True),
    "gemma3_text": Architecture(qkv_bias=False, head_norm="per head", norms_after=True),
}


def expected_tensors(configuration):
    """Name and shape of every tensor that the model computes with."""
    size = lambda key: configuration[key]
    known = ARCHITECTURES[configuration["architecture"]]
    hidden, forward, vocabulary = size("hidden_size"), size("feed_forward_size"), size("vocabulary_size")
    head = size("attention.head_dim")
    query, key = size("attention.head_count") * head, size("attention.kv_head_count") * head
    output_bias, forward_bias = (trait(configuration, name) for name in ("attention.output_bias", "feed_forward.bias"))

    def linear(name, outputs, inputs, has_bias):
        yield name + ".weight", (outputs, inputs)
        if has_bias:
            yield name + ".bias", (outputs,)

    yield "model.embed_tokens.weight", (vocabulary, hidden)
    for layer in range(size("layer_count")):
        at = f"model.layers.{layer}."
        if known.norms_before:
            yield at + "input_layernorm.weight", (hidden,)
        for name, outputs in (("q", query), ("k", key), ("v", key)):
            yield from linear(at + f"self_attn.{name}_proj", outputs, hidden, size("attention.qkv_bias"))
        if known.head_norm != "none":
            yield at + "self_attn.q_norm.weight", (query if known.head_norm == "whole" else head,)
            yield at + "self_attn.k_norm.weight", (key if known.head_norm == "whole" else head,)
        yield from linear(at + "self_attn.o_proj", hidden, query, output_bias)
        yield at + "post_attention_layernorm.weight", (hidden,)
        if known.norms_before and known.norms_after:
            yield at + "pre_feedforward_layernorm.weight", (hidden,)
        yield from linear(at + "mlp.gate_proj", forward, hidden, forward_bias)
        yield from linear(at + "mlp.up_proj", forward, hidden, forward_bias)
        yield from linear(at + "mlp.down_proj", hidden, forward, forward_bias)
        if known.norms_after:
            yield at + "post_feedforward_layernorm.weight", (hidden,)
    yield "model.norm.weight", (hidden,)
    if not size("embedding.tied"):
        yield "lm_head.weight", (vocabulary, hidden)


def check_model(configuration, configuration_offset, tensors, tensors_offset):
    architecture = configuration["architecture"]
    require(architecture in ARCHITECTURES, 701, configuration_offset, "the architecture is unknown")
    wanted = ARCHITECTURES[architecture].qkv_bias
    require(wanted is None or configuration["attention.qkv_bias"] == wanted, 702, configuration_offset,
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
