#!/usr/bin/env python3
"""Makes damaged files from valid vectors and writes down what the reader of Spec/reader says about each.

The damage is a few fields, most often sealed again so that the rules behind the digests are reached. The Swift test
`MutantTests` reads the output (VIAL_MUTANTS=FILE) and must come to the same. Needs numpy and lz4."""
import argparse
import json
import pathlib
import random
import struct
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parents[2] / "Spec" / "reader")]
from make_vectors import variant  # noqa: E402
from vial_reader.fields import Refusal  # noqa: E402
from vial_reader.report import OpenFile, describe  # noqa: E402
from vial_reader.verify import verify  # noqa: E402
from writer.container import file_digests, seal_page, section_digest, sha  # noqa: E402

BASES = ("qwen2-int4", "second-generation", "values", "many-weights")
NUMBERS = (0, 1, 2, 3, 7, 8, 16, 63, 64, 127, 128, 255, 256, 4096, 65535, 65536, 1 << 24, (1 << 31) - 1, 1 << 31,
           (1 << 32) - 1, 1 << 32, 1 << 48, (1 << 63) - 1, 1 << 63, (1 << 64) - 64, (1 << 64) - 1)


def places(data):
    """Stretches that are worth changing: pages' fields, the table, sections without the long weights."""
    root = 8192 if data[8192:8200] == b"VIALROOT" else 4096
    table, length, count = struct.unpack_from("<QQI", data, root + 16)
    yield from ((0, 64), (root, 192), (table, length), (table, length))
    for at in range(table, table + 128 * count, 128):
        kind, offset, stored = struct.unpack_from("<I12xQQ", data, at)
        yield from ((offset, min(stored, 1200)), (offset, stored)) if kind != 12 else ()
        if kind in (1, 2, 5):
            yield from ((offset, stored),) * 3


def damage(data, choose):
    """One to three fields changed."""
    stretches = list(places(data))
    for _ in range(choose.choice((1, 1, 1, 2, 3))):
        start, length = choose.choice(stretches)
        size = choose.choice((1, 1, 2, 4, 4, 8))
        at = start + choose.randrange(max(1, length))
        at -= at % size
        old = int.from_bytes(data[at:at + size], "little")
        new = choose.choice((choose.choice(NUMBERS), old + 1, old - 1, old ^ 1 << choose.randrange(8 * size),
                             choose.getrandbits(8 * size)))
        data[at:at + size] = (new % (1 << 8 * size)).to_bytes(size, "little")
    if choose.random() < 0.05:
        del data[choose.randrange(len(data)):]


def seal(data):
    """Every digest anew, as far as the tables still lead somewhere."""
    if len(data) < 12288:
        return
    page = bytearray(data[:4096])
    seal_page(page)
    data[:4096] = page
    for root in (4096, 8192):
        if not any(data[root:root + 4096]):
            continue
        table, length, count = struct.unpack_from("<QQI", data, root + 16)
        if table + 128 * count > len(data) or count > 64:
            continue
        entries = []
        for at in range(table, table + 128 * count, 128):
            kind, offset, stored = struct.unpack_from("<I12xQQ", data, at)
            if kind != 12 and offset + stored <= table:
                data[at + 64:at + 96] = section_digest(bytes(data[offset:offset + stored]))
            entries.append(bytearray(data[at:at + 128]))
        model, shown = file_digests(entries, bytes(data[:4096]))
        page = bytearray(data[root:root + 4096])
        page[64:160] = model + shown + sha(bytes(data[table:table + length]) if length < len(data) else b"")
        seal_page(page)
        data[root:root + 4096] = page


def verdict(data):
    """Stage and rules of the reader; nothing else may come out of it."""
    try:
        file = OpenFile(data, needs_model=True)
    except Refusal as refusal:
        return "open", [refusal.rule]
    rules = sorted({report.rule for report in verify(file.container, file.tensors, file.configuration)})
    if rules:
        return "verify", rules
    try:
        file.check_runs()
    except Refusal as refusal:
        return "run", [refusal.rule]
    return "whole", []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    sets, rules = [], set()
    for base in BASES:
        original = (here / "valid" / f"{base}.vial").read_bytes()
        mutants = []
        for index in range(options.count // len(BASES)):
            choose = random.Random(f"{options.seed}/{base}/{index}")
            data = bytearray(original)
            damage(data, choose)
            if choose.random() < 0.95:
                seal(data)
            stage, broken = verdict(bytes(data))
            if index % 16 == 0:
                json.dumps(describe(bytes(data)))
            rules.update(broken)
            mutants.append({"name": f"{base}-{index}", "stage": stage, "rules": broken, **variant(bytes(data), original)})
        sets.append({"base": f"valid/{base}.vial", "mutants": mutants})
    options.out.write_text(json.dumps({"sets": sets}))
    print(f"{sum(len(s['mutants']) for s in sets)} mutants, {len(rules)} rules among their faults")


if __name__ == "__main__":
    main()
