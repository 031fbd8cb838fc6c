"""The meter and the rental log."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from conftest import vectors
from hypothesis import given
from hypothesis import strategies as st
from oracle_builders import logged, make_sample

from oracle.meter.meter import MeterState, Triple, advance, highest_rpm
from oracle.meter.sample_log import RentalLog
from protocol.merkle import leaf_hash, tree_root
from protocol.messages import MAX_LOG_SAMPLES
from protocol.records import LevelRate, Registers, Tariff
from protocol.sample import GAP_MS, MAX_RPM, Sample, decode_sample, encode_sample

TARIFF = Tariff((LevelRate(1000, 2000, 3000),) * 3, 0, 0)
NO_LIMIT: Triple = (MAX_RPM, MAX_RPM, MAX_RPM)


def meter(samples: list[Sample], max_rpm: Triple = NO_LIMIT) -> MeterState:
    """The meter after standstill and then these samples."""
    state = MeterState(last=make_sample(0, samples[0].time_ms)) if samples else MeterState()
    for sample in samples:
        state, _ = advance(state, sample, max_rpm)
    return state


@st.composite
def runs(draw: st.DrawFn) -> list[Sample]:
    """Samples in order, with pauses short and long."""
    time_ms, samples = 1_000_000, []
    steps = draw(
        st.lists(
            st.tuples(
                st.integers(0, 2 * GAP_MS),
                st.integers(1, 3),
                st.booleans(),
                st.integers(0, 30_000),
            ),
            max_size=30,
        )
    )
    for sequence, (pause_ms, level, motor_on, rpm) in enumerate(steps, 1):
        time_ms += pause_ms
        samples.append(make_sample(sequence, time_ms, level=level, motor_on=motor_on, rpm=rpm))
    return samples


def test_advance__constant_speed__active_time_and_floored_revolutions() -> None:
    samples = [make_sample(n, n * 100, motor_on=True, rpm=1234, level=2) for n in range(1, 12)]

    assert meter(samples).registers == Registers(0, 1000, 0, 0, 1234 * 1000 // 60_000, 0)


def test_advance__level_changes__interval_counts_at_the_earlier_level() -> None:
    first = make_sample(1, 1000, motor_on=True, rpm=600, level=1)
    second = make_sample(2, 1100, motor_on=False, rpm=900, level=3)

    assert meter([first, second]).registers == Registers(100, 0, 0, 1, 0, 0)


def test_advance__coasting_spindle__is_not_billed() -> None:
    samples = [make_sample(n, n * 100, motor_on=False, rpm=3000) for n in range(1, 10)]

    assert meter(samples).registers == Registers()


def test_advance__silence_of_exactly_two_periods__is_billed_and_one_ms_more_is_not() -> None:
    first = make_sample(1, 1000, motor_on=True, rpm=600)

    assert meter([first, make_sample(2, 1000 + GAP_MS)]).registers.active_ms_1 == GAP_MS
    assert meter([first, make_sample(2, 1001 + GAP_MS)]).registers == Registers()


def test_advance__gap_while_the_motor_ran__is_priced_by_the_odometer() -> None:
    first = make_sample(1, 1000, motor_on=True, rpm=600, odometer=Registers(500, 0, 0, 5, 0, 0))
    second = make_sample(7, 6000, odometer=Registers(5500, 0, 0, 55, 0, 0))

    _, gap = advance(meter([first]), second, NO_LIMIT)

    assert gap is not None
    assert gap.missed == Registers(5000, 0, 0, 50, 0, 0)
    assert (gap.after_sequence, gap.before_sequence) == (1, 7)
    assert gap.cost(TARIFF) == (5000 * 1000 + 50 * 2000) // 1000


def test_advance__silence_at_standstill__is_no_gap() -> None:
    _, gap = advance(meter([make_sample(1, 1000)]), make_sample(2, 2000), NO_LIMIT)

    assert gap is None


def test_advance__silence_at_standstill_with_moved_odometer__is_a_gap() -> None:
    _, gap = advance(
        meter([make_sample(1, 1000)]),
        make_sample(2, 2000, odometer=Registers(3, 0, 0, 0, 0, 0)),
        NO_LIMIT,
    )

    assert gap is not None


def test_advance__odometer_that_fell__prices_nothing_for_it() -> None:
    first = make_sample(1, 1000, motor_on=True, odometer=Registers(9, 9, 9, 9, 9, 9))

    _, gap = advance(meter([first]), make_sample(2, 9000), NO_LIMIT)

    assert gap is not None
    assert gap.missed == Registers()


@given(runs(), st.data())
def test_advance__repeated_samples__change_nothing(
    samples: list[Sample], data: st.DataObject
) -> None:
    repeated: list[Sample] = []
    for sample in samples:
        repeated.append(sample)
        if data.draw(st.booleans()):
            repeated += repeated[: data.draw(st.integers(0, len(repeated)))]

    assert meter(repeated) == meter(samples)


@given(runs(), st.integers())
def test_advance__late_samples_mixed_in__change_nothing(samples: list[Sample], seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    mixed: list[Sample] = []
    for index, sample in enumerate(samples):
        mixed.append(sample)
        old = chance.sample(samples[:index], min(index, 2))
        mixed += [replace(one, time_ms=one.time_ms) for one in old]

    assert meter(mixed) == meter(samples)


@given(runs(), st.data())
def test_advance__interval_split_by_equal_samples__registers_stay(
    samples: list[Sample], data: st.DataObject
) -> None:
    """A report in between that says what the one before said bills the same."""
    split: list[Sample] = []
    for before, after in pairwise(samples):
        split.append(before)
        pause_ms = after.time_ms - before.time_ms
        if 0 < pause_ms <= GAP_MS:
            part_ms = data.draw(st.integers(0, pause_ms))
            split.append(replace(before, time_ms=before.time_ms + part_ms))
    split += samples[-1:]
    numbered = [replace(sample, sequence=n) for n, sample in enumerate(split, 1)]

    assert meter(numbered).registers == meter(samples).registers


@given(runs())
def test_advance__any_samples__registers_rise_no_faster_than_the_clock(
    samples: list[Sample],
) -> None:
    state = MeterState()
    for sample in samples:
        after, _ = advance(state, sample, NO_LIMIT)
        grown = [
            new - old
            for old, new in zip(state.registers.as_tuple(), after.registers.as_tuple(), strict=True)
        ]
        assert min(grown) >= 0
        if state.last is not None:
            assert sum(grown[:3]) <= sample.time_ms - state.last.time_ms
        state = after


@given(runs())
def test_advance__against_fractions__revolutions_are_exact(samples: list[Sample]) -> None:
    turns = [Fraction(0)] * 3
    for before, after in pairwise(samples):
        if before.motor_on and after.time_ms - before.time_ms <= GAP_MS:
            turned = Fraction(before.rpm * (after.time_ms - before.time_ms), 60_000)
            turns[before.level - 1] += turned

    assert meter(samples).registers.revolutions == tuple(int(turn) for turn in turns)


@given(runs(), st.integers(1, 4000), st.integers(1, 4000), st.integers(1, 4000), st.data())
def test_advance__any_samples__make_no_reading_that_the_contract_finds_implausible(
    samples: list[Sample], rpm_1: int, rpm_2: int, rpm_3: int, data: st.DataObject
) -> None:
    """Whatever the operator does with trigger and level, and whichever readings settle."""
    limits = (rpm_1, rpm_2, rpm_3)
    earlier = data.draw(st.integers(0, len(samples)))
    before = meter(samples[:earlier], limits).registers
    after = meter(samples, limits).registers
    for level in range(3):
        active, turned = after.active_ms[level], after.revolutions[level]
        assert turned * 60_000 <= active * limits[level]
        grown = (turned - before.revolutions[level]) * 60_000
        assert grown < (active - before.active_ms[level]) * limits[level] + 60_000


def test_advance__level_changed_at_high_speed__bills_the_highest_rpm_of_the_new_level() -> None:
    samples = [
        make_sample(1, 1000, motor_on=True, rpm=2500),
        make_sample(2, 1100, motor_on=True, rpm=2500, level=3),
        make_sample(3, 1200, rpm=2400, level=3),
    ]

    state = meter(samples, (3000, 1200, 700))

    assert state.rpm_ms == (250_000, 0, 70_000)
    assert state.active_ms == (100, 0, 100)


def test_highest_rpm__tariff__level_1_first() -> None:
    rates = (LevelRate(0, 0, 3000), LevelRate(0, 0, 1200), LevelRate(0, 0, 700))

    assert highest_rpm(Tariff(rates, 0, 0)) == (3000, 1200, 700)


def test_advance__clock_that_went_back__bills_nothing_up_to_there_and_goes_on() -> None:
    samples = [
        make_sample(1, 1000, motor_on=True, rpm=600),
        make_sample(2, 900, motor_on=True, rpm=600),
        make_sample(3, 1000, motor_on=True, rpm=600),
        make_sample(4, 1100, motor_on=True, rpm=600),
    ]

    assert meter(samples).registers.active_ms_1 == 200


def test_extend__samples_around_the_rental__only_its_own_are_leaves() -> None:
    names = (6, 6, 7, 7, 7, 7, 0, 8, 8)
    samples = [make_sample(n, n * 1000, rental=name) for n, name in enumerate(names, start=1)]
    log = RentalLog(rental=7, max_rpm=NO_LIMIT)

    log, _ = log.extend([logged(sample) for sample in samples])

    leaves = [leaf_hash(encode_sample(sample)) for sample in samples[2:6]]
    reading = log.reading(6000)
    assert reading.log_size == 4
    assert reading.log_root == tree_root(leaves)


@given(runs(), st.integers(0, 30))
def test_extend__in_two_parts__same_log(samples: list[Sample], cut: int) -> None:
    all_at_once, _ = RentalLog(7, NO_LIMIT).extend([logged(sample) for sample in samples])
    part, _ = RentalLog(7, NO_LIMIT).extend([logged(sample) for sample in samples[:cut]])

    part, _ = part.extend([logged(sample) for sample in samples[max(cut - 2, 0) :]])

    assert part == all_at_once


@given(st.lists(st.integers(1, 70), min_size=1, max_size=6))
def test_tail__runs_of_any_length__end_the_log_and_are_not_too_many(runs: list[int]) -> None:
    log, sent = RentalLog(7, NO_LIMIT), 0
    for count in runs:
        added = [make_sample(sent + n, (sent + n) * 100) for n in range(1, count + 1)]
        log, _ = log.extend([logged(sample) for sample in added])
        sent += count

    newest = log.tail.leaves
    assert min(runs[-1], MAX_LOG_SAMPLES) <= len(newest) <= MAX_LOG_SAMPLES
    assert decode_sample(newest[-1]).sequence == sent
    assert log.tail.before.extend(newest) == log.frontier


def test_advance__motor_on_from_before_the_log__counts_from_the_first_sample_with_it_off() -> None:
    held = [make_sample(n, n * 100, motor_on=True, rpm=600) for n in range(1, 6)]
    after_a_gap = make_sample(6, 9_000, motor_on=True, odometer=Registers(9, 0, 0, 0, 0, 0))
    own = [
        make_sample(7, 9_100),
        make_sample(8, 9_200, motor_on=True, rpm=600),
        make_sample(9, 9_300),
    ]

    state = MeterState()
    for sample in [*held, after_a_gap]:
        state, gap = advance(state, sample, NO_LIMIT)
        assert (state, gap) == (MeterState(), None)
    for sample in own:
        state, _ = advance(state, sample, NO_LIMIT)

    assert state.registers == Registers(100, 0, 0, 1, 0, 0)


@given(runs())
def test_extend__any_samples__bills_as_if_the_log_began_at_standstill(
    samples: list[Sample],
) -> None:
    first = next((n for n, one in enumerate(samples) if not one.motor_on), len(samples))

    whole, _ = RentalLog(7, NO_LIMIT).extend([logged(sample) for sample in samples])
    own, _ = RentalLog(7, NO_LIMIT).extend([logged(sample) for sample in samples[first:]])

    assert whole.meter == own.meter
    assert whole.frontier.size == len(samples)


@pytest.mark.parametrize("case", vectors("meter.json")["cases"], ids=lambda case: case["why"])
def test_advance__shared_vectors__registers_and_gaps_agree(case: Any) -> None:
    one, two, three = (int(highest) for highest in case["max_rpm"])
    samples = [decode_sample(bytes.fromhex(text[2:])) for text in case["samples"]]
    states, gaps = [MeterState()], []
    for sample in samples:
        state, gap = advance(states[-1], sample, (one, two, three))
        states.append(state)
        gaps += [gap] if gap is not None else []
    for at in case["at"]:
        expected = [int(value) for value in at["registers"].values()]
        assert list(states[at["size"]].registers.as_tuple()) == expected
    assert [(g.after_sequence, g.before_sequence, g.missed.active_ms_1) for g in gaps] == [
        tuple(int(value) for value in gap.values()) for gap in case["gaps"]
    ]
