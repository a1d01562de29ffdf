"""Numbers in bytes, and what a reader says when it refuses.

Owns: little-endian fields (Conventions of FORMAT.md). Every access is checked: a range outside the bytes is a
Refusal of the rule that the caller names, never an exception of the language."""
import struct


class Refusal(Exception):
    """A broken rule: its number, the offset in the file of the bytes that break it, and one sentence."""

    def __init__(self, rule, offset, sentence):
        super().__init__(sentence)
        self.rule, self.offset, self.sentence = rule, offset, sentence

    def __str__(self):
        return f"R-{self.rule} at byte {self.offset}: {self.sentence}"

    def as_json(self):
        return {"rule": self.rule, "offset": self.offset, "message": self.sentence}


def require(condition, rule, offset, sentence):
    if not condition:
        raise Refusal(rule, offset, sentence)


class Fields:
    """Bytes of the file from `base` on; `rule` is what a read outside of them breaks."""

    def __init__(self, data, base, rule):
        self.data, self.base, self.rule = data, base, rule

    def __len__(self):
        return len(self.data)

    def bytes(self, offset, length):
        fits = 0 <= offset <= len(self.data) and 0 <= length <= len(self.data) - offset
        require(fits, self.rule, self.base, "a field lies outside its section")
        return bytes(self.data[offset:offset + length])

    def _unpack(self, form, size, offset):
        return struct.unpack(form, self.bytes(offset, size))[0]

    def u8(self, offset): return self._unpack("<B", 1, offset)
    def u16(self, offset): return self._unpack("<H", 2, offset)
    def u32(self, offset): return self._unpack("<I", 4, offset)
    def u64(self, offset): return self._unpack("<Q", 8, offset)
    def i64(self, offset): return self._unpack("<q", 8, offset)
    def f64(self, offset): return self._unpack("<d", 8, offset)

    def require_zero(self, offset, length, rule, sentence):
        part = self.bytes(offset, length)
        if any(part):
            first = next(i for i, byte in enumerate(part) if byte)
            raise Refusal(rule, self.base + offset + first, sentence)
