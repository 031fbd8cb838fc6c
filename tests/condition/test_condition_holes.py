"""Holes are found in recordings of many kinds, whatever their unit, rate and sign."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from condition_builders import followed, samples

from condition.finder import HoleFinder
from condition.holes import Hole
from condition.moment import DrillMoment
from lab.bench.condition.worlds import HELD_OUT, TUNED, Play

STEADY = replace(TUNED, depth_spread=0.0, job_spread=0.0)
EVERY = [world for world in (TUNED, *HELD_OUT) if world.step_ms >= 20]


@pytest.mark.parametrize("world", EVERY, ids=lambda world: world.name)
def test_finder__a_world__finds_the_holes_that_were_drilled(world: object) -> None:
    _, holes = followed(samples(world, 25), sheet=None)  # type: ignore[arg-type]

    assert 25 <= len(holes) <= 26, "one stroke in the air before any hole may pass for one"


def test_finder__a_kilohertz__finds_the_holes_in_bounded_memory() -> None:
    (world,) = [one for one in HELD_OUT if one.step_ms == 1]
    finder = HoleFinder()
    found = 0
    for moment in samples(world, 4):
        found += len(finder.take(moment))
        assert finder.stroke is None or len(finder.stroke.bins) <= 2049
    assert found + len(finder.end()) == 4


def test_hole__of_a_known_cut__has_its_torque_speed_and_duration() -> None:
    _, (hole,) = followed(samples(STEADY, 1))

    assert hole.torque == pytest.approx(7 * 1.06, rel=0.05)
    assert hole.rpm == pytest.approx(800, rel=0.01)
    assert hole.idle_torque == pytest.approx(7 * 0.06, rel=0.1)
    assert hole.duration_ms == pytest.approx(5000, abs=400)
    assert hole.power == pytest.approx(hole.torque * 800 * 2 * 3.14159 / 60, rel=0.01)
    assert hole.level == 2


def strokes(*phases: tuple[float, float, int]) -> list[Hole]:
    """Holes of phases: seconds, torque, level; without torque the motor is off."""
    finder, time_ms, found = HoleFinder(), 0, []
    dice = random.Random(5)  # noqa: S311
    for seconds, torque, level in phases:
        for _ in range(round(seconds * 10)):
            time_ms += 100
            load = torque * (1 + dice.gauss(0, 0.02))
            rpm = 800.0 if torque else 0.0
            moment = DrillMoment(time_ms, motor_on=torque > 0, rpm=rpm, torque_nm=load, level=level)
            found += finder.take(moment)
    return found + finder.end()


def test_finder__turning_in_the_air__is_no_hole() -> None:
    assert len(strokes((5, 7, 1), (2, 0, 1), (5, 0.5, 1), (2, 0, 1), (5, 7, 1), (1, 0, 1))) == 2


def test_finder__a_much_smaller_tool__is_believed_after_three_strokes() -> None:
    strong = [(5.0, 20.0, 1), (2.0, 0.0, 1)] * 3
    weak = [(5.0, 2.0, 1), (2.0, 0.0, 1)] * 5
    assert len(strokes(*strong, *weak)) == 6


def test_finder__the_level_switched_in_the_cut__is_a_hole_of_no_level() -> None:
    (hole,) = strokes((4, 7, 1), (4, 7, 3), (1, 0, 1))
    assert hole.level == 0


def test_finder__samples_missing_in_the_cut__ends_the_stroke_and_says_so() -> None:
    play = Play(STEADY, random.Random(1))  # noqa: S311
    finder = HoleFinder()
    moments = list(play.hole(0))
    found = [hole for one in moments[:30] for hole in finder.take(one)]
    late = replace(moments[31], time_ms=moments[31].time_ms + 86_400_000)

    found += finder.take(late)

    assert len(found) == 1
    assert finder.troubles == {"gap in a stroke": 1}
