"""The oracle's edge side as a process of its own, for `scripts/bench edge`: a real broker, journal
and key, and a chain that stands still.

    python -m lab.bench.ingest_box FOLDER PORT FIRST_DRILL DRILLS

It says `ready`, runs until SIGTERM, and then prints one line of JSON: samples taken, how long each
took to be durable, CPU seconds since the first ones came, peak memory.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import structlog

from chain.views import (
    BalanceEvidence,
    BlockSummary,
    ChainView,
    DrillView,
    OracleView,
    RentalView,
    Rest,
)
from host.clock import SystemClock
from host.mqtt_client import MqttClient
from host.settings import BrokerSettings
from host.stopping import stop_signals
from oracle.core import Core
from oracle.intake.ingest import oracle_client
from oracle.intake.metering import Metering
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.journal import Journal, Received
from oracle.journal.store import Store
from oracle.leasing.lease_policy import LeaseLimits
from oracle.ports import CorePorts
from oracle.run import spare_collector, wait_for_work
from oracle.settings import SettlementSettings
from oracle.settling.settlement import CoreLimits
from oracle.signing.keyring import Keyring
from oracle.signing.sign import KeystoreSigner
from protocol.records import Domain, LevelRate, Registers, RentalState, Tariff

READY = "ready"
KEY = sha256(b"benchmark of the edge").digest()
TARIFF = Tariff((LevelRate(3, 5, 6000), LevelRate(5, 7, 6000), LevelRate(7, 9, 6000)), 1, 1)
FUNDED = 10**15
POLL_MS = 250
BLOCK_SECONDS = 1
"""What changes with a block, the daemon decides on at once: a fast chain makes work."""

DOMAIN = Domain(31337, "0x" + "d" * 40)


def message_key(drill: int) -> bytes:
    """The message key of a drill, the same for both sides."""
    return sha256(f"benchmark message key {drill}".encode()).digest()


def standing_view(numbers: range, signer: KeystoreSigner, now_s: int) -> ChainView:
    """A chain on which each of these drills is rented, with money for all day."""
    head = BlockSummary(100, b"h" * 32, b"g" * 32, now_s, 1)
    rentals = {
        number: RentalView(
            rental=number,
            customer="0x" + "c" * 40,
            drill=number,
            tariff=1,
            oracle=1,
            state=RentalState.OPEN,
            opened_at=now_s - 60,
            ended_at=0,
            until=(now_s - 60) * 1000,
            funded=FUNDED,
            registers=Registers(),
        )
        for number in numbers
    }
    return ChainView(
        head=head,
        confirmed=head,
        polled_ms=now_s * 1000,
        oracle=OracleView(signer.address, revoked=False),
        gas_price_wei=1,
        drills={number: DrillView(number, 1, number, retired=False) for number in numbers},
        latest=rentals,
        deep=rentals,
        rested={number: Rest(head, "latest-1") for number in numbers},
        tariffs={1: TARIFF},
        evidence={
            number: BalanceEvidence(number, number, FUNDED, 90, bytes(32), bytes(32), 0)
            for number in numbers
        },
    )


def core_of(
    store: Store, broker: MqttClient, signer: KeystoreSigner, keys: Mapping[int, bytes]
) -> Core:
    """The edge side with the defaults of its settings."""
    metering = Metering(Journal(store), tuple(keys), 1)
    metering.start()
    metering.journal.signed.require_newest(signer.address)
    limits = CoreLimits(
        lease=LeaseLimits(5_000, 15_000, 60_000, 120, 20_000, 60_000, 15_000, 4_000, 1_800_000),
        settlement=SettlementSettings().limits(),
        final_wait_ms=120_000,
        grace_seconds=3_600,
    )
    ports = CorePorts(SystemClock(), broker, Keyring(signer))
    return Core(ports, metering, ChainJournal(store), DOMAIN, limits, keys)


def note_delays(journal: Journal) -> Counter[int]:
    """How many samples were durable so many ms after their own time, counted after each commit."""
    delays: Counter[int] = Counter()
    commit = journal.add_samples

    def add_samples(received: Received) -> None:
        commit(received)
        now_ms = SystemClock().now_ms()
        delays.update(now_ms - one.sample.time_ms for one in received.accepted)

    journal.add_samples = add_samples  # type: ignore[method-assign]
    return delays


def next_poll(view: ChainView, now_ms: int) -> ChainView:
    """What a look at the chain finds: a block more when it is time for one, and nothing in it."""
    seconds = now_ms // 1000
    if seconds - view.head.timestamp < BLOCK_SECONDS:
        return replace(view, polled_ms=now_ms)
    hash_ = sha256(b"block %d" % seconds).digest()
    head = replace(view.head, number=view.head.number + 1, timestamp=seconds, hash=hash_)
    return replace(view, polled_ms=now_ms, head=head)


def main(folder: Path, port: int, drills: range) -> None:
    """Run until told to stop."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    signer = KeystoreSigner(KEY)
    store = Store(f"sqlite:///{folder}/journal-{drills.start}.sqlite")
    keys = {drill: message_key(drill) for drill in drills}
    name = f"bench-oracle-{drills.start}"
    broker = oracle_client(BrokerSettings(host="127.0.0.1", port=port), name, tuple(keys))
    core = core_of(store, broker, signer, keys)
    delays = note_delays(core.metering.journal)
    view = standing_view(drills, signer, int(time.time()))
    with stop_signals() as stop:
        broker.connect()
        core.step(view)  # takes up the rentals, as at any start
        spare_collector()
        print(READY, flush=True)
        before = time.process_time()
        while not stop.is_set():
            now_ms = SystemClock().now_ms()
            if now_ms - view.polled_ms >= POLL_MS:
                view = next_poll(view, now_ms)
            if not core.counters.samples:
                before = time.process_time()  # what waiting costs is not the samples'
            if not core.step(view):
                wait_for_work(broker, stop)
    cpu_seconds = time.process_time() - before
    broker.close()
    store.close()
    figures = {
        "delay_ms": sorted(delays.items()),
        "samples": core.counters.samples,
        "bad_messages": core.counters.bad_messages,
        "dropped": broker.dropped,
        "cpu_seconds": cpu_seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    first, drills = int(sys.argv[3]), int(sys.argv[4])
    main(Path(sys.argv[1]), int(sys.argv[2]), range(first, first + drills))
