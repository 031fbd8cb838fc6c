"""Carries signed batches to the chain: from the outbox to what became of them.

A batch is done when the contract's state, some blocks deep, shows its readings; a receipt is only a
hint on the way there. What the chain holds is the truth: after a restart everything is derived from
it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from chain.errors import CallRevertedError
from chain.ports import Chain, SentTransaction, TransactionReceipt
from chain.transact import Job, Transactor
from chain.views import ChainView, Rejection
from host.clock import Clock
from oracle.journal import tables
from oracle.journal.chain_journal import ChainJournal
from oracle.ports import JournalBatch
from oracle.settling.outbox import is_open, of_another_rental, open_readings
from oracle.settling.settlement_policy import grace_over
from oracle.signing.registration import OracleIdentity, key_fault
from protocol.errors import RecordError, SignatureError
from protocol.records import Domain, Reading
from protocol.typed_data import batch_digest, recover_signer

NOT_YET = "in the future"
"""The contract's word for a reading that a reorganisation brought into an earlier block than it was
sent for. It says nothing against the reading."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Apart:
    """A reading's time, and how many may go into a batch with the next one of its rental."""

    until: int
    readings: int


class Submitter:
    """Moves every open batch one step on; `step` makes a bounded number of calls."""

    def __init__(
        self,
        chain: Chain,
        journal: ChainJournal,
        clock: Clock,
        transactor: Transactor,
        *,
        domain: Domain,
        identity: OracleIdentity,
        grace_seconds: int,
    ) -> None:
        self._chain, self._journal, self._clock = chain, journal, clock
        self._transactor, self._domain = transactor, domain
        self._identity, self._grace_seconds = identity, grace_seconds
        self.rejections: dict[int, Rejection] = {}
        self.waiting: dict[int, int] = {}
        self._passed: frozenset[int] = frozenset()
        self._objected: frozenset[int] = frozenset()
        self._apart: dict[int, _Apart] = {}

    def step(self, view: ChainView) -> None:
        """One look at every open batch; raises ChainError when the chain cannot be asked."""
        batches = self._journal.open_batches()
        # Before anything can fail: what is not settled yet waits, whatever the chain answers.
        self.waiting = _waiting(batches, view)
        self._passed = self._objected = frozenset()
        waiting: list[JournalBatch] = []
        passed = set()
        for batch in batches:
            if self._advance(batch, view, first=not waiting):
                passed.add(batch.number)
            else:
                waiting.append(batch)
        self.waiting, self._passed = _waiting(waiting, view), frozenset(passed)
        self._lift_rejections(view)

    def _advance(  # noqa: PLR0911  # one return an outcome
        self, batch: JournalBatch, view: ChainView, *, first: bool
    ) -> bool:
        """Move one batch on; True when it no longer stands in the way of the next one."""
        if not view.catching_up and all(one.rental not in view.latest for one in batch.readings):
            self._finish(batch, tables.DROPPED, "the chain knows these rentals no more")
            return True
        if of_another_rental(batch, view):
            self._finish(batch, tables.DROPPED, "a rental's number stands for another rental now")
            return True
        if not open_readings(batch, view.deep):
            self._finish(batch, tables.SETTLED, "")
            return True
        if self._signed_in_vain(batch, view):
            self._finish(batch, tables.DROPPED, "signed with a former key; it is signed anew")
            return True
        sent = self._journal.transactions(batch.number)
        receipt = self._transactor.transaction_receipt(_job(batch), sent)
        if receipt is not None:
            return self._judge(batch, receipt, view)
        if not open_readings(batch, view.latest):
            # Settled by someone else, or not as deep as needed yet.
            return True
        if any(one.rental not in view.latest for one in batch.readings):
            self._finish(batch, tables.DROPPED, "the chain knows one of these rentals no more")
            return True
        if self._all_too_late(batch, view):
            self._finish(batch, tables.DROPPED, "the grace period is over")
            return True
        if key_fault(view.oracle, self._identity) is not None:
            return False
        if not first:
            return False
        if max(reading.until for reading in batch.readings) > view.head.timestamp * 1000:
            return False
        self._send(batch, sent)
        return False

    def _judge(self, batch: JournalBatch, receipt: TransactionReceipt, view: ChainView) -> bool:
        """Close a mined batch whose readings will not settle any more."""
        rejected = {(rental, until): reason for rental, until, reason in receipt.rejected}
        rested = [view.rested[one.rental] for one in batch.readings if one.rental in view.rested]
        if any(receipt.block_number > rest.header.number for rest in rested):
            self._objected |= {
                one.rental
                for one in open_readings(batch, view.latest)
                if rejected.get((one.rental, one.until), NOT_YET) != NOT_YET
            }
            return True
        if not receipt.succeeded:
            self._refuse(batch, "the transaction reverted")
            return True
        reasons = []
        for one in open_readings(batch, view.deep):
            reason = rejected.get((one.rental, one.until), "not settled")
            self._reject(one, reason)
            reasons.append(f"rental {one.rental} until {one.until}: {reason}")
        self._finish(batch, tables.DROPPED, "; ".join(reasons))
        return True

    def _refuse(self, batch: JournalBatch, reason: str) -> None:
        """Give up a batch that is refused as a whole. A reading alone is what is refused; of
        several nobody can tell which, so they are signed anew in batches of half the size."""
        half = len(batch.readings) // 2
        if half == 0:
            self._reject(batch.readings[0], reason)
            self._finish(batch, tables.DROPPED, reason)
            return
        for one in batch.readings:
            self._apart[one.rental] = _Apart(one.until, half)
        self._finish(batch, tables.DROPPED, f"{reason}; tried again in batches of {half}")

    def _all_too_late(self, batch: JournalBatch, view: ChainView) -> bool:
        return all(
            grace_over(view.latest[one.rental], view.head.timestamp, self._grace_seconds)
            for one in open_readings(batch, view.latest)
        )

    def _send(self, batch: JournalBatch, sent: Sequence[SentTransaction]) -> None:
        try:
            data = self._chain.settlement_data(
                self._identity.number, batch.signature, batch.readings
            )
            self._transactor.send(_job(batch), data, sent)
        except (CallRevertedError, RecordError) as error:
            self._refuse(batch, str(error))

    def _signed_in_vain(self, batch: JournalBatch, view: ChainView) -> bool:
        """Whether the key has changed since, to another one of ours: also of a transaction that is
        mined already, and then nothing is wrong with its readings."""
        if not open_readings(batch, view.latest):
            return False
        if key_fault(view.oracle, self._identity) is not None:
            return False
        try:
            signer = recover_signer(batch_digest(self._domain, batch.readings), batch.signature)
        except SignatureError:
            return True
        return signer.lower() != view.oracle.key.lower()

    def _finish(self, batch: JournalBatch, state: str, note: str) -> None:
        self._journal.finish_batch(batch.number, state, note)
        self._transactor.forget(_job(batch))
        if state == tables.SETTLED:
            log.info("settlement confirmed", batch=batch.number)
        else:
            log.error("settlement dropped", batch=batch.number, reason=note)

    def _reject(self, reading: Reading, reason: str) -> None:
        before = self.rejections.get(reading.rental)
        self.rejections[reading.rental] = Rejection(
            rental=reading.rental,
            until=reading.until,
            reason=reason,
            time_ms=self._clock.now_ms(),
            count=1 if before is None else before.count + 1,
        )

    def _lift_rejections(self, view: ChainView) -> None:
        """A rental that settled since, or is closed, is no longer rejected, nor kept apart."""

        def stays(rental: int, until: int) -> bool:
            known = view.latest.get(rental)
            return known is not None and is_open(known, until)

        self.rejections = {
            rental: one for rental, one in self.rejections.items() if stays(rental, one.until)
        }
        self._apart = {
            rental: one for rental, one in self._apart.items() if stays(rental, one.until)
        }

    def complete(self, view: ChainView) -> ChainView:
        """The view with what only the outbox knows."""
        return replace(
            view,
            rejections=dict(self.rejections),
            objected=self._objected,
            waiting=self.waiting,
            passed=self._passed,
            apart={rental: one.readings for rental, one in self._apart.items()},
        )


def _waiting(batches: Sequence[JournalBatch], view: ChainView) -> dict[int, int]:
    """By rental, since when (Unix ms) a settlement of it is signed and not mined."""
    since_ms: dict[int, int] = {}
    for batch in batches:
        for reading in open_readings(batch, view.latest):
            since_ms[reading.rental] = min(
                batch.created_ms, since_ms.get(reading.rental, batch.created_ms)
            )
    return since_ms


def _job(batch: JournalBatch) -> Job:
    return Job(batch.number, "settlement")
