#!/usr/bin/env python3
"""Makes a file that is nearly nothing but tables out of a small model: what a reader's memory follows from.

heavy.py MODEL.vial OUTPUT.vial [THOUSANDS]: so many thousand prompt templates, tensors, targets of an adapter and
sections of unknown kinds, some signatures and adapters that are none, a long notice, a text that unpacks to 32 MiB.
Owns: what is added. The bytes are made by Tests/VectorTests/vectors/writer."""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "VectorTests" / "vectors"))
from writer import keyvalues as kv  # noqa: E402
from writer.container import ADAPTER, CHUNKS, PROVENANCE, SIGNATURE, TENSORS, TEXT, WEIGHTS  # noqa: E402
from writer.container import Draft, Section, chunk_digests, file_digests, sha  # noqa: E402
from writer.lz4 import frame  # noqa: E402
from writer.prompts import LEAST, prompt_section  # noqa: E402


def sections_of(data):
    """The sections of a file whose current root is slot A."""
    table, _, count = struct.unpack_from("<QQI", data, 4096 + 16)
    found = []
    for i in range(count):
        kind, flags, identifier, offset, stored, raw, codec, alignment = struct.unpack_from("<IIQQQQII", data, table + 128 * i)
        found.append(Section(kind, data[offset:offset + stored], identifier, raw, codec, alignment, flags))
    return found


def with_tensors(table, count):
    """The tensor table with `count` vectors of one number in weights section 1, and that section."""
    old, names_at, names_length = struct.unpack_from("<Q8xQQ", table, 8)
    entries, names = bytearray(table[64:64 + 128 * old]), bytearray(table[names_at:names_at + names_length])
    for i in range(count):
        name = b"zz%06d" % i
        entries += struct.pack("<IIIIII4QIBBBBQQQI36x", len(names), len(name), 1, 1, 1, 0, 1, 1, 1, 1, 0, 32, 0, 0, 0, 1,
                               64 * i, 4, 0xFFFFFFFF)
        names += name
    head = b"TENS" + struct.pack("<IQIIQQ24x", 1, old + count, 128, 0, 64 + len(entries), len(names))
    return head + bytes(entries + names), Section(WEIGHTS, bytes(64 * count - 60), id=1)


def adapter(name, model_digest, count):
    """An adapter with `count` targets that the model does not have."""
    entries, names = bytearray(), bytearray(name)
    for i in range(count):
        target = b"m%07d" % i
        entries += struct.pack("<IIIIdQQQQ8x", len(names), len(target), 1, 1, 1.0, 1, 1, 128 * i, 128 * i + 64)
        names += target
    names_at = 128 + len(entries)
    data_at = -(-(names_at + len(names)) // 64) * 64
    head = struct.pack("<4sIIIIIQQQQ8x32s32x", b"LORA", 1, count, 64, 0, len(name), names_at, len(names), data_at,
                       128 * count, model_digest)
    stored = (head + bytes(entries + names)).ljust(data_at, b"\0") + bytes(128 * count)
    return Section(ADAPTER, stored, id=int.from_bytes(sha(name)[:8], "little"))


def main():
    source, output = sys.argv[1:3]
    many = 1000 * int(sys.argv[3] if len(sys.argv) > 3 else 2)
    data = pathlib.Path(source).read_bytes()
    features = struct.unpack_from("<QQQ", data, 24)
    parts = [s for s in sections_of(data) if s.kind not in (PROVENANCE, CHUNKS)]
    tensors = next(s for s in parts if s.kind == TENSORS)
    table, weights = with_tensors(tensors.stored, many)
    parts[parts.index(tensors)] = Section(TENSORS, table)
    # Model's sections first: their digest is what the adapter names.
    parts.sort(key=lambda s: s.kind != TENSORS and s.kind > 4 and s.kind != WEIGHTS)
    parts.append(weights)
    draft = Draft(list(parts), features=features)
    draft.build()
    more = [adapter(b"heavy", draft.digests["model"], many)]
    more += [Section(ADAPTER, b"not an adapter", id=i) for i in range(1, 20)]
    more += [Section(SIGNATURE, b"SIGN" + bytes(400), id=i) for i in range(1, many // 20)]
    more += [Section(5000, b"\1", id=i) for i in range(many)]
    for i in range(many):
        values = {**LEAST, "id": (kv.TEXT, f"t{i}"), "text": (kv.TEXT, "x" * (i % 100))}
        more.append(prompt_section(values)[0])
    big = prompt_section({**LEAST, "id": (kv.TEXT, "big"), "text": (kv.TEXT, "{{a}}" * 13000),
                          "variable.names": (kv.TEXTS, ["a"]), "variable.types": (kv.TEXTS, ["choice"]),
                          "variable.limits": (kv.U64S, [0]), "variable.required": (kv.U64S, [0]),
                          "variable.choices": (kv.TEXTS, ["\n" * (1 << 20)])})[0]
    more.append(big)
    more.append(Section(PROVENANCE, kv.encode({"notice": (kv.TEXT, "n" * (8 << 20))})))
    raw = b"licence " * (4 << 20)
    more.append(Section(TEXT, frame(raw, checksum=False), id=1000, raw_length=len(raw), codec=1))
    everything = parts + more
    chunks = chunk_digests(everything)
    pathlib.Path(output).write_bytes(Draft(everything + ([chunks] if chunks else []), features=features).build())


if __name__ == "__main__":
    main()
