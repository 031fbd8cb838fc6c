"""The people who rent: they open, top up, end in the middle of a stroke, and withdraw."""

from __future__ import annotations

from dataclasses import dataclass

from lab.fuzzing.people import address
from lab.rig.plan import NO_DEADLINE
from lab.simulation.chain import CUSTOMERS, SimChain, Transaction, named
from lab.simulation.chance import EventTally, SeededDice
from protocol.records import NO_CAP, RentalState
from protocol.tariff import highest_charge

PATIENCE_MS = 15_000
"""After that a transaction that did nothing is taken to be lost, and another one is sent."""


@dataclass(eq=False)
class Renter:
    """Whoever rents one drill, one after the other."""

    drill: int
    chain: SimChain
    dice: SeededDice
    tally: EventTally
    reserve_ms: int
    quota: int
    leaving: bool = False
    _busy_until_ms: int = 0
    _end_at_ms: int = 0
    _of_rental: int = 0

    def tick(self, now_ms: int) -> None:
        """Maybe do something."""
        if now_ms < self._busy_until_ms:
            return
        block = self.chain.head
        drill = block.drills.get(self.drill)
        if drill is None:
            return
        if drill.rental == 0:
            if self.leaving or self.chain_count() >= self.quota:
                return
            if self.dice.hits(0.1):
                self._open(now_ms)
            return
        rental = block.rentals[drill.rental]
        if rental.state is not RentalState.OPEN:
            return
        if rental.rental != self._of_rental:
            self._of_rental = rental.rental
            self._end_at_ms = now_ms + self.dice.randrange(
                2_000, self.dice.choice((8_000, 15_000, 40_000))
            )
        if self.leaving or now_ms >= self._end_at_ms:
            self._send(self.chain.call(self._owner(rental.customer), "end_rental", rental.rental))
            self._busy_until_ms = now_ms + PATIENCE_MS
        elif self.dice.hits(0.01):
            amount = self._amount()
            payer = address(self.dice.choice(CUSTOMERS))
            call = self.chain.call(payer, "top_up", rental.rental, amount, value=amount)
            self._send(call)
            self.tally.seen["topped up"] += 1
            self._busy_until_ms = now_ms + 2_000

    def chain_count(self) -> int:
        """Rentals of this drill so far."""
        return sum(one.drill == self.drill for one in self.chain.head.rentals.values())

    def _owner(self, customer: str) -> int:
        return next(address(name) for name in CUSTOMERS if named(address(name)) == customer)

    def _open(self, now_ms: int) -> None:
        payer, amount = address(self.dice.choice(CUSTOMERS)), self._amount()
        tariff = 1 + (self.drill - 1) % len(self.chain.tariffs)
        per_rental = per_hour = NO_CAP
        if self.dice.hits(0.2):
            per_rental = self.dice.choice((NO_CAP, max(amount // 2, 1)))
            hourly = self.chain.tariffs[tariff - 1].standing_price_per_second * 3_600 + 1
            per_hour = self.dice.choice((NO_CAP, max(amount, hourly)))
            self.tally.seen["opened with caps"] += 1
        opening = (self.drill, tariff, amount, per_rental, per_hour, NO_DEADLINE)
        self._send(self.chain.call(payer, "open_rental", *opening, value=amount))
        self._busy_until_ms = now_ms + PATIENCE_MS

    def _amount(self) -> int:
        """From too little for a start to more than will be used."""
        tariff = self.chain.tariffs[(self.drill - 1) % len(self.chain.tariffs)]
        reserve = highest_charge(tariff, self.reserve_ms)
        drilling = highest_charge(tariff, self.dice.randrange(1, 30_000))
        return max(reserve * self.dice.choice((0, 1, 1, 1, 2)) + drilling, 1)

    def _send(self, transaction: Transaction) -> None:
        self.chain.send(transaction)


def withdraw_all(chain: SimChain) -> list[Transaction]:
    """What everybody has in their accounts."""
    found = []
    for name in CUSTOMERS:
        (amount,) = chain.look("account", address(name))
        if amount:
            found.append(chain.call(address(name), "withdraw", amount, address(name)))
    return found
