"""Whether another oracle signs with a copy of this one's key, as the chain tells while both run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chain.views import ChainView, RentalView
from oracle.signing.registration import OracleIdentity, key_fault
from protocol.records import Registers


class SettledWatch:
    """Holds what settles while this oracle runs against what its journal has signed.

    Between two looks on one branch the same key was in force, and it is ours: so whatever has
    settled since bears its signature. That of a reading that is older, or of a former key, this
    oracle cannot know; of what it is behind the lease policy speaks.
    """

    def __init__(
        self, identity: OracleIdentity, may_have_signed: Callable[[int, int, Registers], bool]
    ) -> None:
        """`may_have_signed` tells of a rental, a Unix ms and registers whether this oracle may have
        signed such a reading."""
        self._identity, self._may_have_signed = identity, may_have_signed
        self._before: ChainView | None = None

    def look(self, view: ChainView, rentals: Mapping[int, RentalView]) -> str | None:
        """In words, a reading of one of our `rentals` that has settled since the last look and that
        this journal has not signed; None if there is none. Raises JournalError."""
        before = self._before
        if before is not None and before.latest is view.latest:
            return None
        if view.catching_up:
            return None
        if before is None or before.branch != view.branch or before.oracle != view.oracle:
            self._before = view
            return None
        if key_fault(view.oracle, self._identity) is None:
            for rental in rentals.keys() & view.latest.keys() & before.latest.keys():
                was, now = before.latest[rental], view.latest[rental]
                ours = now.identity == was.identity == rentals[rental].identity
                if ours and now.until != was.until and not self._signed(now):
                    return (
                        f"rental {rental} has settled until {now.until} under this box's key "
                        f"{view.oracle.key}, and this journal has signed no such reading: another "
                        "oracle runs with a copy of the key; stop the other one and start this one "
                        "again, or rotate to a new key"
                    )
        self._before = view
        return None

    def _signed(self, settled: RentalView) -> bool:
        return self._may_have_signed(settled.rental, settled.until, settled.registers)
