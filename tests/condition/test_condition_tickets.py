"""What people say: a part was changed, a ticket is done, a ticket is false."""

from __future__ import annotations

from dataclasses import replace

import pytest
from condition_builders import SHEET, make_hole, worn_fit

from condition.drill import DrillCondition
from condition.errors import WordError
from condition.idle import APPROACHES

NOW_MS = 1_700_009_000_000


@pytest.fixture
def worn() -> DrillCondition:
    condition = DrillCondition()
    worn_fit(condition, 110, 0.005)
    assert len(condition.desk.tickets) == 1
    return condition


def test_close__false__teaches_that_so_much_wear_is_fine(worn: DrillCondition) -> None:
    limit = worn.desk.limit

    worn.close(1, "false", NOW_MS)
    for number in range(6):
        worn.fit.take(make_hole(7 * 1.6, start_ms=NOW_MS + number))
        worn.desk.judge_wear(worn.drift, NOW_MS + number)

    assert worn.desk.limit > limit
    assert [one.open for one in worn.desk.tickets] == [False]


def test_close__false_again_and_again__asks_why(worn: DrillCondition) -> None:
    worn.close(1, "false", NOW_MS)
    worn_fit(worn, 400, 0.005, seed=2)

    with pytest.raises(WordError, match="say --why it is fine"):
        worn.close(2, "false", NOW_MS)
    assert worn.desk.tickets[1].open
    worn.close(2, "false", NOW_MS, "it drills rubber")
    assert worn.desk.tickets[1].why == "it drills rubber"


def test_close__done_without_a_recorded_change__asks(worn: DrillCondition) -> None:
    with pytest.raises(WordError, match="no change of the bit is recorded"):
        worn.close(1, "done", NOW_MS)


def test_close__no_such_ticket__names_those_that_are_open(worn: DrillCondition) -> None:
    with pytest.raises(WordError, match="no open ticket 5; open: 1"):
        worn.close(5, "done", NOW_MS)


def test_changed__the_bit__begins_anew_and_closes_its_ticket(worn: DrillCondition) -> None:
    worn.changed("bit", NOW_MS)

    assert worn.desk.tickets[0].closed_as == "done"
    assert worn.drift.holes == 0
    assert not worn.drift.enough


def test_changed__a_part_that_is_not_followed__names_those_that_are() -> None:
    with pytest.raises(WordError, match="'cord' is not a part that is followed: bit, spindle"):
        DrillCondition().changed("cord", NOW_MS)


def give_approaches(condition: DrillCondition, count: int, idle: float) -> None:
    for _ in range(count):
        condition.idle.take(make_hole(7.0, idle_torque=idle))
        condition.desk.judge_friction(condition.idle, NOW_MS)


def test_friction__doubled_in_the_air__one_ticket_of_the_spindle() -> None:
    condition = DrillCondition()
    give_approaches(condition, APPROACHES, 0.4)
    give_approaches(condition, APPROACHES, 0.5)
    assert condition.desk.tickets == []

    give_approaches(condition, APPROACHES, 1.0)

    (ticket,) = condition.desk.tickets
    assert (ticket.part, ticket.cause) == ("spindle", "friction")


def test_friction__the_sensors_zero_moves__no_ticket() -> None:
    condition = DrillCondition()
    give_approaches(condition, APPROACHES, 0.01)
    give_approaches(condition, 2 * APPROACHES, 0.05)

    assert condition.desk.tickets == []


def test_life__used_up__a_ticket_that_only_a_reason_closes_as_false() -> None:
    condition = DrillCondition(replace(SHEET, switch_cycles=10))
    condition.life.used["switch"], condition.life.on_ms = 0.95, [3_600_000, 0, 0]
    condition.desk.judge_life(condition.life, NOW_MS)
    condition.desk.judge_life(condition.life, NOW_MS)

    (ticket,) = condition.desk.tickets
    assert ticket.reason == "95% of the switch's counted life is used up"
    with pytest.raises(WordError, match="a count cannot be taught"):
        condition.close(1, "false", NOW_MS)
    condition.close(1, "false", NOW_MS, "a switch of another type")
    condition.desk.judge_life(condition.life, NOW_MS)
    assert len(condition.desk.tickets) == 1
