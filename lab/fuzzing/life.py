"""The model of a rental's life."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.reference import NO_CAP, RentalBook

from lab.fuzzing import notes
from lab.fuzzing.books import MAX_FUNDED, MAX_UNTIL, PAUSED, TOO_MUCH, CallVerdict
from lab.fuzzing.offers import Offers
from lab.fuzzing.words import Event
from lab.rig.plan import NO_DEADLINE

UNKNOWN = "rentals: no such rental"


class RentalLife(Offers):
    """From the opening to the closing, and what the provider collects."""

    def open_rental(
        self,
        sender: int,
        drill: int,
        tariff: int,
        reserve: int,
        value: int = 0,
        caps: tuple[int, int] = (NO_CAP, NO_CAP),
        deadline: int = NO_DEADLINE,
    ) -> CallVerdict:
        """A rental, with the customer's caps on what it may owe."""
        faults = {PAUSED} if self.paused else set()
        if self.now > deadline:
            faults.add("rentals: too late to open")
        faults |= self.value_faults(value) | self.tariff_faults(tariff) | self.drill_faults(drill)
        if reserve > MAX_FUNDED:
            faults.add("packing: funds over 2**96 - 1")
        if reserve > self.accounts[sender] + (value if self.asset.is_native else 0):
            faults.add(TOO_MUCH)
        if self.now * 1000 > MAX_UNTIL:
            faults.add("(none) later than a meter can say")
        if tariff in self.tariffs:
            faults |= self._terms_faults(tariff, reserve, caps)
        if drill in self.drills:
            faults |= self.oracle_faults(self.drills[drill].oracle)
            if self.drills[drill].tariff != tariff:
                faults.add("rentals: offered at other tariff")
        if faults:
            return CallVerdict(faults)
        events = self.credit_value(sender, value)
        if value:
            self.noted[notes.CAME_ALONG] += 1
        self.accounts[sender] -= reserve
        number = len(self.rentals) + 1
        oracle = self.drills[drill].oracle
        self.drills[drill].rental = number
        rental = RentalBook(
            sender,
            drill,
            oracle,
            tariff,
            self.tariffs[tariff].tariff,
            reserve,
            self.now,
            *caps,
        )
        self.rentals[number] = rental
        events.append(("RentalOpened", number, drill, sender, tariff, oracle, reserve))
        if min(caps) < NO_CAP:
            events.append(("RentalCapped", number, *caps))
        events.append(("BalancePositive", number, drill, sender, rental.credit))
        return CallVerdict(faults, events, (number,))

    def _terms_faults(self, number: int, reserve: int, caps: tuple[int, int]) -> set[str]:
        tariff = self.tariffs[number].tariff
        credit, faults = min(reserve, *caps), set()
        if caps != (NO_CAP, NO_CAP) and caps[1] < 3600 * tariff.standing_price_per_second:
            faults.add("rentals: hourly cap is too low")
        if max(caps) > NO_CAP:
            faults.add("packing: cap over 2**96 - 1")
        if credit == 0:
            faults.add("rentals: nothing reserved")
        if credit < tariff.least_reserve:
            faults.add("rentals: under the least reserve")
        return faults

    def positive(self, number: int) -> Event:
        """There is something to drill on."""
        rental = self.rentals[number]
        return ("BalancePositive", number, rental.drill, rental.customer, rental.credit)

    def top_up(self, sender: int, number: int, amount: int, value: int = 0) -> CallVerdict:
        """More funds for an open rental."""
        faults = {PAUSED} if self.paused else set()
        faults |= self.value_faults(value)
        if amount == 0:
            faults.add("rentals: nothing to top up")
        if amount > self.accounts[sender] + (value if self.asset.is_native else 0):
            faults.add(TOO_MUCH)
        rental = self.rentals.get(number)
        if rental is None:
            return CallVerdict(faults | {UNKNOWN})
        if rental.closed:
            faults.add("rentals: closed")
        if rental.ended_at is not None:
            faults.add("rentals: ended")
        if rental.funded + amount > MAX_FUNDED:
            faults.add("packing: funds over 2**96 - 1")
        if faults:
            return CallVerdict(faults)
        events = self.credit_value(sender, value)
        self.accounts[sender] -= amount
        had_credit = rental.credit > 0
        rental.funded += amount
        events.append(("ToppedUp", number, sender, amount, rental.funded))
        if not had_credit:
            self.noted[notes.TOPPED_UP_OUT if rental.credit else notes.TOPPED_UP_SHORT] += 1
            if rental.credit:
                events.append(self.positive(number))
        return CallVerdict(faults, events)

    def end_rental(self, sender: int, number: int, *, by_order: bool = False) -> CallVerdict:
        """Fix `ended_at`; close at once when nothing can follow. By order the provider is a
        customer like any other."""
        rental = self.rentals.get(number)
        if rental is None:
            return CallVerdict({UNKNOWN})
        faults = set()
        trusted = sender in (rental.customer, self.operator)
        trusted |= sender == self.owner and not by_order
        if not trusted and not rental.out_of_credit(self.now - self.grace, self.now):
            faults.add("rentals: not yours to end")
        if rental.closed:
            faults.add("rentals: closed")
        if rental.ended_at is not None:
            faults.add("rentals: ended")
        if faults:
            return CallVerdict(faults)
        if not trusted:
            self.noted[notes.ENDED_BY_ANYBODY] += 1
        elif sender not in (rental.customer, self.owner):
            self.noted[notes.ENDED_BY_OPERATOR] += 1
        rental.ended_at = self.now
        events: list[Event] = [("RentalEnded", number, sender, self.now)]
        if rental.until == self.now * 1000:
            events.append(self.close(number, notes.CLOSED_AT_END))
        return CallVerdict(faults, events)

    def close_rental(self, number: int) -> CallVerdict:
        """After the grace period."""
        rental = self.rentals.get(number)
        if rental is None:
            return CallVerdict({UNKNOWN})
        faults = set()
        if rental.closed:
            faults.add("rentals: closed")
        if rental.ended_at is None:
            faults.add("rentals: not ended")
        elif self.now - rental.ended_at < self.grace:
            faults.add("rentals: awaiting final reading")
        if faults:
            return CallVerdict(faults)
        return CallVerdict(faults, [self.close(number, notes.GRACE_PASSED)])

    def close(self, number: int, how: str) -> Event:
        """The rest to the customer, the earnings to the provider."""
        rental = self.rentals[number]
        rental.closed = True
        refund = rental.balance
        self.noted[how] += 1
        self.noted[notes.NOTHING_LEFT] += refund == 0
        self.noted[notes.LOSS] += rental.charge > rental.funded
        self.noted[notes.CAPPED] += rental.earned < min(rental.charge, rental.funded)
        self.accounts[rental.customer] += refund
        self.revenue += rental.earned - rental.taken
        rental.taken = rental.earned
        self.drills[rental.drill].rental = 0
        return ("RentalClosed", number, rental.customer, rental.charge, refund)

    def collect(self, sender: int, running: Sequence[int], to: int) -> CallVerdict:
        """Earnings of the closed rentals, and of those named."""
        faults = self.owners_faults(sender)
        events: list[Event] = []
        if self.revenue:
            events.append(("RevenueCollected", 0, to, self.revenue))
        for number in dict.fromkeys(running):
            rental = self.rentals.get(number)
            if rental is None:
                faults.add(UNKNOWN)
            elif rental.earned > rental.taken and not rental.closed:
                events.append(("RevenueCollected", number, to, rental.earned - rental.taken))
        amount = sum(event[3] for event in events)
        faults |= self.asset.pay_faults(to, amount)
        if amount == 0:
            faults.add("collect: nothing to collect")
        if faults:
            return CallVerdict(faults)
        self.revenue = 0
        for number in running:
            self.noted[notes.EARLY] += self.rentals[number].earned > self.rentals[number].taken
            self.rentals[number].taken = self.rentals[number].earned
        self.held -= amount
        self.collected += amount
        self.asset.pay(to, amount)
        return CallVerdict(faults, events, (amount,))
