"""Sections to a sealed file: FORMAT.md, "Identity" to "Digests".

Owns: offsets, digests, and the places where a vector may break something before the digests above it are made.
Must not: share code with Spec/reader."""
import hashlib
import struct
from dataclasses import dataclass, field

PAGE, CHUNK = 4096, 1 << 20
MAGIC = b"\x89VIAL\r\n\x1a\n\0\0\0"
CONFIGURATION, TENSORS, WEIGHTS, TOKENIZER, CHAT, PROMPT, ADAPTER = range(1, 8)
PROVENANCE, CHUNKS, TEXT, SIGNATURE, FREE = range(8, 13)


@dataclass
class Section:
    kind: int
    stored: bytes
    id: int = 0
    raw_length: int = None
    codec: int = 0
    alignment: int = None
    flags: int = None
    raw: bytes = None  # what a compressed section holds

    def __post_init__(self):
        if self.flags is None:
            self.flags = 3 if self.kind <= TOKENIZER else 0
        if self.alignment is None:
            self.alignment = 65536 if self.kind == WEIGHTS else 64
        if self.raw_length is None:
            self.raw_length = len(self.stored)


def sha(data):
    return hashlib.sha256(data).digest()


def leaves_of(stored):
    return [sha(b"\0" + stored[i:i + CHUNK]) for i in range(0, len(stored), CHUNK)]


def section_digest(stored):
    return sha(b"\1" + struct.pack("<QI", len(stored), 20) + b"".join(leaves_of(stored)))


def chunk_digests(sections):
    """The section of kind 9, or None when no section has two chunks."""
    long = [s for s in sections if s.kind not in (CHUNKS, FREE) and len(s.stored) > CHUNK]
    long.sort(key=lambda s: (s.kind, s.id))
    if not long:
        return None
    head, body, first = b"CHNK" + struct.pack("<III", 1, len(long), 32), b"", 0
    for section in long:
        leaves = leaves_of(section.stored)
        head += struct.pack("<IIQQQ", section.kind, 0, section.id, first, len(leaves))
        body += b"".join(leaves)
        first += len(leaves)
    return Section(CHUNKS, head + body)


def seal_page(page):
    page[4064:4096] = sha(bytes(page[:4064]))


@dataclass
class Draft:
    """A file before it is sealed. The hooks change bytes before the digests above them are computed."""
    sections: list
    minor: int = 0
    features: tuple = (0, 0, 0)
    generation: int = 1
    slot: int = 0
    other_slot: bytes = bytes(PAGE)
    prefix_length: int = 12288
    identity_hook: object = None  # (bytearray page)
    entries_hook: object = None  # (list of bytearray entries, file as bytearray)
    table_hook: object = None  # (bytearray table): after its own SHA-256 was taken
    root_hook: object = None  # (bytearray page): before it is sealed
    sealed_hook: object = None  # (bytearray file): the last word
    digests: dict = field(default_factory=dict)
    placed: list = field(default_factory=list)

    def build(self, table_padding=0):
        file = bytearray(self.prefix_length)
        entries = []
        self.placed = []
        for section in self.sections:
            file += bytes(-len(file) % section.alignment)
            offset = len(file)
            file += section.stored
            digest = bytes(32) if section.kind == FREE else section_digest(section.stored)
            entries.append(bytearray(struct.pack(
                "<IIQQQQIII12x32s32x", section.kind, section.flags, section.id, offset, len(section.stored),
                section.raw_length, section.codec, section.alignment, 20, digest)))
            self.placed.append((section, offset, digest))
        if self.entries_hook:
            self.entries_hook(entries, file)
        file += bytes(-len(file) % 64 + table_padding)
        table = bytearray(b"".join(entries))
        self._put_identity(file)
        self._put_root(file, entries, table)
        if self.table_hook:
            self.table_hook(table)
        file += table
        if self.sealed_hook:
            self.sealed_hook(file)
        return bytes(file)

    def _put_identity(self, file):
        page = bytearray(MAGIC + struct.pack("<IHHIQQQ", 0x01020304, 1, self.minor, 0, *self.features))
        page += bytes(PAGE - len(page))
        if self.identity_hook:
            self.identity_hook(page)
        seal_page(page)
        file[:PAGE] = page

    def _put_root(self, file, entries, table):
        model, shown = file_digests(entries, bytes(file[:PAGE]))
        self.digests = {"model": model, "file": shown}
        length = len(file) + len(table)
        page = bytearray(b"VIALROOT" + struct.pack("<QQQIIQ16x", self.generation, len(file), len(table), len(entries),
                                                   128, length) + model + shown + sha(bytes(table)))
        page += bytes(PAGE - len(page))
        if self.root_hook:
            self.root_hook(page)
        seal_page(page)
        start = PAGE * (1 + self.slot)
        other = PAGE * (2 - self.slot)
        file[start:start + PAGE] = page
        file[other:other + PAGE] = self.other_slot


def file_digests(entries, identity):
    """Model digest and file digest, from the entries as they are written."""
    rows = sorted(entries, key=lambda e: struct.unpack_from("<I4xQ", e))
    line = lambda e: bytes(e[0:4] + e[8:16] + e[40:44] + e[24:40] + e[64:96])
    flags = lambda e: struct.unpack_from("<I", e, 4)[0]
    kind = lambda e: struct.unpack_from("<I", e)[0]
    model = b"".join(line(e) for e in rows if flags(e) & 2)
    shown = b"".join(line(e) + bytes(e[4:8]) for e in rows if kind(e) not in (SIGNATURE, FREE))
    return sha(b"VIAL-MODEL-1" + model), sha(b"VIAL-FILE-1" + sha(identity) + shown)
