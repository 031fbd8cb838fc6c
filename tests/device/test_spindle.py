"""The simulated spindle: the presets' figures, its dynamics, and what protects the motor."""

from __future__ import annotations

import random

import pytest

from device.drill.spindle import (
    LEVEL_LIMITS_NM,
    PRESETS,
    RATED_POWER_W,
    Load,
    Machine,
    PresetLoads,
    Spindle,
    advance,
    faults,
    level_of_torque,
    power_w,
)
from protocol.sample import ControllerFault

MACHINE = Machine(RATED_POWER_W)


def run(spindle: Spindle, steps: int, load: Load, *, motor_on: bool, seed: int = 1) -> Spindle:
    noise = random.Random(seed)  # noqa: S311  chatter
    for _ in range(steps):
        spindle = advance(spindle, MACHINE, load, noise, motor_on=motor_on)
    return spindle


@pytest.mark.parametrize(
    ("level", "rpm", "torque_nm"), [(1, 2500, 1.0), (2, 800, 7.0), (3, 450, 23.0)]
)
def test_advance__two_seconds_at_a_level__reaches_its_figures_within_3_percent(
    level: int, rpm: float, torque_nm: float
) -> None:
    spindle = run(Spindle(), 200, PresetLoads().load(level, 0), motor_on=True)
    assert spindle.rpm == pytest.approx(rpm, rel=0.001)
    assert spindle.torque_nm == pytest.approx(torque_nm, rel=0.03)
    assert PRESETS[level - 1].torque_nm == pytest.approx(torque_nm, rel=0.02)


def test_level_of_torque__presets__are_in_their_own_level() -> None:
    assert [level_of_torque(cut.torque_nm) for cut in PRESETS] == [1, 2, 3]


def test_level_of_torque__limits__belong_to_the_higher_level() -> None:
    low, high = LEVEL_LIMITS_NM
    torques = (0, low - 0.01, low, high - 0.01, high, -high)
    assert [level_of_torque(torque) for torque in torques] == [1, 1, 2, 2, 3, 3]


def test_advance__same_seed__gives_the_same_spindle() -> None:
    load = PresetLoads().load(2, 0)
    assert run(Spindle(), 50, load, motor_on=True) == run(Spindle(), 50, load, motor_on=True)


def test_advance__one_time_constant__reaches_63_percent() -> None:
    spindle = run(Spindle(), 15, Load(1, 1000, 1), motor_on=True)
    assert spindle.rpm == pytest.approx(632, abs=1)


def test_advance__motor_off__coasts_to_a_real_stop_within_two_seconds() -> None:
    coasting = run(Spindle(rpm=2500, torque_nm=1), 1, Load(1, 2500, 1), motor_on=False)
    assert 2000 < coasting.rpm < 2500
    assert (coasting.torque_nm, coasting.current_a) == (0, 0)
    assert run(coasting, 200, Load(1, 2500, 1), motor_on=False).rpm == 0


def test_advance__recorded_load__is_followed_at_once() -> None:
    spindle = run(Spindle(), 1, Load(3, 1551, 42.8, recorded=True), motor_on=True)
    assert (spindle.rpm, spindle.torque_nm) == (1551, 42.8)


@pytest.mark.campaign
def test_advance__rated_load_for_an_hour__warms_by_the_rated_rise() -> None:
    spindle = run(Spindle(), 360_000, PresetLoads().load(3, 0), motor_on=True)
    assert spindle.temperature_c == pytest.approx(22 + 60, abs=1)
    assert faults(spindle, MACHINE) is ControllerFault.NONE


def test_power_w__known_figures__agree() -> None:
    assert power_w(450, 23) == pytest.approx(1084, abs=1)


def test_faults__hot_or_overloaded_motor__are_named() -> None:
    assert faults(Spindle(temperature_c=111), MACHINE) is ControllerFault.OVER_TEMPERATURE
    assert faults(Spindle(current_a=100), MACHINE) is ControllerFault.OVER_CURRENT
