"""What the oracle is answered when it asks: the port `Chain` over a simulated chain.

An endpoint may be slow, so that the rest of the world goes on while the answer is on its way; it
may not answer, answer with an error, lag behind, or take a transaction and say that it did not.
"""

# ruff: noqa: ARG002  # the port's arguments have names, used or not

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chain.errors import CallRevertedError, ChainError, TransactionRefusedError
from chain.ports import TransactionReceipt
from chain.views import BlockSummary, ChainEvent, DrillView, OracleView, RentalView
from host.clock import Clock
from lab.simulation.chain import BASE_FEE_WEI, Block, SimChain, transaction_of
from lab.simulation.chance import EventTally, Fuse, SeededDice
from lab.simulation.truth import WorldTruth
from protocol.meter_word import SignedBatch, settle_arguments
from protocol.records import Reading, Tariff

from lab.fuzzing.people import address  # isort: skip
from lab.fuzzing.words import words  # isort: skip

FAILURES = ("time-out", "429", "500", "wrong body", "connection reset")


@dataclass
class Weather:
    """What the endpoint suffers from now."""

    failing: float = 0.0
    slow: float = 0.0
    stale_blocks: int = 0
    refusing: bool = False
    forgetting: float = 0.0

    def strike(self, dice: SeededDice, tally: EventTally, wait: Callable[[int], None]) -> str:
        """Delay a call, if it so happens; returns how the call fails, or "" if it does not."""
        if dice.hits(self.slow):
            tally.faults["rpc slow"] += 1
            wait(dice.randrange(100, 4_000))
        if not dice.hits(self.failing):
            return ""
        kind = dice.choice(FAILURES)
        tally.faults[f"rpc {kind}"] += 1
        if kind == "time-out":
            wait(1_000)
        return kind


@dataclass(eq=False)
class SimEndpoint:
    """Implements `oracle.ports.Chain`."""

    chain: SimChain
    dice: SeededDice
    tally: EventTally
    fuse: Fuse
    wait: Callable[[int], None]
    truth: WorldTruth
    clock: Clock
    weather: Weather = field(default_factory=Weather)

    def _call(self, name: str) -> None:
        self.fuse.touch(f"rpc {name}")
        kind = self.weather.strike(self.dice, self.tally, self.wait)
        if kind:
            raise ChainError(f"simulated: {kind}")

    def _blocks(self) -> list[Block]:
        lag = self.weather.stale_blocks
        if lag:
            self.tally.faults["rpc stale"] += 1
            return self.chain.blocks[: max(len(self.chain.blocks) - lag, 1)]
        return self.chain.blocks

    def _at(self, header: BlockSummary) -> Block:
        block = self.chain.known.get(header.hash)
        if block is None:
            raise ChainError(f"header not found: {header.hash.hex()}")
        return block

    def head(self) -> BlockSummary:
        """The newest block, as this endpoint knows."""
        self._call("head")
        return self._blocks()[-1].header

    def header(self, number: int) -> BlockSummary:
        """A block by number."""
        self._call("header")
        blocks = self._blocks()
        if number >= len(blocks):
            raise ChainError(f"block {number} not found")
        return blocks[number].header

    def tagged(self, tag: str) -> BlockSummary:
        """No policy of the simulation asks for one."""
        raise ChainError(f"no {tag} block is simulated")

    def events_of(self, header: BlockSummary) -> list[ChainEvent]:
        """Of that block."""
        self._call("events_of")
        return self._at(header).events

    def events_between(self, first: int, last: int) -> tuple[list[ChainEvent], int]:
        """Of canonical blocks."""
        self._call("events_between")
        blocks = self._blocks()[max(first, 0) : last + 1]
        return [event for block in blocks for event in block.events], last

    def rental(self, rental: int, at: BlockSummary) -> RentalView | None:
        """At that block."""
        self._call("rental")
        return self._at(at).rentals.get(rental)

    def drill(self, drill: int, at: BlockSummary) -> DrillView | None:
        """At that block."""
        self._call("drill")
        return self._at(at).drills.get(drill)

    def tariff(self, tariff: int, at: BlockSummary) -> Tariff:
        """It never changes."""
        self._call("tariff")
        return self.chain.tariffs[tariff - 1]

    def oracle(self, oracle: int, at: BlockSummary) -> OracleView | None:
        """At that block."""
        self._call("oracle")
        return self._at(at).oracles.get(oracle)

    def gas_price_wei(self, at: BlockSummary) -> int:
        """Base fee and priority fee."""
        return at.base_fee_wei + self.priority_fee_wei()

    def priority_fee_wei(self) -> int:
        """Always the same."""
        self._call("priority_fee")
        return BASE_FEE_WEI // 10

    def nonce(self, who: str) -> int:
        """Of the relayer."""
        self._call("nonce")
        return self._blocks()[-1].relayed

    def simulate(self, sender: str, data: bytes) -> int:
        """A call that is not sent."""
        self._call("simulate")
        outcome = self.chain.try_call(int(sender, 16), data)
        if outcome.reason is not None:
            raise CallRevertedError(f"the contract refuses: {outcome.reason}")
        return 60_000

    def broadcast(self, raw: bytes) -> None:
        """Into the mempool; the answer may get lost on its way back."""
        self.fuse.touch("rpc broadcast")
        if self.weather.refusing:
            self.tally.faults["rpc refuses a transaction"] += 1
            raise TransactionRefusedError("insufficient funds for gas")
        made = transaction_of(raw)
        chain = self.chain
        mined = made.nonce is not None and made.nonce < chain.nonce
        rivals = [one for one in chain.pool if one.nonce == made.nonce]
        if any(one.hash == made.hash for one in chain.pool):
            pass
        elif mined:
            raise TransactionRefusedError("nonce too low")
        elif any(one.fee_wei * 110 > made.fee_wei * 100 for one in rivals):
            raise TransactionRefusedError("replacement transaction underpriced")
        elif self.dice.hits(self.weather.forgetting):
            self.tally.faults["rpc forgets a transaction"] += 1
        else:
            chain.pool = [one for one in chain.pool if one not in rivals]
            chain.send(made)
        self._call("broadcast answered")

    def transaction_receipt(self, transaction_hash: bytes) -> TransactionReceipt | None:
        """Of a canonical block."""
        self._call("receipt")
        for block in reversed(self._blocks()):
            for one in block.mined:
                if one.transaction.hash == transaction_hash:
                    return TransactionReceipt(
                        transaction_hash=transaction_hash,
                        block_number=block.header.number,
                        block_hash=block.header.hash,
                        succeeded=one.reason is None,
                        gas_used=60_000,
                        rejected=one.rejected,
                    )
        return None

    def settlement_data(self, oracle: int, signature: bytes, readings: Sequence[Reading]) -> bytes:
        """The calldata of `settle`, put together by hand."""
        for reading in readings:
            self.truth.signed(reading, self.clock.now_ms())
        signed, packed = settle_arguments([SignedBatch(oracle, tuple(readings), signature)])
        signatures = [words(number, count) + r + vs for number, count, r, vs in signed]
        rows = [words(rental, meter, size) + root for rental, meter, size, root in packed]
        return b"".join(
            (
                self.chain.interface.selectors["settle"],
                words(64, 96 + 128 * len(signatures), len(signatures)),
                *signatures,
                words(len(rows)),
                *rows,
            )
        )

    def closing_data(self, rental: int) -> bytes:
        """The calldata of `close_rental`."""
        return self.chain.interface.selectors["close_rental"] + words(rental)

    def gas_money_wei(self, who: str) -> int:
        """Enough."""
        return 10**18 if int(who, 16) == address("relayer") else 0
