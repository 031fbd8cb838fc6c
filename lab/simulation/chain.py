"""A chain that forks: blocks, a mempool, and the contract's own bytecode for what they do.

The machine's state is that of the newest block; each block with transactions can be gone back to.
What a view would have said at any block is read when the block is made, and kept for good: a node
serves the state of blocks that are no longer canonical, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from typing import Any

from eth_utils.address import to_checksum_address

from chain.views import BlockSummary, ChainEvent, DrillView, OracleView, RentalView
from lab.fuzzing.people import address, signer
from lab.fuzzing.words import Event, Interface, words
from lab.fuzzing.world import WALLET, CallOutcome, FuzzNode, compiled_meter, hexed
from lab.simulation.chance import EventTally, SeededDice
from protocol.records import Caps, Domain, LevelRate, Registers, RentalState, Tariff

CHAIN_ID = 31_337
GENESIS_S = 1_800_000_000
GRACE_SECONDS = 3_600
BASE_FEE_WEI = 10**9
BOX = "box 0"
RELAYER = "relayer"
CUSTOMERS = ("alice", "bob", "thief")


@cache
def named(number: int) -> str:
    """An address as web3 has it."""
    return str(to_checksum_address(number.to_bytes(20, "big")))


@dataclass(frozen=True, slots=True)
class Transaction:
    """A call of the contract; of a sender who counts nonces when `nonce` is not None."""

    hash: bytes
    sender: int
    data: bytes
    name: str
    value: int = 0
    nonce: int | None = None
    fee_wei: int = 0


@dataclass(frozen=True, slots=True)
class RawLog:
    """A log entry of the contract: topics and data."""

    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block, and what it did."""

    transaction: Transaction
    reason: str | None
    rejected: tuple[tuple[int, int, str], ...]


@dataclass(eq=False)
class Block:
    """A block, what happened in it, and the state after it."""

    header: BlockSummary
    mined: list[Mined]
    events: list[ChainEvent]
    log: list[Event]
    rentals: dict[int, RentalView]
    drills: dict[int, DrillView]
    oracles: dict[int, OracleView]
    balances: dict[int, int]
    relayed: int = 0
    snapshot: Any = None
    raw: list[list[RawLog]] = field(default_factory=list)
    """By transaction: its log entries as the machine gives them, in a chain that proves."""


@cache
def arguments_of(event: str) -> tuple[str, ...]:
    """The names of an event's arguments, structs left out."""
    abi = compiled_meter()[0].abi
    found = next(e for e in abi if e["type"] == "event" and e["name"] == event)
    return tuple(i["name"] for i in found["inputs"])


@dataclass(eq=False)
class SimChain:
    """One chain with one DrillMeter on it."""

    dice: SeededDice
    tally: EventTally
    tariffs: tuple[Tariff, ...]
    drills: int
    seal: Callable[[SimChain, Block, Block | None], BlockSummary] | None = None
    """What makes a provable header of a block, where the chain is to be one."""

    blocks: list[Block] = field(default_factory=list)
    known: dict[bytes, Block] = field(default_factory=dict)
    pool: list[Transaction] = field(default_factory=list)
    canonical: dict[bytes, list[list[int]]] = field(default_factory=dict)
    """For each block when it was canonical, as [from, to] in true ms; the last may be open (-1)."""

    now_ms: int = GENESIS_S * 1000
    _count: int = 0

    def __post_init__(self) -> None:
        compiled, self._interface = compiled_meter()
        self.node = FuzzNode(CHAIN_ID)
        for name in (*CUSTOMERS, "provider", RELAYER):
            self.node.give(hexed(address(name)), WALLET)
        self.node.set_time(GENESIS_S)
        provider = address("provider")
        self.address = self.node.create(compiled, provider, 0, GRACE_SECONDS, 86_400, 0)
        self.node.interfaces[hexed(self.address)] = self._interface
        self.domain = Domain(CHAIN_ID, named(self.address))
        self.pool += self._offers(provider)
        self.mine(GENESIS_S)

    @property
    def interface(self) -> Interface:
        """Selectors of the contract."""
        return self._interface

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def _offers(self, provider: int) -> list[Transaction]:
        made = [
            self.call(provider, "publish_tariff", *_tariff_words(tariff)) for tariff in self.tariffs
        ]
        made.append(self.call(provider, "register_oracle", address(BOX)))
        for drill in range(self.drills):
            tariff = 1 + drill % len(self.tariffs)
            selector = self._interface.selectors["list_drill"]
            data = selector + words(1, tariff, 96, 5) + b"drill" + bytes(27)
            made.append(self._transaction(provider, data, "list_drill"))
        return made

    # Transactions ---------------------------------------------------------------------------

    def call(self, sender: int, name: str, *values: int, value: int = 0) -> Transaction:
        """A transaction whose arguments are all words."""
        data = self._interface.selectors[name] + words(*values)
        return self._transaction(sender, data, name, value)

    def _transaction(self, sender: int, data: bytes, name: str, value: int = 0) -> Transaction:
        self._count += 1
        digest = sha256(f"{self._count}".encode() + data).digest()
        return Transaction(digest, sender, data, name, value)

    def send(self, transaction: Transaction) -> None:
        """Into the mempool."""
        self.pool.append(transaction)

    @property
    def nonce(self) -> int:
        """How many transactions of the relayer, the only one who counts, are mined."""
        return self.head.relayed if self.blocks else 0

    def try_call(self, sender: int, data: bytes) -> CallOutcome:
        """What a call would do now."""
        snapshot = self.node._evm.snapshot()
        self.node.set_time(max(self.now_ms // 1000, self.head.header.timestamp + 1))
        try:
            return self.node.send(sender, self.address, data)
        finally:
            self.node._evm.revert(snapshot)

    # Blocks ---------------------------------------------------------------------------------

    def mine(self, timestamp: int, share: float = 1.0) -> Block:
        """Add a block at that time (Unix s) with about that share of the mempool."""
        parent = self.blocks[-1] if self.blocks else None
        number = parent.header.number + 1 if parent else 0
        before = parent.header.hash if parent else bytes(32)
        self._count += 1
        digest = sha256(f"block {number} {self._count}".encode() + before).digest()
        header = BlockSummary(number, digest, before, timestamp, BASE_FEE_WEI)
        chosen = self._choose(share)
        if chosen and parent is not None:
            parent.snapshot = self.node._evm.snapshot()
        self.node.set_time(timestamp)
        block = Block(header, [], [], [], {}, {}, {}, {})
        if parent is not None:
            block.rentals, block.drills = parent.rentals, parent.drills
            block.oracles, block.balances = parent.oracles, parent.balances
            block.relayed = parent.relayed
        for transaction in chosen:
            self._execute(block, transaction)
        if block.log:
            self._read_state(block)
        if self.seal is not None:
            block.header = self.seal(self, block, parent)
            block.events = [replace(one, block_hash=block.header.hash) for one in block.events]
        self.blocks.append(block)
        self.known[block.header.hash] = block
        self.canonical.setdefault(block.header.hash, []).append([self.now_ms, -1])
        return block

    def _choose(self, share: float) -> list[Transaction]:
        """By nonce for those who count; a share of the others, in their order."""
        chosen: list[Transaction] = []
        nonce = self.nonce
        for one in sorted(self.pool, key=lambda tx: (tx.nonce or 0, -tx.fee_wei)):
            if share < 1 and not self.dice.hits(share):
                continue
            if one.nonce is not None:
                if one.nonce != nonce:
                    continue
                nonce += 1
            chosen.append(one)
        order = {one.hash: place for place, one in enumerate(self.pool)}
        chosen.sort(key=lambda tx: order[tx.hash])
        gone = {one.hash for one in chosen}
        self.pool = [
            one
            for one in self.pool
            if one.hash not in gone and (one.nonce is None or one.nonce >= nonce)
        ]
        return chosen

    def _execute(self, block: Block, transaction: Transaction) -> None:
        outcome = self.node.send(
            transaction.sender, self.address, transaction.data, transaction.value
        )
        rejected = []
        if self.seal is not None:
            result = self.node._evm.result if outcome.reason is None else None
            entries = [entry.data for entry in result.logs] if result else []
            block.raw.append([RawLog((*map(bytes, t),), bytes(data)) for t, data in entries])
        for _, event in outcome.logs:
            index = len(block.log)
            block.log.append(event)
            values = event[1:]
            names = arguments_of(event[0])
            block.events.append(
                ChainEvent(
                    name=event[0],
                    args=dict(zip(names, values, strict=False)),
                    block_number=block.header.number,
                    block_hash=block.header.hash,
                    transaction_hash=transaction.hash,
                    log_index=index,
                )
            )
            if event[0] == "ReadingRejected":
                rejected.append((event[1], event[2], event[3]))
        block.mined.append(Mined(transaction, outcome.reason, tuple(rejected)))
        block.relayed += transaction.nonce is not None

    def _read_state(self, block: Block) -> None:
        """Read again what the events say has changed."""
        touched = {
            kind: sorted({e.number(kind) for e in block.events if kind in e.args})
            for kind in ("rental", "drill", "oracle")
        }
        block.rentals, block.drills = dict(block.rentals), dict(block.drills)
        block.oracles, block.balances = dict(block.oracles), dict(block.balances)
        for number in touched["rental"]:
            view = self.view_rental(number)
            if view is not None:
                block.rentals[number] = view
                block.balances[number] = self.look("balance_of", number)[0]
        drills = {*touched["drill"]} | {
            block.rentals[n].drill for n in touched["rental"] if n in block.rentals
        }
        for number in sorted(drills):
            oracle, _, rental, retired = self.look("drill", number)
            block.drills[number] = DrillView(number, oracle, rental, retired=bool(retired))
        for number in touched["oracle"]:
            key, _, revoked, suspended, p256 = self.look("oracle", number)
            block.oracles[number] = OracleView(
                named(key), bool(revoked), suspended=bool(suspended), is_p256=bool(p256)
            )

    def look(self, function: str, *values: int) -> tuple[int, ...]:
        """A view at the newest block; it must not revert."""
        found = self.node.look(self.address, self._interface.selectors[function] + words(*values))
        assert isinstance(found, tuple), f"{function}{values}: {found}"
        return found

    def view_rental(self, number: int) -> RentalView | None:
        """A rental at the newest block."""
        selector = self._interface.selectors["rental"]
        found = self.node.look(self.address, selector + words(number))
        if isinstance(found, str):
            return None
        customer, drill, tariff, oracle, state, opened_at, ended_at, until, funded, _ = found
        return RentalView(
            rental=number,
            customer=named(customer),
            drill=drill,
            tariff=tariff,
            oracle=oracle,
            state=RentalState(state),
            opened_at=opened_at,
            ended_at=ended_at,
            until=until,
            funded=funded,
            registers=Registers(*self.look("registers", number)),
            caps=Caps(*self.look("caps", number)),
        )

    # Forks ----------------------------------------------------------------------------------

    def reorganise(self, depth: int, *, dropped: float) -> None:
        """Replace the newest `depth` blocks; a share of their transactions is never seen again."""
        depth = min(depth, len(self.blocks) - 1)
        if depth <= 0:
            return
        lost, self.blocks = self.blocks[-depth:], self.blocks[:-depth]
        with_state = [block for block in (self.blocks[-1], *lost) if block.snapshot is not None]
        if with_state:
            self.node._evm.revert(with_state[0].snapshot)
            for block in with_state:
                block.snapshot = None
        for block in lost:
            self.canonical[block.header.hash][-1][1] = self.now_ms
        vanished = [one.transaction for block in lost for one in block.mined]
        kept = [one for one in vanished if one.nonce is not None or not self.dice.hits(dropped)]
        self.tally.faults["transaction gone with its block"] += len(vanished) - len(kept)
        self.pool = [*kept, *self.pool]
        times = [block.header.timestamp for block in lost]
        length = self.dice.choice((max(depth - 1, 1), depth, depth))
        for timestamp in times[:length]:
            self.mine(timestamp, self.dice.choice((0.2, 0.6, 1.0)))

    def word(self, slot: int) -> int:
        """A word of the contract's storage after the newest block."""
        return int(self.node._evm.storage(hexed(self.address), slot))

    def replay(self) -> list[tuple[Event, int]]:
        """All events of the canonical chain with their blocks' times."""
        return [(event, block.header.timestamp) for block in self.blocks for event in block.log]


def _tariff_words(tariff: Tariff) -> Sequence[int]:
    levels = [
        value
        for one in tariff.levels
        for value in (one.price_per_second, one.price_per_1000_revolutions, one.max_rpm)
    ]
    return (*levels, tariff.standing_price_per_second, tariff.least_reserve, 0)


class GasPurse:
    """The gas-paying account: a transaction's bytes are its fields, and nobody checks a signature
    that is never in doubt."""

    address = named(address(RELAYER))

    def sign_transaction(self, fields: dict[str, Any]) -> Any:
        """As eth-account has it."""
        raw = json.dumps({**fields, "data": fields["data"].hex()}, sort_keys=True).encode()
        return _Signed(sha256(raw).digest(), raw)


@dataclass(frozen=True, slots=True)
class _Signed:
    hash: bytes
    raw_transaction: bytes


def transaction_of(raw: bytes) -> Transaction:
    """What a node makes of the bytes."""
    fields = json.loads(raw)
    return Transaction(
        hash=sha256(raw).digest(),
        sender=address(RELAYER),
        data=bytes.fromhex(fields["data"]),
        name="settle or close",
        nonce=fields["nonce"],
        fee_wei=fields["maxFeePerGas"],
    )


@cache
def box_key() -> bytes:
    """The oracle's private key."""
    private = signer(BOX).private
    assert private is not None
    return bytes(private.secret)


def tariff(dice: SeededDice) -> Tariff:
    """Prices of the magnitude of coins, sometimes with parts that cost nothing."""
    rates = []
    for rpm in (3000, 1500, 900):
        second = dice.choice((0, 1, dice.randrange(10**15)))
        thousand = dice.choice((0, dice.randrange(10**15)))
        rates.append(LevelRate(second, thousand, dice.choice((rpm, rpm // 2))))
    one, two, three = rates
    standing = dice.choice((0, 0, dice.randrange(10**13)))
    made = Tariff((one, two, three), standing, 1)
    if not any((r.price_per_second, r.price_per_1000_revolutions) != (0, 0) for r in rates):
        return replace(made, levels=(replace(one, price_per_second=10**14), two, three))
    return made
