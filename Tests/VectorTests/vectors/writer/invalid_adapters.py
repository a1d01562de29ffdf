"""Invalid vectors of adapters (R-601, R-605, R-641 to R-644, R-705).

Owns: edits of an adapter section, which is sealed afterwards, and adapters that do not fit their base."""
import math
import struct

from .adapters import adapter_id, adapter_section
from .cases import case, expect, section_of
from .container import ADAPTER
from .valid import plain_model

u16, u32, u64, f64 = (struct.Struct(f).pack for f in ("<H", "<I", "<Q", "<d"))
LAYER = "model.layers.0."
TARGETS = [(LAYER + "mlp.up_proj.weight", (4, 4), "f16", 17, 16.0), (LAYER + "self_attn.q_proj.weight", (4, 4), "f32", 2, 4.0)]
NAME = "notes"
NAMES = 128 + 64 * len(TARGETS)
DATA = -(-(NAMES + len(NAME) + sum(len(t[0]) for t in TARGETS)) // 64) * 64
A_OF_UP = DATA          # f16 [17, 4]: two tiles of 4 records of 32 bytes
SECOND = 128 + 64       # the second target's entry


def adapted(name, about, change=None, offset=0, targets=TARGETS, stage="verify", digest=None, **more):
    """A model with one adapter, whose bytes are changed before the file is sealed."""
    def make():
        model = plain_model()
        first = model.draft()
        first.build()
        section, _ = adapter_section(NAME, digest or first.digests["model"], targets, **more)
        if change:
            stored = bytearray(section.stored)
            change(stored)
            section.stored = bytes(stored)
            section.raw_length = len(stored)
        model.others = [section]
        return expect(model.draft(), lambda file: section_of(file, ADAPTER, section.id) + offset)
    case(name, about, make, stage)


def put(at, data):
    def change(stored):
        stored[at:at + len(data)] = data
    return change


def word(name, about, at, data, offset=None):
    adapted(name, about, put(at, data), at if offset is None else offset)


word("R-641-magic", "no adapter", 0, b"NOPE")
word("R-641-version", "a version that nobody knows", 4, u32(2))
word("R-641-no-targets", "no targets", 8, u32(0))
word("R-641-targets", "more targets than the limit", 8, u32(65537))
word("R-641-stride", "targets of 128 bytes", 12, u32(128))
word("R-641-flag", "a second flag", 16, u32(2))
word("R-641-name-empty", "an empty name", 20, u32(0))
word("R-641-name-long", "a name of 256 bytes", 20, u32(256))
word("R-641-names-place", "names inside the targets", 24, u64(NAMES - 64))
word("R-641-names-length", "names that end at the end of 64 bits", 32, u64((1 << 64) - 1), 24)
word("R-641-data-place", "data that do not follow the names", 40, u64(DATA + 64))
word("R-641-data-length", "data that end outside", 48, u64(1 << 60))
word("R-641-reserved", "a reserved byte", 56, b"\1")
word("R-641-reserved-end", "a reserved byte behind the digest", 127, b"\1")
word("R-641-padding", "a byte behind the names", DATA - 1, b"\1")
word("R-641-control", "a name with a line end", NAMES, b"\n")
word("R-641-utf8", "a name that is not UTF-8", NAMES + 3, b"\xff")
word("R-641-target-name", "a target whose name is the one before", SECOND, u32(0))
word("R-641-encoding", "an encoding with scales", SECOND + 8, u32(5))
word("R-641-rank", "rank 0", SECOND + 12, u32(0))
word("R-641-rank-limit", "rank 1,025", SECOND + 12, u32(1025))
word("R-641-inputs", "no inputs", SECOND + 24, u64(0))
word("R-641-outputs", "more outputs than there can be", SECOND + 32, u64(1 << 48), SECOND + 24)
word("R-641-a", "A inside what is before it", SECOND + 40, u64(0))
word("R-641-b", "B at no multiple of 64", SECOND + 48, u64(520))
word("R-641-b-overflow", "B at the end of 64 bits", SECOND + 48, u64((1 << 64) - 64))
word("R-641-target-reserved", "a reserved byte of a target", SECOND + 63, b"\1")
adapted("R-641-id", "the id of another name", identifier=adapter_id("codes"), offset=20)
adapted("R-641-order", "targets that do not ascend", put(NAMES + len(NAME), b"z"), SECOND)
adapted("R-641-rest", "bytes behind the last matrix", lambda stored: (stored.extend(bytes(64)), put(
    48, u64(len(stored) - DATA))(stored)), 48)
adapted("R-641-short", "127 bytes", lambda stored: stored.__delitem__(slice(127, None)), 0)

adapted("R-642-missing", "a target that the base lacks", targets=[(LAYER + "mlp.wide_proj.weight", (4, 4), "f32", 2, 4.0)],
        offset=128)
adapted("R-642-shape", "a target of another shape", targets=[*TARGETS[:1], (TARGETS[1][0], (4, 3), "f32", 2, 4.0)],
        offset=SECOND)
adapted("R-642-vector", "a target that is a vector", targets=[("model.norm.weight", (1, 4), "f32", 2, 4.0)], offset=128)
adapted("R-643-base", "an adapter of another model", digest=bytes(range(32)), offset=64)
word("R-644-alpha", "an alpha that is not a number", 128 + 16, f64(math.nan))
word("R-644-infinite", "an infinite alpha", 128 + 16, f64(math.inf))
word("R-644-scale", "an alpha whose scale is no f32", 128 + 16, f64(1e300))

adapted("R-601-adapter", "an infinite value of A", put(A_OF_UP, u16(0x7C00)), A_OF_UP)
adapted("R-605-adapter", "padding of A that is not zero", put(A_OF_UP + 128 + 2, b"\1"), A_OF_UP)
adapted("R-705-embedding", "an adapter of the embedding", targets=[("model.embed_tokens.weight", (24, 4), "f32", 2, 4.0)],
        stage="run", offset=128)
