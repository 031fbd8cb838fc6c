"""A drill's data sheet: what its parts are made for, as their makers say. A TOML file.

    [drill]            # what is not said keeps the value below, which is of a 1.1 kW magnetic drill
    rated_torque_nm = [1.5, 9.0, 28.0]
    bearing_c_n = 9800.0

Every value stands here with its unit; docs/condition.md says which formula needs it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from condition.errors import ConditionError
from host.text_files import read_text


@dataclass(frozen=True, slots=True)
class DataSheet:
    """Rated torque [N m] at each level; dynamic load rating C [N], exponent, load without torque
    [N] and load for each N m [N] of the spindle's most loaded bearing; reliability factor a1;
    brush life [h] at rated current [A]; endurance of the switch [cycles]; torque [N m] and speed
    [1/min] that tell a stall; motor temperature [degrees C] from which seconds count as too hot."""

    rated_torque_nm: tuple[float, float, float] = (1.5, 9.0, 28.0)
    bearing_c_n: float = 9_800.0
    bearing_exponent: float = 3.0
    bearing_load_n: float = 150.0
    bearing_load_n_per_nm: float = 70.0
    bearing_a1: float = 0.64
    brush_hours: float = 300.0
    rated_current_a: float = 7.0
    switch_cycles: float = 50_000.0
    stall_rpm: float = 20.0
    hot_c: float = 110.0


def read_sheet(path: Path | None) -> DataSheet:
    """The data sheet in a file, or the one above where there is none; raises FileError and
    ConditionError that names the value."""
    if path is None:
        return DataSheet()
    try:
        found = tomllib.loads(read_text(path, "data sheet")).get("drill", {})
    except tomllib.TOMLDecodeError as error:
        raise ConditionError(f"data sheet {path}: {error}") from error
    known = {one.name for one in fields(DataSheet)}
    for name, value in found.items():
        if name not in known:
            raise ConditionError(f"data sheet {path}: {name} is not known; known: {sorted(known)}")
        values = value if isinstance(value, list) else [value]
        if len(values) != (3 if name == "rated_torque_nm" else 1) or not all(
            isinstance(one, int | float) and not isinstance(one, bool) and 0 < one < 1e12
            for one in values
        ):
            raise ConditionError(f"data sheet {path}: {name} is {value}, not positive numbers")
    if "rated_torque_nm" in found:
        found["rated_torque_nm"] = tuple(found["rated_torque_nm"])
    return DataSheet(**found)
