"""From readings that are due to a signed batch in the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from chain.chain_clock import Times
from chain.views import ChainView, RentalView
from oracle.errors import JournalError, SigningError
from oracle.intake.metering import Metering
from oracle.journal.chain_journal import ChainJournal
from oracle.leasing.dues import Dues
from oracle.leasing.lease_policy import Inhibit, LeaseLimits, chain_problem, credit
from oracle.ports import CorePorts
from oracle.settling.batch import Candidate, choose_batch
from oracle.settling.outbox import in_the_way, retry_at_ms, undecided
from oracle.settling.settlement_policy import (
    Due,
    SettlementLimits,
    grace_over,
    settlement_due,
    unsettled_owed,
)
from oracle.signing.pen import Dates, Pen, dates_allowed
from oracle.signing.registration import OracleIdentity
from protocol.records import RentalState, Tariff

DECIDE_MS = 500
RENTALS_PER_MS = 1
"""It is decided every 500 ms, with more than 500 rentals so much less often: a thousand every
second. Blocks come more slowly, and the reserve allows a settlement a minute."""

HARMLESS = {None, Inhibit.HEAD_STALE, Inhibit.CLOCK_SKEW}
"""What is wrong with the chain may stop leases without making a settlement wrong; how a reading may
be dated then is for the pen."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CoreLimits:
    """All limits of the edge side's decisions."""

    lease: LeaseLimits
    settlement: SettlementLimits
    final_wait_ms: int
    grace_seconds: int


@dataclass
class Settlement:
    """Decides what is settled next; one batch at a time is on its way."""

    ports: CorePorts
    metering: Metering
    pen: Pen
    outbox: ChainJournal
    limits: CoreLimits
    identity: OracleIdentity
    dues: Dues
    _decided_ms: int | None = None
    _lost: set[int] = field(default_factory=set)
    _late: set[int] = field(default_factory=set)

    def step(self, view: ChainView, times: Times) -> None:
        """Sign what is due and put it into the outbox."""
        now_ms = times.now_ms
        pause_ms = max(DECIDE_MS, len(self.metering.rentals) // RENTALS_PER_MS)
        if self._decided_ms is not None and 0 <= now_ms - self._decided_ms < pause_ms:
            return
        self._decided_ms = now_ms
        problem = chain_problem(view, self.identity, now_ms, self.limits.lease)
        if problem not in HARMLESS:
            return
        head_ms = view.head.timestamp * 1000
        dates = dates_allowed(times.chain_ms, head_ms, self.limits.lease.head_age_ms)
        try:
            candidates = self._candidates(view, times, dates)
            batches = self.outbox.open_batches() if candidates else []
            candidates = _worth_another(candidates, undecided(batches, view))
            self.dues.note([one.reading.rental for one in candidates], times.moment)
            self._report_waits(candidates, view, times)
            if candidates and not in_the_way(batches, view):
                self._enqueue(candidates, view, now_ms, dates)
        except JournalError as error:
            self.metering.fail(error)
        except SigningError:  # the key ring says it
            return

    def _candidates(self, view: ChainView, times: Times, dates: Dates) -> list[Candidate]:
        found = []
        for rental, known in self.metering.rentals.items():
            latest, tariff = view.latest.get(rental), view.tariffs.get(known.tariff)
            if latest is None or tariff is None or latest.state is RentalState.CLOSED:
                continue
            if latest.identity != known.identity:
                continue
            if not self.metering.covers(latest):
                continue
            if grace_over(latest, view.head.timestamp, self.limits.grace_seconds):
                self._lose(known, latest, tariff, times)
                continue
            rejection = view.rejections.get(rental)
            if rejection is not None and times.now_ms < retry_at_ms(rejection):
                continue
            candidate = (
                self._live(latest, tariff, view, dates, times)
                if latest.state is RentalState.OPEN
                else self._final(known, latest, times)
            )
            if candidate is not None:
                found.append(candidate)
        return found

    def _live(
        self, latest: RentalView, tariff: Tariff, view: ChainView, dates: Dates, times: Times
    ) -> Candidate | None:
        reading = self.metering.live_reading(
            latest.rental, dates.live_ms, times.ahead_ms(latest.drill)
        )
        if reading is None:
            return None
        usage = credit(latest, tariff, reading.registers, reading.until, self.limits.lease)
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
        return Candidate(reading, due, unsettled_owed(latest, tariff, usage))

    def _final(self, known: RentalView, latest: RentalView, times: Times) -> Candidate | None:
        """Only when the end is confirmed and the same at the newest block."""
        if known.ended_ms is None or known.ended_ms != latest.ended_ms:
            return None
        reading = self.metering.final_reading(
            known.rental,
            times.chain_ms,
            self.limits.final_wait_ms,
            times.ahead_ms(known.drill),
        )
        if reading is None or latest.until >= reading.until:
            return None
        return Candidate(reading, Due.ENDED, 0)

    def _lose(self, known: RentalView, latest: RentalView, tariff: Tariff, times: Times) -> None:
        """The contract takes no reading of this rental any more; say once what that costs."""
        if latest.rental in self._lost or latest.ended_ms is None or known.ended_ms is None:
            return
        self._lost.add(latest.rental)
        ahead_ms = times.ahead_ms(latest.drill)
        registers = self.metering.closing(latest.rental, ahead_ms).meter.registers
        usage = credit(latest, tariff, registers, latest.ended_ms, self.limits.lease)
        log.error(
            "final reading lost",
            rental=latest.rental,
            drill=latest.drill,
            until=latest.ended_ms,
            settled_until=latest.until,
            cost=max(unsettled_owed(latest, tariff, usage), 0),
            reason="the grace period is over",
        )

    def _report_waits(self, candidates: list[Candidate], view: ChainView, times: Times) -> None:
        """Say once of each settlement that it takes longer than it should."""
        late = {
            one.reading.rental: one.due
            for one in candidates
            if self.dues.waited_ms(one.reading.rental, view, times.moment)
            > self.limits.lease.settlement_ms
        }
        for rental in late.keys() - self._late:
            log.warning(
                "settlement waits",
                rental=rental,
                drill=self.metering.rentals[rental].drill,
                due=late[rental].name.lower(),
                locks_after_seconds=self.limits.lease.stalled_ms // 1000,
            )
        self._late = set(late)

    def _enqueue(
        self, candidates: list[Candidate], view: ChainView, now_ms: int, dates: Dates
    ) -> None:
        chosen = choose_batch(candidates, apart=view.apart)
        readings, signature = self.pen.batch(chosen, dates, self.metering.bounds(chosen))
        if not readings:
            return
        self.metering.signed(readings)
        identities = [self.metering.rentals[one.rental].identity for one in readings]
        batch = self.outbox.add_batch(now_ms, readings, identities, signature)
        why = {one.reading.rental: one.due.name.lower() for one in candidates}
        for reading in readings:
            self.metering.checkpoint(reading.rental)
        log.info(
            "settlement signed",
            batch=batch.number,
            rentals={one.rental: why[one.rental] for one in readings},
        )


def _worth_another(
    candidates: list[Candidate], undecided_ms: Mapping[int, set[int]]
) -> list[Candidate]:
    """Without those of which a reading is mined and not decided. The one that closes a rental goes
    all the same, once: the grace period does not wait for a block to be deep."""
    return [
        one
        for one in candidates
        if one.reading.rental not in undecided_ms
        or (one.due is Due.ENDED and one.reading.until not in undecided_ms[one.reading.rental])
    ]
