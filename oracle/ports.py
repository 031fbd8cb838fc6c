"""What the oracle needs of the world, as interfaces: a simulation can replace every one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chain.views import Identity
from host.clock import Clock
from host.mqtt_client import Broker
from protocol.records import Reading


@dataclass(frozen=True, slots=True)
class JournalBatch:
    """Readings under one 65-byte signature; `number` is the journal's, `identities` say of each
    reading which rental its number stood for when it was signed."""

    number: int
    created_ms: int
    readings: tuple[Reading, ...]
    identities: tuple[Identity, ...]
    signature: bytes


class Signer(Protocol):
    """The oracle's signing key, wherever it is kept."""

    @property
    def address(self) -> str:
        """The checksummed address of the key."""
        ...

    @property
    def is_p256(self) -> bool:
        """Whether it is a key of P-256, and not of secp256k1."""
        ...

    def sign(self, digest: bytes) -> bytes:
        """65 bytes `r || s || v` with a low s; raises SigningError while the key is away."""
        ...


@dataclass(frozen=True, slots=True)
class CorePorts:
    """The world, as the edge side sees it; `stolen` gives the drills that are reported stolen, None
    when that cannot be read."""

    clock: Clock
    broker: Broker
    signer: Signer
    stolen: Callable[[], frozenset[int] | None] = frozenset
