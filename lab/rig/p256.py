"""P-256 keys as a secure element holds them, for tests, stories and measurements.

Signatures are deterministic (RFC 6979), so that a run can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from protocol.p256 import ORDER, point_address

FIELD = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
"""The prime that coordinates are below."""

_DIGEST = ec.ECDSA(Prehashed(SHA256()), deterministic_signing=True)
"""Digests have 32 bytes, whatever made them."""


@dataclass(frozen=True)
class P256Key:
    """A private key, 0 < `secret` < ORDER; `x` and `y` are the public one's."""

    secret: int

    @cached_property
    def _private(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self.secret, ec.SECP256R1())

    @property
    def x(self) -> int:
        """The point's first coordinate."""
        return self._private.public_key().public_numbers().x

    @property
    def y(self) -> int:
        """The point's second coordinate."""
        return self._private.public_key().public_numbers().y

    @property
    def address(self) -> str:
        """What the contract calls it."""
        return point_address(self.x, self.y)

    def sign(self, digest: bytes, *, high_s: bool = False) -> tuple[int, int]:
        """r and s over a digest of 32 bytes, with the lower s or the higher of the two."""
        r, s = decode_dss_signature(self._private.sign(digest, _DIGEST))
        low = min(s, ORDER - s)
        return r, ORDER - low if high_s else low

    def sign_words(self, digest: bytes) -> tuple[bytes, bytes]:
        """r and s, a word each, as `settle` takes them."""
        r, s = self.sign(digest)
        return r.to_bytes(32, "big"), s.to_bytes(32, "big")


def named_key(name: str) -> P256Key:
    """A key that everybody knows."""
    return P256Key(int.from_bytes(sha256(name.encode()).digest(), "big") % ORDER)
