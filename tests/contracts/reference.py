"""An independent model of one rental's book, for the random tests.

It keeps a running total: each accepted reading adds what it adds to what is owed, in thousandths of
a unit, exactly. The contract does the opposite and derives everything from the newest registers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from protocol.records import LEVELS, Tariff

HOUR_MS = 3_600_000
NO_CAP = 2**96 - 1

Levels = tuple[int, ...]


@dataclass(slots=True)
class RentalBook:
    """What one rental has been through. Times are Unix s, but `until`, which is Unix ms."""

    customer: int
    drill: int
    oracle: int
    number: int
    tariff: Tariff
    funded: int
    opened_at: int
    per_rental: int = NO_CAP
    per_hour: int = NO_CAP
    until: int = 0
    ended_at: int | None = None
    closed: bool = False
    owed_thousandths: int = 0
    taken: int = 0
    refunded: int = 0
    active: Levels = (0,) * LEVELS
    turned: Levels = (0,) * LEVELS
    rates: tuple[tuple[int, int, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        self.until = self.opened_at * 1000
        self.rates = tuple(
            (r.price_per_second, r.price_per_1000_revolutions, r.max_rpm)
            for r in self.tariff.levels
        )

    @property
    def charge(self) -> int:
        """Whole units that the usage so far costs."""
        return self.owed_thousandths // 1000

    @property
    def limit(self) -> int:
        """What may be owed at `until`: the funds, or what the customer's caps allow."""
        return self.limit_at(self.until)

    def limit_at(self, time_ms: int) -> int:
        """What may be owed at that time."""
        limit = min(self.funded, self.per_rental)
        if self.per_hour < NO_CAP:
            hours = Fraction(time_ms - self.opened_at * 1000, HOUR_MS) + 1
            limit = min(limit, (self.per_hour * hours).__floor__())
        return limit

    def out_of_credit(self, since: int, now: int) -> bool:
        """Whether nothing was left from `since` to `now` (Unix s), whatever the box has not said.

        What was drilled is at least what has settled; standing there has cost what it costs.
        """
        waited = since * 1000 - self.until
        if waited < 0:
            return False
        owed = (self.owed_thousandths + waited * self.tariff.standing_price_per_second) // 1000
        return min(owed, self.limit_at(since * 1000)) >= self.limit_at(now * 1000)

    @property
    def earned(self) -> int:
        """What of the funds is the provider's."""
        return min(self.charge, self.limit)

    @property
    def balance(self) -> int:
        """What of the funds is still the customer's."""
        return self.funded - self.earned

    @property
    def credit(self) -> int:
        """What may still be spent before the charge meets the limit."""
        return max(self.limit - self.charge, 0)

    def grows_into(self, until: int, active: Levels, turned: Levels) -> bool:
        """Whether a drill whose meter stands as this one's can show these registers at `until`."""
        worked_in_all = 0
        for level, (_, _, max_rpm) in enumerate(self.rates):
            worked = active[level] - self.active[level]
            spun = turned[level] - self.turned[level]
            if worked < 0 or spun < 0:
                return False
            # As many turns as fit in, and one that may have been cut in two by the last reading.
            if spun > -(-worked * max_rpm // 60_000):
                return False
            if turned[level] > active[level] * max_rpm // 60_000:
                return False
            worked_in_all += worked
        return worked_in_all <= until - self.until

    def book(self, until: int, active: Levels, turned: Levels) -> None:
        """Add what a believed reading adds."""
        added = (until - self.until) * self.tariff.standing_price_per_second
        for level, (per_second, per_1000_revolutions, _) in enumerate(self.rates):
            added += (active[level] - self.active[level]) * per_second
            added += (turned[level] - self.turned[level]) * per_1000_revolutions
        self.owed_thousandths += added
        self.until, self.active, self.turned = until, active, turned

    def overcharged(self, until: int, active: Levels, turned: Levels) -> int:
        """What less would be earned had the registers been within what a receipt leaves room for.

        It was given at `until`; what has passed since the drill may have spent at work, at any
        level, at the highest speed.
        """
        since = max(self.until - until, 0)
        too_much = 0
        for level, (per_second, per_1000_revolutions, max_rpm) in enumerate(self.rates):
            most_turned = turned[level] - (-since * max_rpm // 60_000)
            too_much += max(self.active[level] - active[level] - since, 0) * per_second
            too_much += max(self.turned[level] - most_turned, 0) * per_1000_revolutions
        return self.earned - min((self.owed_thousandths - too_much) // 1000, self.limit)
