"""Keys that boxes sign with: secp256k1 in a keystore, or P-256 in a secure element."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from eth_account import Account

from lab.rig.p256 import P256Key, named_key
from protocol.errors import SignatureError
from protocol.typed_data import P256_MARKS, recover_signer, sign_digest


class BoxKey(Protocol):
    """What a box needs of its key."""

    @property
    def address(self) -> str:
        """What the contract calls it."""

    def sign(self, digest: bytes) -> tuple[bytes, bytes]:
        """r and vs, as `settle` takes them."""

    def sign_for_publication(self, digest: bytes) -> bytes:
        """r, s and v, as `reading.json` has them."""


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

    def sign_for_publication(self, digest: bytes) -> bytes:
        """r, s and v."""
        return sign_digest(self.secret, digest)


@dataclass(frozen=True, slots=True)
class ElementKey:
    """A P-256 key."""

    key: P256Key

    @property
    def point(self) -> tuple[int, int]:
        """The public key."""
        return self.key.x, self.key.y

    @property
    def address(self) -> str:
        """What the contract calls it."""
        return self.key.address

    def sign(self, digest: bytes) -> tuple[bytes, bytes]:
        """r and s."""
        return self.key.sign_words(digest)

    def sign_for_publication(self, digest: bytes) -> bytes:
        """r, s and v."""
        both = [b"".join(self.sign(digest)) + bytes([mark]) for mark in P256_MARKS]
        return next(one for one in both if _is_signed(digest, one, self.address))


def _is_signed(digest: bytes, signature: bytes, address: str) -> bool:
    try:
        return recover_signer(digest, signature) == address
    except SignatureError:
        return False


def box_key(number: int, epoch: int = 1) -> KeystoreKey:
    """A key of a box in a story; everybody knows it."""
    return KeystoreKey(sha256(f"history box {number} {epoch}".encode()).digest())


def element_key(number: int) -> ElementKey:
    """The same in a secure element."""
    return ElementKey(named_key(f"history element {number}"))
