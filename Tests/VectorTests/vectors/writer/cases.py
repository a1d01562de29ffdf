"""The register of invalid vectors. Owns: names, and what is expected of a reader. Must not: know the format."""
import struct

INVALID = {}  # name: (about, function that gives bytes and offset, stage)
STAGES = ("open", "verify", "run")


def case(name, about, make, stage="open"):
    """Adds a vector. Stage `open`: opening refuses; `verify`: it opens and verifying reports this and nothing else;
    `run`: it opens and is whole, and a program that computes refuses."""
    assert name not in INVALID and stage in STAGES
    INVALID[name] = (about, make, stage)


def expect(draft, offset, **build):
    """Bytes and offset; the offset may be a function of the bytes."""
    data = draft.build(**build)
    return data, offset(data) if callable(offset) else offset


def table_of(data):
    """Where the section table of slot A lies."""
    return struct.unpack_from("<Q", data, 4096 + 16)[0]


def section_of(data, kind, identifier=0):
    """Where a section lies."""
    table, _, count = struct.unpack_from("<QQI", data, 4096 + 16)
    for at in range(table, table + 128 * count, 128):
        row = struct.unpack_from("<I4xQQ", data, at)
        if row[:2] == (kind, identifier):
            return row[2]
    raise LookupError(kind)
