"""Capped rentals, and an independent word for what they may owe."""

from __future__ import annotations

from fractions import Fraction

from contracts.builders import SIMPLE, Yard

from lab.rig.plan import NO_DEADLINE
from protocol.records import NO_CAP, LevelRate, Tariff

HOUR_MS = 3_600_000

DEAR = Tariff((LevelRate(10**15, 0, 6_000),) * 3, 0, 1)
"""A million million units for each active ms: whatever is allowed is owed at once."""


def open_capped(
    yard: Yard, reserve: int, per_rental: int = NO_CAP, per_hour: int = NO_CAP, of: Tariff = SIMPLE
) -> int:
    """Open a capped rental on a drill of its own and return its number."""
    tariff = yard.publish(of)
    drill = yard.list_drill(tariff=tariff)
    yard.deposit(reserve)
    arguments = (drill, tariff, reserve, (per_rental, per_hour), NO_DEADLINE)
    return int(yard.meter.transact(yard.customer, "open_rental", *arguments).result)


def most(reserve: int, per_rental: int, per_hour: int, elapsed_ms: int) -> int:
    """What may be owed after this long, with one hour's head start, rounded down."""
    by_the_hour = Fraction(elapsed_ms, HOUR_MS) * per_hour + per_hour
    return min(reserve, per_rental, by_the_hour.__floor__())


def owed(yard: Yard, rental: int) -> int:
    """What is owed in all, collected or not, by the views."""
    rental_view = yard.call("rental", rental)
    earned = int(yard.call("earned", rental))
    assert yard.call("balance_of", rental) + earned == (
        rental_view["funded"] - rental_view["collected"]
    )
    return earned + int(rental_view["collected"])
