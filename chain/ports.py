"""What looking at a chain and sending to it need of the world, as interfaces that a simulation can
replace: the chain itself, where blocks and transactions are kept, and who pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chain.views import BalanceEvidence, BlockSummary, ChainEvent, DrillView, OracleView, RentalView
from protocol.records import Reading, Tariff

KEPT_BLOCKS = 256
"""How many blocks are remembered one by one; a deeper reorganisation re-reads everything."""


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
class TransactionReceipt:
    """What became of a mined transaction; `rejected` holds (rental, until, reason)."""

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    rejected: tuple[tuple[int, int, str], ...]


class GasSigner(Protocol):
    """The account that pays for transactions."""

    @property
    def address(self) -> str:
        """The checksummed address of the account."""
        ...

    def sign_transaction(self, transaction: dict[str, Any]) -> Any:
        """The signed transaction, with `hash` and `raw_transaction`."""
        ...


class SendingChain(Protocol):
    """What sending asks of a chain and one contract. Every method may raise ChainError."""

    def head(self) -> BlockSummary:
        """The newest block."""
        ...

    def priority_fee_wei(self) -> int:
        """The priority fee that gets a transaction mined soon."""
        ...

    def nonce(self, address: str) -> int:
        """How many transactions of `address` are mined."""
        ...

    def simulate(self, sender: str, data: bytes) -> int:
        """The gas that a call of the contract needs; raises CallRevertedError if it fails."""
        ...

    def broadcast(self, raw: bytes) -> None:
        """Send a signed transaction; one that is known already is not an error."""
        ...

    def transaction_receipt(self, transaction_hash: bytes) -> TransactionReceipt | None:
        """The transaction's receipt, or None while it is not mined."""
        ...


class Chain(SendingChain, Protocol):
    """The chain and its contract. Every method may raise ChainError; states are read at the block
    with that very hash, so that a reorganisation in between is an error and not a mixture."""

    def header(self, number: int) -> BlockSummary:
        """The block of that number; raises ChainError if there is none."""
        ...

    def tagged(self, tag: str) -> BlockSummary:
        """The block that is `safe` or `finalized`."""
        ...

    def events_of(self, header: BlockSummary) -> list[ChainEvent]:
        """The contract's log entries in that block."""
        ...

    def events_between(self, first: int, last: int) -> tuple[list[ChainEvent], int]:
        """The contract's log entries from block `first` on, and up to which block, which is `last`
        or before it."""
        ...

    def rental(self, rental: int, at: BlockSummary) -> RentalView | None:
        """A rental with its registers, or None if that block knows none."""
        ...

    def drill(self, drill: int, at: BlockSummary) -> DrillView | None:
        """A drill, or None if that block knows none."""
        ...

    def tariff(self, tariff: int, at: BlockSummary) -> Tariff:
        """A tariff."""
        ...

    def oracle(self, oracle: int, at: BlockSummary) -> OracleView | None:
        """An oracle, or None if that block knows none."""
        ...

    def gas_price_wei(self, at: BlockSummary) -> int:
        """What a unit of gas costs now, base fee and priority fee."""
        ...

    def gas_money_wei(self, address: str) -> int:
        """The native coin that `address` has at the head."""
        ...

    def settlement_data(self, oracle: int, signature: bytes, readings: Sequence[Reading]) -> bytes:
        """The calldata of `settle` for one batch."""
        ...

    def closing_data(self, rental: int) -> bytes:
        """The calldata of `close_rental`."""
        ...


class BlockStore(Protocol):
    """The blocks that were followed, and what was found in them; durable when a method returns."""

    def cursor(self) -> BlockSummary | None:
        """The newest block whose events were read."""
        ...

    def block_hash(self, number: int) -> bytes | None:
        """The hash of a remembered block."""
        ...

    def add_block(self, header: BlockSummary, evidence: Sequence[BalanceEvidence]) -> None:
        """Remember a block and the evidence found up to it; of blocks before it at least
        `KEPT_BLOCKS`."""
        ...

    def roll_back(self, number: int) -> None:
        """Forget every block after `number` and what was derived from it."""
        ...

    def evidence(self, rental: int) -> BalanceEvidence | None:
        """The newest BalancePositive entry of a rental."""
        ...

    def unsettled_rentals(self) -> set[int]:
        """The rentals that something still on its way to the chain is about."""
        ...


class TransactionStore(Protocol):
    """Where transactions are kept before they are sent."""

    def add_transaction(self, sent: SentTransaction) -> None:
        """Store a transaction; only then may it be broadcast."""
        ...
