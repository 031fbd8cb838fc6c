"""P-256 keys as a secure element holds them, in pure Python, and chains that can check them.

Source of the curve and of ECDSA: FIPS 186-5 and SP 800-186.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from contracts.builders import Yard
from contracts.evidence import packed, words
from contracts.evm import Chain, Receipt
from contracts.sources import mock
from contracts.wallet_signatures import Signature, message_of
from eth_account.messages import SignableMessage
from eth_utils import keccak, to_checksum_address

from protocol.records import Reading

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

PRECOMPILE = "0x0000000000000000000000000000000000000100"

Point = tuple[int, int]
Signed = tuple[int, Signature, tuple[Reading, ...]]
"""An oracle's number, its raw signature, and what that covers."""


def point_sum(a: Point | None, b: Point | None) -> Point | None:
    """Two points of the curve added; None is the one at infinity."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and a[1] != b[1]:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def point_times(factor: int, point: Point) -> Point:
    """A point added to itself, factor > 0 times."""
    total = None
    while factor:
        if factor & 1:
            total = point_sum(total, point)
        point = point_sum(point, point) or point
        factor >>= 1
    assert total is not None
    return total


def digest_of(message: SignableMessage) -> bytes:
    """What is signed of a message of eth-account."""
    return bytes(keccak(b"\x19" + message.version + message.header + message.body))


@dataclass(frozen=True)
class SecureKey:
    """A private key; `x` and `y` are the public one's."""

    secret: int
    x: int
    y: int

    @property
    def address(self) -> str:
        """What the contract calls it."""
        return point_address(self.x, self.y)

    def sign(self, message: SignableMessage, *, high_s: bool = False) -> tuple[int, int]:
        """r and s of a signature, with the lower s or the higher of the two that there are."""
        digest = digest_of(message)
        seed = self.secret.to_bytes(32, "big") + digest
        nonce = int.from_bytes(sha256(seed).digest(), "big") % N
        r = point_times(nonce, G)[0] % N
        s = (int.from_bytes(digest, "big") + r * self.secret) * pow(nonce, -1, N) % N
        low = min(s, N - s)
        return r, N - low if high_s else low


def point_address(x: int, y: int) -> str:
    """The address that a point is called by."""
    packed = x.to_bytes(32, "big") + y.to_bytes(32, "big")
    return str(to_checksum_address(keccak(packed)[12:]))


def secure_key(name: str) -> SecureKey:
    """A key that nobody has used."""
    secret = int.from_bytes(sha256(f"contract tests {name}".encode()).digest(), "big") % N
    return SecureKey(secret, *point_times(secret, G))


@dataclass(frozen=True)
class _Precompile:
    address: str = PRECOMPILE


def teach_p256(chain: Chain) -> None:
    """Put at address 0x100 what a chain with EIP-7951 has there."""
    code = bytes.fromhex(mock("p256_precompile").runtime[2:])
    chain.adopt(_Precompile(), code)


def forget_p256(chain: Chain, code: bytes = b"") -> None:
    """Put something else at address 0x100, nothing unless told."""
    chain.adopt(_Precompile(), code)


KEY = secure_key("secure element")
OTHER = secure_key("other secure element")


def enrol(yard: Yard, key: SecureKey) -> None:
    """Make a key known."""
    yard.provide("enrol_p256_key", key.x, key.y, *words(*key.sign(message_of(yard))))


def approve(yard: Yard, *readings: Reading, key: SecureKey = KEY, high_s: bool = False) -> Signed:
    """Readings under the first oracle's P-256 signature."""
    return yard.oracle, key.sign(message_of(yard, *readings), high_s=high_s), readings


def settle(yard: Yard, *signed: Signed) -> Receipt:
    """Settle readings under raw signatures."""
    signatures = [(number, len(of), *words(*signature)) for number, signature, of in signed]
    readings = [packed(reading) for _, _, of in signed for reading in of]
    return yard.meter.transact(yard.people["relayer"], "settle", signatures, readings)


def outcome(yard: Yard, *signed: Signed) -> list[str]:
    """For each reading, the reason for which it was rejected, or "" when it has settled."""
    return [e.args.get("reason", "") for e in settle(yard, *signed).events]
