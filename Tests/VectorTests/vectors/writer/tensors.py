"""Tensors to tiles and a table: FORMAT.md, "Tensor table" to "Tile layouts".

Owns: stored numbers (q, scale, zero point) and what they mean in f32, element by element, as the text has it."""
import hashlib
import struct
from dataclasses import dataclass, field

import numpy

from .container import TENSORS, WEIGHTS, Section

ENCODINGS = {"f32": 1, "f16": 2, "bf16": 3, "int8": 4, "int4": 5}
BITS = {"f32": 32, "f16": 16, "bf16": 16, "int8": 8, "int4": 4}


def stream(seed, count):
    """`count` bytes that are always the same for a seed."""
    blocks = (hashlib.sha256(f"{seed}/{i}".encode()).digest() for i in range(-(-count // 32)))
    return b"".join(blocks)[:count]


@dataclass
class Tensor:
    name: str
    shape: tuple
    encoding: str = "f32"
    group: int = 0
    asymmetric: bool = False
    section: int = 0
    bits: numpy.ndarray = None  # floats: the stored bit patterns, in logical shape
    q: numpy.ndarray = None  # int8, int4: [slices, N, K]
    scale: numpy.ndarray = None  # f16 bits [slices, N, groups]
    zero: numpy.ndarray = None  # [slices, N, groups]
    offset: int = 0
    length: int = 0
    entry_edits: list = field(default_factory=list)  # (offset in the entry, bytes)
    levels: tuple = None  # of a codebook: what q stands for

    def __post_init__(self):
        if self.bits is None and self.q is None:
            self._fill()

    @property
    def matrix(self):
        slices = 1
        for dimension in self.shape[:-2]:
            slices *= dimension
        return slices, self.shape[-2], self.shape[-1]

    def _fill(self):
        """Numbers that follow from the tensor's name."""
        count = int(numpy.prod(self.shape))
        noise = numpy.frombuffer(stream(self.name, 2 * count), "<u2").reshape(self.shape).astype(numpy.int64)
        if self.group == 0:
            self.bits = float_bits((noise - 32768) / 32768.0, self.encoding)
            return
        slices, rows, columns = self.matrix
        groups = -(-columns // self.group)
        noise = noise.reshape(slices, rows, columns)
        small = numpy.frombuffer(stream(self.name + "/scale", 2 * slices * rows * groups), "<u2")
        small = small.reshape(slices, rows, groups).astype(numpy.int64)
        self.scale = (0x2000 + small % 0x1000).astype(numpy.uint16)  # 2^-7 and thereabouts
        self.q = noise % 16 if self.encoding == "int4" else noise % 255 - 127
        self.zero = small // 16 % 16 if self.asymmetric else numpy.full_like(small, 8)

    def truth(self):
        """The f32 values, one multiplication each."""
        if self.group == 0:
            return widen(self.bits, self.encoding).reshape(self.shape)
        slices, rows, columns = self.matrix
        values = numpy.zeros((slices, rows, columns), numpy.float32)
        scales = self.scale.view(numpy.float16).astype(numpy.float32)
        for k in range(columns):
            g = k // self.group
            zero = self.zero[:, :, g] if self.encoding == "int4" else 0
            steps = numpy.array(self.levels)[self.q[:, :, k]] if self.levels else self.q[:, :, k] - zero
            values[:, :, k] = scales[:, :, g] * steps.astype(numpy.float32)
        return values.reshape(self.shape)

    def stored(self):
        """The tensor's bytes."""
        if len(self.shape) == 1:
            return self.bits.astype("<u4").tobytes()
        slices, rows, columns = self.matrix
        tiles = range(-(-rows // 16))
        if self.group == 0:
            return b"".join(self._float_tile(s, t) for s in range(slices) for t in tiles)
        groups = range(-(-columns // self.group))
        return b"".join(self._record(s, t, g) for s in range(slices) for t in tiles for g in groups)

    def _float_tile(self, s, tile):
        form, bits = ("<u4" if self.encoding == "f32" else "<u2"), self.bits.reshape(self.matrix)
        _, rows, columns = self.matrix
        records = numpy.zeros((columns, 16), form)
        for r in range(min(16, rows - 16 * tile)):
            records[:, r] = bits[s, 16 * tile + r, :]
        return records.tobytes()

    def _record(self, s, tile, g):
        """One record of 16 rows and a group, byte by byte."""
        _, rows, columns = self.matrix
        int4 = self.encoding == "int4"
        data, scales, zeros = bytearray((8 if int4 else 16) * self.group), b"", b""
        for r in range(16):
            n = 16 * tile + r
            inside = n < rows
            zero = int(self.zero[s, n, g]) if inside and int4 else 8 if int4 else 0
            scales += struct.pack("<H", int(self.scale[s, n, g]) if inside else 0)
            zeros += bytes([zero])
            for c in range(self.group):
                k = g * self.group + c
                q = int(self.q[s, n, k]) if inside and k < columns else zero
                if int4:
                    data[c // 8 * 64 + r * 4 + c % 4] |= q << (0 if c % 8 < 4 else 4)
                else:
                    data[c // 4 * 64 + r * 4 + c % 4] = q & 255
        return bytes(data) + scales + (zeros if self.asymmetric else b"")

    def entry(self, name_offset):
        shape = list(self.shape) + [1] * (4 - len(self.shape))
        quantized = self.group > 0
        entry = bytearray(struct.pack(
            "<IIIIII4QIBBBBQQQI16s20x", name_offset, len(self.name.encode()), ENCODINGS[self.encoding],
            1 if len(self.shape) == 1 else 2, len(self.shape), int(self.asymmetric), *shape, self.group,
            BITS[self.encoding], 2 if quantized else 0, int(self.asymmetric), int(self.levels is not None), self.section, self.offset,
            self.length, 0xFFFFFFFF, struct.pack("16b", *self.levels) if self.levels else b""))
        for at, data in self.entry_edits:
            entry[at:at + len(data)] = data
        return bytes(entry)

    def as_truth(self):
        values = self.truth()
        truth = {
            "name": self.name, "encoding": self.encoding, "shape": list(self.shape), "group": self.group,
            "asymmetric": self.asymmetric, "section": self.section, "offset": self.offset, "length": self.length,
            "f32_sha256": hashlib.sha256(values.astype("<f4").tobytes()).hexdigest(),
            "first": [float(v) for v in values.reshape(-1)[:4]],
        }
        return {**truth, "levels": list(self.levels)} if self.levels else truth


def float_bits(values, encoding):
    """Bit patterns of the numbers nearest to `values`."""
    if encoding == "f32":
        return numpy.asarray(values, numpy.float32).view(numpy.uint32)
    if encoding == "f16":
        return numpy.asarray(values, numpy.float16).view(numpy.uint16)
    return (numpy.asarray(values, numpy.float32).view(numpy.uint32) >> 16).astype(numpy.uint16)


def widen(bits, encoding):
    if encoding == "f32":
        return bits.astype(numpy.uint32).view(numpy.float32)
    if encoding == "f16":
        return bits.astype(numpy.uint16).view(numpy.float16).astype(numpy.float32)
    return (bits.astype(numpy.uint32) << 16).view(numpy.float32)


def place(tensors):
    """Gives offsets to the tensors and makes the weights sections, in the order of their ids."""
    weights = {}
    for tensor in tensors:
        data = weights.setdefault(tensor.section, bytearray())
        data += bytes(-len(data) % 64)
        stored = tensor.stored()
        tensor.offset, tensor.length = len(data), len(stored)
        data += stored
    return [Section(WEIGHTS, bytes(data), id=identifier) for identifier, data in weights.items()]


def table(tensors, extra_names=b""):
    """The tensor table's section."""
    ordered = sorted(tensors, key=lambda t: t.name.encode())
    entries = names = b""
    for tensor in ordered:
        entries += tensor.entry(len(names))
        names += tensor.name.encode()
    names += extra_names
    head = b"TENS" + struct.pack("<IQIIQQ24x", 1, len(ordered), 128, 0, 64 + len(entries), len(names))
    return Section(TENSORS, head + entries + names)
