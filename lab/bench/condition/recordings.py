"""`--traces DIR`: holes, jobs, drift and tickets of recordings, a CSV file each.

    time,rpm,torque[,hole][,job][,changed]

Delimiter, decimal comma and the time's unit are told as the drill's trace reader does; time that
goes back begins another recording in the same file. Torque and speed may be in any unit. A cell
that cannot be read is a sample that is missing, and counted. The motor is on while the speed is
over a share of what the file runs at. `changed` is set at the first row of a new bit.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import Any

from condition.drill import DrillCondition
from condition.figures import quantile
from condition.holes import Hole
from condition.moment import DrillMoment
from condition.remaining import WearDrift
from condition.tickets import BIT, Ticket
from device.drill.trace_file import TraceTable, read_lines, unix_factor
from device.errors import TraceError

ON_SHARE = 0.15
"""Of the speed that the file runs at: below it the spindle stands, or coasts."""

SLOWEST_STEP_S = 5.0
"""Nobody records a drill at so long steps: they are of a smaller unit than seconds."""

LEAST_HOLES = 3
"""A job is told when it was the likeliest account for so many holes."""

MOST_ROWS = 20_000_000
"""Hours at a kilohertz; a file is never held in memory."""

PAUSE_S = 60.0
"""Between two recordings in one file."""

NOT_CHANGED = {"", "0", "false", "no", "none", "nan"}


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """One row: seconds, speed and torque, NaN where not readable; what else the file names."""

    time_s: float
    rpm: float
    torque: float
    hole: str
    job: str
    changed: bool


@dataclass(slots=True)
class Recording:
    """What was found in a file."""

    path: Path
    rows: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    holes: list[Hole] = field(default_factory=list)
    condition: DrillCondition = field(default_factory=lambda: DrillCondition(sheet=None))
    drifts: list[WearDrift] = field(default_factory=list)
    tickets: list[tuple[int, Ticket]] = field(default_factory=list)
    changes: int = 0


def recorded_files(folder: Path) -> list[Path]:
    """The CSV files of a folder, by name; raises TraceError where there is none."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv")
    except OSError as error:
        raise TraceError(f"{folder}: {error.strerror}") from error
    if not paths:
        raise TraceError(f"{folder}: there is no .csv file in it")
    return paths


def judge_recording(path: Path) -> Recording:
    """Play a file through a drill's condition; raises TraceError that names what is wrong."""
    found = Recording(path)
    scale = _scale(path, found)
    for moment, changed in _moments(path, scale, found):
        if changed:
            found.changes += 1
            _note(found, found.condition.finish())
            found.condition.changed(BIT, moment.time_ms)
        _note(found, found.condition.take(moment))
    _note(found, found.condition.finish())
    return found


def _note(found: Recording, holes: list[Hole]) -> None:
    """After each hole: how worn the bit is said to be, and tickets that are new."""
    for hole in holes:
        found.holes.append(hole)
        found.drifts.append(found.condition.drift)
        known = {ticket.number for _, ticket in found.tickets}
        for ticket in found.condition.desk.tickets:
            if ticket.number not in known:
                found.tickets.append((len(found.holes), ticket))


def _rows(path: Path, notes: Counter[str]) -> Iterator[RecordedRow]:
    try:
        table = TraceTable(path, ["time", "rpm", "torque"], read_lines(path, MOST_ROWS))
        yield from _table_rows(path, table, notes)
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"{path}: not a CSV file in UTF-8: {error}") from error


def _table_rows(path: Path, table: TraceTable, notes: Counter[str]) -> Iterator[RecordedRow]:
    before = ""
    factor: float | None = None
    for number, cells in table.rows(MOST_ROWS):
        place = f"{path}: row {number}"
        try:
            time, iso = table.time_s(place, "time", cells["time"])
        except TraceError:
            notes["rows without a time"] += 1
            continue
        if factor is None:
            factor = 1.0 if iso else unix_factor(time)
        changed = cells.get("changed", "").strip().lower()
        # A column that holds which bit it is says a change by another value.
        is_change = changed not in NOT_CHANGED and changed != before
        before = changed
        yield RecordedRow(
            time * factor,
            _number(table, place, "rpm", cells),
            _number(table, place, "torque", cells),
            cells.get("hole", "").strip(),
            cells.get("job", "").strip(),
            is_change,
        )


def _number(table: TraceTable, place: str, name: str, cells: dict[str, str]) -> float:
    try:
        return table.number(place, name, cells[name])
    except TraceError:
        return math.nan


@dataclass(frozen=True, slots=True)
class _Scale:
    """The speed from which the motor is on, in the file's unit, and seconds in a unit of time."""

    on_from: float
    second: float


def _scale(path: Path, found: Recording) -> _Scale:
    """Look through the file once: what it runs at, and how far its rows are apart."""
    speeds, steps = array("d"), array("d")
    before = math.nan
    for row in _rows(path, found.notes):
        found.rows += 1
        if math.isfinite(row.rpm) and row.rpm:
            speeds.append(abs(row.rpm))
        if row.time_s > before:
            steps.append(row.time_s - before)
        before = row.time_s
    usual = median_low(steps) if steps else 0.1
    unit = 1.0
    while usual * unit > SLOWEST_STEP_S:
        unit /= 1000
    if unit < 1:
        found.notes[f"time taken in units of {unit:g} s"] += 1
    return _Scale(ON_SHARE * quantile(speeds, 0.9) if speeds else math.inf, unit)


def _moments(path: Path, scale: _Scale, found: Recording) -> Iterator[tuple[DrillMoment, bool]]:
    shift, before, changed = 0.0, math.nan, False
    for row in _rows(path, Counter()):
        changed |= row.changed
        time = row.time_s * scale.second + shift
        if time < before:
            found.notes["recordings that begin anew"] += 1
            shift += before - time + PAUSE_S
            time = before + PAUSE_S
        before = time
        if not (math.isfinite(row.rpm) and math.isfinite(row.torque)):
            found.notes["rows without speed or torque"] += 1
            continue
        moment = DrillMoment(
            round(time * 1000),
            motor_on=abs(row.rpm) >= scale.on_from,
            rpm=row.rpm,
            torque_nm=row.torque,
            hole=row.hole,
            job=row.job,
        )
        yield moment, changed
        changed = False


def recording_text(found: Recording) -> str:
    """A few lines for people."""
    drift = found.condition.drift
    notes = dict(found.notes) | found.condition.finder.troubles
    lines = [
        f"{found.path.name}: {found.rows} rows, {len(found.holes)} holes, {drift.jobs} jobs, "
        f"{found.changes} changes recorded"
    ]
    if notes:
        lines.append("  noted: " + ", ".join(f"{name} ({many})" for name, many in notes.items()))
    if drift.enough:
        high = "no end in sight" if drift.left_high is None else f"{drift.left_high:.0f}"
        lines.append(
            f"  drift: {drift.wear:+.1%} ({drift.low:+.1%} to {drift.high:+.1%}) over "
            f"{drift.holes} holes, noise {drift.noise:.1%}; left {drift.left:.0f} holes "
            f"({drift.left_low:.0f} to {high})"
        )
    else:
        lines.append(f"  drift: {drift.why}")
    lines += [f"  {job}" for job in _job_lines(found)]
    lines += [f"  ticket at hole {at}: {one.part}, {one.reason}" for at, one in found.tickets]
    return "\n".join(lines if found.tickets else [*lines, "  no ticket"])


def job_starts(found: Recording) -> list[int]:
    """The first hole, from 0, of each job that was believed in for three holes, and of each bit."""
    believed = Counter(
        at - drift.since + 1 for at, drift in enumerate(found.drifts) if drift.since >= LEAST_HOLES
    )
    starts = {0} | {start for start, times in believed.items() if times >= LEAST_HOLES}
    return sorted(start for start in starts if found.holes)


def _job_lines(found: Recording) -> list[str]:
    starts = job_starts(found)
    lines = []
    for number, (first, end) in enumerate(pairwise([*starts, len(found.holes)]), 1):
        holes = found.holes[first:end]
        torque, rpm, seconds, rise = (
            median_low(values)
            for values in (
                [one.torque for one in holes],
                [one.rpm for one in holes],
                [one.duration_ms / 1000 for one in holes],
                [one.rise_ms / 1000 for one in holes],
            )
        )
        lines.append(
            f"job {number}: holes {first + 1} to {end}, torque {torque:.4g}, speed {rpm:.5g}, "
            f"{seconds:.1f} s, rise {rise:.1f} s"
        )
    return lines


def recording_json(found: Recording) -> dict[str, Any]:
    """All of it for programs: holes in order, with what was said of the bit after each."""
    return {
        "file": found.path.name,
        "rows": found.rows,
        "changes": found.changes,
        "notes": dict(found.notes) | found.condition.finder.troubles,
        "job_starts": [at + 1 for at in job_starts(found)],
        "holes": [
            hole.to_dict() | {"power": hole.power, "drift": drift.to_dict()}
            for hole, drift in zip(found.holes, found.drifts, strict=True)
        ],
        "tickets": [{"hole": at} | asdict(one) for at, one in found.tickets],
    }
