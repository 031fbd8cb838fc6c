"""Whether the contract lets this oracle sign, and what to do when it does not: pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from oracle.views import OracleView


@dataclass(frozen=True, slots=True)
class OracleIdentity:
    """This oracle: its number in the contract and the address of its signing key."""

    number: int
    key: str


class KeyFault(StrEnum):
    """Why nothing that this oracle signs is worth anything."""

    REVOKED = "oracle revoked"
    SUSPENDED = "oracle suspended"
    OTHER_KEY = "oracle key not registered"


def key_fault(oracle: OracleView, key: str) -> KeyFault | None:
    """What is wrong with `key` as the present key of `oracle`, if anything."""
    if oracle.revoked:
        return KeyFault.REVOKED
    if oracle.key.lower() != key.lower():
        return KeyFault.OTHER_KEY
    return KeyFault.SUSPENDED if oracle.suspended else None


def advice(oracle: OracleView, identity: OracleIdentity) -> str | None:
    """One line for people: what is wrong, and what to do; None when nothing is."""
    name = f"oracle {identity.number}"
    fault = key_fault(oracle, identity.key)
    if fault is KeyFault.REVOKED:
        return (
            f"{name} is revoked, which is final: end its rentals, have the provider register a new "
            "oracle with a new key (register_oracle) and reassign the drills"
        )
    if fault is KeyFault.SUSPENDED:
        return (
            f"{name} is suspended: a dispute showed a receipt of key {identity.key} against a "
            "settled reading; find out who else signs with this key, make a new one with "
            "`drill-oracle keys new`, and have the provider rotate to it (rotate_oracle)"
        )
    if fault is KeyFault.OTHER_KEY:
        kind = "the P-256 key" if oracle.is_p256 else "key"
        return (
            f"{name} is registered with {kind} {oracle.key}, the keystore holds {identity.key}; "
            "the provider rotates it with rotate_oracle"
        )
    return None
