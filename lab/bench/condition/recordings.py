"""`--traces DIR`: holes, jobs, drift and tickets of recordings, a CSV file each.

    time,rpm,torque[,hole][,job][,changed]

Delimiter, decimal comma and the time's unit are told as the drill's trace reader does; time that
goes back begins another recording in the same file. Torque and speed may be in any unit. A cell
that cannot be read is a sample that is missing, and counted. The motor is on while the speed is
over a share of what the file runs at. `changed` is set at the first row of a new bit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median_low

from condition.drill import DrillCondition
from condition.figures import quantile
from condition.holes import Hole
from condition.moment import Moment
from condition.tickets import BIT, Ticket
from device.drill.trace_file import TraceTable, read_lines, unix_factor
from device.errors import TraceError

ON_SHARE = 0.15
"""Of the speed that the file runs at: below it the spindle stands, or coasts."""

SLOWEST_STEP_S = 5.0
"""Nobody records a drill at so long steps: they are of a smaller unit than seconds."""

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
    wears: list[tuple[float, float, float]] = field(default_factory=list)
    tickets: list[tuple[int, Ticket]] = field(default_factory=list)
    changes: int = 0


def read_recordings(folder: Path) -> list[Recording]:
    """All CSV files of a folder, by name; raises TraceError where there is none."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv")
    if not paths:
        raise TraceError(f"{folder}: there is no .csv file in it")
    return [judge_recording(path) for path in paths]


def judge_recording(path: Path) -> Recording:
    """Play a file through a drill's condition; raises TraceError that names what is wrong."""
    found = Recording(path)
    rows = list(_rows(path, found))
    found.rows = len(rows)
    on_from = _on_from(rows)
    for moment, changed in _moments(rows, on_from, found):
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
        drift = found.condition.drift
        found.wears.append((drift.wear, drift.low, drift.high))
        known = {ticket.number for _, ticket in found.tickets}
        for ticket in found.condition.desk.tickets:
            if ticket.number not in known:
                found.tickets.append((len(found.holes), ticket))


def _rows(path: Path, found: Recording) -> Iterator[RecordedRow]:
    table = TraceTable(path, ["time", "rpm", "torque"], read_lines(path))
    before = ""
    factor: float | None = None
    for number, cells in table.rows():
        place = f"{path}: row {number}"
        try:
            time, iso = table.time_s(place, "time", cells["time"])
        except TraceError:
            found.notes["rows without a time"] += 1
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


def _on_from(rows: list[RecordedRow]) -> float:
    """The speed from which the motor is on, in the file's unit."""
    speeds = [abs(row.rpm) for row in rows if math.isfinite(row.rpm) and row.rpm]
    return ON_SHARE * quantile(speeds, 0.9) if speeds else math.inf


def _moments(
    rows: list[RecordedRow], on_from: float, found: Recording
) -> Iterator[tuple[Moment, bool]]:
    steps = [later.time_s - earlier.time_s for earlier, later in pairwise(rows)]
    forward = [step for step in steps if step > 0]
    usual = median_low(forward) if forward else 0.1
    unit = 1.0
    while usual * unit > SLOWEST_STEP_S:
        unit /= 1000
    if unit < 1:
        found.notes[f"time taken in units of {unit:g} s"] += 1
    shift, before, changed = 0.0, math.nan, False
    for row in rows:
        changed |= row.changed
        time = row.time_s * unit + shift
        if time < before:
            found.notes["recordings that begin anew"] += 1
            shift += before - time + PAUSE_S
            time = before + PAUSE_S
        before = time
        if not (math.isfinite(row.rpm) and math.isfinite(row.torque)):
            found.notes["rows without speed or torque"] += 1
            continue
        moment = Moment(
            round(time * 1000),
            motor_on=abs(row.rpm) >= on_from,
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
    lines += [f"  ticket at hole {at}: {one.part}, {one.reason}" for at, one in found.tickets]
    return "\n".join(lines if found.tickets else [*lines, "  no ticket"])
