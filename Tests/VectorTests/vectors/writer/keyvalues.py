"""Key-values: FORMAT.md, "Key-values". Owns: the one form of heap and entries."""
import struct

U64, I64, F64, BOOL, TEXT, U64S, F32S, BYTES, TEXTS = range(1, 10)


def encode(values):
    """`values`: {key: (type, value)} to a section's bytes."""
    keys = sorted(values, key=lambda k: k.encode())
    heap = bytearray("".join(keys).encode())
    entries, place = b"", 0
    for key in keys:
        kind, value = values[key]
        if kind <= BOOL:
            form = {U64: "<Q", I64: "<q", F64: "<d", BOOL: "<Q"}[kind]
            elements, body, length = 1, struct.pack(form, value), 8
        else:
            heap += bytes(-len(heap) % 8)
            elements, content = _content(kind, value)
            body, length = struct.pack("<Q", len(heap)), len(content)
            heap += content
        entries += struct.pack("<IIII", place, len(key), kind, elements) + body + struct.pack("<Q", length)
        place += len(key)
    return b"KV01" + struct.pack("<IIIQQ", len(keys), 32, 0, 32 + len(entries), len(heap)) + entries + bytes(heap)


def _content(kind, value):
    if kind == TEXT:
        return len(value.encode()), value.encode()
    if kind == BYTES:
        return len(value), value
    if kind == U64S:
        return len(value), struct.pack(f"<{len(value)}Q", *value)
    if kind == F32S:
        return len(value), struct.pack(f"<{len(value)}f", *value)
    return len(value), b"".join(struct.pack("<I", len(t.encode())) + t.encode() for t in value)


def entry_offset(values, key):
    """Where the entry of `key` lies in the section."""
    return 32 + 32 * sorted(values, key=lambda k: k.encode()).index(key)


def plain(values):
    """The values as the truth shows them."""
    return {key: value.hex() if kind == BYTES else bool(value) if kind == BOOL else value
            for key, (kind, value) in sorted(values.items())}
