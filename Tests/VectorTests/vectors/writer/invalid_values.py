"""Invalid vectors of what verifying reads and of what a program that computes needs (R-220 to R-223, R-4xx to R-7xx).

Owns: edits of digests, weights, texts, tokenizer, chat template, and models that lack something."""
import struct

from . import keyvalues as kv
from .cases import case, expect, section_of
from .container import CHAT, CHUNKS, CONFIGURATION, SIGNATURE, TENSORS, TEXT, TOKENIZER, WEIGHTS, Section
from .invalid_sections import cut_short, edited
from .lz4 import frame
from .model import model_tensors, of_kind, text_section
from .signing import ORDER, signature_section
from .tensors import Tensor
from .tokenizers import CHAT_PROGRAM, chat_section, chat_truth, program
from .valid import plain_model, two_chunks

u16, u32, u64 = (struct.Struct(f).pack for f in ("<H", "<I", "<Q"))


def damaged(name, about, kind, at, stage, build=plain_model, offset=0):
    """A bit flips after everything was sealed."""
    def make():
        draft = build().draft()
        def change(file):
            file[section_of(file, kind) + at] ^= 1
        draft.sealed_hook = change
        return expect(draft, lambda file: section_of(file, kind) + offset)
    case(name, about, make, stage)


def with_text():
    model = plain_model()
    model.texts = [text_section(0, b"a text")]
    return model


def with_chat():
    model = plain_model()
    model.chats = [(chat_section(), chat_truth())]
    return model


damaged("R-220-configuration", "a bit of the configuration flipped", CONFIGURATION, 200, "open")
damaged("R-220-tensors", "a bit of the tensor table flipped", TENSORS, 100, "open")
damaged("R-220-weights", "a bit of a weight flipped", WEIGHTS, 0, "verify")
damaged("R-220-tokenizer", "a bit of a token flipped", TOKENIZER, 258, "verify")
damaged("R-220-text", "a bit of a text flipped", TEXT, 0, "verify", with_text)


def gap(kind, before):
    def make():
        draft = plain_model().draft()
        def change(file):
            file[section_of(file, kind) - before] = 1
        draft.sealed_hook = change
        return expect(draft, lambda file: section_of(file, kind) - before)
    return make


def needless_chunks():
    draft = plain_model().draft()
    draft.sections.append(Section(CHUNKS, b"CHNK" + struct.pack("<III", 1, 0, 32)))
    return expect(draft, lambda file: section_of(file, CHUNKS))


case("R-221-gap", "a byte between sections", gap(WEIGHTS, 1), "verify")
case("R-222-needless", "chunk digests, and no section has chunks", needless_chunks, "verify")
edited("R-223-leaf", "a leaf that is not right", CHUNKS, 48 + 33, b"\0", two_chunks, offset=48 + 32, stage="verify")

word = lambda name, about, at, data, offset=None: edited(name, about, TOKENIZER, at, data, offset=offset, stage="verify")
cut_short("R-400-short", "255 bytes", TOKENIZER, 255, "verify")
word("R-401-version", "layout version 2", 0, u32(2))
word("R-402-reserved", "a reserved byte", 255, b"\1")
word("R-403-kind", "kind 3", 4, u32(3))
word("R-403-normaliser", "normaliser 3", 8, u32(3))
word("R-403-pre-tokenizer", "pre-tokenizer 11", 12, u32(11))
word("R-403-decoder", "decoder 0", 16, u32(0))
word("R-404-flag", "flag 10", 20, u32(1 << 10))
word("R-405-no-ids", "no ids", 24, u32(0))
word("R-405-ids", "more ids than the limit", 24, u32((1 << 24) + 1))
word("R-405-merges", "more merges than the limit", 28, u32((1 << 25) + 1))
word("R-405-added", "more added tokens than the limit", 32, u32(65537))
word("R-405-before", "more added tokens before normalisation than there are", 36, u32(4))
word("R-405-longest", "a token longer than the limit", 156, u32(65537))
word("R-406-unknown", "an unknown token that is none", 40, u32(18))
word("R-406-padding", "a padding token that is none", 52, u32(0xFFFFFFFE))
word("R-407-count", "nine tokens in front", 56, u32(9))
word("R-407-token", "a token behind a text that is none", 96, u32(18))
word("R-407-unused", "an unused place that is not zero", 64 + 28, u32(1))
word("R-408-bits", "a table of 2^29 slots", 128, u32(29))
word("R-408-bits-0", "a table of one slot", 136, u32(0))
word("R-408-search", "a search of 4,097 slots", 140, u32(4097))
word("R-409-unicode", "other Unicode tables", 152, u32(0x17000900))
word("R-410-unaligned", "a column at a multiple of 4", 176, u64(260))
word("R-410-header", "a column inside the header", 208, u64(128))
word("R-411-outside", "a column that ends outside", 240, u64(1 << 40), offset=232)
word("R-411-overflow", "a column at the end of 64 bits", 192, u64((1 << 64) - 8))
word("R-411-table", "a hash table larger than the section", 136, u32(28), offset=192)

chat = lambda name, about, at, data, offset=None: edited(name, about, CHAT, at, data, with_chat, offset, "verify")
cut_short("R-500-short", "63 bytes", CHAT, 63, "verify", with_chat)


def long_chat():
    model = plain_model()
    section = chat_section()
    section.stored = section.stored.ljust((1 << 20) + 1, b"\0")
    section.raw_length = len(section.stored)
    model.chats = [(section, chat_truth())]
    return expect(model.draft(), lambda file: section_of(file, CHAT))


case("R-500-long", "a byte more than 1 MiB", long_chat, "verify")
chat("R-501-version", "program version 2", 0, u32(2))
chat("R-502-reserved", "the reserved word", 20, u32(1))
chat("R-502-last", "the last reserved byte", 63, b"\1")
chat("R-503-no-instructions", "no instructions", 4, u32(0))
chat("R-503-instructions", "4,097 instructions", 4, u32(4097))
chat("R-503-literals", "2,049 literals", 8, u32(2049))
chat("R-503-pool", "a pool of 65,537 bytes", 12, u32(65537))
chat("R-503-slots", "129 slots", 16, u32(129))
chat("R-504-unaligned", "instructions at a multiple of 4", 24, u64(68))
chat("R-504-literals", "literals that end outside", 32, u64(1 << 20))
chat("R-504-pool", "a pool at the end of 64 bits", 40, u64((1 << 64) - 1))
chat("R-505-literal", "a literal that ends outside the pool", 64 + 8 * len(CHAT_PROGRAM[0]) + 4, u32(100),
     offset=64 + 8 * len(CHAT_PROGRAM[0]))


def instruction(name, about, code, at, literals=("x",), slots=1):
    """A program whose instruction 0, 1 … `at` is the broken one."""
    def make():
        model = plain_model()
        section = chat_section()
        section.stored = program(code, literals, slots)
        section.raw_length = len(section.stored)
        model.chats = [(section, None)]
        return expect(model.draft(), lambda file: section_of(file, CHAT) + 64 + 8 * at)
    case(name, about, make, "verify")


instruction("R-506-operation", "operation 64", [(64, 0, 0)], 0)
instruction("R-507-literal", "a literal that is not there", [(1, 0, 1)], 0)
instruction("R-507-slot", "a slot that is not there", [(6, 0, 1)], 0)
instruction("R-507-loop-slot", "a loop's slot that is not there", [(8, 0, 0), (18, 0, 0), (19, 1, 3), (0, 0, 0)], 2)
instruction("R-507-field", "field 2", [(10, 0, 2)], 0)
instruction("R-507-loop-value", "loop value 9", [(21, 0, 9)], 0)
instruction("R-507-kind", "kind 9", [(32, 0, 9)], 0)
instruction("R-507-strip", "characters that are not there", [(29, 3, 1)], 0)
instruction("R-507-strip-side", "a strip of no side", [(29, 0, 0xFFFFFFFF)], 0)
instruction("R-507-split-side", "a split's third part", [(30, 2, 0)], 0)
instruction("R-507-affix-side", "an affix in the middle", [(31, 2, 0)], 0)
instruction("R-507-case", "a sixth case", [(43, 5, 0)], 0)
instruction("R-507-find-side", "a find's third side", [(54, 2, 0)], 0)
instruction("R-507-selection", "a fifth selection", [(49, 4, 0)], 0)
instruction("R-507-parts", "a separator that is not there", [(40, 0, 1)], 0)
instruction("R-507-fields", "a third field", [(53, 2, 0)], 0)
instruction("R-507-member", "a member that nothing names", [(57, 0, 1)], 0)
instruction("R-507-member-choice", "a member's third choice", [(57, 2, 0)], 0)
instruction("R-507-pairs", "a sixth part of an object", [(59, 5, 0)], 0)
instruction("R-507-plain", "a fifth kind of conversation", [(63, 4, 0)], 0)
instruction("R-507-kept-slots", "a call that keeps a slot that is not there", [(0, 0, 0), (61, 2, 0)], 1)
instruction("R-508-self", "a jump to itself", [(14, 0, 0)], 0)
instruction("R-508-back", "a jump back", [(0, 0, 0), (15, 0, 0)], 1)
instruction("R-508-end", "a jump behind the last instruction", [(14, 0, 1)], 0)
instruction("R-508-call", "a call behind the last instruction", [(61, 1, 1)], 0)
instruction("R-508-loop-back", "a way back to what is no loop", [(0, 0, 0), (20, 0, 0)], 1)

QUANTIZED = {"int4": ((17, 33), "int4", 32, True), "int8": ((17, 33), "int8", 32, False), "f16": ((17, 2), "f16"),
             "f32": ((17, 2), "f32"), "bf16": ((17, 2), "bf16"), "plain": ((33,), "int4", 32)}


def weight(name, about, form, at, data, offset=0):
    """Bytes of a tensor that stands first in the weights; the report names the tensor's start."""
    def build():
        model = plain_model()
        model.tensors = [Tensor("a", *form)] + model_tensors(model.config)
        return model
    edited(name, about, WEIGHTS, at, data, build, offset, "verify")


INT4, INT8 = QUANTIZED["int4"], QUANTIZED["int8"]
NAN16, R4, R8 = u16(0x7E00), 8 * 32 + 48, 16 * 32 + 32
weight("R-601-f32", "an infinite f32", QUANTIZED["f32"], 0, u32(0x7F800000))
weight("R-601-f16", "an f16 that is no number", QUANTIZED["f16"], 2, NAN16)
weight("R-601-bf16", "an infinite bf16", QUANTIZED["bf16"], 32, u16(0xFF80))
weight("R-601-vector", "an infinite number in a vector", ((5,), "f32"), 16, u32(0xFF800000))
weight("R-602-int4", "an infinite scale", INT4, 256, u16(0x7C00))
weight("R-602-int8", "a scale that is no number", INT8, 512 + 2, NAN16)
weight("R-603-zero", "a zero point of 16", INT4, 256 + 32, b"\x10")
weight("R-604-int8", "an int8 of -128", INT8, 0, b"\x80")
weight("R-605-f32-row", "a row of padding that is not zero", QUANTIZED["f32"], 2 * 64 + 4, u32(1))
weight("R-605-f16-row", "a row of padding that is -0", QUANTIZED["f16"], 2 * 32 + 2, u16(0x8000))
weight("R-605-int4-row", "a weight of padding that is not 8", INT4, 2 * R4 + 4, b"\x89")
weight("R-605-int4-scale", "a scale of padding that is not zero", INT4, 2 * R4 + 256 + 2, u16(1))
weight("R-605-int4-zero", "a zero point of padding that is not 8, and its weights are",
       INT4, 2 * R4 + 256 + 33, b"\7")
weight("R-605-int8-column", "a weight of a column of padding", INT8, R8 + 1, b"\1")
weight("R-605-int8-row", "a weight of a row of padding", INT8, 2 * R8 + 4, b"\1")


def between_tensors():
    model = plain_model()
    draft = model.draft()
    vector = next(t for t in model.tensors if len(t.shape) == 1)  # 16 bytes, then zeros up to 64
    section = of_kind(draft, WEIGHTS)
    stored = bytearray(section.stored)
    stored[vector.offset + 16 + 5] = 1
    section.stored = bytes(stored)
    return expect(draft, lambda file: section_of(file, WEIGHTS) + vector.offset + 21)


case("R-606-gap", "a byte between tensors", between_tensors, "verify")

TEXT_BYTES = b"a text that is long enough to be compressed, " * 8


def text(name, about, stored, raw_length=None, codec=1):
    def make():
        model = plain_model()
        model.texts = [Section(TEXT, stored, codec=codec, raw_length=len(TEXT_BYTES) if raw_length is None else raw_length)]
        return expect(model.draft(), lambda file: section_of(file, TEXT))
    case(name, about, make, "verify")


GOOD = frame(TEXT_BYTES)
text("R-607-magic", "no frame", b"\x05" + GOOD[1:])
text("R-607-checksum", "a content checksum that is wrong", GOOD[:-1] + bytes([GOOD[-1] ^ 1]))
text("R-607-cut", "a frame without its end", GOOD[:-8])
text("R-607-two", "a second frame", GOOD + frame(b""))
text("R-607-skippable-before", "a skippable frame in front", struct.pack("<II", 0x184D2A50, 0) + GOOD)
text("R-607-skippable-behind", "a skippable frame behind", GOOD + struct.pack("<II", 0x184D2A50, 0))
text("R-607-dictionary", "a frame that names a dictionary", frame(TEXT_BYTES, dictionary=7))
text("R-607-short", "a frame that gives less than the raw length", GOOD, len(TEXT_BYTES) + 1)
text("R-607-long", "a frame that gives more than the raw length", frame(TEXT_BYTES, size=False), len(TEXT_BYTES) - 1)
text("R-608-raw", "a raw text that is not UTF-8", b"a\xff", 2, 0)
text("R-608-compressed", "a compressed text that is not UTF-8", frame(b"\xed\xa0\x80" * 20), 60)


def model_case(name, about, change, offset):
    """A model that is whole and lacks what its architecture needs."""
    def make():
        model = plain_model()
        model.tensors = model_tensors(model.config)
        change(model)
        return expect(model.draft(), offset)
    case(name, about, make, "run")


def reshaped(name, shape):
    def change(model):
        model.tensors = [Tensor(name, shape) if t.name == name else t for t in model.tensors]
    return change


def entry_of(name):
    names = sorted(t.name for t in model_tensors(plain_model().config))
    return lambda file: section_of(file, TENSORS) + 64 + 128 * names.index(name)


def signed_badly(name, about, change=None, identifier=None, comment="by everybody"):
    """A signature of the model's own digests, changed before its section is sealed."""
    def make():
        model = plain_model()
        first = model.draft()
        first.build()
        more = {} if identifier is None else {"identifier": identifier}
        section, _ = signature_section(first.digests["file"], first.digests["model"], comment, **more)
        if change:
            stored = bytearray(section.stored)
            change(stored)
            section.stored = bytes(stored)
            section.raw_length = len(stored)
        model.others = [section]
        return expect(model.draft(), lambda file: section_of(file, SIGNATURE, section.id))
    case(name, about, make, "verify")


def put(at, value):
    def change(stored):
        stored[at:at + len(value)] = value
    return change


def larger(stored):
    """The group's order is added to s: the same point, another number."""
    s = int.from_bytes(stored[144:176], "little") + ORDER
    stored[144:176] = s.to_bytes(32, "little")


signed_badly("R-651-signature", "a bit of the signature flips", put(113, b"\x5a"))
signed_badly("R-651-comment", "a comment that nobody signed", put(176, b"B"))
signed_badly("R-651-length", "a comment that is longer than its section", put(12, u32(13)))
signed_badly("R-651-utf8", "a comment that is not UTF-8", put(177, b"\xff"))
signed_badly("R-651-version", "a version that nobody knows", put(4, u32(2)))
signed_badly("R-651-id", "the id of another key", identifier=7)
signed_badly("R-651-large-s", "s is not below the group's order", larger)
signed_badly("R-651-magic", "no signature", put(0, b"NOPE"))

def more_ids(name, about, count):
    """Ids without tokens at the end of the tokenizer, until it has `count`."""
    def make():
        model = plain_model()
        model.tokenizer.tokens += [None] * (count - len(model.tokenizer.tokens))
        return expect(model.draft(), lambda file: section_of(file, TOKENIZER) + 24)
    case(name, about, make, "verify")


at_configuration = lambda file: section_of(file, CONFIGURATION)
model_case("R-701-architecture", "an architecture that nobody knows",
           lambda m: m.config.update({"architecture": (kv.TEXT, "mamba_9")}), at_configuration)
model_case("R-702-bias", "a mistral with biases",
           lambda m: m.config.update({"architecture": (kv.TEXT, "mistral"), "attention.qkv_bias": (kv.BOOL, 1)}),
           at_configuration)
model_case("R-702-none", "a qwen2 without biases", lambda m: m.config.update({"architecture": (kv.TEXT, "qwen2")}),
           at_configuration)
model_case("R-703-missing", "no final norm", lambda m: m.tensors.pop(), lambda file: section_of(file, TENSORS))
model_case("R-704-rows", "an embedding with a row too many", reshaped("model.embed_tokens.weight", (25, 4)),
           entry_of("model.embed_tokens.weight"))
model_case("R-704-rank", "a norm that is a matrix", reshaped("model.norm.weight", (1, 4)), entry_of("model.norm.weight"))
more_ids("R-706-ids", "one id more than the vocabulary of 24", 25)
more_ids("R-706-many", "thousands of ids beyond the vocabulary", 5000)
