"""One world, out of one seed: a chain, a broker, an edge box, drills and people, tick by tick."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lab.fuzzing.people import address
from lab.simulation import chain as chains
from lab.simulation.box import BoxClock, SimBridge, SimOracle, settings_of
from lab.simulation.broker import SimBroker
from lab.simulation.chance import EventTally, SeededDice, derive
from lab.simulation.customer import Renter
from lab.simulation.drill import SimDrill, SimulatedHand
from lab.simulation.ledger import BlockLedger
from lab.simulation.lies import QUORUM_KINDS
from lab.simulation.line import SimLine
from lab.simulation.node import SimNode
from lab.simulation.store import Disk
from lab.simulation.trouble import KINDS, Trouble
from lab.simulation.truth import WorldTruth
from protocol.leases import Provisioning

MEMORY = Path("/dev/shm")  # noqa: S108  a disk of memory, where the machine has one
TICKS_MS = (50, 100, 200, 200, 300)
HEALING_MS = 240_000
"""How long after the last fault everything may take to be well again: a chain side that backs off,
a final reading that waits, a retry after a rejection."""

STAYS_WELL_TICKS = 15
ENDPOINTS = (1, 1, 3)
QUORUM = 2
"""Of three endpoints two must agree; most worlds have one, which costs a fifth of the time."""


@dataclass(frozen=True, slots=True)
class WorldTerms:
    """What kind of world it is."""

    drills: int
    rentals_a_drill: int
    troubled_ms: int
    block_s: int
    chain_skew_ms: int
    settings: dict[str, dict[str, Any]]
    kinds: int
    per_minute: float
    endpoints: int

    @classmethod
    def draw(cls, dice: SeededDice, endpoints: int) -> WorldTerms:
        """Some kind."""
        lease = {
            "seconds": dice.choice((2, 3, 5)),
            "longest_stroke_seconds": 5,
            "settlement_seconds": dice.choice((10, 20)),
            "warning_runway_seconds": 30,
            "sample_age_seconds": dice.choice((2, 4)),
        }
        settlement = {
            "share_of_balance": dice.choice((1, 50, 200)),
            "gas_share": 1000,
            "least_interval_seconds": dice.choice((1, 3)),
            "longest_interval_seconds": dice.choice((10, 60)),
            "final_wait_seconds": dice.choice((5, 20)),
            "bump_after_seconds": dice.choice((3, 15)),
        }
        chain = {
            "finality": [
                {"policy": dice.choice(("latest", "latest-1", "latest-1", "latest-2", "latest-5"))}
            ],
            "poll_seconds": dice.choice((0.25, 1)),
            "rpc_urls": [f"http://node-{number}" for number in range(endpoints)],
            "quorum": min(endpoints, QUORUM),
        }
        return cls(
            drills=dice.choice((1, 3, 4, 6)),
            rentals_a_drill=dice.choice((3, 5, 8)),
            troubled_ms=dice.randrange(40_000, 120_000),
            block_s=dice.choice((1, 1, 2, 3)),
            chain_skew_ms=dice.choice((0, 0, -2_000, 2_000)),
            settings={"lease": lease, "settlement": settlement, "chain": chain},
            kinds=dice.choice((0, 3, 8, len(KINDS))),
            per_minute=dice.choice((4, 10, 25)),
            endpoints=endpoints,
        )


class SimWorld:
    """Use it in a `with` statement: its databases are files."""

    def __init__(
        self,
        seed: int,
        kinds: Sequence[str] | None = None,
        muted: frozenset[str] = frozenset(),
        troubled_ms: int | None = None,
        endpoints: int | None = None,
    ) -> None:
        """`kinds` of trouble instead of those that the seed would have; of them `muted` strike
        without an effect; `troubled_ms` cuts the time of trouble short. `endpoints` of the chain
        are so many instead of those that the seed would have."""
        self.seed, self.dice, self.tally = seed, SeededDice(seed), EventTally()
        # By dice of its own: the other worlds stay what they were.
        drawn = SeededDice(derive(seed, "endpoints")).choice(ENDPOINTS)
        self.terms = WorldTerms.draw(self.dice, drawn if endpoints is None else endpoints)
        if troubled_ms is not None:
            self.terms = replace(self.terms, troubled_ms=troubled_ms)
        self._kinds, self._muted = kinds, muted
        # Where the chain is behind, so is its first block: none is dated ahead of its own time.
        self.now_ms = chains.GENESIS_S * 1000 + max(0, -self.terms.chain_skew_ms)
        self.begun_ms = self.now_ms
        self.truth, self.disk, self.clock = WorldTruth(), Disk(), BoxClock(self.now_ms)
        self.mining, self.share = True, 1.0
        self._stack = ExitStack()

    def __enter__(self) -> SimWorld:
        base = MEMORY if MEMORY.is_dir() else None
        folder = self._stack.enter_context(TemporaryDirectory(prefix="simulation-", dir=base))
        self._build(Path(folder))
        return self

    def __exit__(self, *_: object) -> None:
        if self.oracle.core is not None:
            self.oracle.kill(0)
        for bridge in self.bridges:
            if bridge.bridge is not None:
                bridge.kill(0)
        self._stack.close()

    def _build(self, folder: Path) -> None:
        terms, dice, tally = self.terms, self.dice, self.tally
        tariffs = tuple(chains.tariff(dice) for _ in range(dice.choice((1, 2))))
        ledger = BlockLedger() if terms.endpoints > 1 else None
        seal = None if ledger is None else ledger.seal
        self.chain = chains.SimChain(dice, tally, tariffs, terms.drills, seal)
        self.broker = SimBroker(dice, tally, self.now_ms)
        numbers = tuple(range(1, terms.drills + 1))
        settings = settings_of(terms.settings, numbers)
        self.limits = settings.lease_limits(chains.GRACE_SECONDS)
        self.lines = [SimLine(dice, tally) for _ in numbers]
        owner = chains.named(address(chains.BOX))
        self.drills = [
            SimDrill(
                Provisioning(number, owner, self.chain.domain),
                self.lines[number - 1],
                self.truth,
                dice,
                tally,
                SimulatedHand(dice.choice((0.2, 0.5, 1)), self.limits.stroke_ms - 300),
                dice.choice((0, 0, -100, 100)),
            )
            for number in numbers
        ]
        self.bridges = [
            SimBridge(n, folder, self.lines[n - 1], self.broker, self.clock, self.disk, dice, tally)
            for n in numbers
        ]
        self.nodes: list[SimNode] = []
        self.oracle = SimOracle(
            folder,
            settings,
            self.chain,
            self.broker,
            self.clock,
            self.truth,
            self.disk,
            dice,
            tally,
            self.pass_time,
            self.stall,
            self.nodes,
        )
        if ledger is not None:
            self.nodes += [
                SimNode(
                    f"node-{number}",
                    self.chain,
                    ledger,
                    dice,
                    tally,
                    self.pass_time,
                    self.oracle.weather,
                )
                for number in range(terms.endpoints)
            ]
        self.renters = [
            Renter(n, self.chain, dice, tally, self.limits.reserve_ms, terms.rentals_a_drill)
            for n in numbers
        ]
        kinds = tuple(dice.sample(KINDS, terms.kinds))
        if terms.endpoints > 1 and kinds:
            kinds += QUORUM_KINDS
        if self._kinds is not None:
            known = (*KINDS, *QUORUM_KINDS) if terms.endpoints > 1 else KINDS
            kinds = tuple(kind for kind in known if kind.name in self._kinds)
        self.trouble = Trouble(self, kinds, terms.per_minute, self._muted)
        self._next_block_ms = self.now_ms + 1000
        self._tallied: str | None = None

    # Time -----------------------------------------------------------------------------------

    def run(self) -> None:
        """The time of trouble, and the time after it in which all must come right."""
        while self.now_ms < self.begun_ms + self.terms.troubled_ms:
            self.tick(self.dice.choice(TICKS_MS))
        self.calm()
        deadline_ms = self.now_ms + HEALING_MS
        well = 0
        while self.now_ms < deadline_ms and well < STAYS_WELL_TICKS:
            self.tick(200)
            for drill in self.drills:
                drill.switch_off_until_its_clock_can_be_set(self.now_ms)
            well = well + 1 if self.settled() else 0
        self.tally.simulated_ms = self.now_ms - self.begun_ms
        self.tally.worlds = 1
        self.tally.rentals = len(self.chain.head.rentals)

    def calm(self) -> None:
        """No more faults; the operators go home and the customers end their rentals."""
        self.trouble.stop()
        for drill in self.drills:
            drill.hand.away = True
            drill.fuse.left = None
        for bridge in self.bridges:
            bridge.fuse.left = None
        self.oracle.fuse.left = None
        for renter in self.renters:
            renter.leaving = True

    def settled(self) -> bool:
        """Whether nothing is left to do."""
        if self.oracle.core is None or any(bridge.bridge is None for bridge in self.bridges):
            return False
        running = {drill.rental for drill in self.chain.head.drills.values()} - {0}
        if any(not self.given_twice(rental) for rental in running) or self.chain.pool:
            return False
        if self.oracle.open_batches():
            return False
        return all(
            drill.firmware is not None
            and bridge.spool is not None
            and drill.memory.sequence - bridge.spool.journalled <= 3
            for drill, bridge in zip(self.drills, self.bridges, strict=True)
        )

    def given_twice(self, number: int) -> bool:
        """Whether a reorganisation deeper than the oracle waits for gave the number of a rental,
        for which it had signed, to another one. Then it may have to withhold the last reading, not
        to contradict itself, and the rental closes when its grace period is over."""
        identities = {
            block.rentals[number].identity
            for block in self.chain.known.values()
            if number in block.rentals
        }
        return len(identities) > 1 and bool(self.truth.readings.get(number))

    def tick(self, elapsed_ms: int) -> None:
        """Everybody's turn."""
        self._move(self.now_ms + elapsed_ms)
        if self.mining and self.now_ms >= self._next_block_ms:
            self._mine()
        self.broker.tick(self.now_ms)
        self.trouble.tick(self.now_ms, elapsed_ms)
        for drill in self.drills:
            drill.tick(self.now_ms)
        for bridge in self.bridges:
            bridge.tick()
        self.oracle.tick()
        for renter in self.renters:
            renter.tick(self.now_ms)

    def _move(self, now_ms: int) -> None:
        self.now_ms = self.clock.true_ms = self.chain.now_ms = now_ms

    def pass_time(self, waited_ms: int) -> None:
        """The oracle's chain side waits for an answer while everything else goes on."""
        until_ms = self.now_ms + waited_ms
        while self.now_ms < until_ms:
            self.tick(200)

    def stall(self, waited_ms: int) -> None:
        """A process waits for its disk; the others have not had their turn yet."""
        self._move(self.now_ms + waited_ms)

    def _mine(self) -> None:
        self._next_block_ms = self.now_ms + self.terms.block_s * 1000
        if self.dice.hits(0.03):
            self.tally.faults["slot without a block"] += 1
            return
        timestamp = (self.now_ms + self.terms.chain_skew_ms) // 1000
        if timestamp > self.chain.head.header.timestamp:
            self.chain.mine(timestamp, self.share)

    # Faults ---------------------------------------------------------------------------------

    def kill_oracle(self, down_ms: int, *, power: bool = False) -> None:
        """Between two steps; when it is in the middle of one, at its next touch."""
        file = self.oracle.journal.with_name(self.oracle.journal.name + ".signed")
        if power and file.exists():
            older, self._tallied = self._tallied, file.read_text()
            if older is not None and self.dice.hits(0.5):
                file.write_text(older)
        if self.oracle.core is None:
            return
        if self.oracle.polling:
            self.oracle.fuse.left = 1
        else:
            self.oracle.kill(down_ms)

    def set_clock(self, wrong_ms: int) -> None:
        """The box's clock is set."""
        self.truth.set_clocks.append((self.now_ms, wrong_ms - self.clock.wrong_ms))
        self.clock.wrong_ms = wrong_ms
