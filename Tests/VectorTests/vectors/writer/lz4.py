"""LZ4 frames with stored blocks and one compressed form, so that vectors do not depend on a library's version.

Owns: frame format 1.6 with 64 KiB blocks; a block is compressed by matching repeats of its start, or stored."""
import struct

PRIMES = 2654435761, 2246822519, 3266489917, 668265263, 374761393
M = 0xFFFFFFFF


def frame(raw, size=True, checksum=True, dictionary=None):
    """One frame that holds `raw`."""
    flags = 0x60 | (8 if size else 0) | (4 if checksum else 0) | (1 if dictionary is not None else 0)
    head = bytes([flags, 0x40]) + (struct.pack("<Q", len(raw)) if size else b"")
    head += struct.pack("<I", dictionary) if dictionary is not None else b""
    out = struct.pack("<I", 0x184D2204) + head + bytes([xxh32(head) >> 8 & 255])
    for at in range(0, len(raw), 65536):
        out += block(raw[at:at + 65536])
    return out + bytes(4) + (struct.pack("<I", xxh32(raw)) if checksum else b"")


def block(raw):
    packed = compress(raw)
    if packed is None or len(packed) >= len(raw):
        return struct.pack("<I", len(raw) | 1 << 31) + raw
    return struct.pack("<I", len(packed)) + packed


def compress(raw):
    """Literals up to the first repeat of the block's start, one match to near the end, the last literals."""
    period = raw.find(raw[:16], 1)
    if period < 1 or len(raw) < period + 32:
        return None
    length = 0
    while period + length < len(raw) - 12 and raw[length] == raw[period + length]:
        length += 1
    if length < 4:
        return None
    rest = raw[period + length:]
    return sequence(raw[:period], period, length) + sequence(rest, None, 0)


def sequence(literals, offset, length):
    token = min(len(literals), 15) << 4 | (min(length - 4, 15) if offset else 0)
    out = bytes([token]) + more(len(literals)) + literals
    return out + struct.pack("<H", offset) + more(length - 4) if offset else out


def more(length):
    if length < 15:
        return b""
    length -= 15
    return b"\xff" * (length // 255) + bytes([length % 255])


def xxh32(data, seed=0):
    p1, p2, p3, p4, p5 = PRIMES
    turn = lambda v, n: (v << n | v >> 32 - n) & M
    at = 0
    if len(data) >= 16:
        lanes = [(seed + p1 + p2) & M, (seed + p2) & M, seed, (seed - p1) & M]
        while at + 16 <= len(data):
            for i, word in enumerate(struct.unpack_from("<4I", data, at)):
                lanes[i] = turn(lanes[i] + word * p2 & M, 13) * p1 & M
            at += 16
        h = sum(turn(v, n) for v, n in zip(lanes, (1, 7, 12, 18))) & M
    else:
        h = seed + p5 & M
    h = h + len(data) & M
    while at + 4 <= len(data):
        h = turn(h + struct.unpack_from("<I", data, at)[0] * p3 & M, 17) * p4 & M
        at += 4
    for byte in data[at:]:
        h = turn(h + byte * p5 & M, 11) * p1 & M
    h = (h ^ h >> 15) * p2 & M
    h = (h ^ h >> 13) * p3 & M
    return h ^ h >> 16
