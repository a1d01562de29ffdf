"""Identity, root slots, section table and digests: FORMAT.md, "Identity" to "Digests" and "Opening a file" 1 to 5.

Owns: everything that holds for a file whatever its sections mean. Must not: look into a section."""
import hashlib
from dataclasses import dataclass, field

from .fields import Fields, Refusal, require

MAGIC = bytes.fromhex("8956 4941 4C0D 0A1A 0A00 0000")
KNOWN_MAJOR, KNOWN_MINOR = 1, 0
PAGE, FIRST_SECTION, ENTRY = 4096, 12288, 128
CHUNK = 1 << 20
# The incompatible features that this reader knows.
CODEBOOKS, TEMPLATE_OPERATIONS, TEMPLATE_FIELDS, LAYER_TRAITS = 2, 4, 8, 16
KNOWN_FEATURES = CODEBOOKS | TEMPLATE_OPERATIONS | TEMPLATE_FIELDS | LAYER_TRAITS
REQUIRED, MODEL = 1, 2
CONFIGURATION, TENSORS, WEIGHTS, TOKENIZER, CHAT, PROMPT, ADAPTER = 1, 2, 3, 4, 5, 6, 7
PROVENANCE, CHUNKS, TEXT, SIGNATURE, FREE = 8, 9, 10, 11, 12
FLAGS = {kind: REQUIRED | MODEL if kind <= TOKENIZER else 0 for kind in range(1, 13)}
SINGLE = {CONFIGURATION, TENSORS, TOKENIZER, PROVENANCE, CHUNKS}


@dataclass
class Section:
    kind: int
    flags: int
    id: int
    offset: int
    stored: int
    raw: int
    codec: int
    alignment: int
    digest: bytes
    entry: int  # offset of its entry in the file

    @property
    def end(self):
        return self.offset + self.stored

    @property
    def chunk_count(self):
        return -(-self.stored // CHUNK)


@dataclass
class Slot:
    name: str
    base: int
    generation: int = 0
    table_offset: int = 0
    table_length: int = 0
    section_count: int = 0
    file_length: int = 0
    empty: bool = False
    refusal: Refusal = None


@dataclass
class Container:
    data: memoryview
    minor: int = 0
    features: tuple = ()
    slots: list = field(default_factory=list)
    root: Slot = None
    sections: list = field(default_factory=list)
    model_digest: bytes = b""
    file_digest: bytes = b""

    def of_kind(self, kind):
        return [s for s in self.sections if s.kind == kind]

    def bytes_of(self, section):
        return self.data[section.offset:section.end]


def open_container(data):
    """Steps 1 to 5 of "Opening a file"; raises the first Refusal."""
    file = Container(memoryview(data))
    require(len(data) >= FIRST_SECTION, 101, len(data), "the file is shorter than identity and root slots")
    head = bytes(file.data[:FIRST_SECTION])
    _read_identity(file, Fields(head[:PAGE], 0, 101))
    file.slots = [_read_slot(file, head, name, base) for name, base in (("A", PAGE), ("B", 2 * PAGE))]
    file.root = _current_root(file.slots)
    _read_table(file, head)
    _check_root_digests(file, head)
    return file


def _read_identity(file, page):
    require(page.bytes(0, 12) == MAGIC, 102, 0, "not a .vial file")
    require(page.bytes(12, 4) == bytes([4, 3, 2, 1]), 103, 12, "the byte order mark is wrong")
    require(hashlib.sha256(page.bytes(0, 4064)).digest() == page.bytes(4064, 32), 104, 4064,
            "the identity page does not match its SHA-256")
    require(page.u16(16) == KNOWN_MAJOR, 105, 16, "the major version is unknown")
    file.minor = page.u16(18)
    file.features = (page.u64(24), page.u64(32), page.u64(40))
    require(file.features[0] & ~KNOWN_FEATURES == 0, 106, 24,
            "the file uses an incompatible feature that this reader does not know")
    if file.minor <= KNOWN_MINOR:
        page.require_zero(20, 4, 107, "a reserved byte of the identity page is not zero")
        page.require_zero(48, 4016, 107, "a reserved byte of the identity page is not zero")


def _read_slot(file, head, name, base):
    slot = Slot(name, base)
    page = head[base:base + PAGE]
    slot.empty = not any(page)
    if not slot.empty:
        try:
            _check_slot(file, slot, Fields(page, base, 111))
        except Refusal as refusal:
            slot.refusal = refusal
    return slot


def _check_slot(file, slot, page):
    base = slot.base
    require(page.bytes(0, 8) == b"VIALROOT", 111, base, "the root slot does not start with VIALROOT")
    require(hashlib.sha256(page.bytes(0, 4064)).digest() == page.bytes(4064, 32), 111, base,
            "the root slot does not match its SHA-256")
    slot.generation = page.u64(8)
    slot.table_offset, slot.table_length = page.u64(16), page.u64(24)
    slot.section_count, slot.file_length = page.u32(32), page.u64(40)
    require(slot.generation >= 1, 112, base + 8, "the generation is 0")
    require(page.u32(36) == ENTRY, 113, base + 36, "the stride of the section table is not 128")
    require(1 <= slot.section_count <= 65536, 113, base + 32, "the number of sections is not from 1 to 65,536")
    require(slot.table_length == ENTRY * slot.section_count, 113, base + 24, "the section table's length is wrong")
    require(slot.table_offset % 64 == 0 and slot.table_offset >= FIRST_SECTION, 113, base + 16,
            "the section table's offset is not a multiple of 64 from 12,288 on")
    end = slot.table_offset + slot.table_length
    require(end < 1 << 64 and end == slot.file_length, 113, base + 40, "the section table is not the end of the file")
    require(slot.file_length <= len(file.data), 114, base + 40, "the file is truncated")
    if file.minor <= KNOWN_MINOR:
        page.require_zero(48, 16, 115, "a reserved byte of the root slot is not zero")
        page.require_zero(160, 3904, 115, "a reserved byte of the root slot is not zero")


def _current_root(slots):
    valid = [slot for slot in slots if not slot.empty and slot.refusal is None]
    if not valid:
        for slot in slots:
            if slot.refusal:
                raise slot.refusal
        raise Refusal(110, PAGE, "both root slots are empty")
    if len(valid) == 2:
        require(valid[0].generation != valid[1].generation, 116, valid[0].base + 8,
                "both root slots have the same generation")
    return max(valid, key=lambda slot: slot.generation)


def _read_table(file, head):
    root = file.root
    table = bytes(file.data[root.table_offset:root.table_offset + root.table_length])
    require(hashlib.sha256(table).digest() == head[root.base + 128:root.base + 160], 201, root.table_offset,
            "the section table does not match its SHA-256")
    fields = Fields(table, root.table_offset, 201)
    end = FIRST_SECTION
    for index in range(root.section_count):
        section = _read_entry(file, fields, index * ENTRY, end)
        file.sections.append(section)
        end = section.end
    require(root.table_offset - end < 64, 207, end, "the gap before the section table is too long")
    seen = set()
    for section in file.sections:
        require((section.kind, section.id) not in seen, 208, section.entry, "two sections have the same kind and id")
        seen.add((section.kind, section.id))


def _read_entry(file, table, at, previous_end):
    here = table.base + at
    kind, flags = table.u32(at), table.u32(at + 4)
    if file.minor <= KNOWN_MINOR:
        require(flags & ~(REQUIRED | MODEL) == 0, 203, here + 4, "a reserved flag of a section is set")
        table.require_zero(at + 52, 12, 203, "a reserved byte of the section table is not zero")
        table.require_zero(at + 96, 32, 203, "a reserved byte of the section table is not zero")
    require(table.u32(at + 48) == 20, 211, here + 48, "the chunk size is not 2^20")
    require(kind != 0, 202, here, "a section's kind is 0")
    section = Section(kind, flags, table.u64(at + 8), table.u64(at + 16), table.u64(at + 24), table.u64(at + 32),
                      table.u32(at + 40), table.u32(at + 44), table.bytes(at + 64, 32), here)
    known = kind in FLAGS
    require(known or not flags & REQUIRED, 212, here, "a required section's kind is unknown")
    require(not known or flags & (REQUIRED | MODEL) == FLAGS[kind], 213, here + 4, "a section's flags are not its kind's")
    require(kind != WEIGHTS or section.alignment >= 65536, 214, here + 44, "weights are aligned to less than 65,536")
    require(kind not in SINGLE or section.id == 0, 215, here + 8, "the id of a section that stands alone is not 0")
    alignment = section.alignment
    require(64 <= alignment <= CHUNK and alignment & (alignment - 1) == 0, 204, here + 44,
            "an alignment is not a power of two from 64 to 1,048,576")
    require(section.offset % alignment == 0, 204, here + 16, "a section's offset is not a multiple of its alignment")
    require(section.stored >= 1, 205, here + 24, "a section is empty")
    require(section.offset >= FIRST_SECTION, 205, here + 16, "a section begins before 12,288")
    require(section.end <= table.base, 205, here + 24, "a section ends behind the section table's start")
    require(section.offset >= previous_end, 206, here + 16, "a section overlaps the one before, or is out of order")
    require(section.offset - previous_end < alignment, 207, previous_end, "the gap before a section is too long")
    require(not known or section.codec == 0 or (kind == TEXT and section.codec == 1), 209, here + 40,
            "a known kind has a codec that it cannot have")
    require(section.codec != 0 or section.raw == section.stored, 210, here + 32,
            "a raw section's lengths differ")
    require(section.codec != 1 or (section.raw <= 1 << 28 and section.raw // 255 <= section.stored), 210, here + 32,
            "a compressed section's raw length is too large")
    require(kind != FREE or not any(section.digest), 219, here + 64, "a free section has a digest")
    return section


def section_digest(stored):
    """The digest of a section's stored bytes, and its leaves."""
    leaves = [hashlib.sha256(b"\0" + bytes(stored[at:at + CHUNK])).digest() for at in range(0, len(stored), CHUNK)]
    head = b"\1" + len(stored).to_bytes(8, "little") + (20).to_bytes(4, "little")
    return hashlib.sha256(head + b"".join(leaves)).digest(), leaves


def _line(section):
    number = lambda value, size: value.to_bytes(size, "little")
    return (number(section.kind, 4) + number(section.id, 8) + number(section.codec, 4) + number(section.stored, 8)
            + number(section.raw, 8) + section.digest)


def _check_root_digests(file, head):
    ordered = sorted(file.sections, key=lambda s: (s.kind, s.id))
    model = hashlib.sha256(b"VIAL-MODEL-1" + b"".join(_line(s) for s in ordered if s.flags & MODEL)).digest()
    shown = b"".join(_line(s) + s.flags.to_bytes(4, "little") for s in ordered if s.kind not in (SIGNATURE, FREE))
    whole = hashlib.sha256(b"VIAL-FILE-1" + hashlib.sha256(head[:PAGE]).digest() + shown).digest()
    base = file.root.base
    require(model == head[base + 64:base + 96], 217, base + 64, "the model digest is not that of the section table")
    require(whole == head[base + 96:base + 128], 218, base + 96, "the file digest is not that of the section table")
    file.model_digest, file.file_digest = model, whole
