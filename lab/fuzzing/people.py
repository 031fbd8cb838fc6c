"""Who plays: key pairs that sign fast, and P-256 keys whose signatures are a toy's.

The keys are the same in every run, derived from names; they are worthless.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from coincurve import PrivateKey
from eth_hash.auto import keccak

from lab.fuzzing.words import words

PARITY = 1 << 255

CUSTOMERS = ("alice", "bob", "thief")
"""The thief is in league with whoever has stolen a box's key."""

OTHERS = ("provider", "heir", "relayer", "stranger")
BOXES = tuple(f"box {i}" for i in range(14))
ELEMENTS = tuple(f"element {i}" for i in range(4))
"""Secure elements, with keys of P-256."""


@dataclass(frozen=True, slots=True)
class FuzzSigner:
    """A key pair of secp256k1, or one of a toy P-256 when it has a point."""

    address: int
    private: PrivateKey | None
    point: tuple[int, int] = (0, 0)

    def sign(self, digest: bytes) -> tuple[int, int]:
        """r and vs (EIP-2098); of a secure element, r and s."""
        if self.private is None:
            return int.from_bytes(keccak(digest + words(*self.point)), "big"), 1 + digest[0]
        made = self.private.sign_recoverable(digest, hasher=None)
        return (
            int.from_bytes(made[:32], "big"),
            int.from_bytes(made[32:64], "big") | made[64] << 255,
        )

    def sign_vrs(self, digest: bytes) -> tuple[int, int, int]:
        """v, r and s."""
        r, vs = self.sign(digest)
        return 27 + (vs >> 255), r, vs & (PARITY - 1)


@cache
def signer(name: str) -> FuzzSigner:
    """The key of a name."""
    secret = bytes(keccak(f"fuzzer {name}".encode()))
    if name in ELEMENTS:
        x, y = keccak(secret + b"x"), keccak(secret + b"y")
        point = int.from_bytes(x, "big"), int.from_bytes(y, "big")
        return FuzzSigner(int.from_bytes(keccak(x + y)[12:], "big"), None, point)
    private = PrivateKey(secret)
    public = private.public_key.format(compressed=False)[1:]
    return FuzzSigner(int.from_bytes(keccak(public)[12:], "big"), private)


@cache
def signers() -> dict[int, FuzzSigner]:
    """Everybody by address."""
    everybody = (*CUSTOMERS, *OTHERS, *BOXES, *ELEMENTS)
    return {signer(name).address: signer(name) for name in everybody}


def address(name: str) -> int:
    """The address of a name."""
    return signer(name).address
