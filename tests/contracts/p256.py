"""Readings under P-256 keys as a secure element holds them, and chains that can check them."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.builders import Yard
from contracts.evidence import packed, words
from contracts.evm import Chain, Receipt
from contracts.sources import mock
from contracts.wallet_signatures import Signature, message_of
from eth_account.messages import SignableMessage
from eth_utils import keccak

from lab.rig.p256 import P256Key, named_key
from protocol.records import Reading

PRECOMPILE = "0x0000000000000000000000000000000000000100"

Signed = tuple[int, Signature, tuple[Reading, ...]]
"""An oracle's number, its raw signature, and what that covers."""


def digest_of(message: SignableMessage) -> bytes:
    """What is signed of a message of eth-account."""
    return bytes(keccak(b"\x19" + message.version + message.header + message.body))


@dataclass(frozen=True)
class SecureKey:
    """A key that signs messages of eth-account; `x` and `y` are the public one's."""

    key: P256Key

    @property
    def x(self) -> int:
        """The point's first coordinate."""
        return self.key.x

    @property
    def y(self) -> int:
        """The point's second coordinate."""
        return self.key.y

    @property
    def address(self) -> str:
        """What the contract calls it."""
        return self.key.address

    def sign(self, message: SignableMessage, *, high_s: bool = False) -> tuple[int, int]:
        """r and s of a signature, with the lower s or the higher of the two that there are."""
        return self.key.sign(digest_of(message), high_s=high_s)


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


KEY = SecureKey(named_key("contract tests secure element"))
OTHER = SecureKey(named_key("contract tests other secure element"))


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
