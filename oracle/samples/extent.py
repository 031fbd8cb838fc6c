"""How far a rental's sample log is final, so that what is published of it never has to change.

A rental ends with a block's timestamp, which may lie before readings that are signed already. While
the rental is open at the confirmed block, its end cannot be earlier than that block; so what was
signed with a date up to there is in its log whenever it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chain.views import RentalView
from protocol.publication import RentalIdentity
from protocol.records import RentalState


@dataclass(frozen=True, slots=True)
class LogExtent:
    """What is known of one rental's log; times are Unix ms.

    What readings dated no later than `final_ms`, or `ended_ms` once that is known, cover is final.
    `log_size` is the number of samples in it, known once no other one can follow.
    """

    identity: RentalIdentity
    final_ms: int
    ended_ms: int | None = None
    closed: bool = False
    log_size: int | None = None

    @property
    def rental(self) -> int:
        """The rental's number."""
        return self.identity.rental

    @property
    def opened_ms(self) -> int:
        """When the log begins."""
        return self.identity.opened_at * 1000


def identity_of(view: RentalView) -> RentalIdentity:
    """A rental's identity as published folders are named by."""
    return RentalIdentity(view.rental, *view.identity)


def follow_extent(known: LogExtent | None, view: RentalView, confirmed_ms: int) -> LogExtent:
    """The extent after a look at the rental as it is at the confirmed block of that time.

    It never shrinks while the rental is open: a box whose chain went back to an earlier block has
    published what it has published.
    """
    ended_ms, closed = view.ended_ms, view.state is RentalState.CLOSED
    fresh = known is None or known.identity != identity_of(view)
    if ended_ms is not None:
        log_size = known.log_size if known and not fresh and known.ended_ms == ended_ms else None
        return LogExtent(identity_of(view), ended_ms, ended_ms, closed, log_size)
    if known is None or fresh:
        return LogExtent(identity_of(view), confirmed_ms)
    final_ms = confirmed_ms if known.ended_ms is not None else max(known.final_ms, confirmed_ms)
    return replace(known, final_ms=final_ms, ended_ms=None, closed=False, log_size=None)
