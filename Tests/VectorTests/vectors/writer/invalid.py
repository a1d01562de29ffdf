"""The invalid vectors: each breaks one rule, and the digests above the break are right.

Owns: the list. A name begins with its rule; its truth says when a reader must notice, and where the broken field is.
The vectors of sections' contents are in invalid_sections.py, invalid_values.py and invalid_adapters.py."""
import struct

from . import keyvalues as kv
from .container import PAGE, Draft, FREE, PROVENANCE, TEXT, Section, seal_page, sha
from .cases import INVALID, case, expect, table_of
from .valid import plain_model

u32, u64 = struct.Struct("<I").pack, struct.Struct("<Q").pack


def small(*sections, **more):
    """A file with texts only: what comes before R-216 needs no model."""
    return Draft(list(sections) or [Section(TEXT, b"a text", id=1), Section(TEXT, b"another", id=2)], **more)


def model(**more):
    return plain_model().draft(**more)


def patched(draft, hook, at, data):
    """The draft with a hook that writes `data` at `at` of a page."""
    def change(page):
        page[at:at + len(data)] = data
    setattr(draft, hook, change)
    return draft


def identity(name, about, at, data, offset=None):
    case(name, about, lambda: expect(patched(small(), "identity_hook", at, data), at if offset is None else offset))


def root(name, about, at, data):
    case(name, about, lambda: expect(patched(small(), "root_hook", at, data), PAGE + at))


def sealed(name, about, change, offset, draft=small, stage="open"):
    """A change of the finished bytes: nothing is sealed again."""
    def make():
        made = draft()
        made.sealed_hook = change
        return expect(made, offset)
    case(name, about, make, stage)


def put(at, data):
    def change(file):
        file[at:at + len(data)] = data
    return change


def cut(length):
    def change(file):
        del file[length:]
    return change


def flip(at):
    def change(file):
        file[at] ^= 1
    return change


sealed("R-101-short", "one byte less than identity and slots", cut(12287), 12287)
sealed("R-101-empty", "a file of no bytes", cut(0), 0)
sealed("R-102-magic", "another magic", put(0, b"GGUF"), 0)
sealed("R-102-text-mode", "a carriage return was lost", lambda file: file.__delitem__(5), 0)
sealed("R-103-byte-order", "a big-endian byte order mark", put(12, b"\1\2\3\4"), 12)
sealed("R-104-damaged", "a bit of the identity page flipped", flip(40), 4064)
identity("R-105-major-2", "a later major version", 16, b"\2\0")
identity("R-105-major-0", "major version 0", 16, b"\0\0")
identity("R-106-input-permutations", "the feature that 1.0 names and a reader need not know", 24, b"\1")
identity("R-106-feature-63", "a feature that nobody knows", 31, b"\x80", offset=24)
identity("R-107-word", "the reserved word", 20, b"\1")
identity("R-107-first", "the first reserved byte of the long field", 48, b"\1")
identity("R-107-last", "the last reserved byte", 4063, b"\x80")

sealed("R-110-no-root", "both slots are empty", put(PAGE, bytes(2 * PAGE)), 4096)
sealed("R-111-magic", "a slot that does not start with VIALROOT", put(PAGE, b"VIALRO0T"), 4096)
sealed("R-111-damaged", "a bit of the only slot flipped", flip(PAGE + 100), 4096)
sealed("R-111-slot-b", "slot A empty, slot B damaged", lambda file: (put(2 * PAGE, file[PAGE:2 * PAGE - 1] + b"x")(file),
                                                                     put(PAGE, bytes(PAGE))(file)), 8192)
sealed("R-111-both", "both slots damaged: slot A is reported", put(PAGE, b"A" * PAGE + b"B" * PAGE), 4096)
sealed("R-111-spare", "a damaged spare slot opens and is reported by verifying", put(2 * PAGE, b"VIALROOT"), 8192, model,
       "verify")
root("R-112-generation-0", "generation 0", 8, u64(0))
root("R-113-stride", "entries of 64 bytes", 36, u32(64))
root("R-113-no-sections", "no section", 32, u32(0))
root("R-113-too-many", "more sections than the limit", 32, u32(65537))
root("R-113-length", "a length that is not 128 times the sections", 24, u64(257))
root("R-113-unaligned", "an offset that is not a multiple of 64", 16, u64(12289))
root("R-113-early", "a table inside the slots", 16, u64(8192))
case("R-113-overflow", "offset and length exceed 64 bits",
     lambda: expect(patched(small(), "root_hook", 16, u64((1 << 64) - 64)), PAGE + 40))
root("R-113-not-last", "a file that goes on behind the table", 40, u64(1 << 20))
sealed("R-114-truncated", "one byte is missing", lambda file: file.pop(), 4096 + 40)
root("R-115-first", "a reserved byte", 48, b"\1")
root("R-115-last", "the last reserved byte", 4063, b"\1")
sealed("R-116-same-generation", "two valid slots of one generation", lambda file: put(8192, file[4096:8192])(file), 4104)


def unfinished():
    """Slot B is newer and complete, but its section table was never written."""
    made = model()
    def change(file):
        page = bytearray(file[PAGE:2 * PAGE])
        start = len(file) + -len(file) % 64
        length, = struct.unpack_from("<Q", page, 24)
        page[8:24], page[40:48] = u64(2) + u64(start), u64(start + length)
        seal_page(page)
        file[2 * PAGE:3 * PAGE] = page
    made.sealed_hook = change
    return expect(made, 2 * PAGE + 40)


def tail():
    made = model()
    made.sealed_hook = lambda file: file.append(0)
    return expect(made, lambda data: len(data) - 1)


case("R-114-spare", "a newer slot whose table was not written: the older root is used, verifying reports", unfinished, "verify")
case("R-117-tail", "one zero behind the end of the file", tail, "verify")


def entry(name, about, at, data, index=1, sections=None, offset=None, start=None):
    """Bytes of the section table's entry `index` replaced before anything is sealed."""
    def make():
        made = small(*(sections() if sections else ()))
        def change(rows, _):
            rows[index][at:at + len(data)] = data
        made.entries_hook = change
        field = lambda file: table_of(file) + 128 * index + (at if offset is None else offset)
        return expect(made, start or field)
    case(name, about, make)


def beside(section):
    return lambda: [Section(TEXT, b"a text", id=1), section]


def wide():
    """The second section stands 4,096 bytes behind the first."""
    return [Section(TEXT, b"a text", id=1), Section(TEXT, b"another", id=2, alignment=4096)]


case("R-201-table", "a bit of the table flipped", lambda: expect(patched(small(), "table_hook", 44, b"\x80"), table_of))
entry("R-202-kind-0", "kind 0", 0, u32(0))
entry("R-203-flag", "a reserved flag", 7, b"\x80", offset=4)
entry("R-203-first", "a reserved byte", 52, b"\1")
entry("R-203-last", "the last reserved byte", 127, b"\1")
entry("R-204-small", "an alignment of 32", 44, u32(32))
entry("R-204-large", "an alignment of 2 MiB", 44, u32(2 << 20))
entry("R-204-odd", "an alignment of 192", 44, u32(192))
entry("R-204-offset", "an offset that the alignment does not divide", 44, u32(8192), index=0, offset=16)
entry("R-205-empty", "a section of no bytes", 24, bytes(16))
entry("R-205-early", "a section inside the slots", 16, u64(8192), index=0)
entry("R-205-late", "a section that ends inside the table", 24, u64(128) * 2)
entry("R-205-overflow", "offset and length exceed 64 bits", 16, u64((1 << 64) - 4096) + u64(8192) * 2, offset=24)
entry("R-206-overlap", "two sections at one place", 16, u64(12288))
entry("R-206-order", "the second entry lies before the first", 16, u64(12288), sections=lambda: [
    Section(TEXT, b"a text", id=1, alignment=64), Section(TEXT, b"another", id=2)])
entry("R-207-gap", "a gap as long as the alignment", 44, u32(64), sections=wide, start=lambda file: 12288 + 6)
entry("R-208-twice", "kind and id twice", 8, u64(1), offset=0)
entry("R-209-text", "a text of codec 2", 40, u32(2))
entry("R-209-provenance", "a compressed section of a kind that cannot be", 40, u32(1),
      sections=beside(Section(PROVENANCE, kv.encode({}))))
entry("R-210-raw", "a raw section whose lengths differ", 32, u64(8))
entry("R-210-ratio", "more than 255 bytes for each stored byte", 32, u64(255 * 8) + u32(1))
entry("R-210-huge", "more than 256 MiB", 32, u64((1 << 28) + 1) + u32(1))
entry("R-211-chunk", "chunks of 2 MiB", 48, u32(21))
entry("R-212-required", "a required section of an unknown kind", 0, u32(13) + u32(1))
entry("R-213-required", "a text that is required", 4, u32(1))
entry("R-213-model", "a text in the model digest", 4, u32(2))
entry("R-215-id", "a provenance with an id", 8, u64(1), sections=beside(Section(PROVENANCE, kv.encode({}))))
entry("R-219-free-digest", "a free section with a digest", 64, sha(b"x"), sections=beside(Section(FREE, b"old", id=1)))
root("R-217-model-digest", "another model digest", 64, sha(b"x"))
root("R-218-file-digest", "another file digest", 96, sha(b"x"))
case("R-207-table", "a gap of 64 before the table", lambda: expect(small(), 12288 + 64 + 7, table_padding=64))
case("R-214-weights", "weights aligned to 4,096", lambda: weights_at(4096))


def weights_at(alignment):
    made = model()
    made.sections[-1].alignment = alignment
    index = len(made.sections) - 1
    return expect(made, lambda file: table_of(file) + 128 * index + 44)


def without(kind):
    def make():
        made = model()
        made.sections = [s for s in made.sections if s.kind != kind]
        return expect(made, table_of)
    return make


case("R-216-no-model", "a file without any section of a model", lambda: expect(small(), table_of))
case("R-216-no-configuration", "no configuration", without(1))
case("R-216-no-tensors", "no tensor table", without(2))
case("R-216-no-weights", "no weights", without(3))
case("R-216-no-tokenizer", "no tokenizer", without(4))

from . import invalid_prompts, invalid_sections, invalid_values  # noqa: E402,F401  (they add their cases)
from . import invalid_adapters  # noqa: E402,F401  (after them: the first vector of a rule is a file)


def build_invalid(name):
    """(bytes, truth) of a vector."""
    about, make, stage = INVALID[name]
    data, offset = make()
    return data, {"about": about, "rule": int(name[2:5]), "stage": stage, "offset": offset}
