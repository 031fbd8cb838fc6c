"""A stroke that does not end is signed and settled, whatever is learnt of the clocks meanwhile.

How far a drill's clock is ahead of the chain is known from what arrives. An oracle that starts
anew, or that blocks reach later than before, may find it further ahead than it was when the last
reading was signed: what was drilled since has to go on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from oracle_box import Box, build, receipts, view_of
from oracle_builders import (
    NOW_MS,
    TARIFF,
    FakeBroker,
    FakeClock,
    logged,
    make_rental,
    make_sample,
)

from chain.chain_clock import HEADS_KEPT
from oracle.journal.signed import can_have_grown
from oracle.journal.store import Store
from oracle.meter.live_log import LastSigned, live_log
from oracle.meter.meter import highest_rpm
from oracle.meter.sample_log import RentalLog
from protocol.records import Reading, Registers

STEP_MS = 100
BOX_AHEAD_MS = 3_000
LATER_MS = (400, 12_000)
VIEW = view_of(make_rental(funded=10**12), gas_price_wei=0)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    store, clock, broker = Store(f"sqlite:///{tmp_path}/j.sqlite"), FakeClock(), FakeBroker()
    yield Box(store, clock, broker, build(store, clock, broker))
    store.close()


def go_on(box: Box, ms: int, *, late_ms: int = 0, motor_on: bool = True) -> None:
    """So much time, with a sample each 100 ms and a block each second that is seen so late."""
    for _ in range(ms // STEP_MS):
        box.sent += 1
        box.clock.ms += STEP_MS
        box.broker.give(make_sample(box.sent, box.clock.ms, motor_on=motor_on, rpm=600 * motor_on))
        head = replace(VIEW.head, timestamp=(box.clock.ms - BOX_AHEAD_MS - late_ms) // 1000)
        box.core.step(replace(VIEW, polled_ms=box.clock.ms, head=head, confirmed=head))


def active_ms(reading: Reading) -> int:
    return sum(reading.registers.active_ms)


def require_signed_throughout(box: Box, since: Reading, later_ms: int, drilled_ms: int) -> None:
    """That what was drilled is signed with no longer pauses and no further behind than the clocks
    are now out of step with what they were, and each reading as the contract takes it."""
    said = [one for one in receipts(box) if one.until >= since.until]
    assert said[0] == since
    for before, later in pairwise(said):
        assert can_have_grown(later, before, highest_rpm(TARIFF))
        assert active_ms(later) - active_ms(before) <= later_ms + 2_500
        assert later.until <= box.clock.ms - BOX_AHEAD_MS
    assert active_ms(said[-1]) >= drilled_ms - 2 * later_ms - 2_500


@pytest.mark.parametrize("later_ms", LATER_MS)
def test_step__restart_in_a_stroke_and_blocks_seen_later__signed_and_settled_within_it(
    box: Box, later_ms: int
) -> None:
    go_on(box, 2_000, motor_on=False)
    go_on(box, 20_000)
    before = receipts(box)[-1]
    assert not box.core.outbox.open_batches()
    box.restart()
    go_on(box, 60_000, late_ms=later_ms)

    require_signed_throughout(box, before, later_ms, 80_000)
    (batch,) = box.core.outbox.open_batches()
    (settled,) = batch.readings
    assert active_ms(settled) > active_ms(before)


@pytest.mark.parametrize("later_ms", LATER_MS)
def test_step__blocks_seen_later_from_now_on__stroke_is_signed_throughout(
    box: Box, later_ms: int
) -> None:
    go_on(box, 2_000, motor_on=False)
    go_on(box, 10_000)
    before = receipts(box)[-1]
    all_heads_ms = HEADS_KEPT * 1_000
    go_on(box, all_heads_ms + 30_000, late_ms=later_ms)

    require_signed_throughout(box, before, later_ms, all_heads_ms + 40_000)


@pytest.mark.parametrize("later_ms", LATER_MS)
def test_step__next_stroke_after_a_rest_shorter_than_that__is_signed_throughout(
    box: Box, later_ms: int
) -> None:
    go_on(box, 2_000, motor_on=False)
    go_on(box, 5_000)
    go_on(box, 200, motor_on=False)
    before = receipts(box)[-1]
    box.restart()
    go_on(box, 100, late_ms=later_ms, motor_on=False)
    go_on(box, 40_000, late_ms=later_ms)

    require_signed_throughout(box, before, later_ms, 45_000)


def test_step__reading_that_waited__goes_out_with_its_samples(box: Box) -> None:
    go_on(box, 2_000, motor_on=False)
    go_on(box, 10_000)
    box.restart()
    box.broker.published.clear()
    go_on(box, 20_000, late_ms=1_700)

    shown = {one["log_size"] for one in box.broker.of("log")}
    waited = [one for one in receipts(box) if one.registers.active_ms_1 > 12_000]
    assert waited
    assert {one.log_size for one in waited} <= shown


# --- which log is signed ----------------------------------------------------------------------


def log_of(*times_ms: int) -> RentalLog:
    """A rest at NOW_MS, and a stroke whose samples have these times after it."""
    stroke = (
        make_sample(number, NOW_MS + ms, motor_on=True, rpm=600)
        for number, ms in enumerate(times_ms, start=2)
    )
    samples = (logged(one) for one in (make_sample(1, NOW_MS), *stroke))
    return RentalLog(7, highest_rpm(TARIFF)).extend(samples)[0]


SHORT, LONGER, LONGEST = log_of(100, 200), log_of(100, 200, 300), log_of(100, 200, 300, 400)
SIGNED = LastSigned(NOW_MS + 200, SHORT.frontier.size, SHORT.meter.registers)


def test_live_log__further_ahead_than_before__dated_by_how_long_the_motor_ran() -> None:
    found = live_log(LONGEST, (), SIGNED, latest_ms=NOW_MS + 400, ahead_ms=150)
    assert found.reading == LONGEST.reading(NOW_MS + 400)


def test_live_log__none_may_be_dated_yet__what_was_signed_last_and_the_first_that_waits() -> None:
    first = live_log(LONGER, (SHORT,), SIGNED, latest_ms=NOW_MS + 250, ahead_ms=150)
    later = live_log(LONGEST, first.waiting, SIGNED, latest_ms=NOW_MS + 299, ahead_ms=150)
    due = live_log(LONGEST, later.waiting, SIGNED, latest_ms=NOW_MS + 300, ahead_ms=150)
    assert first.reading == later.reading == SHORT.reading(SIGNED.until)
    assert due.reading == LONGER.reading(NOW_MS + 300)


def test_live_log__clock_set_back_while_a_log_waits__the_newest_waits_in_its_place() -> None:
    back = log_of(100, 200, 300, -86_400_000, -86_399_900)
    at_once = live_log(back, (LONGER,), SIGNED, latest_ms=NOW_MS + 250, ahead_ms=-86_400_150)
    assert at_once.waiting == (back,)


def test_live_log__waiting_log_shorter_than_what_was_signed__never_signed() -> None:
    signed = LastSigned(NOW_MS + 300, LONGER.frontier.size, LONGER.meter.registers)
    found = live_log(LONGEST, (SHORT,), signed, latest_ms=NOW_MS + 399, ahead_ms=-150)
    assert (found.reading, found.waiting) == (None, (LONGEST,))


def test_live_log__signed_for_another_rental_of_the_number__dated_by_the_samples() -> None:
    other = LastSigned(NOW_MS - 5_000, 5_000, Registers(active_ms_1=90_000))
    found = live_log(LONGER, (), other, latest_ms=NOW_MS + 300, ahead_ms=150)
    assert found.reading == LONGER.reading(NOW_MS + 150)
