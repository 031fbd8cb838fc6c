"""An independent model of DrillMeter's books, for the random tests.

It keeps running totals: each accepted reading adds what it adds to what a rental owes, as an exact
fraction. The contract does the opposite and derives everything from the newest registers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from protocol.records import LEVELS, Reading, Tariff


@dataclass
class RentalBook:
    """What one rental has been through."""

    customer: str
    drill: int
    oracle: int
    tariff: Tariff
    funded: int
    opened_at: int
    until: int
    ended_at: int | None = None
    closed: bool = False
    owed: Fraction = Fraction(0)
    taken: int = 0
    active: list[int] = field(default_factory=lambda: [0] * LEVELS)
    turned: list[int] = field(default_factory=lambda: [0] * LEVELS)

    @property
    def charge(self) -> int:
        """Whole units owed so far."""
        return self.owed.__floor__()

    @property
    def earned(self) -> int:
        """What of the funds is the provider's."""
        return min(self.funded, self.charge)

    @property
    def balance(self) -> int:
        """What of the funds is still the customer's."""
        return self.funded - self.earned

    def believes(self, reading: Reading, now: int) -> bool:
        """Whether a reading of the right oracle may be booked in a block of time `now`."""
        if self.closed or not self.until < reading.until <= now * 1000:
            return False
        if self.ended_at is not None and reading.until > self.ended_at * 1000:
            return False
        worked = [a - b for a, b in zip(reading.registers.active_ms, self.active, strict=True)]
        spun = [a - b for a, b in zip(reading.registers.revolutions, self.turned, strict=True)]
        if min(worked) < 0 or min(spun) < 0 or sum(worked) > reading.until - self.until:
            return False
        for level, rate in enumerate(self.tariff.levels):
            per_ms = Fraction(rate.max_rpm, 60_000)
            if spun[level] - worked[level] * per_ms >= 1:
                return False
            if reading.registers.revolutions[level] > reading.registers.active_ms[level] * per_ms:
                return False
        return True

    def book(self, reading: Reading) -> None:
        """Add what a believed reading adds."""
        self.owed += Fraction(
            (reading.until - self.until) * self.tariff.standing_price_per_second, 1000
        )
        for level, rate in enumerate(self.tariff.levels):
            worked = reading.registers.active_ms[level] - self.active[level]
            spun = reading.registers.revolutions[level] - self.turned[level]
            self.owed += Fraction(worked, 1000) * rate.price_per_second
            self.owed += Fraction(spun, 1000) * rate.price_per_1000_revolutions
        self.until = reading.until
        self.active = list(reading.registers.active_ms)
        self.turned = list(reading.registers.revolutions)


@dataclass
class Books:
    """Everybody's money, as the model counts it."""

    accounts: dict[str, int]
    rentals: dict[int, RentalBook] = field(default_factory=dict)
    revenue: int = 0
    coins: int = 0
    paused: bool = False

    def deposit(self, who: str, amount: int) -> None:
        """Coins come in."""
        self.coins += amount
        self.accounts[who] += amount

    def pay(self, amount: int) -> None:
        """Coins go out."""
        self.coins -= amount

    def close(self, rental: RentalBook) -> None:
        """The rest to the customer, the rest of the earnings to the provider."""
        rental.closed = True
        self.accounts[rental.customer] += rental.balance
        self.revenue += rental.earned - rental.taken
        rental.taken = rental.earned

    def settle(self, rental: RentalBook, reading: Reading, now: int) -> list[str]:
        """Book a well-signed reading; returns the events to expect."""
        if not rental.believes(reading, now):
            return ["ReadingRejected"]
        had_some = rental.charge < rental.funded
        rental.book(reading)
        events = ["UsageSettled"]
        if had_some and rental.charge >= rental.funded:
            events.append("BalanceExhausted")
        if rental.ended_at is not None and reading.until == rental.ended_at * 1000:
            self.close(rental)
            events.append("RentalClosed")
        return events

    @property
    def owed(self) -> int:
        """Accounts, open balances and revenue that was not taken."""
        running = (r for r in self.rentals.values() if not r.closed)
        return (
            sum(self.accounts.values())
            + self.revenue
            + sum(r.balance + r.earned - r.taken for r in running)
        )
