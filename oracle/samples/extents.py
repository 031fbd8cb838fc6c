"""Notes for each rental of this box how far its log is final, as the chain is confirmed."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from chain.ports import Chain
from chain.views import ChainView, RentalView
from oracle.samples.extent import LogExtent, follow_extent, identity_of
from oracle.samples.extent_journal import ExtentJournal

ASKED_PER_STEP = 4
"""Rentals that the view no longer holds are asked for one by one, so many at a time."""

log = structlog.get_logger()


@dataclass
class Extents:
    """The chain side's part of publication: a journal entry, and nothing that waits for a disk of
    the network. `step` makes a bounded number of calls."""

    chain: Chain
    journal: ExtentJournal
    oracle: int
    drills: tuple[int, ...]
    _noted: bytes = b""

    def step(self, view: ChainView) -> None:
        """Note what the confirmed block says; raises ChainError or JournalError, and notes it at
        the next step then."""
        if view.catching_up or view.confirmed.hash == self._noted:
            return
        known = {one.rental: one for one in self.journal.not_closed() if self._ours(one)}
        seen = {
            rental: found
            for rental, found in view.deep.items()
            if found.oracle == self.oracle and found.drill in self.drills
        }
        missing = sorted(known.keys() - seen.keys())
        vanished = [
            one for one in missing[:ASKED_PER_STEP] if not self._ask(known[one], view, seen)
        ]
        changed = [self._follow(known.get(rental), seen[rental], view) for rental in seen]
        self.journal.keep([one for one in changed if one is not None], vanished)
        if len(missing) <= ASKED_PER_STEP:
            self._noted = view.confirmed.hash

    def _ours(self, extent: LogExtent) -> bool:
        return extent.identity.drill in self.drills

    def _ask(self, known: LogExtent, view: ChainView, seen: dict[int, RentalView]) -> bool:
        """Whether the rental is still in the chain; it has closed while nobody looked, then."""
        found = self.chain.rental(known.rental, view.confirmed)
        if found is None or identity_of(found) != known.identity:
            _say_vanished(known)
            return False
        seen[known.rental] = found
        return True

    def _follow(
        self, known: LogExtent | None, found: RentalView, view: ChainView
    ) -> LogExtent | None:
        """The new extent, or None when it is the one that is noted."""
        known = known or self.journal.extent(found.rental)
        if known is not None and known.identity != identity_of(found):
            _say_vanished(known)
        extent = follow_extent(known, found, view.confirmed.timestamp * 1000)
        return None if extent == known else extent


def _say_vanished(known: LogExtent) -> None:
    """Its folder stays: another rental of the number has a folder of its own."""
    log.warning("published rental vanished", rental=known.rental, folder=known.identity.folder())
