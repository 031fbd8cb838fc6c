"""Life that is counted: load, time, starts, heat. Nothing here is detected, and nothing guessed.

    bearing   L10 = (C / P)^p * 10^6 revolutions (ISO 281:2007), times a1 for another reliability
              P = load without torque + load for each N m * torque
              used = sum over samples of revolutions / (a1 * L10): Palmgren 1924, Miner 1945
    brushes   used = sum of seconds * current / (rated current * life): as long as the maker says at
              rated current; less current wears them less
    switch    used = cycles / endurance (IEC 61058-1 declares it)
    counted   gear starts at each level, overloads, stalls, seconds too hot: no formula makes life
              of them, and none is claimed

Where samples are missing, the controller's odometer says how long the motor ran at each level; that
time is used up as the time before at that level was, on average.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from condition.moment import DrillMoment
from condition.sheet import DataSheet
from protocol.sample import GAP_MS, ControllerFault

MAX_RENTALS = 100
"""Rentals whose share is kept; those before are in the sum."""

PARTS = ("bearing", "brushes", "switch")
"""What is used up by a count; a share of 1 is a whole life."""


@dataclass(slots=True)
class LifeCount:
    """Sums over the drill's life: ms and revolutions with the motor on at levels 1 to 3, the used
    share of each part since it was new, and what is only counted."""

    on_ms: list[int] = field(default_factory=lambda: [0, 0, 0])
    revolutions: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    unseen_ms: list[int] = field(default_factory=lambda: [0, 0, 0])
    used: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    by_level: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0] for _ in range(3)])
    starts: list[int] = field(default_factory=lambda: [0, 0, 0])
    overloads: int = 0
    overload_ms: int = 0
    stalls: int = 0
    stall_ms: int = 0
    hot_ms: int = 0
    rentals: dict[str, dict[str, float]] = field(default_factory=dict)
    last: tuple[int, bool, int, bool, bool] | None = None
    odometer: tuple[int, int, int] | None = None

    def take(self, moment: DrillMoment, sheet: DataSheet) -> None:
        """Take the next sample: it holds from now on, and the time since the one before is that
        one's, as in the meter."""
        level = moment.level - 1
        rated = sheet.rated_torque_nm[level]
        over = moment.motor_on and abs(moment.torque_nm) > rated
        over |= bool(moment.faults & ControllerFault.OVER_CURRENT)
        stalled = moment.motor_on and abs(moment.rpm) < sheet.stall_rpm
        stalled = (stalled and abs(moment.torque_nm) > rated / 2) or bool(
            moment.faults & ControllerFault.STALL
        )
        was = self.last
        self.last = (moment.time_ms, moment.motor_on, level, over, stalled)
        self.overloads += over and not (was is not None and was[3])
        self.stalls += stalled and not (was is not None and was[4])
        if moment.motor_on and (was is None or not was[1]):
            self.starts[level] += 1
            self._use("switch", 1 / sheet.switch_cycles, moment.rental)
        elapsed = 0 if was is None else moment.time_ms - was[0]
        counted = elapsed if was is not None and was[1] and 0 < elapsed <= GAP_MS else 0
        if was is not None and counted:
            self._run(moment, was[2], counted, sheet)
            self.overload_ms += counted * was[3]
            self.stall_ms += counted * was[4]
        temperature = moment.plausible_temperature_c
        hot = temperature is not None and temperature >= sheet.hot_c
        if hot or moment.faults & ControllerFault.OVER_TEMPERATURE:
            self.hot_ms += elapsed if 0 < elapsed <= 10 * GAP_MS else 0
        self._miss(moment, None if was is None else was[2], counted)

    def _run(self, moment: DrillMoment, level: int, ms: int, sheet: DataSheet) -> None:
        turns = abs(moment.rpm) * ms / 60_000
        self.on_ms[level] += ms
        self.revolutions[level] += turns
        load = sheet.bearing_load_n + sheet.bearing_load_n_per_nm * abs(moment.torque_nm)
        life = sheet.bearing_a1 * (sheet.bearing_c_n / load) ** sheet.bearing_exponent * 1e6
        self._use("bearing", turns / life, moment.rental)
        self.by_level[level][0] += turns / life
        if moment.current_a is not None:
            hours = ms / 3_600_000
            worn = hours * abs(moment.current_a) / (sheet.rated_current_a * sheet.brush_hours)
            self._use("brushes", worn, moment.rental)
            self.by_level[level][1] += worn

    def _use(self, part: str, share: float, rental: int) -> None:
        self.used[part] += share
        mine = self.rentals.setdefault(str(rental), dict.fromkeys(PARTS, 0.0))
        mine[part] += share
        while len(self.rentals) > MAX_RENTALS:
            del self.rentals[next(iter(self.rentals))]

    def _miss(self, moment: DrillMoment, level: int | None, counted: int) -> None:
        """What the odometer has run further than the samples say. A controller that was replaced
        begins another odometer."""
        before, now = self.odometer, moment.active_ms
        if now is None:
            return
        self.odometer = now
        if before is None or any(new < old for new, old in zip(now, before, strict=True)):
            return
        for at in range(3):
            missed = now[at] - before[at] - (counted if at == level else 0)
            if missed <= GAP_MS:  # the odometer and the samples round, each in its own way
                continue
            self.unseen_ms[at] += missed
            if self.on_ms[at]:
                for part, sum_so_far in zip(("bearing", "brushes"), self.by_level[at], strict=True):
                    self._use(part, sum_so_far * missed / self.on_ms[at], moment.rental)

    def renew(self, part: str) -> None:
        """The part was changed: its share begins anew."""
        self.used[part] = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> LifeCount:
        """From JSON."""
        last, odometer = found["last"], found["odometer"]
        return cls(
            **found
            | {
                "last": None if last is None else tuple(last),
                "odometer": None if odometer is None else tuple(odometer),
            }
        )
