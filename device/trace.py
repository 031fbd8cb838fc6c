"""Replay of a recorded machine: a CSV file whose columns are named on the command line.

    --columns rpm=NAME,torque=NAME[,time=NAME][,level=NAME]

A NAME may be followed by a factor, as in `speed [1/s]*60`. After the factor rpm is in revolutions
per minute, torque in newton metres and time in seconds; a level is 1, 2 or 3. Without a time column
rows are `sample_period_ms` apart; without a level column the level follows from the torque
(`device.spindle.LEVEL_LIMITS_NM`). Each row holds until the next; after the last the trace starts
again. The whole file is read and checked before anything starts.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from device.errors import TraceError
from device.spindle import Load, level_of_torque, power_w
from protocol.records import LEVELS
from protocol.sample import MAX_RPM, SAMPLE_PERIOD_MS

MAX_ROWS = 1_000_000
"""More than a day at ten rows a second; a larger file is a mistake and would fill the memory."""

MAX_TORQUE_NM = 2_000_000.0
"""What fits a sample's signed 32 bits of millinewton metres."""

MAX_TIME_S = 1e9
"""Thirty years; a larger time is in another unit."""

_KEYS = ("rpm", "torque", "time", "level")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file and what to multiply it by."""

    name: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """From `time_ms` after the start of the trace, the spindle did this."""

    time_ms: int
    load: Load


class Trace:
    """A checked trace, a source of loads."""

    def __init__(self, rows: list[Row], period_ms: int) -> None:
        """Take rows in order of time; the last holds for `period_ms`."""
        self._rows = rows
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
    return Column(base.strip(), factor)


def read_trace(path: Path, spec: str, sample_period_ms: int | None = None) -> Trace:
    """Read and check a trace; raises TraceError that names file, row (from 1, below the header)
    and column. `sample_period_ms` is for a file without a time column, 100 ms unless given."""
    columns = parse_columns(spec)
    if "time" in columns and sample_period_ms is not None:
        raise TraceError("a trace has a time column or a sample period, not both")
    period_ms = SAMPLE_PERIOD_MS if sample_period_ms is None else sample_period_ms
    if period_ms < 1:
        raise TraceError(f"the sample period must be at least 1 ms, not {period_ms}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _read_rows(path, csv.DictReader(file, strict=True), columns, period_ms)
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"{path}: not a CSV file in UTF-8: {error}") from error
    if not rows:
        raise TraceError(f"{path}: there are no rows below the header")
    if "time" in columns and len(rows) > 1:
        period_ms = rows[-1].time_ms - rows[-2].time_ms
    return Trace(rows, period_ms)


def _read_rows(
    path: Path, reader: csv.DictReader[str], columns: dict[str, Column], period_ms: int
) -> list[Row]:
    header = reader.fieldnames or []
    for column in columns.values():
        if header.count(column.name) != 1:
            found = "twice" if column.name in header else "not there"
            raise TraceError(f"{path}: column {column.name!r} is {found}; columns: {header}")
    rows = []
    for number, cells in enumerate(reader, start=1):
        if number > MAX_ROWS:
            raise TraceError(f"{path}: more than {MAX_ROWS} rows")
        place = f"{path}: row {number}"
        values = {key: _value(place, column, cells) for key, column in columns.items()}
        rows.append(_row(place, values, (number - 1) * period_ms))
    for number, (earlier, later) in enumerate(pairwise(rows), start=2):
        if later.time_ms <= earlier.time_ms:
            raise TraceError(
                f"{path}: row {number}: time does not advance, "
                f"{later.time_ms} ms after {earlier.time_ms} ms"
            )
    return rows


def _value(place: str, column: Column, cells: dict[str, str]) -> float:
    text = cells.get(column.name)
    try:
        value = float(text or "") * column.factor
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TraceError(f"{place}: {column.name} is {text!r}, not a number")
    return value


def _row(place: str, values: dict[str, float], default_time_ms: int) -> Row:
    rpm, torque = values["rpm"], values["torque"]
    if not 0 <= rpm <= MAX_RPM:
        raise TraceError(f"{place}: rpm must lie in 0 .. {MAX_RPM}, not {rpm:g}")
    if abs(torque) > MAX_TORQUE_NM:
        raise TraceError(f"{place}: torque must lie within {MAX_TORQUE_NM:g} N m, not {torque:g}")
    level = values.get("level", level_of_torque(torque))
    if level not in range(1, LEVELS + 1):
        raise TraceError(f"{place}: level must be 1, 2 or 3, not {level:g}")
    if abs(values.get("time", 0.0)) > MAX_TIME_S:
        raise TraceError(f"{place}: time must lie within {MAX_TIME_S:g} s, not {values['time']:g}")
    time_ms = round(values["time"] * 1000) if "time" in values else default_time_ms
    return Row(time_ms, Load(int(level), rpm, torque, recorded=True))
