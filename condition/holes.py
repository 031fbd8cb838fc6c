"""Strokes to holes: where the torque rises and falls, and what is kept of each hole.

A stroke that only turns in the air is no hole. Breaks in the cut shorter than a peck's retreat
belong to the hole. Everything is judged by the stroke's own floor and top, so that neither the unit
of the torque nor its zero matters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from condition.figures import median, quantile, roughness, smoothed
from condition.stroke import Bin, StrokeBins

RISE_SHARE, FALL_SHARE = 0.35, 0.20
"""Of the way from floor to top: a cut begins above the one and ends below the other."""

LEAST_RISE = 0.30
"""A stroke whose floor is not so much below its top, as a share of the top, has no approach: it is
all cut, or all air."""

LEAST_OVER_NOISE = 5.0

AIR_SHARE = 0.30
"""A level stroke with less torque than this share of the holes before was turned in the air."""

PECK_MS = 1_500
PECK_SHARE = 0.5
"""A break is a peck's if it is shorter than this, or than this share of the cuts around it."""

LEAST_BINS = 3
LEAST_SHARE = 0.10
"""A cut is a touch, and no hole, when it is shorter than this share of the stroke's longest."""

PURE_LEVEL = 0.8
"""Share of a cut at one level, from which the hole was drilled at that level."""

Span = tuple[int, int]
"""The first bin of a cut, and the one behind its last."""


@dataclass(frozen=True, slots=True)
class Hole:
    """One hole. `torque`, `rpm` and `power` are medians over the cut, in the samples' units, torque
    and speed without their sign; `idle_torque` is that of the approach, None where there was none.
    `level` is 0 where it was switched in the cut."""

    start_ms: int
    duration_ms: int
    rise_ms: int
    torque: float
    rpm: float
    idle_torque: float | None
    level: int
    rental: int
    name: str = ""
    job: str = ""

    @property
    def power(self) -> float:
        """Watts where torque is in N m and speed in revolutions a minute: M * 2 pi n / 60."""
        return self.torque * self.rpm * 0.104_719_755

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def holes_of(stroke: StrokeBins, usual_torque: float | None, rest_torque: float) -> list[Hole]:
    """The holes of a stroke that has ended, oldest first. `usual_torque` is that of holes before,
    None where there were none; `rest_torque` what the sensor says at standstill."""
    bins = stroke.bins
    if len(bins) < LEAST_BINS or stroke.stuck:
        return []
    values = _positive([one.torque - rest_torque for one in bins])
    smooth = smoothed(values)
    floor, top = min(smooth), quantile(smooth, 0.90)
    if top <= 0:
        return []
    clear = max(LEAST_RISE * top, LEAST_OVER_NOISE * roughness(values))
    if top - floor < clear:
        spans = [(0, len(bins))] if _cuts(median(smooth), usual_torque) else []
    elif not _cuts(top, usual_torque):
        spans = []
    else:
        spans = _spans(smooth, floor, top)
        spans = _without_touches(_joined(spans, bins, named=bool(stroke.hole)))
    return [_hole(stroke, values, span, spans[0][0]) for span in spans]


def _positive(values: Sequence[float]) -> list[float]:
    """Some sensors say a load with a minus: whichever way the most of it goes is positive."""
    sign = -1.0 if sum(values) < 0 else 1.0
    return [sign * value for value in values]


def _cuts(torque: float, usual_torque: float | None) -> bool:
    return usual_torque is None or torque >= AIR_SHARE * usual_torque


def _spans(smooth: Sequence[float], floor: float, top: float) -> list[Span]:
    """Where the torque is above its threshold, with hysteresis."""
    rise = floor + RISE_SHARE * (top - floor)
    fall = floor + FALL_SHARE * (top - floor)
    spans: list[Span] = []
    begun = -1
    for at, value in enumerate(smooth):
        if begun < 0 and value >= rise:
            begun = at
        elif begun >= 0 and value < fall:
            spans.append((begun, at))
            begun = -1
    if begun >= 0:
        spans.append((begun, len(smooth)))
    return spans


def _joined(spans: Sequence[Span], bins: Sequence[Bin], *, named: bool) -> list[Span]:
    """The pecks of one hole as one; all of a stroke that a recording calls one hole."""
    if named and spans:
        return [(spans[0][0], spans[-1][1])]
    joined: list[Span] = list(spans[:1])
    for span in spans[1:]:
        before = joined[-1]
        pause = bins[span[0]].start_ms - bins[before[1] - 1].start_ms
        around = min(_length_ms(before, bins), _length_ms(span, bins))
        if pause <= max(PECK_MS, PECK_SHARE * around):
            joined[-1] = (before[0], span[1])
        else:
            joined.append(span)
    return joined


def _length_ms(span: Span, bins: Sequence[Bin]) -> int:
    return bins[span[1] - 1].start_ms - bins[span[0]].start_ms


def _without_touches(spans: Sequence[Span]) -> list[Span]:
    longest = max((end - begin for begin, end in spans), default=0)
    least = max(LEAST_BINS, LEAST_SHARE * longest)
    return [span for span in spans if span[1] - span[0] >= least]


def _hole(stroke: StrokeBins, values: Sequence[float], span: Span, first: int) -> Hole:
    begin, end = span
    bins = stroke.bins[begin:end]
    cut = values[begin:end]
    half = quantile(cut, 0.9) / 2
    loaded = [value for value in cut if value >= half]
    torque = median(loaded)
    speeds = [abs(one.rpm) for one, value in zip(bins, cut, strict=True) if value >= half]
    rpm = median(speeds)
    at_full = next(at for at, value in enumerate(cut) if value >= 0.9 * torque)
    approach = [
        value
        for one, value in zip(stroke.bins[:first], values[:first], strict=True)
        if abs(one.rpm) >= 0.9 * rpm
    ]
    level, most = Counter(one.level for one in bins).most_common(1)[0]
    idle = approach[: -len(approach) // 4 or None] if len(approach) >= 8 else []
    return Hole(
        start_ms=bins[0].start_ms,
        duration_ms=round(bins[-1].start_ms - bins[0].start_ms + stroke.step_ms),
        rise_ms=bins[at_full].start_ms - bins[0].start_ms,
        torque=torque,
        rpm=rpm,
        idle_torque=median(idle) if idle else None,
        level=level if most >= PURE_LEVEL * len(bins) else 0,
        rental=stroke.rental,
        name=stroke.hole,
        job=stroke.job,
    )
