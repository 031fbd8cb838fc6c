"""AI4I 2020 (S. Matzka, UCI, CC BY 4.0): which rows are failures, beside a plain baseline.

Rows of this set are single pieces of work: torque is drawn anew in each, so no drift can be fitted.
What carries over is judging each cause in its own state: load times age, power, heat, age. Each has
one threshold; so has the baseline, which is torque alone. Thresholds are chosen on the first half
of the rows and tried on the second.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from host.errors import FileError

Row = dict[str, float]
Feature = Callable[[Row], float]

FEATURES: dict[str, Feature] = {
    "load times age": lambda row: row["torque"] * row["age"] / row["strength"],
    "high power": lambda row: row["torque"] * row["rpm"] * 2 * math.pi / 60,
    "low power": lambda row: -row["torque"] * row["rpm"] * 2 * math.pi / 60,
    "heat at low speed": lambda row: -(row["heat"] + max(0.0, row["rpm"] - 1380)),
    "age": lambda row: row["age"],
}
BASELINE: dict[str, Feature] = {"torque": lambda row: row["torque"]}

STRENGTHS = {"L": 11.0, "M": 12.0, "H": 13.0}
"""What a piece of each quality bears, as its description says."""

LEAST_PRECISION, LEAST_ROWS = 0.7, 4
"""Of the rows above a threshold so many must be failures, and so many rows there must be."""


@dataclass(frozen=True, slots=True)
class RulesFigure:
    """On rows that no threshold was chosen with; lead is the median of rows from the first alarm of
    a tool to its failure."""

    rules: str
    precision: float
    recall: float
    lead_rows: float


def measure_ai4i(path: Path) -> list[RulesFigure]:
    """Rules of their own state, and the baseline; raises FileError."""
    rows = _read(path)
    half = len(rows) // 2
    return [
        _judge(name, rules, rows[:half], rows[half:])
        for name, rules in (("each in its state", FEATURES), ("torque alone", BASELINE))
    ]


def _read(path: Path) -> list[Row]:
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise FileError(
            f"{path}: {error.strerror}; AI4I 2020 is at the UCI Machine Learning Repository, and "
            "--labelled names the file"
        ) from error
    try:
        return [
            {
                "rpm": float(row["Rotational speed [rpm]"]),
                "torque": float(row["Torque [Nm]"]),
                "age": float(row["Tool wear [min]"]),
                "heat": float(row["Process temperature [K]"]) - float(row["Air temperature [K]"]),
                "strength": STRENGTHS[row["Type"]],
                "failed": float(row.get("Machine_failure") or row["Machine failure"]),
            }
            for row in csv.DictReader(text.splitlines())
        ]
    except (KeyError, ValueError) as error:
        raise FileError(f"{path} is not AI4I 2020: {error}") from error


def _judge(
    name: str, rules: dict[str, Feature], learn: Sequence[Row], tried: Sequence[Row]
) -> RulesFigure:
    chosen = [(rule, _threshold(rule, learn)) for rule in rules.values()]
    alarms = [any(rule(row) > limit for rule, limit in chosen) for row in tried]
    failed = [row["failed"] > 0 for row in tried]
    right = sum(alarm and fault for alarm, fault in zip(alarms, failed, strict=True))
    return RulesFigure(
        rules=name,
        precision=right / max(1, sum(alarms)),
        recall=right / max(1, sum(failed)),
        lead_rows=_lead(alarms, failed, tried),
    )


def _threshold(rule: Feature, rows: Sequence[Row]) -> float:
    """Above which enough rows are failures, and as many failures as can be; infinite where there is
    none."""
    ordered = sorted(((rule(row), row["failed"] > 0) for row in rows), reverse=True)
    below = [*(value for value, _ in ordered[1:]), -math.inf]
    best, found, failures = 0, math.inf, 0
    for count, ((value, failed), after) in enumerate(zip(ordered, below, strict=True), 1):
        failures += failed
        enough = failures >= LEAST_PRECISION * count and count >= LEAST_ROWS
        if after < value and failures > best and enough:
            best, found = failures, (value + after) / 2 if math.isfinite(after) else after
    return found


def _lead(alarms: Sequence[bool], failed: Sequence[bool], rows: Sequence[Row]) -> float:
    """Rows from a tool's first alarm to its failure; 0 where they are one row."""
    leads, first, age = [], None, -1.0
    for at, row in enumerate(rows):
        if row["age"] < age:
            first = None
        age = row["age"]
        if alarms[at] and first is None:
            first = at
        if failed[at] and first is not None:
            leads.append(at - first)
    return float(sorted(leads)[len(leads) // 2]) if leads else 0.0
