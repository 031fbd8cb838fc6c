"""What the chain's state says of signed batches: settled, still open, or of no rental any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chain.views import ChainView, Rejection, RentalView
from oracle.ports import JournalBatch
from oracle.settling.settlement_policy import retry_pause_ms
from protocol.records import Reading, RentalState


def retry_at_ms(rejection: Rejection) -> int:
    """When a rental whose reading was rejected may be settled again, Unix ms."""
    return rejection.time_ms + retry_pause_ms(rejection.count)


def open_readings(batch: JournalBatch, rentals: Mapping[int, RentalView]) -> list[Reading]:
    """The readings of a batch that `rentals` do not show as settled."""
    return [
        reading
        for reading in batch.readings
        if reading.rental not in rentals or is_open(rentals[reading.rental], reading.until)
    ]


def is_open(rental: RentalView, until: int) -> bool:
    """Whether a reading until then could still change the rental; one from after its end, which
    came while the reading was on its way, never can, and says nothing against the box."""
    in_time = rental.ended_ms is None or until <= rental.ended_ms
    return rental.state is not RentalState.CLOSED and rental.until < until and in_time


def of_another_rental(batch: JournalBatch, view: ChainView) -> bool:
    """Whether a number in the batch was given to another rental, after a reorganisation: the
    signed reading names its rental by number only, and would charge a stranger."""
    for reading, identity in zip(batch.readings, batch.identities, strict=True):
        for rentals in (view.latest, view.deep):
            known = rentals.get(reading.rental)
            if known is not None and known.identity != identity:
                return True
    return False


def in_the_way(batches: Sequence[JournalBatch], view: ChainView) -> bool:
    """Whether a batch is not mined yet, so that the next one has to wait."""
    return any(
        open_readings(batch, view.latest) for batch in batches if batch.number not in view.passed
    )


def undecided(batches: Sequence[JournalBatch], view: ChainView) -> dict[int, set[int]]:
    """By rental, until when its readings are dated that are mined, have not settled, and are not
    deep enough to say that they never will: another one like them would fare the same."""
    found: dict[int, set[int]] = {}
    for batch in batches:
        if batch.number in view.passed:
            for reading in open_readings(batch, view.latest):
                found.setdefault(reading.rental, set()).add(reading.until)
    return found
