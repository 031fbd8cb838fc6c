"""Which readings go under one signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from oracle.settling.settlement_policy import Due
from protocol.records import Reading

MAX_READINGS = 64
"""The contract's limit of readings in one settlement."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reading that is due, and why."""

    reading: Reading
    due: Due
    unsettled: int


def choose_batch(
    candidates: Iterable[Candidate],
    limit: int = MAX_READINGS,
    apart: Mapping[int, int] | None = None,
) -> tuple[Reading, ...]:
    """At most `limit` readings, the most urgent first, then the largest unsettled charge.

    One reading a rental: of two for the same rental the later one, which says all that the
    earlier one did. `apart` says by rental how small its batch must be, because a larger one was
    refused as a whole: such readings go with their like only, so that whatever the contract refuses
    is left alone in the end, and the others never wait for it again.
    """
    newest: dict[int, Candidate] = {}
    for candidate in candidates:
        known = newest.get(candidate.reading.rental)
        if known is None or candidate.reading.until > known.reading.until:
            newest[candidate.reading.rental] = candidate
    chosen = sorted(
        newest.values(),
        key=lambda one: (one.due, -one.unsettled, one.reading.rental),
    )
    if not chosen:
        return ()
    sizes = {rental: (apart or {}).get(rental, MAX_READINGS) for rental in newest}
    size = sizes[chosen[0].reading.rental]
    alike = [one.reading for one in chosen if sizes[one.reading.rental] == size]
    return tuple(alike[: min(limit, size)])
