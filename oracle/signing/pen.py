"""The one place that signs readings: receipts and settlements alike.

Nothing is signed that is dated later than the clocks allow, or that contradicts what was signed
before (`signed`); what is refused is said in the log, once for each rental and reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from oracle.journal.signed import Bounds, SignedJournal
from oracle.ports import Signer
from protocol.records import Domain, Reading
from protocol.typed_data import batch_digest

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Dates:
    """How late a reading may be dated, Unix ms: one of a rental that goes on, or the last one."""

    live_ms: int
    closing_ms: int


def dates_allowed(chain_ms: int, head_ms: int, tolerance_ms: int) -> Dates:
    """What the chain's time and the newest block's allow.

    Where the chain has stood still for longer than the tolerance, nothing is dated later than the
    newest block: a receipt of tomorrow would be evidence against its owner tomorrow.
    """
    stale = chain_ms - head_ms > tolerance_ms
    return Dates(live_ms=min(chain_ms, head_ms) if stale else chain_ms, closing_ms=head_ms)


@dataclass
class Pen:
    """Signs what may be signed; every method may raise JournalError."""

    signer: Signer
    signed: SignedJournal
    domain: Domain
    _said: dict[int, str] = field(default_factory=dict)

    def receipts(
        self, readings: Sequence[Reading], dates: Dates, bounds: Mapping[int, Bounds]
    ) -> dict[int, bytes]:
        """A signature of each reading that may be signed, by rental; one reading a rental.

        They are kept, so that what is published later is what was signed, whatever key signs then.
        """
        admitted = self._admit(readings, dates, bounds)
        made = {one.rental: self.signer.sign(batch_digest(self.domain, [one])) for one in admitted}
        self.signed.keep_signatures(admitted, made)
        return made

    def batch(
        self, readings: Sequence[Reading], dates: Dates, bounds: Mapping[int, Bounds]
    ) -> tuple[tuple[Reading, ...], bytes]:
        """The readings that may be signed, and one signature of them all; none without any."""
        admitted = self._admit(readings, dates, bounds)
        if not admitted:
            return (), b""
        return admitted, self.signer.sign(batch_digest(self.domain, admitted))

    def _admit(
        self, readings: Sequence[Reading], dates: Dates, bounds: Mapping[int, Bounds]
    ) -> tuple[Reading, ...]:
        refused = {}
        for one in readings:
            latest_ms = dates.closing_ms if bounds[one.rental].closing else dates.live_ms
            if one.until > latest_ms:
                refused[one.rental] = f"dated {one.until}, the clocks allow {latest_ms}"
        in_time = [one for one in readings if one.rental not in refused]
        refused |= self.signed.admit(in_time, bounds)
        for rental, reason in refused.items():
            self._say(rental, reason)
        return tuple(one for one in in_time if one.rental not in refused)

    def _say(self, rental: int, reason: str) -> None:
        if self._said.get(rental) != reason:
            log.error("reading not signed", rental=rental, reason=reason)
        self._said[rental] = reason
