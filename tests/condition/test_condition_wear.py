"""Wear is told apart from the workpiece, with an interval, or the evidence is not enough."""

from __future__ import annotations

import math
import random

import pytest
from condition_builders import followed, make_hole, samples, through_json, worn_fit

from condition.drill import DrillCondition
from condition.jobs import JobFit
from condition.remaining import LIMIT, drift_of
from lab.bench.condition.worlds import HELD_OUT, TUNED

EVERY = [world for world in (TUNED, *HELD_OUT) if world.step_ms > 40]


def fit_of(torques: list[float], **changes: object) -> JobFit:
    fit = JobFit()
    for torque in torques:
        fit.take(make_hole(torque, **changes))
    return fit


def noisy(logs: list[float], seed: int = 1, noise: float = 0.015) -> list[float]:
    dice = random.Random(seed)  # noqa: S311
    return [math.exp(log + dice.gauss(0, noise)) for log in logs]


def test_drift__few_holes__not_enough_evidence() -> None:
    drift = drift_of(fit_of(noisy([2.0] * 11)), LIMIT)

    assert not drift.enough
    assert drift.why == "not enough evidence: 11 holes since the bit was new, 12 needed"


def test_drift__each_hole_in_another_workpiece__not_enough_evidence() -> None:
    fit = JobFit()
    dice = random.Random(1)  # noqa: S311
    for number in range(30):
        fit.take(make_hole(7 * math.exp(dice.gauss(0, 0.2)), job=f"piece {number}"))

    drift = drift_of(fit, LIMIT)

    assert not drift.enough
    assert "followed one of the same job" in drift.why


def test_drift__wear_of_two_percent_in_ten_holes__lies_in_the_interval() -> None:
    logs = [2 + 0.002 * number + (0.15 if 20 <= number < 40 else 0.0) for number in range(60)]

    drift = drift_of(fit_of(noisy(logs)), LIMIT)

    assert drift.enough
    assert drift.jobs == 3
    assert drift.low <= math.expm1(0.118) <= drift.high
    assert drift.high - drift.low < 0.15


def test_drift__a_harder_workpiece__is_no_wear() -> None:
    before = drift_of(fit_of(noisy([2.0] * 20)), LIMIT)
    after = drift_of(fit_of(noisy([2.0] * 20 + [2.15] * 10)), LIMIT)

    assert abs(after.wear - before.wear) < 0.04
    assert after.jobs == 2


def test_drift__the_hardest_workpiece_first__still_sees_the_bit_wear() -> None:
    logs = [2.3] * 15 + [2.0 + 0.012 * number for number in range(40)]

    drift = drift_of(fit_of(noisy(logs)), LIMIT)

    assert drift.enough
    assert drift.low > 0.2


def test_drift__wear_in_the_cut_at_the_end__is_not_taken_for_other_jobs() -> None:
    logs = [2.0] * 30 + [2.0 + 0.02 * number for number in range(20)]

    drift = drift_of(fit_of(noisy(logs)), LIMIT)

    assert drift.wear == pytest.approx(math.expm1(0.38), abs=0.12)
    assert drift.left < 15


def test_fit__the_unit_of_torque__changes_nothing() -> None:
    torques = noisy([2 + 0.002 * number for number in range(40)])
    one, other = fit_of(torques), fit_of([1000 * torque for torque in torques])

    assert drift_of(one, LIMIT).wear == pytest.approx(drift_of(other, LIMIT).wear, abs=1e-6)


@pytest.mark.parametrize("world", EVERY, ids=lambda world: world.name)
@pytest.mark.campaign
def test_condition__160_good_holes_of_a_world__no_ticket(world: object) -> None:
    for seed in (1, 2):
        condition, _ = followed(samples(world, 80, seed), sheet=None)  # type: ignore[arg-type]
        assert condition.desk.tickets == []


def test_condition__a_bit_that_wears_out__one_ticket_with_lead_and_reason() -> None:
    condition = DrillCondition()

    worn_fit(condition, 110, 0.005)

    (ticket,) = condition.desk.tickets
    assert (ticket.part, ticket.cause) == ("bit", "wear")
    assert ticket.left.low <= ticket.left.middle <= 40
    assert ticket.left.unit == "holes"
    assert "the same job takes" in ticket.reason
    assert "record the change" in ticket.what_to_do


def test_condition__put_away_between_any_samples__is_as_if_nothing_had_been() -> None:
    moments = list(samples(TUNED, 8))
    whole, _ = followed(iter(moments))
    broken = DrillCondition()
    for number, moment in enumerate(moments):
        broken.take(moment)
        if number % 37 == 0:
            broken = through_json(broken)
    broken.finish()

    assert broken.to_dict() == whole.to_dict()
