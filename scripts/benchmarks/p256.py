"""P-256 keys for measurements: the multiples of the base point, and signatures with the nonce 1.

Worthless for anything else. Curve and ECDSA as in FIPS 186-5 and SP 800-186.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eth_utils import keccak, to_checksum_address

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
X = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
Y = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5


@dataclass(frozen=True, slots=True)
class P256Key:
    """The key `number`, whose point is that many times the base point."""

    number: int
    x: int
    y: int

    @property
    def address(self) -> str:
        """What the contract calls it."""
        point = self.x.to_bytes(32, "big") + self.y.to_bytes(32, "big")
        return to_checksum_address(keccak(point)[12:])

    def sign(self, digest: bytes) -> tuple[bytes, bytes]:
        """r and s, a word each."""
        r = X % N
        s = (int.from_bytes(digest, "big") + r * self.number) % N
        return r.to_bytes(32, "big"), s.to_bytes(32, "big")


def p256_keys() -> Iterator[P256Key]:
    """One key after the other, by adding the base point."""
    x, y, number = X, Y, 1
    while True:
        yield P256Key(number, x, y)
        rise, run = (3 * x * x - 3, 2 * y) if number == 1 else (y - Y, x - X)
        x, y = _third(rise * pow(run, -1, P), x, y)
        number += 1


def _third(slope: int, x: int, y: int) -> tuple[int, int]:
    """The sum of the base point and another, on a line of this slope."""
    sum_x = (slope * slope - X - x) % P
    return sum_x, (slope * (x - sum_x) - y) % P
