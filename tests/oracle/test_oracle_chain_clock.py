"""What the box makes of blocks and samples as they arrive, whatever its own clock says."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_builders import NOW_MS, logged, make_sample

from chain.chain_clock import HEADS_KEPT, HEARD_MS, ChainClock, Moment
from oracle.meter.closing_log import Neighbours, closing_log
from oracle.meter.sample_log import LoggedSample, RentalLog
from protocol.records import Registers


def moment(passed_ms: int, ahead_ms: int = 0) -> Moment:
    """So much later, by a box whose clock is so much ahead."""
    return Moment(NOW_MS + passed_ms + ahead_ms, passed_ms)


def looked(lags_ms: Iterable[int]) -> tuple[ChainClock, int]:
    """A chain with a block every second, each so late; and when the last one arrived."""
    clock, passed_ms = ChainClock(), 0
    for number, lag_ms in enumerate(lags_ms):
        passed_ms = number * 1_000 + lag_ms
        clock.look(NOW_MS + number * 1_000, moment(passed_ms))
    return clock, passed_ms


@pytest.mark.parametrize("ahead_ms", [-30_000, 0, 12_000, 45_000])
def test_chain_ms__box_clock_wrong__is_no_part_of_it(ahead_ms: int) -> None:
    clock, passed_ms = looked([700, 200, 900])

    assert clock.chain_ms(moment(passed_ms, ahead_ms)) == NOW_MS + passed_ms - 200
    assert clock.box_ahead_ms(moment(passed_ms, ahead_ms)) == ahead_ms + 200


@given(st.lists(st.integers(0, 900), min_size=2, max_size=HEADS_KEPT))
def test_chain_ms__late_blocks__the_one_that_came_soonest_counts(lags_ms: list[int]) -> None:
    clock, passed_ms = looked(lags_ms)

    assert clock.box_ahead_ms(moment(passed_ms)) == min(lags_ms)
    assert clock.has_seen_a_block_arrive


def test_chain_ms__same_block_seen_again__says_nothing_of_how_late_it_came() -> None:
    clock = ChainClock()
    for passed_ms in (0, 30_000, 50_000):
        clock.look(NOW_MS, moment(passed_ms))

    assert not clock.has_seen_a_block_arrive
    assert clock.box_ahead_ms(moment(50_000)) == 0


def test_drill_ahead_ms__backlog_after_an_outage__the_clock_is_as_it_was() -> None:
    clock, _ = looked([0])
    for passed_ms in range(0, 5_000, 100):
        clock.hear(make_sample(passed_ms // 100 + 1, NOW_MS + passed_ms + 3_000), moment(passed_ms))
    late = moment(25_000)
    for sequence in range(51, 100):
        clock.hear(make_sample(sequence, NOW_MS + sequence * 100 + 3_000), late)

    assert clock.drill_ahead_ms(1, late) == 3_000
    assert clock.drill_over_box_ms(1, late) == 3_000


def test_drill_ahead_ms__clock_set_back__what_it_showed_before_counts_no_more() -> None:
    clock, _ = looked([0])
    clock.hear(make_sample(1, NOW_MS + 365 * 86_400_000), moment(0))
    clock.hear(make_sample(2, NOW_MS + 1_000), moment(1_000))
    clock.hear(make_sample(1, NOW_MS + 365 * 86_400_000), moment(1_100))  # sent again

    assert clock.drill_ahead_ms(1, moment(1_100)) == 0


def test_drill_ahead_ms__nothing_heard_for_long__as_far_as_the_box() -> None:
    clock, _ = looked([0])
    clock.hear(make_sample(1, NOW_MS + 5_000), moment(0))

    assert clock.drill_ahead_ms(1, moment(2 * HEARD_MS - 1)) == 5_000
    assert clock.drill_ahead_ms(1, moment(2 * HEARD_MS)) == 0
    assert ChainClock().drill_ahead_ms(1, moment(0)) is None


# --- which samples the closing reading covers -------------------------------------------------

REST = logged(make_sample(1, NOW_MS))
STROKE = [logged(make_sample(n, NOW_MS + 100 * n, motor_on=True, rpm=600)) for n in range(2, 40)]
ENDED_MS = NOW_MS + 2_000
OPENING = Neighbours(NOW_MS, Registers())


def closed(
    samples: list[LoggedSample], last_ms: int = ENDED_MS, signed: Neighbours = OPENING
) -> RentalLog:
    start = RentalLog(7, (3_000, 3_000, 3_000))
    return closing_log(start, samples, ended_ms=ENDED_MS, last_ms=last_ms, signed=signed)


def test_closing_log__stroke_held_beyond_the_end__is_cut_there() -> None:
    log = closed([REST, *STROKE])

    assert (log.frontier.size, log.until) == (20, ENDED_MS)
    assert log.meter.registers.active_ms_1 == 1_800


def test_closing_log__drill_clock_ahead__the_end_by_that_clock() -> None:
    ahead = [logged(make_sample(1, NOW_MS + 12_000))]
    ahead += [
        logged(make_sample(n, NOW_MS + 12_000 + 100 * n, motor_on=True)) for n in range(2, 15)
    ]
    ahead.append(logged(make_sample(15, NOW_MS + 13_500)))

    assert closed(ahead, ENDED_MS + 12_000).meter.registers.active_ms_1 == 1_300
    assert closed(ahead).frontier.size == 0


def test_closing_log__clock_estimated_too_far_ahead__no_more_than_the_contract_believes() -> None:
    log = closed([REST, *STROKE], ENDED_MS + 1_500)

    assert log.meter.registers.active_ms_1 == 2_000
    before = Neighbours(NOW_MS + 1_000, Registers(active_ms_1=800))
    assert closed([REST, *STROKE], ENDED_MS + 1_500, before).meter.registers.active_ms_1 == 1_800


def test_closing_log__receipt_dated_after_the_end__no_register_above_it() -> None:
    after = Neighbours(NOW_MS, Registers(), Registers(active_ms_1=500, revolutions_1=5))

    assert closed([REST, *STROKE], signed=after).meter.registers.active_ms_1 == 500


def test_closing_log__clock_far_ahead_for_a_moment__what_came_after_it_counts() -> None:
    blip = logged(make_sample(40, NOW_MS + 10**9))
    off = logged(make_sample(41, NOW_MS + 1_000))

    log = closed([REST, *STROKE[:8], blip, off])
    assert (log.frontier.size, log.meter.registers.active_ms_1) == (11, 700)
    assert closed([REST, *STROKE[:8], blip]).frontier.size == 9
