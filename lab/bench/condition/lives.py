"""Whole lives of bits and bearings, of many seeds: announced in time, false tickets, intervals."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from statistics import median

from condition.drill import DrillCondition
from condition.holes import Hole
from condition.tickets import BIT, SPINDLE
from lab.bench.condition.charts import cusum_alarm, ewma_alarm
from lab.bench.condition.worlds import HELD_OUT, TUNED, Bit, Play, WearWorld, bit_of

HOLES_AN_HOUR = 60
"""A drill-hour is one on a site, with a hole a minute; motors run for a tenth of it."""

LOOK_EVERY = 10
"""Holes from a look at the interval to the next."""

BEARING_LIFE = 3_000
"""Holes of a bearing on average, much shortened."""


@dataclass(frozen=True, slots=True)
class BitLife:
    """One bit: holes until it failed, hole of its ticket and of two charts' first alarms, None
    where there was none; looks at the interval of what is left, and how many held it."""

    holes: int
    ticket: int | None
    since_job: int | None
    ewma: int | None
    cusum: int | None
    looks: int
    held: int

    @property
    def announced(self) -> bool:
        """Whether the ticket came before the bit failed."""
        return self.ticket is not None and self.ticket < self.holes

    @property
    def false(self) -> bool:
        """Whether the ticket came when more than half of the bit's life was ahead."""
        return self.ticket is not None and self.ticket < self.holes / 2


@dataclass(frozen=True, slots=True)
class LivesFigure:
    """Many lives in one world. Leads in holes; drill-hours with a hole a minute."""

    world: str
    bits: int
    announced: int
    lead_median: float
    false_tickets: int
    near_job_change: int
    drill_hours: float
    interval_share: float
    ewma_in_first_half: int
    cusum_in_first_half: int


def sampled_life(world: WearWorld, seed: int) -> BitLife:
    """A bit's life as samples, from which holes are to be found first."""
    dice = random.Random(seed)  # noqa: S311  a seed plays it again
    play = Play(world, dice, hardest_first="hardest" in world.name)
    return _life(play, bit_of(dice), lambda one, bit: [*one.hole(bit.wear)])


def counted_life(world: WearWorld, seed: int) -> BitLife:
    """The same with the holes given, which is a hundred times quicker."""
    dice = random.Random(seed)  # noqa: S311  a seed plays it again
    play = Play(world, dice, hardest_first="hardest" in world.name)
    return _life(play, bit_of(dice), None)


@dataclass
class _Watch:
    condition: DrillCondition = field(default_factory=lambda: DrillCondition(sheet=None))
    logs: list[float] = field(default_factory=list)
    intervals: list[tuple[int, float, float]] = field(default_factory=list)
    ticket: int | None = None
    since_job: int | None = None


def _life(play: Play, bit: Bit, samples: Callable[[Play, Bit], list[object]] | None) -> BitLife:
    watch = _Watch()
    while not bit.failed:
        if samples is None:
            _give_hole(watch.condition, play, bit)
        else:
            for moment in samples(play, bit):
                watch.condition.take(moment)  # type: ignore[arg-type]
        bit.holes += 1
        _look(watch, play, bit)
    held = sum(low <= bit.holes - at <= high for at, low, high in watch.intervals)
    looks = len(watch.intervals)
    charts = (ewma_alarm(watch.logs), cusum_alarm(watch.logs))
    return BitLife(bit.holes, watch.ticket, watch.since_job, *charts, looks, held)


def _look(watch: _Watch, play: Play, bit: Bit) -> None:
    watch.logs.append(play.job + bit.wear + play.off)
    drift = watch.condition.drift
    if drift.enough and bit.holes % LOOK_EVERY == 0:
        high = math.inf if drift.left_high is None else drift.left_high
        watch.intervals.append((bit.holes, drift.left_low, high))
    if watch.ticket is None and any(one.part == BIT for one in watch.condition.desk.tickets):
        watch.ticket, watch.since_job = bit.holes, play.job_holes[-1]


def _give_hole(condition: DrillCondition, play: Play, bit: Bit) -> None:
    """A hole as the finder would have found it."""
    world = play.world
    log = play.next_log(bit.wear)
    play.time_ms += 60_000
    idle = world.idle_share * play.friction * (1 + play.dice.gauss(0, 0.05))
    condition.take_hole(
        Hole(
            start_ms=round(play.time_ms),
            duration_ms=round(world.cut_s * 1000),
            rise_ms=300,
            torque=world.torque_nm * math.exp(log),
            rpm=world.rpm,
            idle_torque=world.torque_nm * idle,
            level=2,
            rental=0,
        )
    )


def judge_world(world: WearWorld, lives: Sequence[BitLife]) -> LivesFigure:
    """The figures of many lives."""
    leads = [one.holes - one.ticket for one in lives if one.ticket is not None and one.announced]
    looks = sum(one.looks for one in lives)
    return LivesFigure(
        world=world.name,
        bits=len(lives),
        announced=sum(one.announced for one in lives),
        lead_median=median(leads) if leads else 0.0,
        false_tickets=sum(one.false for one in lives),
        near_job_change=sum(one.since_job is not None and one.since_job <= 2 for one in lives),
        drill_hours=sum(one.holes for one in lives) / HOLES_AN_HOUR,
        interval_share=sum(one.held for one in lives) / looks if looks else 0.0,
        ewma_in_first_half=sum(_early(one.ewma, one) for one in lives),
        cusum_in_first_half=sum(_early(one.cusum, one) for one in lives),
    )


def _early(alarm: int | None, life: BitLife) -> bool:
    return alarm is not None and alarm < life.holes / 2


def measure_lives(seeds: int, processes: int) -> list[LivesFigure]:
    """The world that thresholds were chosen with as samples; others, where they differ in more than
    how holes look, with the holes given."""
    figures = []
    with ProcessPoolExecutor(processes) as pool:
        others = [world for world in HELD_OUT if _holes(world) != _holes(TUNED)]
        for live, worlds in ((sampled_life, [TUNED]), (counted_life, others)):
            for world in worlds:
                numbers = range(1, seeds + 1)
                lives = list(pool.map(live, [world] * seeds, numbers, chunksize=5))
                figure = judge_world(world, lives)
                figures.append(figure)
    return figures


def _holes(world: WearWorld) -> tuple[object, ...]:
    """What makes a world's holes, apart from how they are sampled."""
    return world.hole_noise, world.memory, world.job_holes, world.job_spread


@dataclass(frozen=True, slots=True)
class BearingFigure:
    """Bearings that run dry over the last sixth of their life: how many were announced, and how
    many tickets came before."""

    bearings: int
    announced: int
    false_tickets: int
    drill_hours: float


def bearing_life(seed: int) -> tuple[int, int, bool]:
    """Holes until a bearing seized, and of its ticket (or -1); whether that was before it ran
    dry."""
    dice = random.Random(seed)  # noqa: S311  a seed plays it again
    play = Play(TUNED, dice)
    life = max(300, round(BEARING_LIFE * dice.weibullvariate(1, 1.5) / 3))
    condition = DrillCondition(sheet=None)
    for number in range(life):
        dry = max(0.0, (number / life - 0.83) / 0.17)
        play.friction = 1 + 3 * dry**1.5
        if number % 150 == 0:
            condition.changed(BIT, round(play.time_ms))
        _give_hole(condition, play, Bit(180, 9.0, number % 150))
        if any(one.part == SPINDLE for one in condition.desk.tickets):
            return life, number, dry == 0
    return life, -1, False


def measure_bearings(seeds: int, processes: int) -> BearingFigure:
    """Many bearings."""
    with ProcessPoolExecutor(processes) as pool:
        lives = list(pool.map(bearing_life, range(1, seeds + 1), chunksize=5))
    return BearingFigure(
        bearings=seeds,
        announced=sum(at >= 0 and not false for _, at, false in lives),
        false_tickets=sum(false for _, _, false in lives),
        drill_hours=sum(life for life, _, _ in lives) / HOLES_AN_HOUR,
    )
