"""What `scripts/bench condition` measures, as text and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device.errors import TraceError
from lab.bench.condition.ai4i import RulesFigure, measure_ai4i
from lab.bench.condition.lives import (
    BearingFigure,
    LivesFigure,
    measure_bearings,
    measure_lives,
)
from lab.bench.condition.recordings import (
    judge_recording,
    recorded_files,
    recording_json,
    recording_text,
)


def condition_figures(
    seeds: int, processes: int, ai4i: Path | None, traces: Path | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure, print with `say`, and return all for programs. With a folder of traces only these
    are judged; a file that cannot be read is told, and listed as `refused`."""
    if traces is not None:
        return _traces_figures(traces, say)
    lives = measure_lives(seeds, processes)
    say(lives_table(lives))
    bearings = measure_bearings(seeds, processes)
    say(bearings_line(bearings))
    figures: dict[str, Any] = {
        "bits": [asdict(one) for one in lives],
        "bearings": asdict(bearings),
    }
    if ai4i is None:
        say("AI4I 2020: not measured; --labelled FILE names the data set")
    else:
        rules = measure_ai4i(ai4i)
        say(rules_table(rules))
        figures["ai4i"] = [asdict(one) for one in rules]
    return figures


def _traces_figures(folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    judged, refused = [], []
    for path in recorded_files(folder):
        try:
            judged.append(judge_recording(path))
        except TraceError as error:
            refused.append(str(error))
            say(f"{path.name}: REFUSED, {error}")
            continue
        say(recording_text(judged[-1]))
    holes = sum(len(one.holes) for one in judged)
    tickets = sum(len(one.tickets) for one in judged)
    say(f"{len(judged)} recordings, {holes} holes, {tickets} tickets, {len(refused)} refused")
    return {"traces": [recording_json(one) for one in judged], "refused": refused}


def lives_table(figures: Sequence[LivesFigure]) -> str:
    """As Markdown."""
    rows = [
        f"| {one.world} | {one.announced} of {one.bits} | {one.lead_median:.0f} | "
        f"{1000 * one.false_tickets / one.drill_hours:.1f} | {one.near_job_change} | "
        f"{one.interval_share:.0%} | {one.ewma_in_first_half} | {one.cusum_in_first_half} |"
        for one in figures
    ]
    return "\n".join(
        [
            "| bits in | announced | lead, holes | false in 1,000 h | by a job change | "
            "80 % interval held | EWMA early | CUSUM early |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
            *rows,
        ]
    )


def bearings_line(one: BearingFigure) -> str:
    """As a sentence."""
    return (
        f"bearings: {one.announced} of {one.bearings} announced, {one.false_tickets} false tickets "
        f"in {one.drill_hours:,.0f} drill-hours"
    )


def rules_table(figures: Sequence[RulesFigure]) -> str:
    """As Markdown."""
    rows = [
        f"| {one.rules} | {one.precision:.0%} | {one.recall:.0%} | {one.lead_rows:.0f} |"
        for one in figures
    ]
    return "\n".join(
        ["| AI4I 2020 | precision | recall | lead, rows |", "|---|---:|---:|---:|", *rows]
    )
