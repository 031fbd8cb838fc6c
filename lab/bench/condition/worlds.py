"""Drills that wear on purpose, as samples: several makers, so that none is the one we tuned with.

Each world draws its own sample rate, noise, torque scale and zero, depth, approach, pecking and
workpieces. A bit's torque rises with its wear in three phases (ISO 3685:1993: running in, steady,
fast at the end) until it fails; a bearing's friction in the air rises over the last part of its
life. None of these laws is in the product.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from condition.moment import DrillMoment

REST_S = 1.5


@dataclass(frozen=True, slots=True)
class WearWorld:
    """How a drill and its recorder are. Torque in `torque_unit` N m with its zero at `torque_zero`;
    `noise` within a hole, `hole_noise` from hole to hole, both as shares."""

    name: str
    step_ms: float = 100.0
    noise: float = 0.04
    hole_noise: float = 0.015
    memory: float = 0.0
    torque_nm: float = 7.0
    torque_unit: float = 1.0
    torque_zero: float = 0.0
    rpm: float = 800.0
    speed_droop: float = 0.0
    cut_s: float = 5.0
    depth_spread: float = 0.15
    approach_s: float = 1.0
    idle_share: float = 0.06
    pecks: int = 1
    layers: tuple[float, ...] = (1.0,)
    air_share: float = 0.0
    job_spread: float = 0.14
    job_holes: tuple[int, int] = (8, 40)
    sign: int = 1
    keeps_turning: bool = False


TUNED = WearWorld("magnetic drill at 10 Hz")
"""What thresholds were chosen with."""

HELD_OUT = (
    WearWorld("unit with feed, 10 Hz, no approach", approach_s=0.0, hole_noise=0.02, torque_nm=1.0,
          rpm=2500, cut_s=4.0),
    WearWorld("stack of three layers, 50 Hz", step_ms=20, layers=(0.35, 1.0, 0.6), cut_s=9.0),
    WearWorld("pecking, 25 Hz", step_ms=40, pecks=4, cut_s=8.0),
    WearWorld("reverse sign, mN m with a zero", sign=-1, torque_unit=1000, torque_zero=300.0),
    WearWorld("1 kHz, rough", step_ms=1.0, noise=0.2, cut_s=2.0, approach_s=0.3),
    WearWorld("rough holes that remember", hole_noise=0.03, memory=0.5),
    WearWorld("speed droops, air between", speed_droop=0.01, air_share=0.2, depth_spread=0.4),
    WearWorld("motor never off", keeps_turning=True, cut_s=6.0),
    WearWorld("5 Hz, short jobs", step_ms=200, job_holes=(4, 12), cut_s=7.0),
    WearWorld("another job every few holes, hardest first", job_holes=(5, 10), job_spread=0.12),
)  # fmt: skip
"""What nothing was tuned with."""


@dataclass(slots=True)
class Bit:
    """A bit: `life` in holes to where its fast wear tells, and the torque that breaks it."""

    life: float
    fails_at: float
    holes: int = 0

    @property
    def wear(self) -> float:
        """The logarithm of torque beyond that of the new bit."""
        share = self.holes / self.life
        return 0.05 * (1 - math.exp(-self.holes / 8)) + 0.25 * share + 0.35 * share**6

    @property
    def failed(self) -> bool:
        """Whether it is over."""
        return self.wear >= self.fails_at


@dataclass(slots=True)
class Play:
    """A drill in a world, hole by hole; `dice` decides, from a seed."""

    world: WearWorld
    dice: random.Random
    time_ms: float = 1_700_000_000_000.0
    job: float = 0.0
    left_in_job: int = 0
    jobs: int = 0
    off: float = 0.0
    friction: float = 1.0
    hardest_first: bool = False
    job_holes: list[int] = field(default_factory=list)

    def hole(self, wear: float) -> Iterator[DrillMoment]:
        """The samples of the next hole with a bit of that wear, from rest to rest."""
        world, dice = self.world, self.dice
        log = self.next_log(wear)
        if dice.random() < world.air_share:
            yield from self._phase(1.0, 0.0, on=True)
            yield from self._phase(REST_S, 0.0, on=False)
        cut = world.torque_nm * math.exp(log)
        length = max(1.0, world.cut_s * math.exp(dice.gauss(0, world.depth_spread)))
        yield from self._phase(world.approach_s, 0.0, on=True)
        for peck in range(world.pecks):
            if peck:
                yield from self._phase(0.7, 0.0, on=True)
            for layer in world.layers:
                seconds = length / world.pecks / len(world.layers)
                yield from self._phase(seconds, cut * layer, on=True)
        yield from self._phase(0.3, 0.0, on=True)
        yield from self._phase(4 * REST_S if world.keeps_turning else REST_S, 0.0, on=False)

    def next_log(self, wear: float) -> float:
        """The next hole's torque against that of a new bit in a usual piece, as a logarithm."""
        self._next_job()
        memory = self.world.memory
        new = math.sqrt(1 - memory**2) * self.dice.gauss(0, self.world.hole_noise)
        self.off = memory * self.off + new
        return self.job + wear + self.off

    def _next_job(self) -> None:
        if self.left_in_job == 0:
            first = self.hardest_first and not self.jobs
            spread = self.world.job_spread
            self.job = 2 * spread if first else self.dice.gauss(0, spread)
            self.left_in_job = self.dice.randint(*self.world.job_holes)
            self.jobs += 1
            self.job_holes.append(0)
        self.left_in_job -= 1
        self.job_holes[-1] += 1

    def _phase(self, seconds: float, torque_nm: float, *, on: bool) -> Iterator[DrillMoment]:
        world, dice = self.world, self.dice
        turning = on or world.keeps_turning
        for _ in range(round(seconds * 1000 / world.step_ms)):
            self.time_ms += world.step_ms
            idle = world.idle_share * world.torque_nm * self.friction if turning else 0.0
            load = (torque_nm + idle) * (1 + dice.gauss(0, world.noise))
            load += 0.002 * world.torque_nm * dice.gauss(0, 1)
            droop = 1 - world.speed_droop * torque_nm / world.torque_nm
            rpm = world.rpm * droop * (1 + dice.gauss(0, 0.003)) if turning else 0.0
            yield DrillMoment(
                round(self.time_ms),
                motor_on=turning,
                rpm=rpm * world.sign,
                torque_nm=(load * world.sign) * world.torque_unit + world.torque_zero,
                level=2,
                current_a=0.4 + load * rpm / 1500,
                temperature_c=40.0,
            )


def bit_of(dice: random.Random, life: float = 180.0) -> Bit:
    """A new bit: half of them live between 0.85 and 1.2 times `life`, and break at 1.75 times the
    torque, one in six below 1.62 and one in six above 1.9."""
    return Bit(life * math.exp(dice.gauss(0, 0.25)), math.log(1.75) + dice.gauss(0, 0.08))
