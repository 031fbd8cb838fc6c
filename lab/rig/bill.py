"""A bill made anew from raw samples and events on the chain, with nobody else's arithmetic.

What stands here shares no code with the oracle's meter, the contract's or `protocol.tariff`: plain
loops over samples, exact fractions for money, and the log's root by the definition of RFC 6962.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lab.rig import rfc6962
from protocol.sample import Sample, encode_sample

LONGEST_STEP_MS = 200
"""Two sample periods (docs/protocol.md section 5): a longer silence is billed to nobody."""

NAMES = tuple(f"{what}_{level}" for what in ("active_ms", "revolutions") for level in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class EventTerms:
    """What the events say about a rental: times in Unix s, prices in the asset's smallest unit."""

    opened_at: int
    ended_at: int
    levels: tuple[tuple[int, int, int], ...]
    """Price of a second, price of 1000 revolutions, highest rpm that is billed."""
    standing: int
    per_rental: int | None = None
    per_hour: int | None = None
    """The customer's caps; None where there are none."""


@dataclass(frozen=True, slots=True)
class SampleBill:
    """What the samples come to."""

    registers: dict[str, int]
    charge: int
    log_size: int
    log_root: bytes
    gaps: int


def rental_log(samples: Sequence[Sample], rental: int) -> list[Sample]:
    """The samples that name the rental, oldest first."""
    own = [sample for sample in samples if sample.rental == rental]
    return sorted(own, key=lambda sample: sample.sequence)


def own_part(log: Sequence[Sample]) -> Sequence[Sample]:
    """What the meter looks at: from the first sample with the motor off, for a trigger held over
    from the rental before is nothing to this customer."""
    for number, sample in enumerate(log):
        if not sample.motor_on:
            return log[number:]
    return []


def meter(log: Sequence[Sample], terms: EventTerms) -> tuple[list[Fraction], list[Fraction], int]:
    """Seconds and revolutions by level, and the number of silences that cost nothing."""
    seconds, turns, gaps = [Fraction(0)] * 3, [Fraction(0)] * 3, 0
    for number in range(1, len(log)):
        earlier = log[number - 1]
        step_ms = log[number].time_ms - earlier.time_ms
        if not earlier.motor_on:
            continue
        if not 0 <= step_ms <= LONGEST_STEP_MS:
            gaps += 1
            continue
        step = Fraction(step_ms, 1000)
        seconds[earlier.level - 1] += step
        highest_rpm = terms.levels[earlier.level - 1][2]
        turns[earlier.level - 1] += step * Fraction(min(earlier.rpm, highest_rpm), 60)
    return seconds, turns, gaps


def amount(
    seconds: Sequence[Fraction], turns: Sequence[int], elapsed: Fraction, terms: EventTerms
) -> int:
    """Money for whole revolutions and exact seconds, rounded down."""
    total = elapsed * terms.standing
    for level, (per_second, per_1000_turns, _) in enumerate(terms.levels):
        total += seconds[level] * per_second + Fraction(turns[level], 1000) * per_1000_turns
    return int(total)


def limit(funded: int, hours: Fraction, terms: EventTerms) -> int:
    """The most that may be owed so many hours after the opening: the smallest of the funds and the
    caps, of which the hourly one begins with an hour's worth."""
    limits = [Fraction(funded)]
    if terms.per_rental is not None:
        limits.append(Fraction(terms.per_rental))
    if terms.per_hour is not None:
        limits.append((hours + 1) * terms.per_hour)
    return int(min(limits))


def owed(charge: int, funded: int, terms: EventTerms) -> int:
    """What of the final charge is owed."""
    return min(charge, limit(funded, Fraction(terms.ended_at - terms.opened_at, 3600), terms))


def recompute(log: Sequence[Sample], terms: EventTerms) -> SampleBill:
    """The final bill of a rental whose last reading covers this log."""
    seconds, turns, gaps = meter(own_part(log), terms)
    whole_turns = [int(turn) for turn in turns]
    active_ms = [int(second * 1000) for second in seconds]
    return SampleBill(
        registers=dict(zip(NAMES, [*active_ms, *whole_turns], strict=True)),
        charge=amount(seconds, whole_turns, Fraction(terms.ended_at - terms.opened_at), terms),
        log_size=len(log),
        log_root=rfc6962.tree([encode_sample(sample) for sample in log]),
        gaps=gaps,
    )


def worst_overrun(
    whole_log: Sequence[Sample], terms: EventTerms, funding: Sequence[tuple[int, int]]
) -> tuple[int, int | None]:
    """The most by which use ever went beyond what might be owed by then, and the time (Unix ms)
    of the sample that first used it up, or None.

    `funding` holds (Unix s, funded from then on), oldest first.
    """
    log = own_part(whole_log)
    worst, used_up_at_ms = 0, None
    seconds, turns = [Fraction(0)] * 3, [Fraction(0)] * 3
    for number in range(1, len(log)):
        step_seconds, step_turns, _ = meter(log[number - 1 : number + 1], terms)
        seconds = [a + b for a, b in zip(seconds, step_seconds, strict=True)]
        turns = [a + b for a, b in zip(turns, step_turns, strict=True)]
        time_ms = log[number].time_ms
        funded = max((f for since, f in funding if since * 1000 <= time_ms), default=0)
        elapsed = Fraction(time_ms - terms.opened_at * 1000, 1000)
        used = amount(seconds, [int(turn) for turn in turns], elapsed, terms)
        allowed = limit(funded, elapsed / 3600, terms)
        worst = max(worst, used - allowed)
        if used >= allowed and used_up_at_ms is None:
            used_up_at_ms = time_ms
    return worst, used_up_at_ms


def terms_of(opened: Any, ended: Any, published: Any, capped: Sequence[Any] = ()) -> EventTerms:
    """The terms from the time of RentalOpened, RentalEnded, TariffPublished, and RentalCapped if
    there was one."""
    caps = capped[0]["args"] if capped else {}
    return EventTerms(
        opened_at=opened,
        ended_at=ended["args"]["ended_at"],
        levels=tuple(
            (level["price_per_second"], level["price_per_1000_revolutions"], level["max_rpm"])
            for level in published["args"]["levels"]
        ),
        standing=published["args"]["standing_price_per_second"],
        per_rental=caps.get("per_rental"),
        per_hour=caps.get("per_hour"),
    )
