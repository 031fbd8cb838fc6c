"""What the oracle needs of the world, as interfaces: a simulation can replace every one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chain.views import ChainEvent, DrillView, Header, Identity, OracleView, RentalView
from protocol.records import Reading, Tariff


@dataclass(frozen=True, slots=True)
class Incoming:
    """One MQTT message as it arrived."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class SignedBatch:
    """Readings under one 65-byte signature; `number` is the journal's, `identities` say of each
    reading which rental its number stood for when it was signed."""

    number: int
    created_ms: int
    readings: tuple[Reading, ...]
    identities: tuple[Identity, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """A transaction as stored before it was broadcast; fees in wei per gas, `sent_ms` Unix ms.

    `batch` is the number of the batch that it settles, or minus the rental that it closes.
    """

    hash: bytes
    batch: int
    nonce: int
    raw: bytes
    max_fee_wei: int
    priority_fee_wei: int
    sent_ms: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a mined transaction; `rejected` holds (rental, until, reason)."""

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    rejected: tuple[tuple[int, int, str], ...]


class Clock(Protocol):
    """Time."""

    def now_ms(self) -> int:
        """Unix ms, by the machine's clock, which may be set at any time."""
        ...

    def monotonic_ms(self) -> int:
        """ms of a clock that only runs on."""
        ...


class Broker(Protocol):
    """The MQTT side. Nothing here blocks."""

    def receive(self, limit: int) -> list[Incoming]:
        """Up to `limit` messages, oldest first."""
        ...

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """Hand over for sending at QoS 1; False while there is no connection."""
        ...

    def connections(self) -> int:
        """How often a connection was made so far; a change means that messages may be missing."""
        ...


class Signer(Protocol):
    """The oracle's signing key, wherever it is kept."""

    @property
    def address(self) -> str:
        """The checksummed address of the key."""
        ...

    def sign(self, digest: bytes) -> bytes:
        """65 bytes `r || s || v` with a low s; raises SigningError while the key is away."""
        ...


class GasSigner(Protocol):
    """The account that pays for transactions."""

    @property
    def address(self) -> str:
        """The checksummed address of the account."""
        ...

    def sign_transaction(self, transaction: dict[str, Any]) -> Any:
        """The signed transaction, with `hash` and `raw_transaction`."""
        ...


class Chain(Protocol):
    """The chain and its contract. Every method may raise ChainError; states are read at the block
    with that very hash, so that a reorganisation in between is an error and not a mixture."""

    def head(self) -> Header:
        """The newest block."""
        ...

    def header(self, number: int) -> Header:
        """The block of that number; raises ChainError if there is none."""
        ...

    def tagged(self, tag: str) -> Header:
        """The block that is `safe` or `finalized`."""
        ...

    def events_of(self, header: Header) -> list[ChainEvent]:
        """The contract's log entries in that block."""
        ...

    def events_between(self, first: int, last: int) -> tuple[list[ChainEvent], int]:
        """The contract's log entries from block `first` on, and up to which block, which is `last`
        or before it."""
        ...

    def rental(self, rental: int, at: Header) -> RentalView | None:
        """A rental with its registers, or None if that block knows none."""
        ...

    def drill(self, drill: int, at: Header) -> DrillView | None:
        """A drill, or None if that block knows none."""
        ...

    def tariff(self, tariff: int, at: Header) -> Tariff:
        """A tariff."""
        ...

    def oracle(self, oracle: int, at: Header) -> OracleView | None:
        """An oracle, or None if that block knows none."""
        ...

    def gas_price_wei(self, at: Header) -> int:
        """What a unit of gas costs now, base fee and priority fee."""
        ...

    def priority_fee_wei(self) -> int:
        """The priority fee that gets a transaction mined soon."""
        ...

    def gas_money_wei(self, address: str) -> int:
        """The native coin that `address` has at the head."""
        ...

    def nonce(self, address: str) -> int:
        """How many transactions of `address` are mined."""
        ...

    def simulate(self, sender: str, data: bytes) -> int:
        """The gas that a call of the contract needs; raises CallRevertedError if it fails."""
        ...

    def broadcast(self, raw: bytes) -> None:
        """Send a signed transaction; one that is known already is no error."""
        ...

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """The receipt, or None while the transaction is not mined."""
        ...

    def settlement_data(self, oracle: int, signature: bytes, readings: Sequence[Reading]) -> bytes:
        """The calldata of `settle` for one batch."""
        ...

    def closing_data(self, rental: int) -> bytes:
        """The calldata of `close_rental`."""
        ...
