"""From readings that are due to a signed batch in the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from oracle.batch import Candidate, choose_batch
from oracle.chain_journal import ChainJournal
from oracle.errors import JournalError
from oracle.lease_policy import Inhibit, OracleIdentity, chain_problem, credit
from oracle.metering import Metering
from oracle.outbox import in_the_way, retry_at_ms
from oracle.settlement_policy import Due, settlement_due
from oracle.views import ChainView, RentalView
from protocol.records import Domain, Reading, RentalState, Tariff
from protocol.typed_data import batch_digest

if TYPE_CHECKING:
    from oracle.core import CoreLimits, CorePorts

DECIDE_MS = 500
"""How often it is decided; blocks come more slowly."""

HARMLESS = {None, Inhibit.SETTLEMENT_STALLED, Inhibit.HEAD_STALE, Inhibit.CLOCK_SKEW}
"""What is wrong with the chain may stop leases without making a settlement wrong."""

log = structlog.get_logger()


@dataclass
class Settlement:
    """Decides what is settled next; one batch at a time is on its way."""

    ports: CorePorts
    metering: Metering
    outbox: ChainJournal
    domain: Domain
    limits: CoreLimits
    identity: OracleIdentity
    _decided_ms: int | None = None

    def step(self, view: ChainView, now_ms: int) -> None:
        """Sign what is due and put it into the outbox."""
        if self._decided_ms is not None and 0 <= now_ms - self._decided_ms < DECIDE_MS:
            return
        self._decided_ms = now_ms
        problem = chain_problem(view, self.identity.key, now_ms, self.limits.lease)
        if problem not in HARMLESS:
            return
        try:
            candidates = self._candidates(view, now_ms)
            if not candidates or in_the_way(self.outbox.open_batches(), view):
                return
            self._enqueue(candidates, now_ms)
        except JournalError as error:
            self.metering.fail(error)

    def _candidates(self, view: ChainView, now_ms: int) -> list[Candidate]:
        found = []
        for rental, known in self.metering.rentals.items():
            latest, tariff = view.latest.get(rental), view.tariffs.get(known.tariff)
            if latest is None or tariff is None or latest.state is RentalState.CLOSED:
                continue
            if latest.identity != known.identity:
                continue
            rejection = view.rejections.get(rental)
            if rejection is not None and now_ms < retry_at_ms(rejection):
                continue
            if latest.until > max(self.metering.marks[rental].until, known.opened_ms):
                continue
            candidate = (
                self._live(latest, tariff, view, now_ms)
                if latest.state is RentalState.OPEN
                else self._final(known, latest, now_ms)
            )
            if candidate is not None:
                found.append(candidate)
        return found

    def _live(
        self, latest: RentalView, tariff: Tariff, view: ChainView, now_ms: int
    ) -> Candidate | None:
        latest_ms = now_ms + self.limits.lease.clock_skew_ms
        reading = self.metering.live_reading(latest.rental, latest_ms)
        if reading is None:
            return None
        rental_log = self.metering.logs[latest.rental]
        usage = credit(latest, tariff, rental_log, reading.until, self.limits.lease)
        due = settlement_due(
            latest,
            tariff,
            usage,
            reading.until,
            gas_price_wei=view.gas_price_wei,
            limits=self.limits.settlement,
        )
        if due is None:
            return None
        return Candidate(reading, due, usage.charge - latest.settled_charge(tariff))

    def _final(self, known: RentalView, latest: RentalView, now_ms: int) -> Candidate | None:
        """Only when the end is confirmed and the same at the newest block."""
        if known.ended_ms is None or known.ended_ms != latest.ended_ms:
            return None
        reading = self.metering.final_reading(known.rental, now_ms, self.limits.final_wait_ms)
        if reading is None or latest.until >= reading.until:
            return None
        return Candidate(reading, Due.ENDED, 0)

    def _enqueue(self, candidates: list[Candidate], now_ms: int) -> None:
        readings: tuple[Reading, ...] = choose_batch(candidates)
        signature = self.ports.signer.sign(batch_digest(self.domain, readings))
        identities = [self.metering.rentals[one.rental].identity for one in readings]
        batch = self.outbox.add_batch(now_ms, readings, identities, signature)
        self.metering.signed(readings)
        why = {one.reading.rental: one.due.name.lower() for one in candidates}
        for reading in readings:
            self.metering.checkpoint(reading.rental)
        log.info(
            "settlement signed",
            batch=batch.number,
            rentals={one.rental: why[one.rental] for one in readings},
        )
