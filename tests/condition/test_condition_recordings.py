"""`scripts/bench condition --traces DIR`: recordings of any unit, rate and spelling."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from device.errors import TraceError
from lab.bench.__main__ import app
from lab.bench.condition.ai4i import measure_ai4i
from lab.bench.condition.charts import cusum_alarm, ewma_alarm
from lab.bench.condition.lives import counted_life
from lab.bench.condition.recordings import job_starts, judge_recording
from lab.bench.condition.worlds import TUNED, Play, WearWorld

QUICK = replace(TUNED, cut_s=2.0, depth_spread=0.1, job_holes=(10, 20))


def rows_of(
    world: WearWorld, holes: int, seed: int = 7
) -> list[tuple[int, float, float, int, int]]:
    """Time in ms, speed, torque, number of the hole and of the job."""
    play = Play(world, random.Random(seed))  # noqa: S311
    return [
        (round(one.time_ms), one.rpm, one.torque_nm, number, play.jobs)
        for number in range(1, holes + 1)
        for one in play.hole(0.0)
    ]


def write(path: Path, head: str, lines: list[str]) -> Path:
    path.write_text("\n".join([head, *lines]) + "\n", "utf-8")
    return path


def test_recording__jobs_that_it_does_not_name__are_found(tmp_path: Path) -> None:
    rows = rows_of(QUICK, 46)
    path = write(
        tmp_path / "a.csv",
        "time,rpm,torque",
        [f"{time / 1000},{rpm},{torque}" for time, rpm, torque, _, _ in rows],
    )
    first: dict[int, int] = {}
    for _, _, _, hole, job in rows:
        first.setdefault(job, hole)

    found = judge_recording(path)

    assert len(found.holes) == 46
    assert [at + 1 for at in job_starts(found)] == [*first.values()]
    assert found.tickets == []


def test_recording__semicolons_decimal_commas_and_time_in_ms__says_the_same(tmp_path: Path) -> None:
    lines = [
        f"{time - 1_700_000_000_000};{rpm:.2f};{torque:.4f}".replace(".", ",")
        for time, rpm, torque, _, _ in rows_of(QUICK, 14)
    ]

    found = judge_recording(write(tmp_path / "a.csv", "time;rpm;torque", lines))

    assert len(found.holes) == 14
    assert found.notes == {"time taken in units of 0.001 s": 1}
    assert found.holes[0].duration_ms == pytest.approx(2000, abs=500)


def test_recording__holes_that_it_names_and_each_from_time_zero__are_taken_as_named(
    tmp_path: Path,
) -> None:
    lines, before, zero = [], 0, 0
    for time, rpm, torque, hole, job in rows_of(replace(QUICK, pecks=3), 14):
        zero, before = (zero, hole) if hole == before else (time, hole)
        lines.append(f"{(time - zero) / 1000},{rpm},{torque},{hole},piece {job}")

    found = judge_recording(write(tmp_path / "a.csv", "time,rpm,torque,hole,job", lines))

    assert [hole.name for hole in found.holes] == [str(number) for number in range(1, 15)]
    assert found.notes["recordings that begin anew"] == 13


def test_recording__a_bit_changed__begins_its_wear_anew(tmp_path: Path) -> None:
    lines, told = [], set()
    for time, rpm, torque, hole, _ in rows_of(QUICK, 40):
        changed = hole in {15, 30} and hole not in told
        told.add(hole)
        lines.append(f"{time},{rpm},{torque},{int(changed)}")

    found = judge_recording(write(tmp_path / "a.csv", "time,rpm,torque,changed", lines))

    assert found.changes == 2
    assert found.condition.drift.holes == 11
    assert not found.condition.drift.enough


def test_recording__cells_that_are_missing__are_counted(tmp_path: Path) -> None:
    lines = [
        f"{time},{rpm},{'' if number % 50 == 0 else torque}"
        for number, (time, rpm, torque, _, _) in enumerate(rows_of(QUICK, 5))
    ]

    found = judge_recording(write(tmp_path / "a.csv", "time,rpm,torque", lines))

    assert found.notes["rows without speed or torque"] == len(range(0, len(lines), 50))
    assert len(found.holes) == 5


def test_traces__one_file_of_two_is_none__the_other_is_judged_and_it_ends_with_2(
    tmp_path: Path,
) -> None:
    write(tmp_path / "bad.csv", "time,rpm,torque", ["0,0,0,00,0,000"])
    write(
        tmp_path / "good.csv",
        "time,rpm,torque",
        [f"{time},{rpm},{torque}" for time, rpm, torque, _, _ in rows_of(QUICK, 3)],
    )

    done = CliRunner().invoke(app, ["condition", "--traces", str(tmp_path)])

    assert done.exit_code == 2
    assert "bad.csv: REFUSED" in done.output
    assert "1 recordings, 3 holes, 0 tickets, 1 refused" in done.output


def test_traces__an_empty_folder__one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["condition", "--traces", str(tmp_path)])
    assert isinstance(done.exception, TraceError)
    assert "there is no .csv file in it" in str(done.exception)


def test_charts__another_workpiece__is_what_they_call_wear() -> None:
    dice = random.Random(1)  # noqa: S311
    logs = [2 + dice.gauss(0, 0.015) + (0.15 if number >= 20 else 0.0) for number in range(30)]

    assert ewma_alarm(logs) in {20, 21}
    assert cusum_alarm(logs) in {20, 21}
    assert ewma_alarm(logs[:20]) is None


def test_life__of_a_bit__is_announced_and_plays_again_from_its_seed() -> None:
    life = counted_life(TUNED, 1)

    assert life.announced
    assert not life.false
    assert counted_life(TUNED, 1) == life


def test_ai4i__rules_of_their_own_state__tell_more_than_torque_alone(tmp_path: Path) -> None:
    dice = random.Random(2)  # noqa: S311
    lines = []
    for number in range(4000):
        age, torque = number * 2 % 240, dice.gauss(40, 8)
        failed = int(age * torque > 11_000)
        lines.append(f"L,300,310,1500,{torque},{age},{failed}")
    head = (
        "Type,Air temperature [K],Process temperature [K],Rotational speed [rpm],Torque [Nm],"
        "Tool wear [min],Machine_failure"
    )

    rules, torque_alone = measure_ai4i(write(tmp_path / "ai4i.csv", head, lines))

    assert rules.precision > 0.65
    assert rules.recall > 0.9
    assert rules.recall > torque_alone.recall
