"""The valid vectors: every encoding, codec, feature and boundary at least once.

Owns: which files there are, and why each is there."""
import numpy

from . import keyvalues as kv
from .adapters import adapter_section
from .container import PAGE, TEXT, Draft, Section
from .lz4 import frame
from .model import Model, configuration, free_section, model_tensors, text_section
from .prompts import FULL, LEAST, QUOTED, prompt_section
from .signing import signature_section
from .tensors import Tensor
from .tokenizers import byte_level, character_level, chat_section, chat_truth

NOTE = "A vector. Ein Vektor für Leser: é, …, 𝛼.\n"
ALL_TYPES = {
    "x.u64": (kv.U64, (1 << 64) - 1), "x.i64": (kv.I64, -(1 << 63)), "x.f64": (kv.F64, -0.0), "x.bool": (kv.BOOL, 1),
    "x.text": (kv.TEXT, "é…𝛼"), "x.u64s": (kv.U64S, [0, (1 << 64) - 1]), "x.f32s": (kv.F32S, [1.5, -2.0]),
    "x.bytes": (kv.BYTES, bytes(range(5))), "x.texts": (kv.TEXTS, ["", "é", "abc"]),
    "x.none": (kv.U64S, []), "x.no-texts": (kv.TEXTS, []), "y" * 255: (kv.TEXT, "the longest key"),
    "~last": (kv.TEXT, ""),
}
SAMPLING = {
    "sampling.temperature": (kv.F64, 0.6), "sampling.top_p": (kv.F64, 0.95), "sampling.min_p": (kv.F64, 0.0),
    "sampling.repetition_penalty": (kv.F64, 1.05), "sampling.top_k": (kv.U64, 20),
}


def plain_model():
    """The least of everything: llama, tied, f32, characters with byte fallback."""
    return Model()


def qwen2_int4():
    """What `pack` makes by default: int4 of group 64 with zero points, int8 embedding and head, all kinds of sections."""
    config = configuration("qwen2", hidden=72, layers=2, heads=4, kv_heads=2, head_dim=18, forward=40, vocabulary=270,
                           tied=False, **SAMPLING, **{"token.bos": (kv.U64, 261), "token.add_bos": (kv.BOOL, 1),
                                                      "token.eos": (kv.U64S, list(range(64)))})
    card = NOTE.encode() * 40
    return Model(
        config, model_tensors(config, ("int4", 64, True), ("int8", 64, False), ("int8", 32, False)),
        byte_level("Qwen2", "NFC", begin=True), [(chat_section(), chat_truth())], {**ALL_TYPES, "tool": (kv.TEXT, "vectors")},
        [text_section(4, card, frame(card)), text_section(5, b"as you like"), text_section(6, b"", frame(b"")),
         text_section(900, NOTE.encode(), frame(NOTE.encode(), size=False, checksum=False))])


def encodings():
    """Each encoding, group and rank, rows beside a multiple of 16, columns beside a multiple of the group."""
    model = Model(tokenizer=byte_level("GPT-2", flags=2))
    model.config["vocabulary_size"] = (kv.U64, 300)
    tensors = model_tensors(model.config)
    for encoding in ("f32", "f16", "bf16"):
        for shape in ((16, 3), (17, 1), (1, 5), (2, 3, 4), (2, 1, 17, 2)):
            tensors.append(Tensor(f"{encoding}.{shape}", shape, encoding))
    for encoding, asymmetric in (("int8", False), ("int4", False), ("int4", True)):
        for group in (32, 64, 128):
            for shape in ((16, group), (1, group + 1), (17, group - 1), (2, 3, 1), (2, 2, 1, group)):
                name = f"{encoding}.{group}.{'zeros' if asymmetric else 'plain'}.{shape}"
                tensors.append(Tensor(name, shape, encoding, group, asymmetric))
    tensors.append(Tensor("é…𝛼", (1,)))
    tensors.append(Tensor("n" * 255, (3,)))
    model.tensors = tensors
    return model


LEVELS = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)


def codebooks():
    """int4 with codebooks: a model with one, and each group beside levels that are all positive, equal steps, extremes."""
    config = configuration("qwen2", hidden=72, layers=1, heads=4, kv_heads=2, head_dim=18, forward=40, vocabulary=263,
                           tied=False)
    tensors = model_tensors(config, ("int4", 64, False), ("int4", 32, False), ("int4", 128, False))
    for tensor in tensors:
        tensor.levels = LEVELS if tensor.encoding == "int4" else None
    tables = {"linear": range(-8, 8), "positive": range(112, 128), "ends": (-127, *range(-7, 7), 127)}
    for name, levels in tables.items():
        for group in (32, 64, 128):
            for shape in ((16, group), (1, group + 1), (17, group - 1), (2, 2, 1, group)):
                tensors.append(Tensor(f"{name}.{group}.{shape}", shape, "int4", group, levels=tuple(levels)))
    tensors.append(Tensor("without", (17, 33), "int4", 32, True))
    return Model(config, tensors, byte_level("DeepSeek-V3", flags=1, begin=True))


def layer_traits():
    """Every layer trait at once, fewer inverse frequencies than half a head, and biases that a llama may have."""
    config = configuration(hidden=8, layers=2, heads=4, kv_heads=2, head_dim=8, tied=False, **{
        "attention.qkv_bias": (kv.BOOL, 1), "attention.output_bias": (kv.BOOL, 1), "feed_forward.bias": (kv.BOOL, 1),
        "attention.scale": (kv.F64, 0.0625), "embedding.multiplier": (kv.F64, 12.0),
        "residual.multiplier": (kv.F64, 2.0 ** -40), "logits.multiplier": (kv.F64, 2.0 ** 40),
        "rope.magnitude": (kv.F64, 1.19), "rope.layers": (kv.U64S, [1, 0]),
        "rope.inverse_frequencies": (kv.F32S, [1.0, 0.25, 0.0]), "rope.long.above": (kv.U64, 32),
        "rope.long.inverse_frequencies": (kv.F32S, [0.5, 0.0, 1.0])})
    return Model(config)


def windows():
    """gemma3_text: layers with windows, which rotate by second frequencies, and one that sees all; soft caps."""
    config = configuration("gemma3_text", layers=3, heads=2, kv_heads=1, head_dim=4, **{
        "attention.windows": (kv.U64S, [1, 0, 1 << 24]), "rope.layers": (kv.U64S, [2, 1, 2]),
        "rope.second.inverse_frequencies": (kv.F32S, [0.0, 1.0]), "attention.soft_cap": (kv.F64, 50.0),
        "logits.soft_cap": (kv.F64, 2.0 ** -40), "embedding.multiplier": (kv.F64, 2.0)})
    return Model(config)


def four_norms():
    """gemma2: norms before and behind each part."""
    return Model(configuration("gemma2", layers=2, heads=2, kv_heads=1, head_dim=4))


def norms_of_heads():
    """qwen3: a norm of single heads, which needs no feature: no earlier reader knows the architecture."""
    return Model(configuration("qwen3", heads=2, kv_heads=1, head_dim=4))


def norms_behind():
    """olmo2: norms of what is added and of all heads of a token."""
    return Model(configuration("olmo2", layers=2, heads=2, kv_heads=1, head_dim=4))


def values():
    """Numbers at the ends of their ranges."""
    model = Model(tokenizer=character_level("none", "none", "byte fallback", 0x4))
    tensors = model_tensors(model.config)
    f32 = [0x80000000, 1, 0x7F7FFFFF, 0xFF7FFFFF, 0x00800000, 0x807FFFFF, 0x3F800001, 0]
    f16 = [0x8000, 1, 0x7BFF, 0xFBFF, 0x0400, 0x83FF, 0x3C01, 0]
    bf16 = [0x8000, 1, 0x7F7F, 0xFF7F, 0x0080, 0x807F, 0x3F81, 0]
    for encoding, bits, kind in (("f32", f32, "u4"), ("f16", f16, "u2"), ("bf16", bf16, "u2")):
        tensors.append(Tensor(f"edge.{encoding}", (2, 4), encoding, bits=numpy.array(bits, kind).reshape(2, 4)))
    tensors.append(Tensor("edge.vector", (8,), bits=numpy.array(f32, "u4")))
    scale = numpy.array([0x0001, 0x7BFF, 0xBC00, 0x8000, 0x83FF, 0x5555], "u2")
    steps = numpy.arange(6 * 40).reshape(1, 6, 40)
    scales = numpy.repeat(scale.reshape(1, 6, 1), 2, axis=2)
    zeros = numpy.array([0, 15, 7, 8, 1, 14]).reshape(1, 6, 1).repeat(2, axis=2)
    tensors.append(Tensor("edge.int4", (6, 40), "int4", 32, True, q=steps % 16, scale=scales, zero=zeros))
    tensors.append(Tensor("edge.int4.plain", (6, 40), "int4", 32, q=steps * 7 % 16, scale=scales,
                          zero=numpy.full((1, 6, 2), 8)))
    tensors.append(Tensor("edge.int8", (6, 40), "int8", 32, q=steps % 255 - 127, scale=scales,
                          zero=numpy.zeros((1, 6, 2), int)))
    model.tensors = tensors
    return model


def many_weights():
    """Several weights sections, their ids at both ends, and sections in an order of their own."""
    model = Model(tokenizer=byte_level("Llama 3", flags=1, begin=True))
    model.config["vocabulary_size"] = (kv.U64, 263)
    model.tensors = model_tensors(model.config, ("bf16", 0, False))
    for index, tensor in enumerate(model.tensors):
        tensor.section = (0, 7, (1 << 64) - 1)[index % 3]
    model.chats = [(chat_section(3), chat_truth(3)), (chat_section(0), chat_truth(0))]
    return model


def unknown_sections():
    """Kinds that nobody knows are skipped: a later one, with a codec of its own, and private ones."""
    model = Model(tokenizer=character_level("metaspace", "none", "metaspace", 0x80))
    later = Section(13, b"what a later version puts here", codec=9, raw_length=1 << 40)
    packed = Section(14, b"not a frame", codec=1, raw_length=255)
    private = Section(0x80000001, b"\0\1\2", id=5, alignment=4096)
    flagged = Section(0xFFFFFFFF, b"counts for the model digest", id=(1 << 64) - 1, flags=2)
    model.others = [later, packed, private, flagged]
    return model


def limits():
    """Sampling at its limits, no end tokens, a long name, an epsilon of 1, frequencies 0 and 1."""
    model = Model(configuration(**{
        "model.name": (kv.TEXT, ""), "norm.epsilon": (kv.F64, 1.0), "rope.inverse_frequencies": (kv.F32S, [0.0, 1.0]),
        "attention.head_dim": (kv.U64, 4), "attention.head_count": (kv.U64, 3), "attention.kv_head_count": (kv.U64, 3),
        "token.eos": (kv.U64S, []), "token.bos": (kv.U64, 23), "context_length": (kv.U64, 1 << 24),
        "sampling.temperature": (kv.F64, 100.0), "sampling.top_p": (kv.F64, 1.0), "sampling.min_p": (kv.F64, 1.0),
        "sampling.repetition_penalty": (kv.F64, 0.01), "sampling.top_k": (kv.U64, 1 << 24), **ALL_TYPES}),
        tokenizer=character_level("metaspace with cuts", "none", "metaspace", 0x100))
    return model


def two_chunks():
    """A text one byte longer than a chunk, so that there are chunk digests."""
    model = plain_model()
    model.texts = [text_section(1, b"0123456789abcde\n" * 65536 + b"\n")]
    return model


def newer_minor():
    """A later minor version: what is reserved today has a meaning, and two features that may be ignored."""
    def identity(page):
        page[20:24], page[48], page[4063] = b"\1\2\3\4", 5, 6

    def root(page):
        page[48], page[160], page[4063] = 7, 8, 9

    def entries(rows, _):
        for row in rows:
            row[4] |= 0x80
            row[7] |= 0x80
            row[52], row[127] = 10, 11
    model = plain_model()
    draft = model.draft(minor=1, features=(0, 1 << 63, 3))
    draft.identity_hook, draft.root_hook, draft.entries_hook = identity, root, entries
    for section in draft.sections:
        section.flags |= 0x80000080
    return model, draft


def second_generation():
    """A file after one append: the new root in slot B, the old table and a replaced text free, slot A still valid."""
    old_model = plain_model()
    old_model.texts = [text_section(4, b"the first card")]
    first = old_model.draft()
    old = first.build()
    model = Model(old_model.config, old_model.tensors, old_model.tokenizer)
    sections = [free_section(4, s.stored) if s.kind == TEXT else s for s in first.sections]
    table = old[-128 * len(first.sections):]
    model.texts = [text_section(4, b"the second card")]
    appended = sections + [free_section(1 << 63, table)] + model.texts
    draft = Draft(appended, generation=2, slot=1, other_slot=old[PAGE:2 * PAGE])
    return model, draft


def spare_slot():
    """The current root in slot B beside an empty slot A, at the highest generation."""
    model = plain_model()
    return model, model.draft(generation=(1 << 64) - 1, slot=1)


def adapters():
    """A model and two adapters beside it: each encoding of A and B, with and without rsLoRA."""
    model = plain_model()
    first = model.draft()
    first.build()
    layer = "model.layers.0."
    made = [
        adapter_section("notes", first.digests["model"], [
            (layer + "self_attn.q_proj.weight", (4, 4), "f32", 2, 4.0),
            (layer + "mlp.up_proj.weight", (4, 4), "f16", 17, 16.0)]),
        adapter_section("codes é", first.digests["model"], [
            (layer + "self_attn.k_proj.weight", (2, 4), "bf16", 3, -0.5)], rank_stabilised=True)]
    model.others = [section for section, _ in made]
    model.adapters = [truth for _, truth in made]
    return model


def prompts():
    """Two prompt templates: one with every key and type, one with the least."""
    model = plain_model()
    model.prompts = [prompt_section(FULL), prompt_section(LEAST), prompt_section(QUOTED)]
    return model


def named():
    """A name in the provenance and a former one in the configuration: only the latter is in the model digest."""
    model = plain_model()
    model.provenance = {"model.name": (kv.TEXT, "the ward's model é")}
    return model


def signed():
    """A file that was signed after it was made: the signature is appended, the digests that it signs stay."""
    model = plain_model()
    first = model.draft()
    old = first.build()
    section, truth = signature_section(first.digests["file"], first.digests["model"], "by everybody: é")
    model.signatures = [truth]
    table = free_section(1, old[-128 * len(first.sections):])
    draft = Draft([*first.sections, table, section], generation=2, slot=1, other_slot=old[PAGE:2 * PAGE])
    return model, draft


VALID = {
    "plain": plain_model, "qwen2-int4": qwen2_int4, "encodings": encodings, "codebooks": codebooks, "values": values,
    "many-weights": many_weights, "unknown-sections": unknown_sections, "limits": limits, "two-chunks": two_chunks,
    "newer-minor": newer_minor, "second-generation": second_generation, "spare-slot": spare_slot,
    "signed": signed, "adapters": adapters, "prompts": prompts, "layer-traits": layer_traits,
    "named": named, "norms-of-heads": norms_of_heads, "norms-behind": norms_behind, "windows": windows,
    "four-norms": four_norms,
}


def build_valid(name):
    """(bytes, truth) of a vector."""
    made = VALID[name]()
    model, draft = made if isinstance(made, tuple) else (made, None)
    draft = draft or model.draft()
    data = draft.build()
    return data, {"about": " ".join(VALID[name].__doc__.split()), **model.truth(draft), "file_length": len(data)}

