"""How long a drill has been running without a break: what the reserve reckons with, and more.

Software never stops a running drill, so promise 6 of docs/protocol.md holds for strokes up to
`lease.longest_stroke_seconds`. A longer one drills at the provider's cost once the funds are used
up, and the provider should hear of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.sample import Sample


@dataclass(frozen=True, slots=True)
class Stroke:
    """The stroke that is under way, if any, and whether it was already found too long."""

    newest_ms: int = 0
    since_ms: int | None = None
    reported: bool = False


def follow_stroke(stroke: Stroke, sample: Sample, longest_ms: int) -> tuple[Stroke, bool]:
    """The stroke after one more sample of the drill, and whether it has just become too long.

    A sample that is not later than those before changes nothing.
    """
    if sample.time_ms <= stroke.newest_ms:
        return stroke, False
    if not sample.motor_on:
        return Stroke(sample.time_ms), False
    since_ms = sample.time_ms if stroke.since_ms is None else stroke.since_ms
    too_long = not stroke.reported and sample.time_ms - since_ms > longest_ms
    return Stroke(sample.time_ms, since_ms, stroke.reported or too_long), too_long
