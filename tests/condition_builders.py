"""What the tests of a drill's condition are made of: worlds that wear, and holes."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import replace

from condition.drill import DrillCondition
from condition.holes import Hole
from condition.moment import DrillMoment
from condition.sheet import DataSheet
from lab.bench.condition.worlds import Play, WearWorld

SHEET = DataSheet()


def make_hole(torque: float, **changes: object) -> Hole:
    """A hole of five seconds at level 2 and 800 rpm, changed as told."""
    plain = Hole(0, 5000, 300, torque, 800.0, None, 2, 7)
    return replace(plain, **changes)  # type: ignore[arg-type]


def samples(
    world: WearWorld, holes: int, seed: int = 1, per_hole: float = 0.002
) -> Iterator[DrillMoment]:
    """What a drill in a world reports for so many holes, whose torque rises by `per_hole` each."""
    play = Play(world, random.Random(seed))  # noqa: S311
    for number in range(holes):
        yield from play.hole(per_hole * number)


def followed(
    moments: Iterator[DrillMoment], **options: object
) -> tuple[DrillCondition, list[Hole]]:
    """A condition after all of them, and its holes."""
    condition = DrillCondition(**options)  # type: ignore[arg-type]
    holes = [hole for moment in moments for hole in condition.take(moment)]
    return condition, [*holes, *condition.finish()]


def through_json(condition: DrillCondition) -> DrillCondition:
    """Put away and taken out again."""
    text = json.dumps(condition.to_dict(), allow_nan=False)
    return DrillCondition.from_dict(json.loads(text), condition.sheet)


def worn_fit(condition: DrillCondition, holes: int, per_hole: float, seed: int = 1) -> None:
    """Give a condition holes of jobs of 15, whose torque rises by `per_hole` each."""
    dice = random.Random(seed)  # noqa: S311
    job = 0.0
    for number in range(holes):
        if number % 15 == 0:
            job = dice.gauss(0, 0.14)
        log_torque = 2 + job + per_hole * number + dice.gauss(0, 0.015)
        start_ms = 1_700_000_000_000 + 10_000 * number
        condition.fit.take(make_hole(math.exp(log_torque), start_ms=start_ms))
        condition.desk.judge_wear(condition.drift, start_ms)
