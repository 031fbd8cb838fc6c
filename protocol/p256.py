"""Signatures of P-256 keys, as secure elements hold them, and the addresses that name such keys.

The contract calls a key by the last 20 bytes of keccak256(x || y) and checks r and s with the
chain's precompile (EIP-7951), which takes either s of a pair. What this project signs has the lower
one, so that a digest and a nonce have one signature.

Source of the curve: NIST SP 800-186, section 3.2.1.3; of the recovery: SEC 1, section 4.1.6.
"""

from __future__ import annotations

from Crypto.PublicKey.ECC import EccPoint
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from protocol.errors import SignatureError

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the base point."""

_FIELD = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def point_address(x: int, y: int) -> str:
    """The checksummed address that a point is called by."""
    return str(to_checksum_address(keccak(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:]))


def recover_point(digest: bytes, r: int, s: int, *, odd: bool) -> tuple[int, int]:
    """The public key (x, y) under which r and s sign the bytes32 `digest`, where the y of the
    nonce's point is `odd` or not; raises SignatureError where there is none.

    A nonce's point whose x is not below the order (one in 2^32) is not looked for.
    """
    if not (0 < r < ORDER and 0 < s <= ORDER // 2):
        raise SignatureError("r or s of a P-256 signature is out of range")
    square = (r * r * r - 3 * r + _B) % _FIELD
    y = pow(square, (_FIELD + 1) // 4, _FIELD)
    if y * y % _FIELD != square:
        raise SignatureError("r of a P-256 signature is no point's")
    nonce = EccPoint(r, y if bool(y & 1) is odd else _FIELD - y, curve="P-256")
    inverse = pow(r, -1, ORDER)
    hashed = int.from_bytes(digest, "big")
    key = nonce * (s * inverse % ORDER) + EccPoint(*_BASE, curve="P-256") * (
        -hashed * inverse % ORDER
    )
    if key.is_point_at_infinity():
        raise SignatureError("a P-256 signature of no key")
    return int(key.x), int(key.y)
