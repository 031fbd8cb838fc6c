"""Live readings: once a second a signed receipt of what changed, retained for whoever looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oracle.errors import JournalError
from oracle.lease_policy import Credit, LeaseLimits, credit
from oracle.metering import Metering
from oracle.publish import reading_message
from oracle.views import ChainView, RentalView
from protocol.messages import Channel, topic
from protocol.records import Domain, Reading, RentalState, Tariff
from protocol.typed_data import batch_digest

if TYPE_CHECKING:
    from oracle.core import CorePorts

RECEIPT_MS = 1_000

Fingerprint = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Receipt:
    reading: Reading
    rental: RentalView
    tariff: Tariff
    usage: Credit

    @property
    def fingerprint(self) -> Fingerprint:
        """What a reader would notice."""
        return (self.reading.registers, self.usage, self.rental.until, self.rental.funded)


@dataclass
class Receipts:
    """What was last published for each rental, and what is published next."""

    ports: CorePorts
    metering: Metering
    domain: Domain
    limits: LeaseLimits
    final_wait_ms: int
    _published: dict[int, tuple[int, Fingerprint]] = field(default_factory=dict)

    def step(self, view: ChainView, now_ms: int) -> None:
        """Sign and publish the receipts that are due, durable marks first."""
        due = [
            receipt
            for rental in self.metering.rentals
            if (receipt := self._due(rental, view, now_ms)) is not None
        ]
        if not due or not self.metering.writable:
            return
        readings = [receipt.reading for receipt in due]
        try:
            whole_seconds = [one for one in readings if one.until % 1000 == 0]
            self.metering.journal.add_signed(readings, whole_seconds)
        except JournalError as error:
            self.metering.fail(error)
            return
        self.metering.signed(readings)
        for receipt in due:
            self._publish(receipt, now_ms)
        for gone in self._published.keys() - self.metering.rentals.keys():
            del self._published[gone]

    def repeat(self) -> None:
        """Publish everything again, after a new connection."""
        self._published.clear()

    def _due(self, rental: int, view: ChainView, now_ms: int) -> _Receipt | None:
        published = self._published.get(rental)
        if published is not None and 0 <= now_ms - published[0] < RECEIPT_MS:
            return None
        known, latest = self.metering.rentals[rental], view.latest.get(rental)
        tariff = view.tariffs.get(known.tariff)
        if tariff is None or latest is None or latest.identity != known.identity:
            return None
        if latest.until > max(self.metering.marks[rental].until, known.opened_ms):
            return None
        if known.state is RentalState.OPEN:
            reading = self.metering.live_reading(rental, now_ms + self.limits.clock_skew_ms)
        else:
            reading = self.metering.final_reading(rental, now_ms, self.final_wait_ms)
        if reading is None:
            return None
        usage = credit(known, tariff, self.metering.logs[rental], reading.until, self.limits)
        receipt = _Receipt(reading, latest, tariff, usage)
        if published is not None and published[1] == receipt.fingerprint:
            return None
        return receipt

    def _publish(self, receipt: _Receipt, now_ms: int) -> None:
        signature = self.ports.signer.sign(batch_digest(self.domain, [receipt.reading]))
        message = reading_message(
            self.domain,
            receipt.reading,
            signature,
            rental=receipt.rental,
            tariff=receipt.tariff,
            usage=receipt.usage,
        )
        place = topic(receipt.rental.drill, Channel.READING)
        if self.ports.broker.publish(place, message.to_json(), retain=True):
            self._published[receipt.rental.rental] = (now_ms, receipt.fingerprint)
