"""Whether the contract lets this oracle sign, and what to do when it does not: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chain.views import OracleView
from oracle.ports import Signer


@dataclass(frozen=True, slots=True)
class OracleIdentity:
    """This oracle: its number in the contract and the addresses of its signing keys.

    Two while the provider rotates from one to the other; the contract says which is in force.
    """

    number: int
    key: str
    next_key: str | None = None
    p256: frozenset[str] = frozenset()
    """Those of P-256 among them."""

    @classmethod
    def of(cls, number: int, signers: Sequence[Signer]) -> OracleIdentity:
        """The identity with one key or two."""
        key, next_key = (*[one.address for one in signers], None)[:2]
        p256 = frozenset(one.address for one in signers if one.is_p256)
        return cls(number, str(key), next_key, p256)

    def holds(self, key: str) -> bool:
        """Whether `key` is one of ours."""
        return key.lower() in {one.lower() for one in (self.key, self.next_key) if one}

    def is_p256(self, key: str) -> bool:
        """Whether `key` is one of ours of P-256."""
        return key.lower() in {one.lower() for one in self.p256}


class KeyFault(StrEnum):
    """Why nothing that this oracle signs is worth anything."""

    REVOKED = "oracle revoked"
    SUSPENDED = "oracle suspended"
    OTHER_KEY = "oracle key not registered"
    NOT_ENROLLED = "oracle key not enrolled"


def key_fault(oracle: OracleView, identity: OracleIdentity) -> KeyFault | None:
    """Why nothing that `identity` signs is worth anything, if so."""
    if oracle.revoked:
        return KeyFault.REVOKED
    if not identity.holds(oracle.key):
        return KeyFault.OTHER_KEY
    if identity.is_p256(oracle.key) and not oracle.is_p256:
        return KeyFault.NOT_ENROLLED
    return KeyFault.SUSPENDED if oracle.suspended else None


def advice(oracle: OracleView, identity: OracleIdentity) -> str | None:
    """One line for people: what is wrong, and what to do; None when nothing is."""
    name = f"oracle {identity.number}"
    fault = key_fault(oracle, identity)
    if fault is KeyFault.REVOKED:
        return (
            f"{name} is revoked, which is final: end its rentals, have the provider register a new "
            "oracle with a new key (register_oracle) and reassign the drills"
        )
    if fault is KeyFault.SUSPENDED:
        return (
            f"{name} is suspended: a dispute showed a receipt of key {oracle.key} against a "
            "settled reading; find out who else signs with this key, make a new one with "
            "`drill-oracle keys new`, and have the provider rotate to it (rotate_oracle)"
        )
    if fault is KeyFault.OTHER_KEY:
        kind = "the P-256 key" if oracle.is_p256 else "key"
        held = identity.key if identity.next_key is None else f"{identity.key}, {identity.next_key}"
        return (
            f"{name} is registered with {kind} {oracle.key}, the box holds {held}; "
            "the provider rotates it with rotate_oracle"
        )
    if fault is KeyFault.NOT_ENROLLED:
        return (
            f"{name} is registered with the P-256 key {oracle.key}, which was not enrolled: the "
            "contract accepts nothing that it signs until the provider enrols it "
            "(`drill-oracle keys enrolment`)"
        )
    return None
