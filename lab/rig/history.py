"""A history with a bit of everything on a local chain: what an auditor has to find nothing in.

Boxes meter drills that are rented, settled, topped up, capped, ended, closed, disputed and paid
for, with keys rotated and revoked on the way. Every reading has samples behind it, metered by the
oracle's own code; some were lost for good, and once a box was out of reach and settled later what
it had kept. Time is moved by hand: a month takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.rig.offer import words_of
from lab.rig.yard import COIN, EVIDENCE_SECONDS, GRACE_SECONDS, TARIFFS, Yard


def furnish(yard: Yard, boxes: int = 4, drills: int = 12) -> None:
    """Tariffs, boxes, drills and a bond."""
    for tariff in TARIFFS:
        yard.provide("publish_tariff", words_of(tariff))
    for _ in range(boxes):
        yard.add_box()
    for place in range(drills):
        yard.add_drill(1 + place % boxes, 1 + place % len(TARIFFS))
    yard.provide("post_bond", COIN, value=COIN)


def tell(yard: Yard, rentals: int = 56) -> None:
    """The history: rentals in rounds of a drill each, every one ended and all but the last closed.

    Of them some are capped, some topped up when exhausted, one disputed, some closed without a
    final reading; keys are rotated, one box is revoked at the end, and the provider collects.
    """
    furnish(yard)
    yard.rotate_to_element(len(yard.keys))
    while len(yard.meters) < rentals:
        number = len(yard.meters) // len(yard.free)
        _round(yard, min(len(yard.free), rentals - len(yard.meters)))
        yard.rotate(1 + number % len(yard.keys))
    _afterwards(yard)


def _round(yard: Yard, size: int) -> None:
    """Rent `size` drills, use them for a day, end and close them."""
    drills = list(yard.free)
    opened: dict[int, str] = {}
    for place in range(size):
        customer = yard.customers[place % len(yard.customers)]
        tariff = drills[place][2]
        caps = None
        if place % 5 == 1:
            caps = (
                COIN // 50,
                max(COIN // 800, 3600 * TARIFFS[tariff - 1].standing_price_per_second),
            )
        opened[yard.open(customer, COIN // (20 if place % 4 else 1000), caps)] = customer
    yard.use(list(opened), 7_200)
    _outage(yard, list(opened))
    yard.use(list(opened), 7_200)
    exhausted = [one for one in opened if yard.contract.functions.balance_of(one).call() == 0]
    for rental in exhausted[:2]:
        yard.send(opened[rental], "top_up", rental, COIN // 10, value=COIN // 10)
    first, *others = opened
    if others:
        yard.provide("collect", others, yard.provider)
    settled = yard.reading(first, yard.now * 1000)
    yard.settle([settled])
    yard.dispute(first, settled)
    yard.rotate(yard.meters[first].oracle)
    # The dispute has closed it.
    del opened[first]
    for place, (rental, customer) in enumerate(opened.items()):
        if place % 6 == 5:
            yard.publish(yard.reading(rental, yard.now * 1000))
        yard.end(rental, customer, settle=place % 6 != 5)
    yard.advance(GRACE_SECONDS)
    for place, rental in enumerate(opened):
        if place % 6 == 5:
            yard.send(yard.relayer, "close_rental", rental)
    yard.free = drills[size:] + drills[:size]


def _outage(yard: Yard, rentals: Sequence[int]) -> None:
    """For some hours the first box is out of reach, and settles later what its drills did. Another
    drill loses power, and with it samples that nobody bills."""
    away = [rental for rental in rentals if yard.meters[rental].oracle == 1]
    there = [rental for rental in rentals if rental not in away]
    yard.advance(7_200)
    until = yard.now * 1000
    readings = [yard.reading(one, until, losing=place == 1) for place, one in enumerate(there)]
    for rental in away:
        yard.reading(rental, until)
    yard.settle(readings)


def _afterwards(yard: Yard) -> None:
    """Money out, a bond release, a pause, and the last of a tariff, a drill and a box."""
    functions = yard.contract.functions
    for customer in yard.customers[:3]:
        yard.send(customer, "withdraw", functions.account(customer).call() // 2, customer)
    yard.provide("collect", [], yard.provider)
    yard.provide("announce_bond_release", COIN // 4)
    yard.provide("pause")
    yard.provide("unpause")
    yard.advance(GRACE_SECONDS + 2 * EVIDENCE_SECONDS)
    yard.provide("release_bond", yard.provider)
    last = yard.free[-1]
    yard.provide("retire_drill", last[0])
    yard.provide("retire_tariff", 3)
    drill, oracle, _ = yard.free.pop(0)
    yard.provide("reassign_drill", drill, oracle, 2)
    yard.free.insert(0, (drill, oracle, 2))
    rental = yard.open(yard.customers[0], COIN // 100)
    yard.use([rental], 3_600)
    yard.advance(600)
    # What is published may be newer than what has settled.
    yard.publish(yard.reading(rental, yard.now * 1000))
    yard.provide("revoke_oracle", oracle)
    # What the revoked box still signs is refused.
    yard.settle([yard.reading(rental, yard.now * 1000)])
    yard.free = [one for one in yard.free[:-1] if one[1] != oracle and one[2] != 3]
