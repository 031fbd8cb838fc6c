"""What happened to one rental, gathered while the audit replays the chain.

The books keep what a rental came to; a statement also tells what led there: payments with their
transactions, disputes, how usage and balance went, and the reading that settled last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.books.arithmetic import MeterWord, read_meter
from audit.books.books import Books
from audit.books.signatures import digest_of, is_signed_with
from audit.node.calldata import CalldataError, is_call_of, settle_batches
from audit.node.decode import Event
from audit.node.values import hexadecimal
from protocol.records import Domain

MOST_POINTS = 1_024
"""Points of a plot that are kept: more than a page has dots for."""

TOLD = (
    "RentalOpened",
    "RentalCapped",
    "ToppedUp",
    "BalanceExhausted",
    "RentalEnded",
    "RentalClosed",
    "UsageDisputed",
)
IN_ACCOUNT = ("Deposited", "Withdrawn")


@dataclass(frozen=True, slots=True)
class Happening:
    """An event: block time in Unix s, and its fields as `audit.node.decode` gives them."""

    name: str
    time: int
    block: int
    transaction: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """How a rental stood at a time (Unix ms): active ms by level, and its balance."""

    time_ms: int
    active_ms: tuple[int, ...]
    balance: int


@dataclass(frozen=True, slots=True)
class SettledReading:
    """The reading that settled last. Without its signature where that is not in the calldata.

    `size` readings are under the signature, this one at `position` from 0. `verified`: it is of
    `key`, the oracle's at that moment.
    """

    settled: Happening
    meter: MeterWord
    oracle: int
    key: str
    p256: bool
    digest: str = ""
    signature: str = ""
    position: int = 0
    size: int = 0
    verified: bool = False


@dataclass(slots=True)
class _Last:
    happening: Happening
    calldata: bytes | None
    oracle: int
    key: str
    point: tuple[int, int] | None


@dataclass(slots=True)
class RentalStory:
    """Gathers what happens to `rental`; memory does not grow with the number of settlements."""

    rental: int
    told: list[Happening] = field(default_factory=list)
    account: list[Happening] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    rejected: int = 0
    customer: str = ""
    closed: bool = False
    _stride: int = 1
    _seen: int = 0
    _newest: Point | None = None
    _last: _Last | None = None
    _deposits: list[Happening] = field(default_factory=list)

    def see(self, event: Event, books: Books, calldata: Mapping[str, bytes | None]) -> None:
        """Take the next event, which is in the books already."""
        if event.name in IN_ACCOUNT:
            self._see_account(event)
        if event.args.get("rental") != self.rental:
            return
        happening = _happening(event)
        if event.name in TOLD:
            self.told.append(happening)
        self.rejected += event.name == "ReadingRejected"
        if event.name == "RentalOpened":
            self.customer = event.args["customer"]
            with_it = [one for one in self._deposits if one.transaction == happening.transaction]
            self.account += [one for one in with_it if one.args["account"] == self.customer]
        if event.name == "UsageSettled":
            self._settled(happening, books, calldata.get(happening.transaction))
        self.closed = self.closed or event.name == "RentalClosed"
        if event.name in ("RentalOpened", "ToppedUp", "UsageSettled", "RentalClosed"):
            self._point(event, books)

    def finished_points(self) -> tuple[Point, ...]:
        """The points, the newest included."""
        if self._newest is None or (self.points and self.points[-1] == self._newest):
            return tuple(self.points)
        return (*self.points, self._newest)

    def reading(self, domain: Domain) -> SettledReading | None:
        """The reading that settled last, with its signature looked up and checked."""
        last = self._last
        if last is None:
            return None
        args = last.happening.args
        meter, p256 = read_meter(args["meter"]), last.point is not None
        alone = SettledReading(last.happening, meter, last.oracle, last.key, p256)
        if last.calldata is None or not is_call_of("settle", last.calldata):
            return alone
        wanted = (self.rental, args["meter"], args["log_size"], int(args["log_root"], 16))
        try:
            batches = settle_batches(last.calldata)
        except CalldataError:
            # The audit has reported it; here it is a reading without a signature to be seen.
            return alone
        for signature, readings in batches:
            for position, one in enumerate(readings):
                if (one.rental, one.meter, one.log_size, one.log_root) == wanted:
                    digest = digest_of(domain, readings)
                    r, vs = signature.r, signature.vs
                    return SettledReading(
                        last.happening,
                        meter,
                        signature.oracle,
                        last.key,
                        p256,
                        digest=hexadecimal(digest),
                        signature=f"0x{r:064x}{vs:064x}",
                        position=position,
                        size=len(readings),
                        verified=signature.oracle == last.oracle
                        and is_signed_with(last.key, last.point, digest, r, vs),
                    )
        return alone

    def _see_account(self, event: Event) -> None:
        happening = _happening(event)
        if not self.customer:
            # The deposit that comes with an opening is logged before it.
            if self._deposits and self._deposits[-1].transaction != happening.transaction:
                self._deposits.clear()
            self._deposits.append(happening)
        elif not self.closed and event.args["account"] == self.customer:
            self.account.append(happening)

    def _settled(self, happening: Happening, books: Books, calldata: bytes | None) -> None:
        rental = books.rentals.get(self.rental)
        oracle = books.oracles.get(rental.oracle) if rental else None
        key = oracle.key if oracle else ""
        record = books.keys.get(key)
        number = rental.oracle if rental else 0
        self._last = _Last(happening, calldata, number, key, record.point if record else None)

    def _point(self, event: Event, books: Books) -> None:
        """Note how the rental stands; every second point is dropped whenever there are too many."""
        rental = books.rentals.get(self.rental)
        if rental is None:
            return
        time_ms = event.args.get("until", event.timestamp * 1000)
        if self._newest is not None:
            time_ms = max(time_ms, self._newest.time_ms)
        balance = rental.funded - books.owed(rental)
        point = self._newest = Point(time_ms, rental.now().active_ms, balance)
        if event.name != "UsageSettled" or self._seen % self._stride == 0:
            self.points.append(point)
        self._seen += 1
        if len(self.points) > MOST_POINTS:
            self.points = self.points[::2]
            self._stride *= 2


def _happening(event: Event) -> Happening:
    log = event.log
    return Happening(event.name, event.timestamp, log.block, log.transaction, event.args)
