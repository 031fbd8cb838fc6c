"""A chain in memory that forks, forgets and fails as told."""

# ruff: noqa: ARG002  # the port's arguments have names, used or not

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from oracle_builders import CUSTOMER, DOMAIN_KEY, NOW_MS, TARIFF, make_rental

from chain.errors import CallRevertedError, ChainError
from chain.ports import TransactionReceipt
from chain.views import BlockSummary, ChainEvent, DrillView, OracleView, RentalView
from protocol.records import Reading, Tariff


@dataclass
class Block:
    """A block with its events and the state after it."""

    header: BlockSummary
    events: list[ChainEvent]
    rentals: dict[int, RentalView]
    drills: dict[int, DrillView]


@dataclass
class FakeChain:
    """Implements the port `Chain`; `mine` adds a block, `fork` replaces the newest ones."""

    blocks: list[Block] = field(default_factory=list)
    salt: int = 0
    down: bool = False
    reverts: bool = False
    fails_to_broadcast: bool = False
    mined: dict[bytes, TransactionReceipt] = field(default_factory=dict)
    nonces: int = 0
    money_wei: int = 10**18
    tag_depth: int = 3
    span: int = 1_000
    pool: list[bytes] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mine(drills={1: DrillView(1, 1, 0, retired=False)})

    def mine(self, *names: str, **changes: Any) -> Block:
        """Add a block with events of rental 7 by these names and this state."""
        number = len(self.blocks)
        parent = self.blocks[-1].header.hash if self.blocks else bytes(32)
        digest = sha256(f"{number} {self.salt}".encode() + parent).digest()
        header = BlockSummary(number, digest, parent, NOW_MS // 1000 + number, 10)
        events = [
            ChainEvent(
                name=name,
                args={"rental": 7, "drill": 1, "balance": 10**9}
                if name in ("RentalOpened", "BalancePositive")
                else {"rental": 7},
                block_number=number,
                block_hash=digest,
                transaction_hash=sha256(digest).digest(),
                log_index=index,
            )
            for index, name in enumerate(names)
        ]
        before = self.blocks[-1] if self.blocks else Block(header, [], {}, {})
        block = Block(
            header,
            events,
            changes.get("rentals", before.rentals),
            changes.get("drills", before.drills),
        )
        self.blocks.append(block)
        return block

    def open_rental(self, **changes: Any) -> RentalView:
        """Mine the block in which rental 7 is opened."""
        rental = make_rental(customer=CUSTOMER, **changes)
        self.mine(
            "RentalOpened",
            "BalancePositive",
            rentals={7: rental},
            drills={1: DrillView(1, 1, 7, retired=False)},
        )
        return rental

    def change(self, name: str, **changes: Any) -> None:
        """Mine a block with that event after which rental 7 is changed so."""
        rental = replace(self.blocks[-1].rentals[7], **changes)
        self.mine(name, rentals={7: rental})

    def fork(self, depth: int) -> None:
        """Drop the newest blocks and mine as many empty ones and one more."""
        del self.blocks[-depth:]
        self.salt += 1
        for _ in range(depth + 1):
            self.mine()

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.down:
            raise ChainError("cannot be reached")

    def _at(self, header: BlockSummary) -> Block:
        block = self.blocks[header.number] if header.number < len(self.blocks) else None
        if block is None or block.header.hash != header.hash:
            raise ChainError(f"no block {header.hash.hex()}")
        return block

    def head(self) -> BlockSummary:
        self._call("head")
        return self.blocks[-1].header

    def header(self, number: int) -> BlockSummary:
        self._call("header")
        if number >= len(self.blocks):
            raise ChainError(f"no block {number}")
        return self.blocks[number].header

    def tagged(self, tag: str) -> BlockSummary:
        self._call(tag)
        return self.blocks[max(len(self.blocks) - 1 - self.tag_depth, 0)].header

    def events_of(self, header: BlockSummary) -> list[ChainEvent]:
        self._call("events_of")
        return self._at(header).events

    def events_between(self, first: int, last: int) -> tuple[list[ChainEvent], int]:
        self._call("events_between")
        last = min(last, first + self.span - 1)
        return [event for block in self.blocks[first : last + 1] for event in block.events], last

    def rental(self, rental: int, at: BlockSummary) -> RentalView | None:
        self._call("rental")
        return self._at(at).rentals.get(rental)

    def drill(self, drill: int, at: BlockSummary) -> DrillView | None:
        self._call("drill")
        return self._at(at).drills.get(drill)

    def tariff(self, tariff: int, at: BlockSummary) -> Tariff:
        self._call("tariff")
        return TARIFF

    def oracle(self, oracle: int, at: BlockSummary) -> OracleView | None:
        self._call("oracle")
        return OracleView(DOMAIN_KEY, revoked=False)

    def gas_price_wei(self, at: BlockSummary) -> int:
        return at.base_fee_wei + 1

    def priority_fee_wei(self) -> int:
        return 1

    def gas_money_wei(self, address: str) -> int:
        self._call("gas_money_wei")
        return self.money_wei

    def nonce(self, address: str) -> int:
        self._call("nonce")
        return self.nonces

    def simulate(self, sender: str, data: bytes) -> int:
        self._call("simulate")
        if self.reverts:
            raise CallRevertedError("the contract refuses: paused")
        return 50_000

    def broadcast(self, raw: bytes) -> None:
        self._call("broadcast")
        if self.fails_to_broadcast:
            raise ChainError("the connection broke")
        self.pool.append(raw)

    def transaction_receipt(self, transaction_hash: bytes) -> TransactionReceipt | None:
        self._call("transaction_receipt")
        return self.mined.get(transaction_hash)

    def closing_data(self, rental: int) -> bytes:
        return b"close" + rental.to_bytes(4, "big")

    def settlement_data(self, oracle: int, signature: bytes, readings: Sequence[Reading]) -> bytes:
        return b"settle" + b"".join(one.rental.to_bytes(4, "big") for one in readings)
