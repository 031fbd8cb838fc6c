"""A box whose clock is ahead of the chain's, or was wrong by far for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from oracle_box import Box, build, last_reading, view_of
from oracle_builders import EVIDENCE, NOW_MS, FakeBroker, FakeClock, make_rental, make_sample

from chain.views import ChainView, DrillView
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit
from protocol.records import RentalState

OPENED = NOW_MS // 1000 - 60


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    store, clock, broker = Store(f"sqlite:///{tmp_path}/j.sqlite"), FakeClock(), FakeBroker()
    yield Box(store, clock, broker, build(store, clock, broker))
    store.close()


def step(box: Box, view: ChainView, ahead_ms: int, **changes: Any) -> None:
    """One sample of 100 ms by the box's clock; the chain's is right, and `ahead_ms` behind it."""
    box.sent += 1
    box.clock.ms += 100
    box.broker.give(make_sample(box.sent, box.clock.ms, **changes))
    head = replace(view.head, timestamp=(box.clock.ms - ahead_ms) // 1000)
    box.core.step(replace(view, polled_ms=box.clock.ms, head=head, confirmed=head))


@pytest.mark.parametrize("ahead_ms", [0, 12_000, 45_000])
def test_next_customer_pays_for_nothing_that_happened_before(box: Box, ahead_ms: int) -> None:
    a = make_rental(opened_at=OPENED)
    view = view_of(a)
    for motor_on in (False, True, False, True, False):
        for _ in range(20):
            step(box, view, ahead_ms, motor_on=motor_on, rpm=1200 * motor_on)
    chain_s = (box.clock.ms - ahead_ms) // 1000
    a_ended = replace(a, state=RentalState.CLOSED, ended_at=chain_s, until=chain_s * 1000)
    b = make_rental(rental=8, opened_at=chain_s + 1)
    both = {7: a_ended, 8: b}
    view = view_of(
        b,
        latest=both,
        deep=both,
        drills={1: DrillView(1, 1, 8, retired=False)},
        evidence={7: EVIDENCE, 8: replace(EVIDENCE, rental=8)},
    )
    for _ in range(ahead_ms // 100 + 100):  # B never touches the trigger
        step(box, view, ahead_ms)
    reading = last_reading(box)
    assert reading["rental"] == 8
    assert reading["active_ms_1"] == 0, f"B is billed {reading['active_ms_1']} ms of A's drilling"


def test_drill_unlocks_again_once_the_clock_has_been_put_right(tmp_path: Path) -> None:
    store, clock, broker = Store(f"sqlite:///{tmp_path}/j.sqlite"), FakeClock(), FakeBroker()
    box = Box(store, clock, broker, build(store, clock, broker))
    year_ms = 365 * 86_400_000
    clock.ms += year_ms  # a bad battery clock, for one second, no rental
    box.run(10, None)
    clock.ms -= year_ms  # set by NTP; controller and oracle are restarted as well
    box.restart()
    rental = make_rental(opened_at=clock.ms // 1000 - 1)
    box.run(100, view_of(rental))
    said = broker.of("lease")[-1]
    store.close()
    assert said.get("reason") != Inhibit.DRILL_CLOCK, (
        "locked for a year, and nothing is wrong any more"
    )
