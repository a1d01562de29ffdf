"""Sorted typed key-values: FORMAT.md, "Key-values", R-301 to R-307.

Owns: the one form of header, entries and heap. Must not: know what a key means."""
import math
import struct
from dataclasses import dataclass

from .fields import Fields, require

U64, I64, F64, BOOL, TEXT, U64S, F32S, BYTES, TEXTS = range(1, 10)
TYPE_NAMES = {U64: "u64", I64: "i64", F64: "f64", BOOL: "bool", TEXT: "text", U64S: "u64[]", F32S: "f32[]",
              BYTES: "bytes", TEXTS: "text[]"}


@dataclass
class Entry:
    key: str
    type: int
    value: object
    offset: int  # of the entry, in the file


def read_key_values(data, base):
    """Entries by key. `base` is the section's offset in the file."""
    fields = Fields(data, base, 301)
    require(len(data) <= 16777216, 301, base, "key-values of more than 16 MiB")
    require(len(data) >= 32 and fields.bytes(0, 4) == b"KV01", 301, base, "not key-values")
    count = fields.u32(4)
    require(count <= 65536, 301, base + 4, "more than 65,536 key-values")
    require(fields.u32(8) == 32, 301, base + 8, "the stride of the key-values is not 32")
    require(fields.u32(12) == 0, 301, base + 12, "a reserved field of the key-values is not zero")
    heap_offset, heap_length = fields.u64(16), fields.u64(24)
    require(heap_offset == 32 + 32 * count, 301, base + 16, "the heap does not follow the entries")
    require(heap_offset + heap_length == len(data), 301, base + 24, "the heap does not end with the section")
    heap = Fields(data[heap_offset:], base + heap_offset, 305)
    keys, place = _read_keys(fields, heap, count)
    entries = {}
    for index, key in enumerate(keys):
        at = 32 + 32 * index
        value, place = _read_value(fields, heap, at, place)
        entries[key] = Entry(key, fields.u32(at + 8), value, base + at)
    require(place == len(heap), 305, base + 24, "the heap does not end with the last value")
    return entries


def _read_keys(fields, heap, count):
    keys, place = [], 0
    for index in range(count):
        at = 32 + 32 * index
        here = fields.base + at
        offset, length = fields.u32(at), fields.u32(at + 4)
        require(offset == place, 302, here, "a key does not follow the one before")
        require(1 <= length <= 255 and offset + length <= len(heap), 302, here + 4, "a key's length is wrong")
        key = heap.bytes(offset, length)
        for index_in_key, byte in enumerate(key):
            require(0x21 <= byte <= 0x7E, 302, heap.base + offset + index_in_key, "a key holds a byte that none may hold")
        require(not keys or keys[-1] < key, 303, here, "keys do not ascend")
        keys.append(key)
        place = offset + length
    return [key.decode("ascii") for key in keys], place


def _read_value(fields, heap, at, place):
    """The value of the entry at `at`, and where the heap goes on."""
    here = fields.base + at
    kind, elements, length = fields.u32(at + 8), fields.u32(at + 12), fields.u64(at + 24)
    require(kind in TYPE_NAMES, 304, here + 8, "a type is unknown")
    if kind <= BOOL:
        require(elements == 1, 305, here + 12, "a single value has not one element")
        require(length == 8, 305, here + 24, "a single value has not 8 bytes")
        return _single(fields, kind, at + 16), place
    aligned = -(-place // 8) * 8
    require(fields.u64(at + 16) == aligned, 305, here + 16, "a value does not follow the one before")
    require(aligned + length <= len(heap), 305, here + 24, "a value ends outside the heap")
    heap.require_zero(place, aligned - place, 305, "padding is not zero")
    width = {U64S: 8, F32S: 4}.get(kind, 1)
    require(kind == TEXTS or elements * width == length, 305, here + 24, "elements and length of a value differ")
    return _heap_value(heap, kind, elements, aligned, length), aligned + length


def _single(fields, kind, at):
    here = fields.base + at
    if kind == I64:
        return fields.i64(at)
    if kind == F64:
        value = fields.f64(at)
        require(math.isfinite(value), 306, here, "a number is not finite")
        return value
    value = fields.u64(at)
    require(kind != BOOL or value <= 1, 306, here, "a truth value is neither 0 nor 1")
    return bool(value) if kind == BOOL else value


def _heap_value(heap, kind, elements, offset, length):
    part, here = heap.bytes(offset, length), heap.base + offset
    if kind == TEXT:
        return text_of(part, 306, here)
    if kind == BYTES:
        return part
    if kind == U64S:
        return list(struct.unpack(f"<{elements}Q", part))
    if kind == F32S:
        numbers = list(struct.unpack(f"<{elements}f", part))
        for index, number in enumerate(numbers):
            require(math.isfinite(number), 306, here + 4 * index, "a number is not finite")
        return numbers
    texts, at = [], 0
    while at < length:
        require(length - at >= 4, 307, here + at, "a text array ends within a length")
        size = int.from_bytes(part[at:at + 4], "little")
        require(size <= length - at - 4, 307, here + at, "a text array ends within a text")
        require(len(texts) < elements, 307, here + at, "a text array has more texts than it says")
        texts.append(text_of(part[at + 4:at + 4 + size], 306, here + at + 4))
        at += 4 + size
    require(len(texts) == elements, 307, here, "a text array has fewer texts than it says")
    return texts


def text_of(data, rule, offset):
    """UTF-8 as text; what is not UTF-8 breaks the rule where it begins."""
    try:
        return bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        start = error.start
    require(False, rule, offset + start, "a text is not valid UTF-8")
