"""A signature section: FORMAT.md, "Signatures"; Ed25519 of RFC 8032 in affine coordinates, for one vector.

Owns: a key that is everybody's. Must not: sign anything but vectors."""
import hashlib
import struct

from .container import SIGNATURE, Section

P = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202,
        46316835694926478169428394003475163141307993866256225615783033603165251855960)
SECRET = hashlib.sha256(b"the key of the vectors, known to everybody").digest()


def plus(left, right):
    (a, b), (c, d) = left, right
    product = D * a * b * c * d % P
    return (a * d + b * c) * pow(1 + product, -1, P) % P, (b * d + a * c) * pow(1 - product, -1, P) % P


def times(scalar, point):
    result = (0, 1)
    for bit in bin(scalar)[2:]:
        result = plus(result, result)
        result = plus(result, point) if bit == "1" else result
    return result


def pressed(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


HALVES = hashlib.sha512(SECRET).digest()
SCALAR = int.from_bytes(HALVES[:32], "little") & (1 << 254) - 8 | 1 << 254
PUBLIC = pressed(times(SCALAR, BASE))


def sign(message):
    """The 64 bytes."""
    nonce = number(HALVES[32:], message) % ORDER
    commitment = pressed(times(nonce, BASE))
    scalar = (nonce + number(commitment, PUBLIC, message) * SCALAR) % ORDER
    return commitment + scalar.to_bytes(32, "little")


IDENTIFIER = int.from_bytes(PUBLIC[:8], "little")


def signature_section(file_digest, model_digest, comment, identifier=IDENTIFIER):
    text = comment.encode()
    head = struct.pack("<II", 1, len(text)) + file_digest + model_digest + PUBLIC
    signature = sign(b"VIAL-SIGNATURE-1" + head + text)
    truth = {"id": identifier, "status": "valid", "same_model": True, "public_key": PUBLIC.hex(), "comment": comment}
    return Section(SIGNATURE, b"SIGN" + struct.pack("<I", 1) + head + signature + text, id=identifier), truth
