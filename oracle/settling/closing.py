"""Closes ended rentals whose final reading can settle no more, so that the drill is free again.

Anybody may close such a rental; the box does it because a drill that waits earns nothing.
"""

from __future__ import annotations

import structlog

from chain.errors import CallRevertedError
from chain.ports import Chain
from chain.transact import Job, Transactor
from chain.views import ChainView, RentalView
from oracle.journal.chain_journal import ChainJournal
from oracle.settling.settlement_policy import grace_over
from oracle.signing.registration import OracleIdentity, key_fault
from protocol.records import RentalState

PAUSE_MS = 5_000
"""How long a rental is seen to be due before it is closed: the edge side looks at it every half
second and says what the lost reading would have earned, and of a closed one it cannot."""

log = structlog.get_logger()


def closable(view: ChainView, oracle: int, grace_seconds: int) -> list[int]:
    """The rentals of this oracle that `close_rental` would close, by the newest and by the
    confirmed block."""

    def is_due(rental: RentalView | None) -> bool:
        return (
            rental is not None
            and rental.oracle == oracle
            and rental.state is RentalState.ENDED
            and grace_over(rental, view.head.timestamp, grace_seconds)
        )

    return sorted(
        rental
        for rental, latest in view.latest.items()
        if is_due(latest) and is_due(view.deep.get(rental))
    )


class Closer:
    """Sends `close_rental`, one rental at a time; `step` makes a bounded number of calls."""

    def __init__(
        self,
        chain: Chain,
        journal: ChainJournal,
        transactor: Transactor,
        identity: OracleIdentity,
        grace_seconds: int,
    ) -> None:
        self._chain, self._journal, self._transactor = chain, journal, transactor
        self._identity, self._grace_seconds = identity, grace_seconds
        self._refused: dict[int, str] = {}
        self._due_since_ms: dict[int, int] = {}

    def step(self, view: ChainView) -> None:
        """Move one closing on; raises ChainError when the chain cannot be asked."""
        if key_fault(view.oracle, self._identity) is not None:
            return
        for rental in self._long_due(view):
            job = Job(-rental, "closing")
            sent = self._journal.transactions(job.number)
            if self._transactor.transaction_receipt(job, sent) is not None:
                continue
            try:
                self._transactor.send(job, self._chain.closing_data(rental), sent)
            except CallRevertedError as error:
                if self._refused.get(rental) != str(error):
                    log.warning("closing refused", rental=rental, reason=str(error))
                self._refused[rental] = str(error)
                continue
            return

    def _long_due(self, view: ChainView) -> list[int]:
        """What is to be closed, and has been so for PAUSE_MS by the box's clock."""
        due, now_ms = closable(view, self._identity.number, self._grace_seconds), view.polled_ms
        before = self._due_since_ms
        # A clock that was set back begins the pause anew.
        self._due_since_ms = {one: min(before.get(one, now_ms), now_ms) for one in due}
        return [one for one in due if now_ms - self._due_since_ms[one] >= PAUSE_MS]
