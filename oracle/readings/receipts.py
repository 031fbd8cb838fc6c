"""Live readings: once a second a signed receipt of what changed, retained for whoever looks.

The last receipt of a rental is its final reading, dated at the end, although receipts dated later
may have gone out before the end was known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chain.chain_clock import Times
from chain.views import ChainView, RentalView
from oracle.errors import JournalError, SigningError
from oracle.intake.metering import Metering
from oracle.leasing.lease_policy import Credit, LeaseLimits, credit
from oracle.leasing.publish import reading_message
from oracle.ports import CorePorts
from oracle.signing.pen import Dates, Pen, dates_allowed
from oracle.signing.registration import OracleIdentity, key_fault
from protocol.messages import Channel, LogMessage, topic
from protocol.records import Domain, Reading, RentalState, Tariff

RECEIPT_MS = 1_000

RENTALS_PER_MS = 10
"""To look over all rentals for receipts that are due takes a while, and so do the two commits that
those found share: with a thousand it is done at most every 100 ms."""

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
    pen: Pen
    domain: Domain
    limits: LeaseLimits
    identity: OracleIdentity
    final_wait_ms: int
    _looked_ms: int | None = None
    _published: dict[int, tuple[int, Fingerprint]] = field(default_factory=dict)
    _tried: set[int] = field(default_factory=set)
    """Rentals of which something was looked for since the connection was made."""

    def step(self, view: ChainView, times: Times) -> None:
        """Sign and publish the receipts that are due; none with a key that is not in force."""
        now_ms, pause_ms = times.now_ms, len(self.metering.rentals) // RENTALS_PER_MS
        if self._looked_ms is not None and 0 <= now_ms - self._looked_ms < pause_ms:
            return
        self._looked_ms = now_ms
        if key_fault(view.oracle, self.identity) is not None:
            return
        head_ms = view.head.timestamp * 1000
        dates = dates_allowed(times.chain_ms, head_ms, self.limits.head_age_ms)
        try:
            due = [
                receipt
                for rental in self.metering.rentals
                if (receipt := self._due(rental, view, times, dates)) is not None
            ]
        except JournalError as error:
            self.metering.fail(error)
            return
        if not due or not self.metering.writable:
            return
        readings = [receipt.reading for receipt in due]
        try:
            signatures = self.pen.receipts(readings, dates, self.metering.bounds(readings))
        except JournalError as error:
            self.metering.fail(error)
            return
        except SigningError:  # the key ring says it
            return
        self.metering.signed([one for one in readings if one.rental in signatures])
        for receipt in due:
            if receipt.reading.rental in signatures:
                self._publish(receipt, signatures[receipt.reading.rental], now_ms)
        for gone in self._published.keys() - self.metering.rentals.keys():
            del self._published[gone]

    def repeat(self) -> None:
        """Publish everything again, after a new connection."""
        self._published.clear()
        self._tried.clear()

    def _said_before(self, rental: int, dates: Dates) -> Reading | None:
        """What was signed last, for a broker that may have forgotten it, where nothing is new."""
        reading = self.metering.newest_signed(rental)
        return None if reading is None or reading.until > dates.live_ms else reading

    def _due(self, rental: int, view: ChainView, times: Times, dates: Dates) -> _Receipt | None:
        now_ms, published = times.now_ms, self._published.get(rental)
        if published is not None and 0 <= now_ms - published[0] < RECEIPT_MS:
            return None
        known, latest = self.metering.rentals[rental], view.latest.get(rental)
        tariff = view.tariffs.get(known.tariff)
        if tariff is None or latest is None or latest.identity != known.identity:
            return None
        if not self.metering.covers(latest):
            return None
        ahead_ms = times.ahead_ms(known.drill)
        if known.state is RentalState.OPEN:
            reading = self.metering.live_reading(rental, dates.live_ms, ahead_ms)
        else:
            reading = self.metering.final_reading(
                rental, times.chain_ms, self.final_wait_ms, ahead_ms
            )
        if published is None and rental not in self._tried:
            self._tried.add(rental)
            reading = reading or self._said_before(rental, dates)
        if reading is None:
            return None
        usage = credit(known, tariff, reading.registers, reading.until, self.limits)
        receipt = _Receipt(reading, latest, tariff, usage)
        if published is not None and published[1] == receipt.fingerprint:
            return None
        return receipt

    def _publish(self, receipt: _Receipt, signature: bytes, now_ms: int) -> None:
        message = reading_message(
            self.domain,
            receipt.reading,
            signature,
            rental=receipt.rental,
            tariff=receipt.tariff,
            usage=receipt.usage,
        )
        self._publish_log(receipt)
        place = topic(receipt.rental.drill, Channel.READING)
        if self.ports.broker.publish(place, message.to_json(), retain=True):
            self._published[receipt.rental.rental] = (now_ms, receipt.fingerprint)

    def _publish_log(self, receipt: _Receipt) -> None:
        """The samples that the reading adds, before it: whoever looks can check them at once.

        One that does not go out is not said again: the next holds most of the same samples.
        """
        tail = self.metering.tail(receipt.reading)
        if tail is None:
            return
        drill = receipt.rental.drill
        message = LogMessage.of(drill, receipt.reading.rental, tail.before, tail.leaves)
        self.ports.broker.publish(topic(drill, Channel.LOG), message.to_json(), retain=True)
