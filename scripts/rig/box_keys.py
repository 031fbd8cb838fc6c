"""Keys that boxes sign with: secp256k1 in a keystore, or P-256 in a secure element."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from Crypto.PublicKey.ECC import EccPoint
from eth_account import Account
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from protocol.typed_data import sign_digest

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
"""Order and base point of P-256 (NIST SP 800-186)."""


class BoxKey(Protocol):
    """What a box needs of its key."""

    @property
    def address(self) -> str:
        """What the contract calls it."""

    def sign(self, digest: bytes) -> tuple[bytes, bytes]:
        """r and vs, as `settle` takes them."""


@dataclass(frozen=True, slots=True)
class KeystoreKey:
    """A secp256k1 key."""

    secret: bytes

    @property
    def address(self) -> str:
        """What the contract calls it."""
        return str(Account.from_key(self.secret).address)

    def sign(self, digest: bytes) -> tuple[bytes, bytes]:
        """r, and s with the parity of v in the highest bit."""
        signature = sign_digest(self.secret, digest)
        vs = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
        return signature[:32], vs.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class ElementKey:
    """A P-256 key; its nonces are derived from the digest, and good enough for a story."""

    secret: bytes

    @property
    def point(self) -> tuple[int, int]:
        """The public key."""
        point = EccPoint(*BASE, curve="P-256") * int.from_bytes(self.secret, "big")
        return int(point.x), int(point.y)

    @property
    def address(self) -> str:
        """What the contract calls it."""
        packed = b"".join(part.to_bytes(32, "big") for part in self.point)
        return str(to_checksum_address(keccak(packed)[12:]))

    def sign(self, digest: bytes) -> tuple[bytes, bytes]:
        """r and s."""
        nonce = int.from_bytes(sha256(self.secret + digest).digest(), "big") % ORDER
        r = int((EccPoint(*BASE, curve="P-256") * nonce).x) % ORDER
        secret, number = int.from_bytes(self.secret, "big"), int.from_bytes(digest, "big")
        s = (number + r * secret) * pow(nonce, -1, ORDER) % ORDER
        return r.to_bytes(32, "big"), s.to_bytes(32, "big")


def box_key(number: int, epoch: int = 1) -> KeystoreKey:
    """A key of a box in a story; everybody knows it."""
    return KeystoreKey(sha256(f"history box {number} {epoch}".encode()).digest())


def element_key(number: int) -> ElementKey:
    """The same in a secure element."""
    return ElementKey(sha256(f"history element {number}".encode()).digest())
