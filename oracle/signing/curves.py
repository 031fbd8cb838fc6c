"""What the curves of signing keys differ in, and what a raw ECDSA signature is made into.

Tokens and TPMs answer `r || s`. What is needed besides is made here: s in the lower half of the
curve's order, and the last byte, found by trying both against the key's known address. A signature
that recovers to none is refused, so whatever a broken token answers never leaves the box.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_keys.datatypes import PublicKey as Secp256k1Point

from oracle.errors import SigningError
from protocol.errors import SignatureError
from protocol.p256 import ORDER, point_address
from protocol.typed_data import P256_MARKS, SECP256K1_MARKS, recover_signer


@dataclass(frozen=True, slots=True)
class KeyCurve:
    """`parameters` is the curve's object identifier in DER, what CKA_EC_PARAMS holds; `marks` are
    what the last byte of a signature may be."""

    name: str
    parameters: bytes
    order: int
    marks: tuple[int, int]


SECP256K1 = KeyCurve(
    "secp256k1",
    bytes.fromhex("06052b8104000a"),
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    SECP256K1_MARKS,
)
"""Object identifier 1.3.132.0.10. Source: SEC 2, section 2.4.1."""

P256 = KeyCurve("P-256", bytes.fromhex("06082a8648ce3d030107"), ORDER, P256_MARKS)
"""Object identifier 1.2.840.10045.3.1.7. Source: RFC 5480, section 2.1.1.1."""

CURVES = {curve.name: curve for curve in (SECP256K1, P256)}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A signing key's public side: its point, and the checksummed address that it is called by."""

    curve: KeyCurve
    x: int
    y: int
    address: str

    @classmethod
    def of(cls, curve: KeyCurve, point: bytes) -> PublicKey:
        """The key of a point, x and y of 32 bytes each."""
        x, y = int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big")
        if curve is P256:
            return cls(curve, x, y, point_address(x, y))
        return cls(curve, x, y, str(Secp256k1Point(point).to_checksum_address()))


def recoverable(raw: bytes, digest: bytes, key: PublicKey) -> bytes:
    """`r || s` as 65 bytes `r || s || v` with a low s that recover to `key`.

    Raises SigningError when no last byte does.
    """
    if len(raw) != 64:
        raise SigningError(f"a signature of {len(raw)} bytes came, not of 64")
    curve, s = key.curve, int.from_bytes(raw[32:], "big")
    if curve.order // 2 < s < curve.order:
        raw = raw[:32] + (curve.order - s).to_bytes(32, "big")
    for mark in curve.marks:
        signature = raw + bytes([mark])
        try:
            if recover_signer(digest, signature) == key.address:
                return signature
        except SignatureError:
            continue  # r is not a point of the curve for this mark
    raise SigningError(f"a signature came that is not of key {key.address}; it is refused")
