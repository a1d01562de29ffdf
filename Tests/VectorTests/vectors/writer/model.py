"""A whole model in parts, and what a reader must find in it.

Owns: the tensors and keys that MODELS.md and "Configuration" ask for, at the least sizes that are of interest."""
import hashlib
from dataclasses import dataclass, field

from . import keyvalues as kv
from .container import CONFIGURATION, FREE, PROVENANCE, TEXT, Draft, Section, chunk_digests
from .tensors import Tensor, place, table
from .tokenizers import character_level

CODEBOOKS, LAYER_TRAITS = 2, 16  # incompatible features


def configuration(architecture="llama", hidden=4, layers=1, heads=2, kv_heads=1, head_dim=2, forward=4,
                  vocabulary=24, tied=True, **more):
    values = {
        "architecture": (kv.TEXT, architecture), "model.name": (kv.TEXT, "vector"), "hidden_size": (kv.U64, hidden),
        "layer_count": (kv.U64, layers), "attention.head_count": (kv.U64, heads),
        "attention.kv_head_count": (kv.U64, kv_heads), "attention.head_dim": (kv.U64, head_dim),
        "attention.qkv_bias": (kv.BOOL, int(architecture == "qwen2")), "feed_forward_size": (kv.U64, forward),
        "vocabulary_size": (kv.U64, vocabulary), "context_length": (kv.U64, 64), "norm.epsilon": (kv.F64, 1e-6),
        "rope.inverse_frequencies": (kv.F32S, [0.5 ** i for i in range(head_dim // 2)]),
        "embedding.tied": (kv.BOOL, int(tied)), "token.add_bos": (kv.BOOL, 0), "token.eos": (kv.U64S, [2]),
    }
    values.update(more)
    return {key: value for key, value in values.items() if value is not None}


def model_tensors(config, layer=("f32", 0, False), embedding=None, head=None):
    """The tensors of the architecture; (encoding, group, asymmetric) for layers, embedding and head."""
    size = lambda key: config[key][1]
    hidden, forward, vocabulary = size("hidden_size"), size("feed_forward_size"), size("vocabulary_size")
    query = size("attention.head_count") * size("attention.head_dim")
    key = size("attention.kv_head_count") * size("attention.head_dim")
    architecture = size("architecture")
    said = lambda name: config.get(name, (None, 0))[1]
    matrix = lambda name, rows, columns, form=layer: Tensor(name, (rows, columns), *form)
    tensors = [matrix("model.embed_tokens.weight", vocabulary, hidden, embedding or layer)]

    def linear(name, rows, columns, has_bias):
        tensors.append(matrix(name + ".weight", rows, columns))
        if has_bias:
            tensors.append(Tensor(name + ".bias", (rows,)))

    for index in range(size("layer_count")):
        at = f"model.layers.{index}."
        if architecture != "olmo2":
            tensors.append(Tensor(at + "input_layernorm.weight", (hidden,)))
        for name, rows in (("q", query), ("k", key), ("v", key)):
            linear(f"{at}self_attn.{name}_proj", rows, hidden, said("attention.qkv_bias"))
        if architecture in ("qwen3", "olmo2", "gemma3_text"):
            for name, width in (("q", query), ("k", key)):
                length = width if architecture == "olmo2" else size("attention.head_dim")
                tensors.append(Tensor(f"{at}self_attn.{name}_norm.weight", (length,)))
        linear(at + "self_attn.o_proj", hidden, query, said("attention.output_bias"))
        tensors.append(Tensor(at + "post_attention_layernorm.weight", (hidden,)))
        if architecture in ("gemma2", "gemma3_text"):
            tensors.append(Tensor(at + "pre_feedforward_layernorm.weight", (hidden,)))
        linear(at + "mlp.gate_proj", forward, hidden, said("feed_forward.bias"))
        linear(at + "mlp.up_proj", forward, hidden, said("feed_forward.bias"))
        linear(at + "mlp.down_proj", hidden, forward, said("feed_forward.bias"))
        if architecture in ("olmo2", "gemma2", "gemma3_text"):
            tensors.append(Tensor(at + "post_feedforward_layernorm.weight", (hidden,)))
    tensors.append(Tensor("model.norm.weight", (hidden,)))
    if not size("embedding.tied"):
        tensors.append(matrix("lm_head.weight", vocabulary, hidden, head or layer))
    return tensors


def text_section(identifier, raw, compressed=None):
    """A text; `compressed` is its LZ4 frame."""
    if compressed is None:
        return Section(TEXT, raw, id=identifier, raw=raw)
    return Section(TEXT, compressed, id=identifier, raw=raw, raw_length=len(raw), codec=1)


@dataclass
class Model:
    config: dict = field(default_factory=configuration)
    tensors: list = None
    tokenizer: object = field(default_factory=lambda: character_level("none", "spaces", "byte fallback", 0x214))
    chats: list = field(default_factory=list)  # (section, truth)
    provenance: dict = None
    texts: list = field(default_factory=list)
    others: list = field(default_factory=list)  # further sections, in front of the weights
    adapters: list = field(default_factory=list)  # what a reader says about each
    prompts: list = field(default_factory=list)  # (section, truth)
    signatures: list = field(default_factory=list)  # likewise

    def draft(self, **more):
        if self.tensors is None:
            self.tensors = model_tensors(self.config)
        weights = place(self.tensors)
        sections = [Section(CONFIGURATION, kv.encode(self.config)), table(self.tensors), self.tokenizer.section()]
        sections += [section for section, _ in self.chats + self.prompts]
        if self.provenance is not None:
            sections.append(Section(PROVENANCE, kv.encode(self.provenance)))
        sections += self.texts + self.others + weights
        digests = chunk_digests(sections)
        features = CODEBOOKS if any(tensor.levels for tensor in self.tensors) else 0
        features |= LAYER_TRAITS if self.has_traits() else 0
        if features:
            more.setdefault("features", (features, 0, 0))
        return Draft(sections + ([digests] if digests else []), **more)

    def has_traits(self):
        """Whether a reader that does not know layer traits would compute something else."""
        value = lambda key, default=None: self.config.get(key, (None, default))[1]
        numbers = ("embedding.multiplier", "residual.multiplier", "logits.multiplier", "rope.magnitude")
        others = ("attention.scale", "rope.layers", "rope.long.above", "attention.soft_cap", "logits.soft_cap",
                  "attention.windows", "rope.second.inverse_frequencies")
        return (any(value(key) for key in ("attention.output_bias", "feed_forward.bias"))
                or any(value(key, 1) != 1 for key in numbers) or any(key in self.config for key in others)
                or len(value("rope.inverse_frequencies", [])) < value("attention.head_dim", 0) // 2)

    def truth(self, draft):
        """What a reader must say about the built draft."""
        row = lambda section, offset, digest: {
            "kind": section.kind, "id": section.id, "flags": section.flags, "offset": offset,
            "stored_length": len(section.stored), "raw_length": section.raw_length, "codec": section.codec,
            "alignment": section.alignment, "digest": digest.hex()}
        text = lambda s: {"id": s.id, "length": len(s.raw), "sha256": hashlib.sha256(s.raw).hexdigest()}
        answer = {
            "opens": True, "format": f"1.{draft.minor}", "features": list(draft.features), "slot": "AB"[draft.slot],
            "generation": draft.generation, "model_digest": draft.digests["model"].hex(),
            "file_digest": draft.digests["file"].hex(), "sections": [row(*placed) for placed in draft.placed],
            "configuration": kv.plain(self.config),
            "name": (self.provenance or {}).get("model.name", self.config["model.name"])[1],
            "tensors": [t.as_truth() for t in sorted(self.tensors, key=lambda t: t.name.encode())],
            "texts": [text(s) for s in self.texts], "tokenizer": self.tokenizer.as_truth(),
            "chat_templates": [truth for _, truth in self.chats], "adapters": self.adapters,
            "signatures": self.signatures,
        }
        if self.prompts:
            answer["prompt_templates"] = [truth for _, truth in self.prompts]
        if self.provenance is not None:
            answer["provenance"] = kv.plain(self.provenance)
        return {**answer, "runs": True, "reports": []}


def free_section(identifier, content):
    return Section(FREE, content, id=identifier)


def of_kind(draft, kind, identifier=None):
    return next(s for s in draft.sections if s.kind == kind and identifier in (None, s.id))

