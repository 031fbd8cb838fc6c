"""The edge box: oracle and bridges, put together as in production, killed and started again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from chain.quorum_chain import QuorumChain
from chain.views import Identity
from device.bridge.bridge import Bridge, Now
from device.bridge.link import Link
from device.bridge.session import Session
from device.errors import SpoolError
from lab.simulation.broker import Client, ClientPort, SimBroker
from lab.simulation.chain import GRACE_SECONDS, GasPurse, SimChain, box_key
from lab.simulation.chance import EventTally, Fuse, Killed, SeededDice
from lab.simulation.endpoint import SimEndpoint, Weather
from lab.simulation.line import SimLine, open_port
from lab.simulation.node import SimNode
from lab.simulation.quorum import quorum_of
from lab.simulation.store import Disk, SimSpool, SimStore
from lab.simulation.truth import WorldTruth
from oracle.chain_side import ChainSide
from oracle.core import Core
from oracle.errors import JournalError
from oracle.run import Parts, build_chain_side, build_core
from oracle.settings import Settings
from oracle.signing.keyring import Keyring
from oracle.signing.sign import KeystoreSigner
from protocol.deployment import Deployment
from protocol.messages import Channel, topic
from protocol.records import Domain

KEYS = ("signing_keystore", "signing_password_file", "gas_keystore", "gas_password_file")
SIGNER = Keyring(KeystoreSigner(box_key()))


@dataclass
class BoxClock:
    """The box's clock: the true time, and by how much it is wrong."""

    true_ms: int = 0
    wrong_ms: int = 0

    def now_ms(self) -> int:
        """Unix ms, as the box believes."""
        return self.true_ms + self.wrong_ms

    def monotonic_ms(self) -> int:
        """ms of a clock that nobody sets."""
        return self.true_ms


def message_key(drill: int) -> bytes:
    """Of a drill's bridge and the oracle."""
    return bytes([drill]) * 32


def settings_of(terms: dict[str, dict[str, Any]], drills: tuple[int, ...]) -> Settings:
    """The oracle's settings, with these changes; files that they name are not read."""
    here = Path("/nowhere")
    values: dict[str, Any] = {
        "oracle": {"number": 1, "drills": drills},
        "chain": {"rpc_urls": ["http://simulated"], "quorum": 1, "deployment": here},
        "broker": {"host": "simulated"},
        "keys": dict.fromkeys(KEYS, here),
        "message_keys": dict.fromkeys(drills, here),
    }
    for section, changes in terms.items():
        values[section] = values.get(section, {}) | changes
    return Settings(**values)


def deployment_of(domain: Domain) -> Deployment:
    """The record of the simulated deployment."""
    return Deployment(
        chain_id=domain.chain_id,
        contract=domain.contract,
        asset="0x" + 40 * "0",
        block_number=0,
        block_hash="0x" + 64 * "0",
        grace_period_seconds=GRACE_SECONDS,
        provider=domain.contract,
        compiler="vyper",
        bytecode_sha256="00",
    )


class RecordedBroker(ClientPort):
    """The oracle's connection; what it publishes is recorded before anything can happen to it."""

    def __init__(self, client: Client, truth: WorldTruth, clock: BoxClock) -> None:
        super().__init__(client)
        self._truth, self._clock = truth, clock

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """False while there is no connection."""
        self._truth.published(topic, payload, self._clock.true_ms, self._clock.now_ms())
        return super().publish(topic, payload, retain=retain)


@dataclass(eq=False)
class SimOracle:
    """The oracle's process."""

    folder: Path
    settings: Settings
    chain: SimChain
    broker: SimBroker
    clock: BoxClock
    truth: WorldTruth
    disk: Disk
    dice: SeededDice
    tally: EventTally
    wait: Callable[[int], None]
    stall: Callable[[int], None]
    nodes: list[SimNode]
    """Of whom a quorum must agree; none where one simulated endpoint is believed."""

    weather: Weather = field(default_factory=Weather)
    core: Core | None = None
    chain_side: ChainSide | None = None
    down_until_ms: int = 0
    polling: bool = False
    next_poll_ms: int = 0

    def __post_init__(self) -> None:
        self.fuse = Fuse("oracle", self.tally)
        self.journal = self.folder / "journal.sqlite"
        self.sequences_before: dict[tuple[int, Identity], int] = {}
        """By number and rental: the drill's sequence as the box came to know the rental by it."""
        self._store: SimStore | None = None
        self._client: Client | None = None

    def start(self) -> None:
        """As `oracle.run.run` does it; raises JournalError or Killed."""
        self._store = SimStore(
            self.journal, self.disk, self.dice, self.tally, self.fuse, self.stall
        )
        self._store.lock()
        deployment = deployment_of(self.chain.domain)
        self._store.bind(deployment.domain)
        drills = self.settings.oracle.drills
        topics = [topic(d, c) for d in drills for c in (Channel.SAMPLE, Channel.STATUS)]
        self._client = self.broker.join(topics, self.fuse)
        keys = {drill: message_key(drill) for drill in drills}
        parts = Parts(
            self.settings,
            deployment,
            SIGNER,
            cast("Any", GasPurse()),
            cast("Any", self._open_chain()),
            keys,
        )
        port = RecordedBroker(self._client, self.truth, self.clock)
        clock = cast("Any", self.clock)
        self.core = build_core(parts, self._store, cast("Any", port), clock)
        self.chain_side = build_chain_side(parts, self._store, clock)
        self.next_poll_ms = 0

    def _open_chain(self) -> QuorumChain | SimEndpoint:
        if self.nodes:
            return quorum_of(
                self.nodes,
                self.settings.chain.quorum,
                self.chain.domain.contract,
                self.fuse,
                lambda: self.clock.true_ms / 1000,
                self.truth,
                self.clock,
            )
        return SimEndpoint(
            self.chain,
            self.dice,
            self.tally,
            self.fuse,
            self.wait,
            self.truth,
            self.clock,
            self.weather,
        )

    def kill(self, down_ms: int) -> None:
        """Everything but the files is gone."""
        self.core = self.chain_side = None
        self.fuse.left = None
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._store is not None:
            self._store.close()
            self._store = None
        self.down_until_ms = self.clock.true_ms + down_ms

    def tick(self) -> None:
        """A step of each side; the chain's may wait, and be in the middle of one already."""
        if self.core is None and not self._restart():
            return
        try:
            self._step()
        except Killed:
            if self.polling:
                raise
            self.kill(self.dice.randrange(100, 5_000))

    def _restart(self) -> bool:
        if self.clock.true_ms < self.down_until_ms or self.polling:
            return False
        try:
            self.start()
        except (JournalError, Killed) as error:
            if isinstance(error, JournalError) and not self.disk_troubled:
                raise
            self.kill(1_000)
            return False
        return True

    def _note_renumbered(self, core: Core) -> None:
        """Keep what the journal says of each rental that a number was given to: it says it of the
        last one only."""
        for number, view in core.metering.rentals.items():
            key = number, view.identity
            if key not in self.sequences_before:
                self.sequences_before[key] = self._sequence_before(number)

    def _sequence_before(self, rental: int) -> int:
        with closing(sqlite3.connect(self.journal)) as connection:
            query = "SELECT after_sequence FROM rental WHERE rental = ?"
            found = connection.execute(query, (rental,)).fetchone()
        return 0 if found is None else int(found[0])

    def open_batches(self) -> int:
        """What is still in the outbox."""
        with closing(sqlite3.connect(self.journal)) as connection:
            query = "SELECT count(*) FROM batch WHERE state = 'open'"
            return int(connection.execute(query).fetchone()[0])

    @property
    def disk_troubled(self) -> bool:
        """Whether a start may fail for the disk's sake."""
        return self.disk.full or self.disk.failing > 0 or self.disk.ambiguous > 0

    def _step(self) -> None:
        core, side = self.core, self.chain_side
        assert core is not None
        assert side is not None
        for _ in range(4):
            again = core.step(side.view)
            self._note_renumbered(core)
            if not again:
                break
        if self.polling or self.clock.true_ms < self.next_poll_ms:
            return
        self.polling = True
        try:
            pause_ms = side.step()
        finally:
            self.polling = False
        self.next_poll_ms = self.clock.true_ms + pause_ms


@dataclass(eq=False)
class SimBridge:
    """One drill's bridge process."""

    drill: int
    folder: Path
    line: SimLine
    broker: SimBroker
    clock: BoxClock
    disk: Disk
    dice: SeededDice
    tally: EventTally
    bridge: Bridge | None = None
    down_until_ms: int = 0
    journalled: int = 0
    """The highest sequence that the oracle has said to be durable."""

    def __post_init__(self) -> None:
        self.fuse = Fuse("bridge", self.tally)
        self.spool: SimSpool | None = None
        self._client: Client | None = None

    def start(self) -> None:
        """As `device.bridge.service.run` does it; raises SpoolError or Killed."""
        path = self.folder / f"spool-{self.drill}.sqlite"
        self.spool = SimSpool(path, self.drill, self.disk, self.dice, self.tally, self.fuse)
        link = Link(Session(self.drill), ["line"], lambda _: open_port(self.line, self.fuse))
        topics = [topic(self.drill, c) for c in (Channel.LEASE, Channel.JOURNALLED)]
        self._client = self.broker.join(topics, self.fuse)
        port = ClientPort(self._client)
        self.bridge = Bridge(self.drill, message_key(self.drill), link, self.spool, port)

    def kill(self, down_ms: int) -> None:
        """Everything but the files is gone."""
        self.bridge = None
        self.fuse.left = None
        if self._client is not None:
            self._client.close()
            self._client = None
        if self.spool is not None:
            self.spool.close()
            self.spool = None
        self.down_until_ms = self.clock.true_ms + down_ms

    def tick(self) -> None:
        """A step."""
        now = Now(self.clock.true_ms, self.clock.now_ms())
        try:
            if self.bridge is None:
                if now.monotonic_ms < self.down_until_ms:
                    return
                self.start()
            assert self.bridge is not None
            self.bridge.step(now)
            assert self.spool is not None
            self.journalled = max(self.journalled, self.spool.journalled)
        except Killed:
            self.kill(self.dice.randrange(100, 3_000))
        except SpoolError:
            if not (self.disk.full or self.disk.failing):
                raise
            # What ends the process; the service manager starts it again.
            self.tally.seen["bridge ended by its spool"] += 1
            self.kill(1_000)
