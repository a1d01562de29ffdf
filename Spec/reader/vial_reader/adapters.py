"""LoRA adapters: FORMAT.md, "Adapters", R-641 to R-644.

Owns: names, targets and places of A and B. Must not: apply them."""
import hashlib
import math

import numpy

from .fields import Fields, Refusal, require
from .keyvalues import text_of
from .tensors import ENCODINGS, TILE16, Tensor
from .values import check, decode


def read_adapter(data, base, identifier):
    """Header and targets of the section with that id; each target has its A and B as tensors of the section's data."""
    fields = Fields(data, base, 641)
    require(len(data) >= 128 and fields.bytes(0, 4) == b"LORA", 641, base, "not an adapter")
    require(fields.u32(4) == 1, 641, base + 4, "the adapter's version is unknown")
    count, stride, flags = fields.u32(8), fields.u32(12), fields.u32(16)
    require(1 <= count <= 65536, 641, base + 8, "the number of targets is not from 1 to 65,536")
    require(stride == 64, 641, base + 12, "the stride of the targets is not 64")
    require(flags <= 1, 641, base + 16, "a flag of the adapter is unknown")
    names_at, names_length, data_at, data_length = (fields.u64(at) for at in (24, 32, 40, 48))
    names_end = names_at + names_length
    require(names_at == 128 + 64 * count and names_end <= len(data), 641, base + 24, "the names do not follow the targets")
    require(data_at == -(-names_end // 64) * 64, 641, base + 40, "the data do not follow the names")
    require(data_at + data_length == len(data), 641, base + 48, "the data do not end with the section")
    fields.require_zero(56, 8, 641, "a reserved byte of the adapter is not zero")
    fields.require_zero(96, 32, 641, "a reserved byte of the adapter is not zero")
    fields.require_zero(names_end, data_at - names_end, 641, "padding of the adapter is not zero")
    names = Fields(data[names_at:names_end], base + names_at, 641)
    name, place = _name(names, 0, fields.u32(20), base + 20)
    own = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    require(identifier == own, 641, base + 20, "the section's id is not that of the adapter's name")
    targets, end = [], 0
    for index in range(count):
        target, place, end = _target(fields, names, 128 + 64 * index, place, data_at, end, flags)
        require(not targets or targets[-1]["name"].encode() < target["name"].encode(), 641, base + 128 + 64 * index,
                "targets do not ascend")
        targets.append(target)
    require(place == len(names), 641, base + 32, "bytes follow the last target's name")
    require(data_at + end == len(data), 641, base + 48, "bytes follow the last target")
    return {"name": name, "rank_stabilised": flags == 1, "base": fields.bytes(64, 32).hex(), "targets": targets}


def _name(names, offset, length, here):
    require(1 <= length <= 255 and offset + length <= len(names), 641, here, "the length of a name is wrong")
    name = text_of(names.bytes(offset, length), 641, names.base + offset)
    control = any(c < "\x20" or "\x7f" <= c <= "\x9f" for c in name)
    require(not control, 641, names.base + offset, "a name holds a control character")
    return name, offset + length


def _target(fields, names, at, place, data_at, end, flags):
    here = fields.base + at
    require(fields.u32(at) == place, 641, here, "a target's name does not follow the one before")
    name, place = _name(names, place, fields.u32(at + 4), here + 4)
    encoding, rank, alpha = fields.u32(at + 8), fields.u32(at + 12), fields.f64(at + 16)
    inputs, outputs = fields.u64(at + 24), fields.u64(at + 32)
    require(1 <= encoding <= 3, 641, here + 8, "the encoding of a target is unknown")
    require(1 <= rank <= 1024, 641, here + 12, "a rank is not from 1 to 1,024")
    require(math.isfinite(alpha), 644, here + 16, "an alpha is not finite")
    fits = 1 <= inputs <= 1 << 48 and 1 <= outputs <= 1 << 48
    require(fits and rank * max(inputs, outputs) <= 1 << 48, 641, here + 24, "a target is too large")
    fields.require_zero(at + 56, 8, 641, "a reserved byte of a target is not zero")
    parts = []
    for shape, field in (((rank, inputs), 40), ((outputs, rank), 48)):
        part = Tensor(name, ENCODINGS[encoding], TILE16, shape, False, 0, 0, fields.u64(at + field), 0, here)
        part.length = part.expected_length
        in_place = part.offset % 64 == 0 and 0 <= part.offset - end < 64
        require(in_place and data_at + part.offset + part.length <= len(fields), 641, here + field,
                "A or B does not follow what is before")
        fields.require_zero(data_at + end, part.offset - end, 641, "padding of the adapter is not zero")
        end = part.offset + part.length
        parts.append((part, data_at + part.offset))
    with numpy.errstate(over="ignore"):
        scale = float(numpy.float32(alpha / (math.sqrt(rank) if flags else rank)))
    require(math.isfinite(scale), 644, here + 16, "a scale is not finite")
    target = {"name": name, "encoding": ENCODINGS[encoding], "rank": rank, "alpha": alpha, "scale": scale,
              "inputs": inputs, "outputs": outputs, "parts": parts}
    return target, place, end


def check_base(adapter, base, model_digest, tensors):
    """R-643, then R-642."""
    require(adapter["base"] == model_digest.hex(), 643, base + 64, "the adapter belongs to another model")
    shapes = {tensor.name: tensor.shape for tensor in tensors}
    for index, target in enumerate(adapter["targets"]):
        same = shapes.get(target["name"]) == (target["outputs"], target["inputs"])
        require(same, 642, base + 128 + 64 * index, "a target is not in the base, or has another shape")


def check_values(adapter, data, base):
    """R-601 and R-605 for A and B: all refusals."""
    for target in adapter["targets"]:
        for part, offset in target["parts"]:
            yield from check(part, data[offset:offset + part.length], base + offset)


def verify_adapter(data, base, identifier, model_digest, tensors):
    """Everything that verifying reports about an adapter; a file of adapters alone has no tensors to hold it against."""
    try:
        adapter = read_adapter(data, base, identifier)
        if tensors:
            check_base(adapter, base, model_digest, tensors)
    except Refusal as refusal:
        return [refusal]
    return list(check_values(adapter, data, base))


def describe_adapter(data, base, identifier, model_digest, tensors):
    """The adapter as JSON, once it fits the model and its numbers are sound."""
    for refusal in verify_adapter(data, base, identifier, model_digest, tensors):
        raise Refusal(refusal.rule, refusal.offset, refusal.sentence)
    adapter = read_adapter(data, base, identifier)
    for target in adapter["targets"]:
        for label, (part, offset) in zip(("a", "b"), target.pop("parts")):
            values = decode(part, data[offset:offset + part.length]).astype("<f4").tobytes()
            target[f"{label}_f32_sha256"] = hashlib.sha256(values).hexdigest()
    return adapter
