"""What a minute of drilling amounts to: usage from its samples, and its share of the bill.

The time from one sample to the next belongs to the minute
that it begins in, so that the minutes of a rental add up to its registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.books.arithmetic import Rate
from audit.proof.verify import MINUTE_MS, MinuteTerms, Shown
from audit.samples.meter import AuditedMeter
from audit.samples.samples import cut
from protocol.records import LEVELS
from protocol.sample import Sample, encode_sample


@dataclass(frozen=True, slots=True)
class Usage:
    """Active ms and rpm * ms by level, level 1 first."""

    active_ms: tuple[int, ...]
    rpm_ms: tuple[int, ...]


def usage(samples: Sequence[Sample], start_ms: int, rates: Sequence[Rate], *, begun: bool) -> Usage:
    """What samples in order amount to within a minute; `begun`: the meter counts from the first."""
    fields = cut(b"".join(encode_sample(sample) for sample in samples))
    meter = AuditedMeter(tuple(highest_rpm for _, _, highest_rpm in rates))
    meter.last = fields[0] if begun else None
    inside = [
        place
        for place, sample in enumerate(samples)
        if start_ms <= sample.time_ms < start_ms + MINUTE_MS
    ]
    # What leads to the first one belongs to the minute before, what leads on from the last to this.
    meter.take(fields[: inside[0] + 1])
    before = [*meter.active_ms, *meter.rpm_ms]
    meter.take(fields[inside[0] + 1 : inside[-1] + 2])
    grown = [b - a for a, b in zip(before, (*meter.active_ms, *meter.rpm_ms), strict=True)]
    return Usage(tuple(grown[:LEVELS]), tuple(grown[LEVELS:]))


@dataclass(frozen=True, slots=True)
class Share:
    """A minute's share of the bill, in the asset's smallest unit, rounded down."""

    usage: Usage
    standing_ms: int
    standing_price_per_second: int
    rates: tuple[Rate, ...]
    charge: int


def share(shown: Shown, terms: MinuteTerms, start_ms: int, *, begun: bool) -> Share:
    """What a shown minute adds to the bill at its shown tariff."""
    rates: tuple[Rate, ...] = terms.tariff.args["levels"]
    standing: int = terms.tariff.args["standing_price_per_second"]
    used = usage(shown.samples, start_ms, rates, begun=begun)
    first = max(start_ms, terms.opening.timestamp * 1000)
    last = min(start_ms + MINUTE_MS, shown.settlement.args["until"])
    standing_ms = max(0, last - first)
    # Sixty thousandths of thousandths, because revolutions are kept as rpm * ms.
    parts = standing_ms * standing * MINUTE_MS
    for (per_second, per_1000_turns, _), active_ms, rpm_ms in zip(
        rates, used.active_ms, used.rpm_ms, strict=True
    ):
        parts += active_ms * per_second * MINUTE_MS + rpm_ms * per_1000_turns
    return Share(used, standing_ms, standing, rates, parts // (1000 * MINUTE_MS))
