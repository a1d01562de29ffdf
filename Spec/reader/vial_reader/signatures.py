"""Signatures: FORMAT.md, "Signatures", with Ed25519 as RFC 8032 has it.

Owns: whether each is valid, stale or wrong. Must not: say whom to trust."""
import hashlib

from .fields import Fields, Refusal, require
from .keyvalues import text_of

P = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def read_signature(data, base, identifier, file_digest, model_digest):
    """What a section with this id says, and its status."""
    try:
        fields = Fields(data, base, 651)
        require(len(data) >= 176 and fields.bytes(0, 4) == b"SIGN", 651, base, "not a signature")
        require(fields.u32(4) == 1 and fields.u32(8) == 1, 651, base + 4, "the signature's version or algorithm is unknown")
        length = fields.u32(12)
        require(length <= 4096 and len(data) == 176 + length, 651, base + 12, "the comment's length is wrong")
        comment = text_of(data[176:], 651, base + 176)
    except Refusal:
        return {"status": "wrong"}
    key, signature = fields.bytes(80, 32), fields.bytes(112, 64)
    if int.from_bytes(key[:8], "little") != identifier:
        return {"status": "wrong"}
    answer = {"public_key": key.hex(), "comment": comment}
    if not verify(key, b"VIAL-SIGNATURE-1" + fields.bytes(8, 104) + bytes(data[176:]), signature):
        return {"status": "wrong", **answer}
    same_model = fields.bytes(48, 32) == model_digest
    current = fields.bytes(16, 32) == file_digest and same_model
    return {"status": "valid" if current else "stale", "same_model": same_model, **answer}


def verify(public_key, message, signature):
    """RFC 8032, 5.1.7, without the cofactor; points of small order are refused."""
    point, commitment = decompress(public_key), decompress(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if point is None or commitment is None or scalar >= ORDER:
        return False
    if any(same(multiply(8, each), NEUTRAL) for each in (point, commitment)):
        return False
    base = decompress(bytes([0x58]) + b"\x66" * 31)
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    return same(multiply(scalar, base), add(commitment, multiply(challenge, point)))


def add(left, right):
    a, b = (left[1] - left[0]) * (right[1] - right[0]) % P, (left[1] + left[0]) * (right[1] + right[0]) % P
    c, d = 2 * left[3] * right[3] * D % P, 2 * left[2] * right[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def same(left, right):
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def decompress(data):
    """The point of 32 bytes, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P
