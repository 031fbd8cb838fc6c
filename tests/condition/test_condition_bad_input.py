"""Whatever comes: a clear state, nothing lost, no false ticket, and no crash."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from condition_builders import followed, samples, through_json
from hypothesis import given, settings
from hypothesis import strategies as st

from condition.drill import DrillCondition
from condition.moment import DrillMoment
from lab.bench.condition.worlds import TUNED
from protocol.sample import ControllerFault

QUICK = replace(TUNED, cut_s=3.0, approach_s=0.8)
DAY_MS = 86_400_000

anything = st.floats(allow_nan=True, allow_infinity=True)
moments = st.builds(
    DrillMoment,
    time_ms=st.integers(0, 2**43 - 1),
    motor_on=st.booleans(),
    rpm=anything,
    torque_nm=anything,
    level=st.integers(1, 3),
    current_a=st.none() | st.floats(-1e6, 1e6),
    temperature_c=st.none() | anything,
    faults=st.sampled_from([*ControllerFault]),
    active_ms=st.none() | st.tuples(*[st.integers(0, 2**63 - 1)] * 3),
    rental=st.integers(0, 2**63 - 1),
)


@given(st.lists(moments, max_size=60))
@settings(max_examples=150, deadline=None)
def test_take__any_samples__leave_a_state_that_can_be_put_away(
    given_ones: list[DrillMoment],
) -> None:
    condition = DrillCondition()
    for moment in given_ones:
        condition.take(moment)
    condition.finish()

    again = through_json(condition)

    assert json.dumps(again.to_dict()) == json.dumps(condition.to_dict())
    assert not [one for one in condition.desk.tickets if one.cause == "wear"]


def spoilt(kind: str, stream: list[DrillMoment], dice: random.Random) -> list[DrillMoment]:
    """A stream with one kind of trouble in it."""
    if kind == "spikes":
        bad = [math.nan, math.inf, 1e30, -1e30]
        return [
            replace(one, torque_nm=dice.choice(bad)) if dice.random() < 0.02 else one
            for one in stream
        ]
    if kind == "lost":
        return [one for one in stream if dice.random() > 0.05]
    if kind == "repeated":
        return [one for one in stream for _ in range(1 + (dice.random() < 0.1))]
    return _shifted(kind, stream)


def _shifted(kind: str, stream: list[DrillMoment]) -> list[DrillMoment]:
    """Trouble with times, levels and a whole sensor."""
    if kind == "clock":
        at = len(stream) // 2
        ahead = [replace(one, time_ms=one.time_ms + 365 * DAY_MS) for one in stream[at : at + 200]]
        return [*stream[:at], *ahead, *stream[at + 200 :]]
    if kind == "late by a day":
        at = len(stream) // 2
        held = [replace(one, time_ms=one.time_ms) for one in stream[at : at + 400]]
        rest = [replace(one, time_ms=one.time_ms + DAY_MS) for one in stream[at + 400 :]]
        return [*stream[:at], *rest, *held]
    if kind == "levels":
        return [replace(one, level=1 + (n // 20) % 3) for n, one in enumerate(stream)]
    assert kind == "stuck"
    return [replace(one, torque_nm=7.0) if one.motor_on else one for one in stream]


KINDS = ("spikes", "lost", "repeated", "clock", "late by a day", "levels", "stuck")


@pytest.mark.parametrize("kind", KINDS)
def test_take__a_good_drill_with_trouble__no_ticket_and_all_samples_counted(kind: str) -> None:
    stream = spoilt(kind, list(samples(QUICK, 60)), random.Random(3))  # noqa: S311

    condition, _ = followed(iter(stream))

    assert condition.desk.tickets == []
    assert condition.samples == len(stream)


def test_take__a_stuck_torque_sensor__is_said_and_makes_no_holes() -> None:
    condition, holes = followed(iter(spoilt("stuck", list(samples(QUICK, 4)), random.Random(1))))  # noqa: S311

    assert holes == []
    assert condition.finder.troubles == {"torque sensor stuck": 4}


def test_take__impossible_values__are_counted_by_name() -> None:
    stream = spoilt("spikes", list(samples(QUICK, 5)), random.Random(1))  # noqa: S311

    condition, holes = followed(iter(stream))

    assert condition.finder.troubles["impossible torque"] == sum(
        not abs(one.torque_nm) < 1e9 for one in stream
    )
    assert len(holes) == 5


def test_take__the_clock_set_back__ends_the_stroke_and_counts_no_time_twice() -> None:
    stream = list(samples(QUICK, 2))
    counted = sum(
        min(later.time_ms - one.time_ms, 200) for one, later in pairwise(stream) if one.motor_on
    )
    at = next(n for n, one in enumerate(stream) if n > 30 and one.motor_on)
    jumped = stream[:at] + [replace(one, time_ms=one.time_ms - DAY_MS) for one in stream[at:]]

    condition, _ = followed(iter(jumped))

    assert condition.finder.troubles["clock set back"] == 1
    assert 0 <= counted - sum(condition.life.on_ms) <= 100
