"""A simulated spindle: cutting torque from the work, first-order motor dynamics, current, heat.

Cutting torque of a twist drill in solid material [N mm]:

    M = kc * f * D^2 / 8          kc = kc1 * h^-mc          h = (f / 2) * sin(118 deg / 2)

with specific cutting force kc [N/mm2], feed f [mm/rev], diameter D [mm], kc1 the specific cutting
force of a chip 1 mm thick, h the mean chip thickness of either lip [mm] at a point angle of 118
degrees. Power P = M * 2 pi n. Sources: O. Kienzle, "Die Bestimmung von Kraeften und Leistungen an
spanenden Werkzeugen und Werkzeugmaschinen", VDI-Z 94 (1952), for kc; Sandvik Coromant, "Metal
cutting technology: drilling formulas and definitions", for M and P. Rough kc1 of aluminium alloys
is 600, of low-carbon steel 1500 and of medium-carbon steel 1600 N/mm2, with mc = 0.25. Tungaloy's
catalogue formula M = K D^2 (0.630 + 16.84 f) / 100 [N m] gives 1.5, 8.9 and 26 N m for the three
presets, which is the spread that published formulas have among themselves.

Floats are for the physics; what leaves this file for a sample is an integer.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Protocol

from protocol.sample import ControllerFault

STEP_MS = 10
"""The fixed step of the simulation, unless a coarser one is asked for."""

STANDSTILL_RPM = 5.0
"""Below this bearing friction holds the spindle."""

NOISE = 0.02
"""Torque varies by up to this share: a chip is not a steady flow."""

_HALF_POINT_ANGLE = math.radians(118 / 2)


@dataclass(frozen=True, slots=True)
class Cut:
    """A hole being drilled: tool, material and speed, in the units of the formula above."""

    name: str
    tool_diameter_mm: float
    feed_mm: float
    kc1_n_mm2: float
    mc: float
    rpm: float

    @property
    def torque_nm(self) -> float:
        """Cutting torque at full feed."""
        chip_mm = self.feed_mm / 2 * math.sin(_HALF_POINT_ANGLE)
        kc = self.kc1_n_mm2 * math.pow(chip_mm, -self.mc)
        return kc * self.feed_mm * self.tool_diameter_mm**2 / 8 / 1000


PRESETS = (
    Cut("6 mm in aluminium", 6, 0.20, 600, 0.25, 2500),
    Cut("10 mm in mild steel", 10, 0.20, 1500, 0.25, 800),
    Cut("16 mm in steel", 16, 0.26, 1600, 0.25, 450),
)
"""Load levels 1 to 3: 1.0 N m, 6.9 N m and 23 N m."""

LEVEL_LIMITS_NM = (3.0, 13.0)
"""Torque from which level 2 and level 3 begin, where nothing else says the level: the geometric
means of neighbouring presets (2.6 and 12.6 N m), rounded up to whole N m."""


def level_of_torque(torque_nm: float) -> int:
    """The load level, 1 to 3, that a torque belongs to; its sign only says which way."""
    return 1 + sum(abs(torque_nm) >= limit for limit in LEVEL_LIMITS_NM)


@dataclass(frozen=True, slots=True)
class Load:
    """What the work asks of the spindle. A `recorded` one is followed without dynamics."""

    level: int
    rpm: float
    torque_nm: float
    recorded: bool = False


class LoadSource(Protocol):
    """Where loads come from: a preset or a trace."""

    @property
    def peak_power_w(self) -> float:
        """The most mechanical power that any load asks for."""

    def load(self, level: int, motor_ms: int) -> Load:
        """The load at the operator's `level` after `motor_ms` with the motor on, ever."""


class PresetLoads:
    """The three presets; the operator chooses the level."""

    @property
    def peak_power_w(self) -> float:
        """The most mechanical power among the presets."""
        return RATED_POWER_W

    def load(self, level: int, motor_ms: int) -> Load:  # noqa: ARG002  a preset is steady
        """The preset of `level`."""
        cut = PRESETS[level - 1]
        return Load(level, cut.rpm, cut.torque_nm)


def power_w(rpm: float, torque_nm: float) -> float:
    """Mechanical power in watts."""
    return torque_nm * rpm * 2 * math.pi / 60


RATED_POWER_W = max(power_w(cut.rpm, cut.torque_nm) for cut in PRESETS)
"""1.1 kW: the motor is made for the heaviest preset."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A drilling machine's motor. Time constants are those of a hand-held or magnetic drill with
    electronic speed control; the rated power is given, so that a trace of a larger machine is not
    taken for an overload."""

    rated_power_w: float
    start_s: float = 0.15
    coast_s: float = 0.25
    efficiency: float = 0.70
    supply_v: float = 230.0
    idle_a: float = 0.4
    ambient_c: float = 22.0
    rated_rise_k: float = 60.0
    thermal_s: float = 300.0
    limit_c: float = 110.0
    limit_factor: float = 2.5


@dataclass(frozen=True, slots=True)
class Spindle:
    """The state of the spindle at an instant."""

    rpm: float = 0.0
    torque_nm: float = 0.0
    current_a: float = 0.0
    temperature_c: float = 22.0


def advance(
    spindle: Spindle,
    machine: Machine,
    load: Load,
    noise: random.Random,
    *,
    motor_on: bool,
    step_ms: int = STEP_MS,
) -> Spindle:
    """The spindle one fixed step later."""
    seconds = step_ms / 1000
    if not motor_on:
        rpm = spindle.rpm * math.exp(-seconds / machine.coast_s)
        still = replace(spindle, rpm=rpm if rpm >= STANDSTILL_RPM else 0.0, torque_nm=0.0)
        return _heat(replace(still, current_a=0.0), machine, 0.0, seconds)
    if load.recorded:
        rpm, torque = load.rpm, load.torque_nm
    else:
        approach = 1 - math.exp(-seconds / machine.start_s)
        rpm = spindle.rpm + (load.rpm - spindle.rpm) * approach
        engaged = min(1.0, rpm / load.rpm)  # the operator feeds as the spindle comes up
        torque = load.torque_nm * engaged * (1 + NOISE * noise.uniform(-1, 1))
    power = abs(power_w(rpm, torque))
    current = machine.idle_a + power / (machine.efficiency * machine.supply_v)
    turning = replace(spindle, rpm=rpm, torque_nm=torque, current_a=current)
    return _heat(turning, machine, power, seconds)


def _heat(spindle: Spindle, machine: Machine, power: float, seconds: float) -> Spindle:
    target = machine.ambient_c + machine.rated_rise_k * power / machine.rated_power_w
    change = (target - spindle.temperature_c) * (1 - math.exp(-seconds / machine.thermal_s))
    return replace(spindle, temperature_c=spindle.temperature_c + change)


def faults(spindle: Spindle, machine: Machine) -> ControllerFault:
    """What the motor's own protection has to say."""
    rated_a = machine.idle_a + machine.rated_power_w / (machine.efficiency * machine.supply_v)
    flags = ControllerFault.NONE
    if spindle.temperature_c > machine.limit_c:
        flags |= ControllerFault.OVER_TEMPERATURE
    if spindle.current_a > machine.limit_factor * rated_a:
        flags |= ControllerFault.OVER_CURRENT
    return flags
