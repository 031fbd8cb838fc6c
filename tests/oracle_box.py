"""The edge side over a real journal in a file, with fakes for the rest of the world."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from conftest import role_account
from oracle_builders import (
    LEASE_LIMITS,
    MESSAGE_KEYS,
    NOW_MS,
    FakeBroker,
    FakeClock,
    make_rental,
    make_sample,
    make_view,
)

from chain.views import ChainView, OracleView, RentalView
from oracle.core import Core
from oracle.intake.metering import Metering
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.journal import Journal
from oracle.journal.store import Store
from oracle.ports import CorePorts, Signer
from oracle.settling.settlement import CoreLimits
from oracle.settling.settlement_policy import SettlementLimits
from oracle.signing.keyring import ring_of
from oracle.signing.sign import KeystoreSigner
from protocol.messages import ReadingMessage
from protocol.records import Domain, Reading, RentalState
from protocol.sample import Sample

SIGNER = KeystoreSigner(bytes(role_account("oracle").key))
DOMAIN = Domain(31337, "0x" + "d" * 40)
LIMITS = CoreLimits(
    lease=replace(LEASE_LIMITS, stroke_ms=0, settlement_ms=10_000),
    settlement=SettlementLimits(100, 50, 2_000, 60_000, 10**18, 55_000),
    final_wait_ms=30_000,
    grace_seconds=3_600,
)
OPENED_MS = make_rental().opened_ms


@dataclass
class Box:
    """A core with its world."""

    store: Store
    clock: FakeClock
    broker: FakeBroker
    core: Core
    sent: int = 0

    def run(self, count: int, view: ChainView | None, **changes: Any) -> list[Sample]:
        """Send so many samples of 100 ms each, with a step after each."""
        samples = []
        for _ in range(count):
            self.sent += 1
            self.clock.ms += 100
            sample = make_sample(self.sent, self.clock.ms, **changes)
            self.broker.give(sample)
            self.core.step(fresh(view, self.clock.ms))
            samples.append(sample)
        return samples

    def rest(self) -> None:
        """Report standstill at this ms; a rental's meter begins with such a sample."""
        self.sent += 1
        self.broker.give(make_sample(self.sent, self.clock.ms))
        self.core.step(None)

    def restart(self, signer: Signer = SIGNER) -> None:
        """As after a kill: everything but the journal is new."""
        self.core = build(self.store, self.clock, self.broker, signer=signer)


def fresh(view: ChainView | None, now_ms: int) -> ChainView | None:
    if view is None:
        return None
    head = replace(view.head, timestamp=now_ms // 1000)
    return replace(view, polled_ms=now_ms, head=head)


def build(
    store: Store,
    clock: FakeClock,
    broker: FakeBroker,
    drills: tuple[int, ...] = (1,),
    signer: Signer = SIGNER,
) -> Core:
    metering = Metering(Journal(store), drills, 1)
    metering.start()
    metering.journal.signed.require_newest(*ring_of(signer).addresses)
    ports = CorePorts(clock, broker, signer)
    keys = {drill: MESSAGE_KEYS[drill] for drill in drills}
    return Core(ports, metering, ChainJournal(store), DOMAIN, LIMITS, keys)


def view_of(rental: RentalView | None = None, **changes: Any) -> ChainView:
    rental = rental or make_rental()
    values = {
        "oracle": OracleView(SIGNER.address, revoked=False),
        "latest": {7: rental},
        "deep": {7: rental},
    }
    return make_view(**(values | changes))


def last_reading(box: Box) -> dict[str, Any]:
    return box.broker.of("reading")[-1]


def receipts(box: Box) -> list[Reading]:
    """Those published, in the order in which they were signed."""
    messages = box.broker.of("reading")
    return [ReadingMessage.model_validate_json(json.dumps(one)).reading() for one in messages]


def ended(ended_ms: int) -> ChainView:
    return view_of(
        make_rental(opened_at=NOW_MS // 1000, state=RentalState.ENDED, ended_at=ended_ms // 1000)
    )
