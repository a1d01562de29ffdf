"""Invalid vectors of key-values, configuration and tensor table (R-301 to R-335).

Owns: edits of those sections' bytes, which are sealed afterwards."""
import struct

from . import keyvalues as kv
from .cases import case, expect, section_of
from .container import CONFIGURATION, PROVENANCE, TENSORS, WEIGHTS, Section
from .model import LAYER_TRAITS, Model, configuration, model_tensors, of_kind
from .tensors import Tensor, table
from .valid import ALL_TYPES, LEVELS, plain_model

u32, u64 = struct.Struct("<I").pack, struct.Struct("<Q").pack


def edited(name, about, kind, at, data, build=plain_model, offset=None, stage="open"):
    """Bytes of a section replaced; `at` may be a function of the section's bytes."""
    def make():
        draft = build().draft()
        section = of_kind(draft, kind)
        stored = bytearray(section.stored)
        place = at(bytes(stored)) if callable(at) else at
        stored[place:place + len(data)] = data
        section.stored = bytes(stored)
        section.raw_length = len(stored)
        broken = place if offset is None else offset(bytes(stored)) if callable(offset) else offset
        return expect(draft, lambda file: section_of(file, kind) + broken)
    case(name, about, make, stage)


def cut_short(name, about, kind, length, stage="open", build=plain_model):
    """A section that ends early."""
    def make():
        draft = build().draft()
        section = of_kind(draft, kind)
        section.stored = section.stored[:length]
        section.raw_length = length
        return expect(draft, lambda file: section_of(file, kind))
    case(name, about, make, stage)


def every_type():
    return Model(configuration(**ALL_TYPES))


def key(name, at=0):
    """The place of a key's entry in the configuration with every type."""
    return kv.entry_offset(every_type().config, name) + at


def value(name, at=0):
    """The place of a heap value in the configuration with every type."""
    return lambda stored: heap(stored) + struct.unpack_from("<Q", stored, key(name, 16))[0] + at


def heap(stored):
    return struct.unpack_from("<Q", stored, 16)[0]


def typed(name, about, at, data, offset=None):
    edited(name, about, CONFIGURATION, at, data, every_type, offset)


typed("R-301-magic", "no key-values", 0, b"KV02")
typed("R-301-stride", "entries of 24 bytes", 8, u32(24))
typed("R-301-reserved", "the reserved field", 12, u32(1))
typed("R-301-count", "more key-values than the limit", 4, u32(65537))
typed("R-301-heap", "a heap that does not follow the entries", 16, u64(8))
typed("R-301-length", "a heap that ends behind the section", 24, u64(1 << 40))
cut_short("R-301-short", "31 bytes", CONFIGURATION, 31)
case("R-301-long", "more than 16 MiB of key-values", lambda: expect(
    Model(configuration(zz=(kv.BYTES, bytes(16 << 20)))).draft(), lambda file: section_of(file, CONFIGURATION)))
typed("R-302-place", "a key that does not follow the one before", key("hidden_size"), u32(0))
typed("R-302-length-0", "a key of no bytes", key("architecture", 4), u32(0))
typed("R-302-outside", "a key that ends outside the heap", key("~last", 4), u32(255))
typed("R-302-space", "a key with a space", lambda stored: heap(stored) + 4, b" ")
typed("R-303-order", "the second key before the first", lambda stored: heap(stored) + len("architecture"), b"@",
      offset=32 + 32)
typed("R-304-type-0", "type 0", key("model.name", 8), u32(0))
typed("R-304-type-10", "type 10", key("model.name", 8), u32(10))
typed("R-305-elements", "a number of two elements", key("hidden_size", 12), u32(2))
typed("R-305-length", "a number of four bytes", key("hidden_size", 24), u64(4))
typed("R-305-count", "a text longer than its elements", key("model.name", 12), u32(5), offset=key("model.name", 24))
typed("R-305-place", "a value that does not follow the one before", key("model.name", 16), u64(0))
typed("R-305-outside", "a value that ends outside the heap", key("~last", 24), u64(1 << 63))
typed("R-305-padding", "padding that is not zero", lambda stored: value("token.eos")(stored) - 1, b"\1")
typed("R-306-bool", "a truth value of 2", key("embedding.tied", 16), u64(2))
typed("R-306-nan", "a number that is none", key("norm.epsilon", 16), struct.pack("<d", float("nan")))
typed("R-306-infinity", "an infinite number in an array", value("x.f32s", 4), struct.pack("<f", float("inf")))
typed("R-306-text", "a text that is not UTF-8", value("model.name", 1), b"\xff")
typed("R-306-surrogate", "a text with a surrogate", value("architecture", 1), b"\xed\xa0\x80")
typed("R-306-texts", "an array's text that is not UTF-8", value("x.texts", 8), b"\xc0")
typed("R-307-long", "an array's text that ends behind it", value("x.texts", 4), u32(1 << 31))
typed("R-307-few", "fewer texts than it says", key("x.texts", 12), u32(4), offset=value("x.texts"))
typed("R-307-many", "more texts than it says", key("x.texts", 12), u32(2), offset=value("x.texts", 10))


def behind_values():
    draft = every_type().draft()
    section = of_kind(draft, CONFIGURATION)
    length, = struct.unpack_from("<Q", section.stored, 24)
    section.stored = section.stored[:24] + u64(length + 8) + section.stored[32:] + bytes(8)
    section.raw_length += 8
    return expect(draft, lambda file: section_of(file, CONFIGURATION) + 24)


case("R-305-behind", "bytes behind the last value", behind_values)


def provenance_model():
    model = plain_model()
    model.provenance = {"tool": (kv.TEXT, "vectors")}
    return model


edited("R-304-provenance", "key-values that only verifying reads", PROVENANCE, 32 + 8, u32(99), provenance_model, stage="verify")


def configured(name, about, at_key, features=None, **values):
    """A configuration with other values; the offset is that of the entry."""
    def make():
        model = plain_model()
        model.tensors = model_tensors(model.config)
        renamed = {k.replace("__", "."): v for k, v in values.items()}
        model.config = {k: v for k, v in {**model.config, **renamed}.items() if v is not None}
        at = kv.entry_offset(model.config, at_key) if at_key else 0
        more = {} if features is None else {"features": (features, 0, 0)}
        return expect(model.draft(**more), lambda file: section_of(file, CONFIGURATION) + at)
    case(name, about, make)


configured("R-310-missing", "no context length", None, context_length=None)
configured("R-310-type", "a size that is signed", "hidden_size", hidden_size=(kv.I64, 4))
configured("R-310-bos-type", "a first token that is a text", "token.bos", token__bos=(kv.TEXT, "1"))
configured("R-311-upper", "an upper case letter", "architecture", architecture=(kv.TEXT, "Llama"))
configured("R-311-empty", "no name", "architecture", architecture=(kv.TEXT, ""))
configured("R-311-long", "65 letters", "architecture", architecture=(kv.TEXT, "a" * 65))
configured("R-312-zero", "a hidden size of 0", "hidden_size", hidden_size=(kv.U64, 0))
configured("R-312-layers", "1,025 layers", "layer_count", layer_count=(kv.U64, 1025))
configured("R-312-heads", "4,097 heads", "attention.head_count", attention__head_count=(kv.U64, 4097))
configured("R-312-odd", "an odd head dimension", "attention.head_dim", attention__head_dim=(kv.U64, 3))
configured("R-312-context", "a context beyond the limit", "context_length", context_length=(kv.U64, (1 << 24) + 1))
configured("R-312-epsilon", "an epsilon of 0", "norm.epsilon", norm__epsilon=(kv.F64, 0.0))
configured("R-313-heads", "2 heads, 3 for keys and values", "attention.kv_head_count", attention__kv_head_count=(kv.U64, 3))
configured("R-314-count", "a frequency too many", "rope.inverse_frequencies", rope__inverse_frequencies=(kv.F32S, [1.0, 0.5]))
configured("R-314-large", "a frequency above 1", "rope.inverse_frequencies", rope__inverse_frequencies=(kv.F32S, [1.5]))
configured("R-314-negative", "a negative frequency", "rope.inverse_frequencies", rope__inverse_frequencies=(kv.F32S, [-0.5]))
configured("R-315-eos", "an end token outside the vocabulary", "token.eos", token__eos=(kv.U64S, [24]))
configured("R-315-many", "65 end tokens", "token.eos", token__eos=(kv.U64S, [1] * 65))
configured("R-315-bos", "a first token outside the vocabulary", "token.bos", token__bos=(kv.U64, 1 << 40))
configured("R-315-no-bos", "a first token is asked for and not named", "token.add_bos", token__add_bos=(kv.BOOL, 1))
configured("R-316-temperature", "a temperature above 100", "sampling.temperature", sampling__temperature=(kv.F64, 100.5))
configured("R-316-top-k", "a top-k beyond the limit", "sampling.top_k", sampling__top_k=(kv.U64, (1 << 24) + 1))
configured("R-316-type", "a top-p that is a number of another type", "sampling.top_p", sampling__top_p=(kv.U64, 1))


def with_traits(name, about, at_key, features=LAYER_TRAITS, **values):
    """The same in a file whose features are stated."""
    configured(name, about, at_key, features=features, **values)


LONG = {"rope__long__inverse_frequencies": (kv.F32S, [0.5]), "rope__long__above": (kv.U64, 8)}
with_traits("R-314-none", "no frequency at all", "rope.inverse_frequencies", rope__inverse_frequencies=(kv.F32S, []))
with_traits("R-314-fewer", "fewer frequencies than half a head without the feature", "rope.inverse_frequencies", 0,
            attention__head_dim=(kv.U64, 4))
with_traits("R-317-scale", "a scale without the feature", None, 0, attention__scale=(kv.F64, 0.5))
with_traits("R-317-layers", "layers that rotate are listed without the feature", None, 0, rope__layers=(kv.U64S, [1]))
with_traits("R-318-above", "frequencies of long texts, but no length", "rope.long.inverse_frequencies",
            **{**LONG, "rope__long__above": None})
with_traits("R-318-frequencies", "a length of long texts, but no frequencies", "rope.long.above",
            **{**LONG, "rope__long__inverse_frequencies": None})
with_traits("R-318-count", "one frequency too many for long texts", "rope.long.inverse_frequencies",
            **{**LONG, "rope__long__inverse_frequencies": (kv.F32S, [0.5, 0.5])})
with_traits("R-318-large", "a frequency of long texts above 1", "rope.long.inverse_frequencies",
            **{**LONG, "rope__long__inverse_frequencies": (kv.F32S, [1.5])})
SECOND = {"rope__second__inverse_frequencies": (kv.F32S, [0.5]), "rope__layers": (kv.U64S, [2])}
with_traits("R-318-no-second", "a layer rotates by second frequencies that are not there", "rope.layers",
            **{**SECOND, "rope__second__inverse_frequencies": None})
with_traits("R-318-second-count", "one second frequency too many", "rope.second.inverse_frequencies",
            **{**SECOND, "rope__second__inverse_frequencies": (kv.F32S, [0.5, 0.5])})
with_traits("R-318-second-large", "a second frequency above 1", "rope.second.inverse_frequencies",
            **{**SECOND, "rope__second__inverse_frequencies": (kv.F32S, [1.5])})
with_traits("R-317-windows", "a window without the feature", None, 0, attention__windows=(kv.U64S, [1]))
with_traits("R-317-cap", "a soft cap without the feature", None, 0, logits__soft_cap=(kv.F64, 30.0))
with_traits("R-319-type", "a multiplier that is a whole number", "residual.multiplier", residual__multiplier=(kv.U64, 2))
with_traits("R-319-zero", "a multiplier of 0", "logits.multiplier", logits__multiplier=(kv.F64, 0.0))
with_traits("R-319-negative", "a negative scale", "attention.scale", attention__scale=(kv.F64, -0.5))
with_traits("R-319-layers", "a layer too many", "rope.layers", rope__layers=(kv.U64S, [1, 1]))
with_traits("R-319-three", "a layer that is neither 0, 1 nor 2", "rope.layers", **{**SECOND, "rope__layers": (kv.U64S, [3])})
with_traits("R-319-windows", "a window too many", "attention.windows", attention__windows=(kv.U64S, [1, 1]))
with_traits("R-319-wide", "a window beyond the limit", "attention.windows", attention__windows=(kv.U64S, [(1 << 24) + 1]))
with_traits("R-319-window-type", "windows that are signed", "attention.windows", attention__windows=(kv.I64, 1))
with_traits("R-319-cap", "a soft cap of 0", "attention.soft_cap", attention__soft_cap=(kv.F64, 0.0))
with_traits("R-319-logits", "a soft cap that is a whole number", "logits.soft_cap", logits__soft_cap=(kv.U64, 30))
with_traits("R-319-above", "long texts begin at no position", "rope.long.above", **{**LONG, "rope__long__above": (kv.U64, 0)})

tensors = lambda name, about, at, data, **more: edited(name, about, TENSORS, at, data, **more)
names_at = lambda stored: struct.unpack_from("<Q", stored, 24)[0]
COUNT = len(model_tensors(configuration()))
tensors("R-320-magic", "no tensor table", 0, b"TENT")
tensors("R-320-version", "version 2", 4, u32(2))
tensors("R-320-stride", "entries of 64 bytes", 16, u32(64))
tensors("R-320-zero", "the reserved field", 20, u32(1))
tensors("R-320-names", "names that do not follow the entries", 24, u64(64))
tensors("R-320-length", "names that end outside the section", 32, u64((1 << 64) - 1))
tensors("R-320-reserved", "the last reserved byte", 63, b"\1")
cut_short("R-320-short", "63 bytes", TENSORS, 63)
tensors("R-321-none", "no tensor", 8, u64(0))
tensors("R-321-many", "more tensors than the limit", 8, u64((1 << 20) + 1))
tensors("R-322-place", "a name that does not follow the one before", 64 + 128, u32(0))
tensors("R-322-length", "a name of no bytes", 64 + 4, u32(0))
tensors("R-322-control", "a C0 control in a name", names_at, b"\t")
tensors("R-322-c1", "a C1 control in a name", names_at, b"\xc2\x85")
tensors("R-322-delete", "DEL in a name", names_at, b"\x7f")
tensors("R-322-utf8", "a name that is not UTF-8", names_at, b"\xff")
tensors("R-323-order", "the first name after the second", names_at, b"z", offset=64 + 128)


def behind_names():
    model = plain_model()
    draft = model.draft()
    draft.sections[1] = table(model.tensors, b"behind")
    return expect(draft, lambda file: section_of(file, TENSORS) + 32)


def twice():
    model = plain_model()
    model.tensors = model_tensors(model.config)
    model.tensors += [Tensor("model.norm.weight", (4,))]
    return expect(model.draft(), lambda file: section_of(file, TENSORS) + 64 + 128 * COUNT)


case("R-322-behind", "bytes behind the last name", behind_names)
case("R-323-twice", "a name twice", twice)


def tensor(name, about, at, data, form=((2, 40), "int4", 32, True), offset=None):
    """The entry of one more tensor, first by name, edited."""
    def make():
        model = plain_model()
        model.tensors = model_tensors(model.config) + [Tensor("a", *form, entry_edits=[(at, data)])]
        return expect(model.draft(), lambda file: section_of(file, TENSORS) + 64 + (at if offset is None else offset))
    case(name, about, make)


F32, VECTOR, INT8 = ((2, 3), "f32"), ((3,), "f32"), ((2, 40), "int8", 32)
tensor("R-324-encoding-0", "encoding 0", 8, u32(0))
tensor("R-324-permutation", "a permutation without its feature", 8, u32(6), VECTOR)
tensor("R-325-plain", "a plain matrix", 12, u32(1), F32)
tensor("R-325-tile", "a vector in tiles", 12, u32(2), VECTOR)
tensor("R-325-f16", "a vector of f16", 8, u32(2), VECTOR)
tensor("R-326-rank-0", "rank 0", 16, u32(0), VECTOR)
tensor("R-326-rank-5", "rank 5", 16, u32(5), F32)
tensor("R-326-zero", "a dimension of 0", 24, u64(0), F32)
tensor("R-326-beyond", "a dimension beyond the rank", 48, u64(2), F32)
tensor("R-326-elements", "more than 2^48 elements", 24, u64(1 << 48), F32)
tensor("R-327-group", "a group of 16", 56, u32(16))
tensor("R-327-float-group", "a group of floats", 56, u32(32), F32)
tensor("R-327-bits", "5 bits", 60, b"\5")
tensor("R-327-scale", "scales of another type", 61, b"\1")
tensor("R-327-zero", "zero points of another type", 62, b"\2")
tensor("R-327-codebook", "a codebook", 63, b"\1")
tensor("R-327-flag", "a flag that nobody knows", 20, u32(3))
tensor("R-327-asymmetric", "asymmetric int8", 20, u32(1), INT8)
tensor("R-328-first", "a reserved byte", 92, b"\1")
tensor("R-328-last", "the last reserved byte", 127, b"\1")
tensor("R-329-section", "a weights section that is not there", 64, u64(9))
tensor("R-330-unaligned", "an offset that is not a multiple of 64", 72, u64(32))
tensor("R-330-outside", "a tensor that ends outside", 72, u64(1 << 20))
tensor("R-330-overflow", "offset and length exceed 64 bits", 72, u64((1 << 64) - 64))
tensor("R-331-length", "one byte too long, and behind the section's end", 80, u64(2 * (8 * 32 + 48) + 1))
tensor("R-331-huge", "the most elements, in a small section", 24, u64(1 << 40) + u64(1 << 8), F32, offset=80)
tensor("R-332-overlap", "a tensor over another", 72, u64(0), offset=128 + 72)
tensor("R-333-permutation", "an input permutation without its feature", 88, u32(0))


def codebook(name, about, edits=(), features=(2, 0, 0), offset=63, levels=LEVELS):
    """The entry of one more tensor, which has a codebook, edited."""
    def make():
        model = plain_model()
        model.tensors = model_tensors(model.config)
        model.tensors.append(Tensor("a", (2, 40), "int4", 32, levels=levels, entry_edits=list(edits)))
        return expect(model.draft(features=features), lambda file: section_of(file, TENSORS) + 64 + offset)
    case(name, about, make)


codebook("R-334-codebook", "a codebook without its feature", features=(0, 0, 0))
codebook("R-335-order", "a level twice", levels=(*LEVELS[:7], -22, *LEVELS[8:]), offset=92)
codebook("R-335-minus-128", "a level of -128", levels=(-128, *LEVELS[1:]), offset=92)
codebook("R-335-last", "the last level below the one before", levels=(*LEVELS[:15], 88), offset=92)
codebook("R-328-behind-levels", "the first byte behind the levels", [(108, b"\1")], offset=108)
codebook("R-328-levels", "levels without a codebook", [(63, b"\0")], offset=92)
codebook("R-327-codebook-2", "a codebook that nobody knows", [(63, b"\2")])
codebook("R-327-codebook-int8", "int8 with a codebook", [(8, u32(4)), (60, b"\x08")])


def weights(name, about, change, offset):
    def make():
        draft = plain_model().draft()
        change(draft)
        return expect(draft, offset)
    case(name, about, make)


def longer(draft):
    section = of_kind(draft, WEIGHTS)
    section.stored += bytes(64)
    section.raw_length += 64


def unused(draft):
    draft.sections.append(Section(WEIGHTS, bytes(64), id=1))


def hole():
    """The last tensor stands 64 bytes further on."""
    model = plain_model()
    model.tensors = model_tensors(model.config)
    draft = model.draft()
    section, last = of_kind(draft, WEIGHTS), model.tensors[-1]
    section.stored = section.stored[:last.offset] + bytes(64) + section.stored[last.offset:]
    section.raw_length += 64
    last.offset += 64
    draft.sections[1] = table(model.tensors)
    return expect(draft, lambda file: section_of(file, TENSORS) + 64 + 128 * (COUNT - 1) + 72)


LAST = lambda file: section_of(file, TENSORS) + 64 + 128 * (COUNT - 1) + 80
weights("R-332-behind", "bytes behind the last tensor", longer, LAST)
weights("R-332-unused", "a weights section without a tensor", unused, lambda file: section_of(file, TENSORS))
case("R-332-hole", "64 bytes that belong to no tensor", hole)
