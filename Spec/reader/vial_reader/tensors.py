"""The tensor table: FORMAT.md, "Tensor table" and "Tile layouts", R-320 to R-335.

Owns: names, shapes, encodings and places. Must not: read weights."""
import struct
from dataclasses import dataclass

from .container import CODEBOOKS, WEIGHTS
from .fields import Fields, require
from .keyvalues import text_of

ENCODINGS = {1: "f32", 2: "f16", 3: "bf16", 4: "int8", 5: "int4"}
BITS = {1: 32, 2: 16, 3: 16, 4: 8, 5: 4}
PLAIN, TILE16 = 1, 2
NO_PERMUTATION = 0xFFFFFFFF
STRIDE = 128


@dataclass
class Tensor:
    name: str
    encoding: str
    layout: int
    shape: tuple
    asymmetric: bool
    group: int
    section: int
    offset: int
    length: int
    entry: int  # offset of its entry in the file
    levels: tuple = None  # of a codebook, else None

    @property
    def slices(self):
        """(number of [N, K] slices, N, K)"""
        rows, columns = self.shape[-2:]
        count = 1
        for dimension in self.shape[:-2]:
            count *= dimension
        return count, rows, columns

    @property
    def record(self):
        """(records of a tile, length of a record)"""
        columns, group = self.shape[-1], self.group
        if self.encoding == "f32":
            return columns, 64
        if self.encoding in ("f16", "bf16"):
            return columns, 32
        length = 16 * group + 32 if self.encoding == "int8" else 8 * group + 32 + (16 if self.asymmetric else 0)
        return -(-columns // group), length

    @property
    def expected_length(self):
        if self.layout == PLAIN:
            return 4 * self.shape[0]
        count, rows, _ = self.slices
        records, length = self.record
        return count * -(-rows // 16) * records * length


def read_tensor_table(file, data, base):
    fields = Fields(data, base, 320)
    require(len(data) >= 64 and fields.bytes(0, 4) == b"TENS", 320, base, "not a tensor table")
    require(fields.u32(4) == 1, 320, base + 4, "the tensor table's version is unknown")
    count = fields.u64(8)
    require(1 <= count <= 1 << 20, 321, base + 8, "the number of tensors is not from 1 to 1,048,576")
    require(fields.u32(16) == STRIDE, 320, base + 16, "the stride of the tensor table is not 128")
    require(fields.u32(20) == 0, 320, base + 20, "a reserved field of the tensor table is not zero")
    names_at, names_length = fields.u64(24), fields.u64(32)
    require(names_at == 64 + STRIDE * count, 320, base + 24, "the names do not follow the entries")
    require(names_at + names_length == len(data), 320, base + 32, "the names do not end with the section")
    fields.require_zero(40, 24, 320, "a reserved byte of the tensor table is not zero")
    names = Fields(data[names_at:], base + names_at, 322)
    weights = {section.id: section for section in file.of_kind(WEIGHTS)}
    tensors, place, previous = [], 0, None
    for index in range(count):
        at = 64 + STRIDE * index
        raw, name = _read_name(fields, names, at, place)
        require(previous is None or previous < raw, 323, base + at, "names of tensors do not ascend")
        previous, place = raw, place + len(raw)
        tensors.append(_read_entry(fields, at, name, weights, file.features[0] & CODEBOOKS))
    require(place == len(names), 322, base + 32, "bytes follow the last tensor's name")
    _check_places(tensors, weights, base)
    return tensors


def _read_name(fields, names, at, place):
    here = fields.base + at
    offset, length = fields.u32(at), fields.u32(at + 4)
    require(offset == place, 322, here, "a tensor's name does not follow the one before")
    require(1 <= length <= 255 and offset + length <= len(names), 322, here + 4, "the length of a tensor's name is wrong")
    raw = names.bytes(offset, length)
    name = text_of(raw, 322, names.base + offset)
    control = any(c < "\x20" or "\x7f" <= c <= "\x9f" for c in name)
    require(not control, 322, names.base + offset, "a tensor's name holds a control character")
    return raw, name


def _read_entry(fields, at, name, weights, has_codebooks):
    here = fields.base + at
    encoding, layout, rank, flags = (fields.u32(at + o) for o in (8, 12, 16, 20))
    shape = [fields.u64(at + 24 + 8 * i) for i in range(4)]
    require(encoding in ENCODINGS, 324, here + 8, "an encoding is unknown")
    require(1 <= rank <= 4, 326, here + 16, "a rank is not from 1 to 4")
    elements = 1
    for index, dimension in enumerate(shape):
        fits = dimension >= 1 if index < rank else dimension == 1
        require(fits, 326, here + 24 + 8 * index, "a dimension is wrong")
        elements *= dimension
    require(elements <= 1 << 48, 326, here + 24, "a tensor has more than 2^48 elements")
    require(layout == (PLAIN if rank == 1 else TILE16), 325, here + 12, "a layout does not fit the rank")
    require(rank > 1 or encoding == 1, 325, here + 8, "a vector is not f32")
    quantized, asymmetric = encoding >= 4, flags == 1 and encoding == 5
    group = fields.u32(at + 56)
    require(flags == 0 or asymmetric, 327, here + 20, "a tensor's flags do not fit its encoding")
    require(group in (32, 64, 128) if quantized else group == 0, 327, here + 56, "a group does not fit its encoding")
    require(fields.u8(at + 60) == BITS[encoding], 327, here + 60, "the bits of an element do not fit the encoding")
    require(fields.u8(at + 61) == (2 if quantized else 0), 327, here + 61, "a scale type does not fit the encoding")
    require(fields.u8(at + 62) == int(asymmetric), 327, here + 62, "a zero point type does not fit the encoding")
    codebook = fields.u8(at + 63)
    fits = codebook == 0 or (codebook == 1 and encoding == 5 and not asymmetric)
    require(fits, 327, here + 63, "a codebook does not fit the encoding")
    require(codebook == 0 or has_codebooks, 334, here + 63, "a codebook without its feature")
    levels = struct.unpack("16b", fields.bytes(at + 92, 16)) if codebook else None
    ascend = levels is None or levels[0] >= -127 and all(a < b for a, b in zip(levels, levels[1:]))
    require(ascend, 335, here + 92, "the levels of a codebook do not ascend")
    tensor = Tensor(name, ENCODINGS[encoding], layout, tuple(shape[:rank]), asymmetric, group, fields.u64(at + 64),
                    fields.u64(at + 72), fields.u64(at + 80), here, levels)
    used = 16 if codebook else 0
    fields.require_zero(at + 92 + used, 36 - used, 328, "a reserved byte of a tensor's entry is not zero")
    require(fields.u32(at + 88) == NO_PERMUTATION, 333, here + 88, "an input permutation without its feature")
    require(tensor.section in weights, 329, here + 64, "a tensor's weights section does not exist")
    require(tensor.length == tensor.expected_length, 331, here + 80, "a tensor's length is not that of its shape")
    require(tensor.offset % 64 == 0, 330, here + 72, "a tensor's offset is not a multiple of 64")
    end = tensor.offset + tensor.length
    require(end <= weights[tensor.section].stored, 330, here + 72, "a tensor ends outside its section")
    return tensor


def _check_places(tensors, weights, base):
    ends = {identifier: 0 for identifier in weights}
    last = {identifier: None for identifier in weights}
    for tensor in sorted(tensors, key=lambda t: (t.section, t.offset)):
        gap = tensor.offset - ends[tensor.section]
        require(gap >= 0, 332, tensor.entry + 72, "two tensors overlap")
        require(gap < 64, 332, tensor.entry + 72, "the gap before a tensor is too long")
        ends[tensor.section], last[tensor.section] = tensor.offset + tensor.length, tensor
    for identifier, section in weights.items():
        holder = last[identifier]
        require(holder is not None, 332, base, "a weights section holds no tensor")
        require(ends[identifier] == section.stored, 332, holder.entry + 80, "bytes follow the last tensor of a section")
