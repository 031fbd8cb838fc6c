"""The bill, against exact fractions that know nothing of thousandths."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import RecordError
from protocol.records import NO_CAP, Caps, LevelRate, Registers, Tariff
from protocol.tariff import (
    ENDLESS_RUNWAY_SECONDS,
    balance,
    charge,
    highest_charge,
    limit,
    runway_seconds,
)

price = st.integers(0, 10**24)
counters = st.integers(0, 2**48)
rates = st.builds(LevelRate, price, price, st.integers(0, 100_000))
tariffs = st.builds(Tariff, st.tuples(rates, rates, rates), price, st.just(0))
registers = st.builds(Registers, *[counters] * 6)

FREE = Tariff((LevelRate(0, 0, 3000),) * 3, 0, 0)
PLAIN = Tariff((LevelRate(60, 0, 3000), LevelRate(120, 0, 1200), LevelRate(240, 6, 600)), 1, 0)


def fair_bill(tariff: Tariff, used: Registers, elapsed_ms: int) -> Fraction:
    bill = Fraction(elapsed_ms, 1000) * tariff.standing_price_per_second
    for n, rate in enumerate(tariff.levels):
        bill += Fraction(used.active_ms[n], 1000) * rate.price_per_second
        bill += Fraction(used.revolutions[n], 1000) * rate.price_per_1000_revolutions
    return bill


@given(tariffs, registers, counters)
def test_charge__anything__is_the_fair_bill_rounded_down(
    tariff: Tariff, used: Registers, elapsed_ms: int
) -> None:
    assert charge(tariff, used, elapsed_ms) == floor(fair_bill(tariff, used, elapsed_ms))


def test_charge__a_minute_by_hand__is_what_a_person_gets() -> None:
    # 30 s at level 1, 20 s at 2, 10 s at 3 with 100 turns, and a minute of standing price.
    used = Registers(30_000, 20_000, 10_000, 75_000, 16_000, 100)
    assert charge(PLAIN, used, 60_000) == 30 * 60 + 20 * 120 + 10 * 240 + 0 + 60


@given(tariffs, registers, registers, counters, counters)
def test_charge__more_use__never_costs_less(
    tariff: Tariff, used: Registers, more: Registers, elapsed_ms: int, later: int
) -> None:
    both = Registers(*(a + b for a, b in zip(used.as_tuple(), more.as_tuple(), strict=True)))
    assert charge(tariff, both, elapsed_ms + later) >= charge(tariff, used, elapsed_ms)


@pytest.mark.parametrize("elapsed_ms", [-1, 1.5, True, "1"])
def test_charge__no_time__is_refused(elapsed_ms: object) -> None:
    with pytest.raises(RecordError, match="elapsed_ms"):
        charge(PLAIN, Registers(), elapsed_ms)  # type: ignore[arg-type]


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**300))
def test_balance__anything__is_what_is_left_and_never_less_than_nothing(
    funded: int, charged: int
) -> None:
    left = balance(funded, charged)
    assert left == (funded - charged if charged < funded else 0)
    assert 0 <= left <= funded


@given(tariffs, st.integers(0, 10**7), st.data())
def test_highest_charge__any_drilling_of_that_time__costs_no_more(
    tariff: Tariff, duration_ms: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, duration_ms))
    second = data.draw(st.integers(0, duration_ms - first))
    active = (first, second, duration_ms - first - second)
    turns = tuple(
        ms * rate.max_rpm // 60_000 for ms, rate in zip(active, tariff.levels, strict=True)
    )
    used = Registers.from_levels(active, turns)
    assert charge(tariff, used, duration_ms) <= highest_charge(tariff, duration_ms)


@given(tariffs, st.integers(0, 10**7))
def test_highest_charge__anything__is_the_highest_rate_rounded_up(
    tariff: Tariff, duration_ms: int
) -> None:
    rate = max(
        rate.price_per_second + Fraction(rate.max_rpm, 60_000) * rate.price_per_1000_revolutions
        for rate in tariff.levels
    )
    exact = Fraction(duration_ms, 1000) * (rate + tariff.standing_price_per_second)
    assert highest_charge(tariff, duration_ms) == ceil(exact)


@pytest.mark.parametrize("duration_ms", [-1, 0.5])
def test_highest_charge__no_time__is_refused(duration_ms: object) -> None:
    with pytest.raises(RecordError, match="duration_ms"):
        highest_charge(PLAIN, duration_ms)  # type: ignore[arg-type]


@given(tariffs, st.integers(-(10**30), 10**30))
def test_runway_seconds__anything__is_paid_for_by_the_headroom(
    tariff: Tariff, headroom: int
) -> None:
    seconds = runway_seconds(tariff, headroom)
    assert 0 <= seconds <= ENDLESS_RUNWAY_SECONDS
    if headroom <= 0 and tariff_costs(tariff):
        assert seconds == 0
    elif tariff_costs(tariff):
        assert highest_charge(tariff, seconds * 1000) <= headroom


def tariff_costs(tariff: Tariff) -> bool:
    return highest_charge(tariff, 1_000_000) > 0


def test_runway_seconds__a_tariff_that_charges_nothing__is_endless() -> None:
    assert runway_seconds(FREE, 0) == ENDLESS_RUNWAY_SECONDS


def test_runway_seconds__plain_tariff__is_the_time_at_the_highest_rate() -> None:
    # 240 a second, 6 per 1000 turns at 600 rpm = 0.06 a second, 1 standing: 241.06 a second.
    assert runway_seconds(PLAIN, 241_060) == 1000
    assert runway_seconds(PLAIN, 241_059) == 999


def test_limit__one_ms_more__is_the_next_unit_or_none() -> None:
    caps = Caps(per_hour=1_800_000)
    assert [limit(10**9, caps, ms) for ms in (0, 1, 2, 3, 3_600_000)] == [
        1_800_000,
        1_800_000,
        1_800_001,
        1_800_001,
        3_600_000,
    ]


def test_limit__no_caps__is_what_was_funded() -> None:
    assert limit(NO_CAP, Caps(), 0) == NO_CAP


@given(
    st.integers(0, NO_CAP),
    st.builds(Caps, st.integers(0, NO_CAP), st.integers(0, NO_CAP)),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
)
def test_limit__as_time_passes__never_falls(
    funded: int, caps: Caps, elapsed_ms: int, more_ms: int
) -> None:
    assert limit(funded, caps, elapsed_ms) <= limit(funded, caps, elapsed_ms + more_ms)


@pytest.mark.parametrize("field", ["per_rental", "per_hour"])
def test_caps__wider_than_the_contract_holds__refused(field: str) -> None:
    with pytest.raises(RecordError, match=field):
        Caps(**{field: 2**96})
