"""An adapter section: FORMAT.md, "Adapters".

Owns: the order of names, targets and data."""
import hashlib
import math
import struct

import numpy

from .container import ADAPTER, Section
from .tensors import ENCODINGS, Tensor


def adapter_id(name):
    """The id of an adapter's section."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def adapter_section(name, model_digest, targets, rank_stabilised=False, identifier=None):
    """`targets`: (tensor's name, [N, K], encoding, rank, alpha). The section and what a reader says about it."""
    identifier = adapter_id(name) if identifier is None else identifier
    entries = body = b""
    names, truth = name.encode(), []
    for target, (outputs, inputs), encoding, rank, alpha in sorted(targets, key=lambda t: t[0].encode()):
        pair = (Tensor(f"{name}/{target}/A", (rank, inputs), encoding), Tensor(f"{name}/{target}/B", (outputs, rank), encoding))
        places = []
        for part in pair:
            body += bytes(-len(body) % 64)
            places.append(len(body))
            body += part.stored()
        entries += struct.pack("<IIIIdQQQQ8x", len(names), len(target.encode()), ENCODINGS[encoding], rank, alpha, inputs,
                               outputs, *places)
        names += target.encode()
        digest = [hashlib.sha256(part.truth().astype("<f4").tobytes()).hexdigest() for part in pair]
        scale = alpha / (math.sqrt(rank) if rank_stabilised else rank)
        truth.append({"name": target, "encoding": encoding, "rank": rank, "alpha": alpha, "scale": float(numpy.float32(scale)),
                      "inputs": inputs, "outputs": outputs, "a_f32_sha256": digest[0], "b_f32_sha256": digest[1]})
    names_at = 128 + len(entries)
    data_at = -(-(names_at + len(names)) // 64) * 64
    head = struct.pack("<4sIIIIIQQQQ8x32s32x", b"LORA", 1, len(truth), 64, int(rank_stabilised), len(name.encode()),
                       names_at, len(names), data_at, len(body), model_digest)
    stored = (head + entries + names).ljust(data_at, b"\0") + body
    return Section(ADAPTER, stored, id=identifier), {
        "id": identifier, "name": name, "rank_stabilised": rank_stabilised, "base": model_digest.hex(), "targets": truth}
