"""The shared vectors of P-256 signatures: which of them the chain's precompile takes (EIP-7951).

They are made with OpenSSL, by way of `cryptography`. The contract's tests ask a real node the same.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from lab.rig.p256 import FIELD, P256Key, named_key
from protocol.p256 import ORDER

NAMES = ("vector element 1", "vector element 2")
DIGESTS = (sha256(b"vector digest").digest(), bytes(32), b"\xff" * 32)


def _words(*values: int) -> str:
    return "0x" + b"".join(value.to_bytes(32, "big") for value in values).hex()


def _openssl_takes(key: P256Key, digest: bytes, r: int, s: int) -> bool:
    point = ec.EllipticCurvePublicNumbers(key.x, key.y, ec.SECP256R1()).public_key()
    try:
        point.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))
    except InvalidSignature:
        return False
    return True


def p256() -> dict[str, Any]:
    """Keys with their addresses, and signatures of 65 bytes that are good or not."""
    keys = [named_key(name) for name in NAMES]
    one, digest = keys[0], DIGESTS[0]
    r, s = one.sign(digest)
    cases = [
        ("the lower s", digest, r, s),
        ("the higher s", digest, r, ORDER - s),
        *((f"digest 0x{other.hex()}", other, *one.sign(other)) for other in DIGESTS[1:]),
        ("another key's", digest, *keys[1].sign(digest)),
        ("of another digest", digest, *one.sign(DIGESTS[1])),
        ("r and s changed over", digest, s, r),
        *((f"{name} for r", digest, value, s) for name, value in _EDGES.items()),
        *((f"{name} for s", digest, r, value) for name, value in _EDGES.items()),
    ]
    return {
        "keys": [{"x": hex(key.x), "y": hex(key.y), "address": key.address} for key in keys],
        "signatures": [
            {
                "why": why,
                "digest": "0x" + of.hex(),
                "signature": _words(first, second) + "1b",
                "good": _openssl_takes(one, of, first, second),
            }
            for why, of, first, second in cases
        ],
    }


_EDGES = {
    "0": 0,
    "1": 1,
    "the order less 1": ORDER - 1,
    "the order": ORDER,
    "the field's prime": FIELD,
    "the greatest word": 2**256 - 1,
}
"""What no signature has, or hardly any."""
