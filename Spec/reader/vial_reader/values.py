"""What tensors mean: FORMAT.md, "Encodings", "Tile layouts" and "Values", R-601 to R-606.

Owns: decoding to f32 with the one multiplication that the text asks for, and the checks of verifying."""
import numpy

from .fields import Refusal
from .tensors import PLAIN


def _tiles(tensor, data):
    """The records of a tile16 tensor: [slice, tile, record, bytes]."""
    count, rows, _ = tensor.slices
    records, length = tensor.record
    return numpy.frombuffer(data, numpy.uint8).reshape(count, -(-rows // 16), records, length)


def _numbers(records, form):
    """Whole records as numbers: [slice, tile, record, number]."""
    return numpy.ascontiguousarray(records).view(form)


def _widen(numbers, encoding):
    if encoding == "bf16":
        return (numbers.astype(numpy.uint32) << 16).view(numpy.float32)
    return numbers.astype(numpy.float32)


def _float_forms(encoding):
    return {"f32": "<f4", "f16": "<f2", "bf16": "<u2"}[encoding]


def _quantized(tensor, records):
    """(q, zero, scale bits): q [slice, tile, group, column, row], the others [slice, tile, group, row]."""
    group = tensor.group
    codes = 16 * group if tensor.encoding == "int8" else 8 * group
    lead = records.shape[:3]
    scales = numpy.ascontiguousarray(records[..., codes:codes + 32]).view("<f2")
    steps = records[..., :codes].reshape(*lead, codes // 64, 16, 4)
    if tensor.encoding == "int8":
        q = numpy.moveaxis(steps, -2, -1).reshape(*lead, group, 16).view(numpy.int8)
        return q, numpy.zeros(lead + (16,), numpy.int8), scales
    # a step is 8 columns: the low halves are its first four, the high halves the other four
    low, high = numpy.moveaxis(steps & 15, -2, -1), numpy.moveaxis(steps >> 4, -2, -1)
    q = numpy.concatenate([low, high], axis=-2).reshape(*lead, group, 16)
    zero = records[..., codes + 32:] if tensor.asymmetric else numpy.full(lead + (16,), 8, numpy.uint8)
    return q, zero, scales


def decode(tensor, data):
    """The tensor in f32, in its logical shape."""
    if tensor.layout == PLAIN:
        return numpy.frombuffer(data, "<f4").copy()
    count, rows, columns = tensor.slices
    records = _tiles(tensor, data)
    if tensor.group == 0:
        elements = _widen(_numbers(records, _float_forms(tensor.encoding)), tensor.encoding)
    else:
        q, zero, scales = _quantized(tensor, records)
        if tensor.levels is not None:
            steps = numpy.array(tensor.levels, numpy.int32)[q]
        else:
            steps = q.astype(numpy.int32) - zero.astype(numpy.int32)[..., None, :]
        difference = steps.astype(numpy.float32)
        with numpy.errstate(all="ignore"):
            elements = scales.astype(numpy.float32)[..., None, :] * difference
        elements = elements.reshape(*records.shape[:2], -1, 16)
    # [slice, tile, column, row] becomes [slice, tile, row, column]; padding is cut
    matrix = numpy.swapaxes(elements, -1, -2).reshape(count, -1, elements.shape[2])
    return numpy.ascontiguousarray(matrix[:, :rows, :columns]).reshape(tensor.shape)


def check(tensor, data, base):
    """The broken rules of R-601 to R-605, one report a rule. `base` is the tensor's offset in the file."""
    broken = {}

    def note(rule, mask, sentence):
        if mask.any() and rule not in broken:
            broken[rule] = Refusal(rule, base, sentence)

    if tensor.layout == PLAIN:
        note(601, ~numpy.isfinite(numpy.frombuffer(data, "<f4")), "a weight is not finite")
        return list(broken.values())
    count, rows, columns = tensor.slices
    records = _tiles(tensor, data)
    row = numpy.arange(records.shape[1])[:, None] * 16 + numpy.arange(16)
    padding_rows = (row >= rows)[None, :, None, :]
    if tensor.group == 0:
        raw = _numbers(records, _float_forms(tensor.encoding))
        note(601, ~numpy.isfinite(_widen(raw, tensor.encoding)), "a weight is not finite")
        bits = _numbers(records, "<u4" if tensor.encoding == "f32" else "<u2")
        note(605, (bits != 0) & padding_rows, "padding is not zero")
        return list(broken.values())
    q, zero, scales = _quantized(tensor, records)
    note(602, ~numpy.isfinite(scales), "a scale is not finite")
    if tensor.encoding == "int8":
        note(604, q == -128, "an int8 weight is -128")
    else:
        note(603, zero > 15, "a zero point is above 15")
    rest = 0 if tensor.encoding == "int8" else 8
    note(605, (scales.view("<u2") != 0) & padding_rows, "the scale of a padding row is not zero")
    note(605, (zero != rest) & padding_rows, "the zero point of a padding row is wrong")
    note(605, (q != rest) & padding_rows[..., None, :], "a weight of a padding row is wrong")
    column = numpy.arange(records.shape[2] * tensor.group).reshape(-1, tensor.group)
    padding_columns = (column >= columns)[None, None, :, :, None]
    note(605, (q != zero[..., None, :]) & padding_columns & ~padding_rows[..., None, :], "a weight of a padding column is wrong")
    return [broken[rule] for rule in sorted(broken)]


def check_gaps(tensors, section, stored):
    """R-606: zeros between the tensors of a section."""
    reports, end = [], 0
    for tensor in sorted((t for t in tensors if t.section == section.id), key=lambda t: t.offset):
        gap = bytes(stored[end:tensor.offset])
        if any(gap):
            first = next(i for i, byte in enumerate(gap) if byte)
            reports.append(Refusal(606, section.offset + end + first, "a byte between tensors is not zero"))
        end = tensor.offset + tensor.length
    return reports
