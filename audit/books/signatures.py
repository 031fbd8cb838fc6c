"""Whose signature it is: secp256k1 by recovery, P-256 by verification."""

from __future__ import annotations

from collections.abc import Sequence

from Crypto.PublicKey.ECC import EccPoint

from audit.books.arithmetic import read_meter
from audit.node.calldata import PackedReading
from protocol.errors import SignatureError
from protocol.records import Domain, Reading, Registers
from protocol.typed_data import batch_digest, recover_signer

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_GENERATOR = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
"""Order and base point of the curve. Source: NIST SP 800-186, section 3.2.1.3."""

_S_BITS = 255


def digest_of(domain: Domain, readings: Sequence[PackedReading]) -> bytes:
    """The bytes32 that an oracle signs for these readings."""
    return batch_digest(domain, [_reading(packed) for packed in readings])


def _reading(packed: PackedReading) -> Reading:
    meter = read_meter(packed.meter)
    root = packed.log_root.to_bytes(32, "big")
    registers = Registers(*meter.registers)
    return Reading(packed.rental, meter.until, registers, packed.log_size, root)


def recovered(digest: bytes, r: int, vs: int) -> str | None:
    """The address (lower case) whose secp256k1 key signed, or None for a malformed signature."""
    s, odd = vs & ((1 << _S_BITS) - 1), vs >> _S_BITS
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])
    try:
        return recover_signer(digest, signature).lower()
    except SignatureError:
        return None


def recovered_of(digest: bytes, signature: bytes) -> str | None:
    """The same of a signature of 65 bytes `r || s || v`."""
    try:
        return recover_signer(digest, signature).lower()
    except SignatureError:
        return None


def verifies_p256(digest: bytes, r: int, s: int, point: tuple[int, int]) -> bool:
    """Whether the key of that point signed the digest; either s of a pair will do."""
    if not (0 < r < P256_ORDER and 0 < s < P256_ORDER):
        return False
    try:
        key = EccPoint(*point, curve="P-256")
        base = EccPoint(*P256_GENERATOR, curve="P-256")
    except ValueError:
        return False
    inverse = pow(s, -1, P256_ORDER)
    first = int.from_bytes(digest, "big") * inverse % P256_ORDER
    found = base * first + key * (r * inverse % P256_ORDER)
    return not found.is_point_at_infinity() and int(found.x) % P256_ORDER == r


def is_signed_with(key: str, point: tuple[int, int] | None, digest: bytes, r: int, vs: int) -> bool:
    """Whether the key of that address signed the digest; `point` is that of a P-256 key."""
    if point is not None:
        return verifies_p256(digest, r, vs, point)
    return recovered(digest, r, vs) == key
