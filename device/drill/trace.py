"""Replay of a recorded machine: a CSV file whose columns are named on the command line.

    --columns rpm=NAME,torque=NAME[,time=NAME][,level=NAME]

`rps=NAME` instead of rpm names a speed in revolutions per second. A NAME may be followed by a
factor, as in `speed*60`. After the factor rpm is in revolutions per minute, torque in newton metres
and time in seconds; a time without a factor may also be Unix time or ISO 8601
(`device.drill.trace_file`). A level is 1, 2 or 3. Without a time column rows are `sample_period_ms`
apart; without a level column the level follows from the torque
(`device.drill.spindle.LEVEL_LIMITS_NM`).

Each row holds until the next; after the last the trace starts again. A pause of the recording is no
drilling: where rows are further apart than ten usual steps, and than a second, the row before holds
for one usual step, and the next follows. A speed within the dead band is noise of a spindle at
rest; a negative one beyond it is a spindle that turns the other way, and counts as much as forward.
The whole file is read and checked before anything starts, and what was changed is said.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median_low

from device.drill.spindle import Load, level_of_torque, power_w
from device.drill.trace_file import TraceTable, read_lines, unix_factor
from device.errors import TraceError
from protocol.records import LEVELS
from protocol.sample import MAX_RPM, SAMPLE_PERIOD_MS

MAX_TORQUE_NM = 2_000_000.0
"""What fits a sample's signed 32 bits of millinewton metres."""

MAX_TIME_S = 1e9
"""Thirty years from the first row to the last; a larger time is in another unit."""

LATEST_S = 1e11
"""The year 5138: a later time is none."""

DEAD_BAND_RPM = 1.0
"""What sensors of a spindle at rest say, either way; no drill bores at a revolution a minute."""

PAUSE_STEPS = 10
PAUSE_MS = 1_000
"""Rows further apart than so many usual steps, and than this, have a pause between them."""

_KEYS = ("rpm", "rps", "torque", "time", "level")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file and what to multiply it by; a time without a factor tells its unit."""

    name: str
    factor: float = 1.0
    scaled: bool = False


@dataclass(frozen=True, slots=True)
class Direction:
    """What a speed below zero means: `dead_band_rpm` is rest either way, and beyond it `forward`
    refuses what otherwise counts as much as forward."""

    dead_band_rpm: float = DEAD_BAND_RPM
    forward: bool = False


@dataclass(frozen=True, slots=True)
class Notes:
    """What was made of a recording: its rows, and how many of them were changed or left out."""

    rows: int
    seconds: float
    pauses: int
    pause_seconds: float
    reversed_rows: int
    still_rows: int
    thinned_rows: int


@dataclass(frozen=True, slots=True)
class Row:
    """From `time_ms` after the start of the trace, the spindle did this."""

    time_ms: int
    load: Load


class Trace:
    """A checked trace, a source of loads."""

    def __init__(self, rows: list[Row], period_ms: int, notes: Notes) -> None:
        """Take rows in order of time; the last holds for `period_ms`."""
        self._rows = rows
        self.notes = notes
        self._times = [row.time_ms for row in rows]
        self._duration_ms = self._times[-1] - self._times[0] + period_ms

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def peak_power_w(self) -> float:
        """The most mechanical power in the trace."""
        return max(abs(power_w(row.load.rpm, row.load.torque_nm)) for row in self._rows)

    def load(self, level: int, motor_ms: int) -> Load:  # noqa: ARG002  the trace has its own
        """The row after `motor_ms` with the motor on; the trace stands while the motor is off."""
        at = self._times[0] + motor_ms % self._duration_ms
        return self._rows[bisect_right(self._times, at) - 1].load


def parse_columns(spec: str) -> dict[str, Column]:
    """Parse `rpm=NAME,torque=NAME*0.001,...`; raises TraceError for anything else."""
    columns: dict[str, Column] = {}
    for part in spec.split(","):
        key, equals, name = part.partition("=")
        key, name = key.strip(), name.strip()
        if not equals or not name:
            raise TraceError(f"--columns: expected key=NAME, not {part!r}")
        if key not in _KEYS:
            raise TraceError(f"--columns: unknown key {key!r}, known are {', '.join(_KEYS)}")
        if key in columns:
            raise TraceError(f"--columns: {key} is given twice")
        columns[key] = _column(key, name)
    if "rps" in columns:
        if "rpm" in columns:
            raise TraceError("--columns: a speed is rpm or rps, not both")
        column = columns.pop("rps")
        columns["rpm"] = Column(column.name, column.factor * 60)
    for key in ("rpm", "torque"):
        if key not in columns:
            raise TraceError(f"--columns: {key} is missing")
    return columns


def _column(key: str, name: str) -> Column:
    base, star, factor_text = name.rpartition("*")
    if not star:
        return Column(name)
    try:
        factor = float(factor_text)
    except ValueError:
        factor = 0.0
    if not (math.isfinite(factor) and factor > 0 and base.strip()):
        raise TraceError(
            f"--columns: {key}: expected NAME*FACTOR with a factor over 0, not {name!r}"
        )
    return Column(base.strip(), factor, scaled=True)


def read_trace(
    path: Path,
    spec: str,
    sample_period_ms: int | None = None,
    direction: Direction | None = None,
) -> Trace:
    """Read and check a trace; raises TraceError that names file, row (from 1, below the header)
    and column. `sample_period_ms` is for a file without a time column, 100 ms unless given."""
    columns = parse_columns(spec)
    if "time" in columns and sample_period_ms is not None:
        raise TraceError("a trace has a time column or a sample period, not both")
    period_ms = SAMPLE_PERIOD_MS if sample_period_ms is None else sample_period_ms
    if period_ms < 1:
        raise TraceError(f"the sample period must be at least 1 ms, not {period_ms}")
    reader = _Reader(path, columns, period_ms, direction or Direction())
    try:
        wanted = [column.name for column in columns.values()]
        rows = reader.rows(TraceTable(path, wanted, read_lines(path)))
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"{path}: not a CSV file in UTF-8: {error}") from error
    if not rows:
        raise TraceError(f"{path}: there are no rows below the header")
    return _without_pauses(rows, period_ms, reader)


class _Reader:
    """Makes rows of a table's cells, and counts what it had to change."""

    def __init__(
        self, path: Path, columns: dict[str, Column], period_ms: int, direction: Direction
    ) -> None:
        self._path, self._columns = path, columns
        self._period_ms, self._direction = period_ms, direction
        self._first_s: float | None = None
        self._iso = False
        self._factor = 1.0
        self._before_s = -math.inf
        self.reversed_rows = self.still_rows = self.thinned_rows = 0

    def rows(self, table: TraceTable) -> list[Row]:
        """The rows in order of time; of several within a millisecond the first."""
        rows: list[Row] = []
        for number, cells in table.rows():
            place = f"{self._path}: row {number}"
            values = {
                key: table.number(place, column.name, cells[column.name]) * column.factor
                for key, column in self._columns.items()
                if key != "time"
            }
            time_ms = (number - 1) * self._period_ms
            if "time" in self._columns:
                time_ms = round(self._time_s(table, place, cells) * 1000)
            load = self._load(place, values)
            if rows and time_ms == rows[-1].time_ms:
                self.thinned_rows += 1
            else:
                rows.append(Row(time_ms, load))
        return rows

    def _time_s(self, table: TraceTable, place: str, cells: dict[str, str]) -> float:
        """Seconds since the first row; each is later than the one before."""
        column = self._columns["time"]
        text = cells[column.name]
        time, iso = table.time_s(place, column.name, text)
        if self._first_s is None:
            self._iso = iso
            known = iso or column.scaled
            self._factor = column.factor if known else unix_factor(time)
            self._first_s = time * self._factor
            if abs(self._first_s) > LATEST_S:
                raise TraceError(f"{place}: {text} is not a time")
        if iso != self._iso:
            raise TraceError(f"{place}: {column.name} is {text!r}, unlike the first one")
        since_s = time * self._factor - self._first_s
        if abs(since_s) > MAX_TIME_S:
            raise TraceError(
                f"{place}: time must lie within {MAX_TIME_S:g} s of the first row's, not {text}"
            )
        if since_s <= self._before_s:
            raise TraceError(
                f"{place}: time does not advance, {text!r} is {since_s:g} s after the first row "
                f"and the row before {self._before_s:g} s"
            )
        self._before_s = since_s
        return since_s

    def _load(self, place: str, values: dict[str, float]) -> Load:
        rpm, torque = self._speed(place, values["rpm"]), values["torque"]
        if rpm > MAX_RPM:
            raise TraceError(f"{place}: rpm must lie in 0 .. {MAX_RPM}, not {rpm:g}")
        if abs(torque) > MAX_TORQUE_NM:
            raise TraceError(
                f"{place}: torque must lie within {MAX_TORQUE_NM:g} N m, not {torque:g}"
            )
        level = values.get("level", level_of_torque(torque))
        if level not in range(1, LEVELS + 1):
            raise TraceError(f"{place}: level must be 1, 2 or 3, not {level:g}")
        return Load(int(level), rpm, torque, recorded=True)

    def _speed(self, place: str, rpm: float) -> float:
        if abs(rpm) < self._direction.dead_band_rpm:
            self.still_rows += rpm != 0
            return 0.0
        if rpm < 0:
            if self._direction.forward:
                raise TraceError(f"{place}: rpm must lie in 0 .. {MAX_RPM}, not {rpm:g}")
            self.reversed_rows += 1
        return abs(rpm)


def _without_pauses(rows: list[Row], period_ms: int, reader: _Reader) -> Trace:
    """The trace with each pause cut to one usual step, which is the median."""
    steps = [later.time_ms - earlier.time_ms for earlier, later in pairwise(rows)]
    usual_ms = median_low(steps) if steps else period_ms
    longest_ms = max(PAUSE_STEPS * usual_ms, PAUSE_MS)
    cut_ms, pauses, kept = 0, 0, rows[:1]
    for row, step_ms in zip(rows[1:], steps, strict=True):
        if step_ms > longest_ms:
            cut_ms += step_ms - usual_ms
            pauses += 1
        kept.append(Row(row.time_ms - cut_ms, row.load))
    last_ms = steps[-1] if steps and steps[-1] <= longest_ms else usual_ms
    notes = Notes(
        rows=len(rows),
        seconds=(kept[-1].time_ms - kept[0].time_ms + last_ms) / 1000,
        pauses=pauses,
        pause_seconds=cut_ms / 1000,
        reversed_rows=reader.reversed_rows,
        still_rows=reader.still_rows,
        thinned_rows=reader.thinned_rows,
    )
    return Trace(kept, last_ms, notes)
