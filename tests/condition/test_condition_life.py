"""Life is counted as the formulas say, across rentals and across gaps."""

from __future__ import annotations

from pathlib import Path

import pytest
from condition_builders import SHEET

from condition.errors import ConditionError
from condition.life import LifeCount
from condition.moment import DrillMoment
from condition.sheet import DataSheet, read_sheet
from protocol.sample import ControllerFault


def run(life: LifeCount, seconds: float, start_ms: int = 0, **changes: object) -> int:
    """Samples ten times a second with the motor on, and one with it off; the time after them."""
    plain = {"rpm": 800.0, "torque_nm": 7.0, "level": 2, "current_a": 7.0, "rental": 3}
    for number in range(round(seconds * 10)):
        at = start_ms + 100 * number
        life.take(DrillMoment(at, motor_on=True, **(plain | changes)), SHEET)  # type: ignore[arg-type]
    end = start_ms + round(seconds * 1000)
    off = plain | {"torque_nm": 0.0} | changes
    life.take(DrillMoment(end, motor_on=False, **off), SHEET)  # type: ignore[arg-type]
    return end


def test_bearing__at_a_steady_load__is_used_as_iso_281_says() -> None:
    life = LifeCount()
    load = SHEET.bearing_load_n + 7 * SHEET.bearing_load_n_per_nm
    l10 = (SHEET.bearing_c_n / load) ** 3 * 1e6

    run(life, 60, torque_nm=7.0)

    # The last tenth of a second is the off sample's, which holds no torque in this test's rental.
    assert life.revolutions[1] == pytest.approx(800)
    assert life.used["bearing"] == pytest.approx(800 / (SHEET.bearing_a1 * l10), rel=1e-6)


def test_bearing__twice_the_load__lives_an_eighth_as_long() -> None:
    light, heavy = LifeCount(), LifeCount()
    base = SHEET.bearing_load_n / SHEET.bearing_load_n_per_nm
    run(light, 10, torque_nm=5.0)
    run(heavy, 10, torque_nm=10.0 + base)

    assert heavy.used["bearing"] / light.used["bearing"] == pytest.approx(8, rel=0.01)


def test_brushes__an_hour_at_rated_current__is_an_hour_of_their_life() -> None:
    life = LifeCount()
    run(life, 360, current_a=SHEET.rated_current_a)
    assert life.used["brushes"] == pytest.approx(0.1 / SHEET.brush_hours)


def test_count__two_rentals__each_has_its_share_and_the_drill_both() -> None:
    life = LifeCount()
    end = run(life, 30, rental=3)
    run(life, 10, end + 10_000, rental=4)

    shares = [life.rentals[name]["bearing"] for name in ("3", "4")]
    assert sum(shares) == pytest.approx(life.used["bearing"])
    assert shares[0] == pytest.approx(3 * shares[1], rel=0.02)
    assert life.starts == [0, 2, 0]


def test_count__stalls_overloads_and_heat__once_each_and_by_time() -> None:
    life = LifeCount()
    end = run(life, 2, torque_nm=12.0)
    end = run(life, 1, end + 5000, rpm=0.0, torque_nm=8.0)
    run(life, 3, end + 5000, temperature_c=130.0, torque_nm=1.0)

    assert (life.overloads, life.overload_ms) == (1, 2000)
    assert (life.stalls, life.stall_ms) == (1, 1000)
    assert 2900 <= life.hot_ms <= 3100
    assert life.used["switch"] == pytest.approx(3 / SHEET.switch_cycles)


def test_count__samples_missing__the_odometer_says_how_long_it_ran() -> None:
    life = LifeCount()
    end = run(life, 10, active_ms=(0, 10_000, 0))
    used = life.used["bearing"]

    run(life, 0, end + 90_000, active_ms=(0, 40_000, 0))

    assert life.unseen_ms == [0, 30_000, 0]
    assert life.used["bearing"] == pytest.approx(4 * used, rel=0.02)


def test_count__the_controller_replaced__its_new_odometer_is_no_loss() -> None:
    life = LifeCount()
    end = run(life, 1, active_ms=(0, 10_000, 0))
    run(life, 0, end + 1000, active_ms=(0, 0, 0))
    assert life.unseen_ms == [0, 0, 0]


def test_count__a_fault_flag__counts_where_no_figure_shows_it() -> None:
    life = LifeCount()
    run(life, 1, faults=ControllerFault.STALL | ControllerFault.OVER_TEMPERATURE)
    assert life.stalls == 1
    assert life.hot_ms > 0


def test_sheet__a_file__takes_the_place_of_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "sheet.toml"
    path.write_text("[drill]\nbrush_hours = 150\nrated_torque_nm = [1, 2, 3]\n")

    sheet = read_sheet(path)

    assert sheet == DataSheet(brush_hours=150, rated_torque_nm=(1, 2, 3))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[drill]\nbrush_hour = 1\n", "brush_hour is not known"),
        ("[drill]\nbrush_hours = -1\n", "brush_hours is -1, not positive"),
        ("[drill]\nrated_torque_nm = [1, 2]\n", "rated_torque_nm is"),
        ("[drill]\nbearing_a1 = true\n", "bearing_a1 is True"),
        ("[drill\n", "sheet.toml: "),
    ],
)
def test_sheet__a_wrong_file__is_refused_with_the_name(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "sheet.toml"
    path.write_text(text)
    with pytest.raises(ConditionError, match=told):
        read_sheet(path)
