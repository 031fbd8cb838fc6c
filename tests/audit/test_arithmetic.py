"""The auditor's own arithmetic against the vectors that the contract reproduces."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import vectors

from audit.books.arithmetic import MeterWord, charge, implausible, limit, read_meter, within
from protocol.meter_word import pack_meter
from protocol.records import Registers

LEVELS = ((1, 2, 60), (3, 4, 120), (5, 6, 600))
OPENED_AT = 1_700_000_000
OPENING = OPENED_AT * 1000


def meter(
    elapsed_ms: int, active: tuple[int, ...] = (0, 0, 0), turns: Any = (0, 0, 0)
) -> MeterWord:
    return MeterWord(OPENING + elapsed_ms, active, tuple(turns))


@pytest.mark.parametrize("case", vectors("charges.json")["cases"])
def test_charge__shared_vectors__to_the_unit(case: dict[str, Any]) -> None:
    registers = [int(value) for value in case["registers"].values()]
    levels = [tuple(int(value) for value in level.values()) for level in case["levels"]]
    read = meter(int(case["elapsed_ms"]), tuple(registers[:3]), registers[3:])
    standing = int(case["standing_price_per_second"])
    assert charge(read, OPENED_AT, levels, standing) == int(case["charge"])  # type: ignore[arg-type]


@pytest.mark.parametrize("case", vectors("caps.json")["cases"])
def test_limit__shared_vectors__to_the_unit(case: dict[str, str]) -> None:
    names = ("funded", "per_rental", "per_hour", "elapsed_ms")
    assert limit(*(int(case[name]) for name in names)) == int(case["limit"])


def test_read_meter__every_field_at_its_widest__as_packed() -> None:
    widest = Registers(2**37 - 1, 2, 2**37 - 3, 2**34 - 1, 5, 2**34 - 6)
    read = read_meter(pack_meter(2**43 - 7, widest))
    assert (read.until, read.registers) == (2**43 - 7, widest.as_tuple())


def test_within__later_receipt__lower_of_each_at_the_settled_time() -> None:
    settled, claimed = meter(9, (5, 6, 7), (1, 2, 3)), meter(11, (6, 5, 7), (0, 9, 3))
    assert within(settled, claimed, LEVELS) == meter(9, (5, 5, 7), (0, 2, 3))


def test_within__older_receipt__allows_what_clock_and_rpm_could_add() -> None:
    settled, claimed = meter(3_001, (9_000,) * 3, (90, 90, 90)), meter(0, (1, 2, 3), (4, 5, 6))
    cut = within(settled, claimed, LEVELS)
    assert cut == meter(3_001, (3_002, 3_003, 3_004), (4 + 4, 5 + 7, 6 + 31))


def test_implausible__all_within_clock_and_rpm__nothing() -> None:
    assert implausible(meter(3_000, (1_000,) * 3, (1, 2, 10)), meter(0), LEVELS) is None


@pytest.mark.parametrize("place", range(6))
def test_implausible__one_register_fell__named(place: int) -> None:
    before = [600_000] * 3 + [100] * 3
    now = list(before)
    now[place] -= 1
    last = meter(0, tuple(before[:3]), before[3:])
    assert implausible(meter(9, tuple(now[:3]), now[3:]), last, LEVELS) == "register-fell"


def test_implausible__a_millisecond_more_than_the_clock__named() -> None:
    found = implausible(meter(2_999, (1_000,) * 3), meter(0), LEVELS)
    assert found == "active-time-beyond-wall-clock"


@pytest.mark.parametrize("level", range(3))
def test_implausible__a_turn_more_than_the_total_allows__named(level: int) -> None:
    turns = [0, 0, 0]
    turns[level] = 60_000 * LEVELS[level][2] // 60_000 + 1
    found = implausible(meter(180_000, (60_000,) * 3, turns), meter(0), LEVELS)
    assert found == "revolutions-beyond-rpm"


def test_implausible__two_turns_more_than_the_growth_allows__named() -> None:
    last = meter(0, (600_000, 0, 0), (0, 0, 0))
    assert implausible(meter(1_000, (601_000, 0, 0), (1, 0, 0)), last, LEVELS) is None
    found = implausible(meter(1_000, (601_000, 0, 0), (2, 0, 0)), last, LEVELS)
    assert found == "revolutions-beyond-rpm"
