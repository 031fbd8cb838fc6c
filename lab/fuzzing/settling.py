"""The model of settlements and disputes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.fuzzing import notes
from lab.fuzzing.books import CallVerdict
from lab.fuzzing.life import UNKNOWN, RentalLife
from lab.fuzzing.words import Event, Reading, meter_word

UNSIGNED = frozenset({"not signed by its oracle"})


@dataclass(frozen=True, slots=True)
class Group:
    """Readings under one signature. `genuine`: it is `key`'s, over just these, for `contract`.

    `p256`: the key is of that curve; it is good for nothing where it has not been enrolled as such.
    """

    oracle: int
    readings: tuple[Reading, ...]
    r: int
    vs: int
    key: int
    contract: bytes
    genuine: bool
    p256: bool = False


class Model(RentalLife):
    """All that a deployment does."""

    # Settlement -----------------------------------------------------------------------------

    def settle(self, groups: Sequence[Group], contract: bytes, extra: int = 0) -> CallVerdict:
        """Readings under signatures; `extra` more (or fewer) are sent than are signed."""
        if extra > 0:
            return CallVerdict({"settle: unsigned readings"})
        if extra < 0:
            return CallVerdict({"settle: more signed than given"})
        events: list[Event] = []
        for group in groups:
            signed = (
                group.genuine
                and group.contract == contract
                and group.key == self.present_key(group.oracle) != 0
                and group.p256 == self.oracles[group.oracle].is_p256
            )
            if not signed:
                self._note_unsigned(group, contract)
            for reading in group.readings:
                objections = self.objections(group.oracle, reading) if signed else UNSIGNED
                if objections:
                    events.append(("ReadingRejected", reading[0], reading[1], objections))
                else:
                    events += self._believe(reading)
                    self.noted[notes.SECURE] += group.p256
        self.noted[notes.MIXED] += len({event[0] == "ReadingRejected" for event in events}) == 2
        return CallVerdict(set(), events)

    def _note_unsigned(self, group: Group, contract: bytes) -> None:
        book = self.keys.get(group.key)
        if not group.genuine:
            return
        if group.contract != contract:
            self.noted[notes.ELSEWHERE] += 1
        elif book is not None and book.oracle == group.oracle:
            self.noted[
                notes.OUT_OF_FORCE if not self.present_key(group.oracle) else notes.OLD_KEY
            ] += 1

    def objections(self, oracle: int, reading: Reading) -> frozenset[str]:
        """Everything that is wrong with a reading that `oracle` has signed."""
        rental = self.rentals.get(reading[0])
        if rental is None or rental.oracle != oracle:
            return frozenset({"not a rental of this oracle"})
        found = set()
        until = reading[1]
        if rental.closed:
            found.add("rental is closed")
        if until <= rental.until:
            self.noted[notes.REPEATED] += 1
            found.add("not later than the last")
        if until > self.now * 1000:
            found.add("in the future")
        if rental.ended_at is not None:
            if until > rental.ended_at * 1000:
                found.add("after the end")
            if self.now >= rental.ended_at + self.grace:
                found.add("grace period is over")
        if not rental.grows_into(until, reading[2:5], reading[5:8]):
            found.add("implausible registers")
        return frozenset(found)

    def _believe(self, reading: Reading) -> list[Event]:
        number, until, log_size, log_root = reading[0], reading[1], reading[8], reading[9]
        rental = self.rentals[number]
        had_credit = rental.credit > 0
        rental.book(until, reading[2:5], reading[5:8])
        events: list[Event] = [
            ("UsageSettled", number, until, meter_word(reading), log_size, log_root, rental.charge)
        ]
        if had_credit and not rental.credit:
            events.append(("BalanceExhausted", number, rental.charge, rental.limit))
        if rental.credit and not had_credit:
            self.noted[notes.CREDIT_AGAIN] += 1
            events.append(self.positive(number))
        if rental.ended_at is not None:
            if until == rental.ended_at * 1000:
                events.append(self.close(number, notes.FINAL_READING))
            else:
                self.noted[notes.AFTER_END] += 1
        return events

    # Dispute --------------------------------------------------------------------------------

    def dispute(
        self, sender: int, reading: Reading, key: int, genuine: bool, p256: bool
    ) -> CallVerdict:
        """A receipt of `key` against what was settled; `genuine`: it signed just that, here."""
        book = self.keys.get(key)
        signed = genuine and p256 == (book is not None and book.is_p256)
        faults = set() if signed else {"disputes: not signed by the key"}
        number, until = reading[:2]
        rental = self.rentals.get(number)
        if rental is None:
            return CallVerdict(faults | {UNKNOWN})
        if book is None or book.oracle != rental.oracle:
            faults.add("disputes: key of another oracle")
        if book is None or not self._in_force(book.since, book.until, until):
            faults.add("disputes: not while in force")
        if book is not None and book.until and rental.until > book.until * 1000:
            faults.add("disputes: a later key settled")
        ended_at = self.now if rental.ended_at is None else rental.ended_at
        if self.now >= ended_at + self.grace + self.evidence:
            faults.add("disputes: too late")
        due = rental.overcharged(until, reading[2:5], reading[5:8])
        if due <= rental.refunded:
            faults.add("disputes: nothing overcharged")
        if faults or book is None:
            return CallVerdict(faults)
        self.noted[notes.AGAIN] += rental.refunded > 0
        self.noted[notes.OLDER] += until < rental.until
        self.noted[notes.AFTERWARDS] += rental.ended_at is not None
        self.noted[notes.CLOSED_DISPUTE] += rental.closed
        self.noted[notes.PENALISED] += book.penalised
        events = self._close_now(sender, number)
        missing = due - rental.refunded
        from_revenue = self.give_back(rental.customer, missing)
        refund = from_revenue + self.draw(rental.customer, missing - from_revenue)
        self.noted[notes.FROM_REVENUE] += from_revenue > 0
        self.noted[notes.FROM_BOTH] += 0 < from_revenue < refund
        self.noted[notes.SHORT_REFUND] += refund < missing
        rental.refunded += refund
        penalty = 0
        if self.bond and not book.penalised:
            penalty = self.draw(rental.customer, self.penalty)
            self.noted[notes.SHORT_PENALTY] += penalty < self.penalty
            book.penalised = True
        word = meter_word(reading)
        events.append(("UsageDisputed", number, key, until, word, refund, from_revenue, penalty))
        if self.present_key(rental.oracle) == key:
            self.oracles[rental.oracle].suspended = True
            self.noted[notes.SUSPENDED] += 1
            events.append(("OracleSuspended", rental.oracle, key))
        else:
            self.noted[notes.FORMER] += 1
        return CallVerdict(faults, events)

    def _close_now(self, sender: int, number: int) -> list[Event]:
        """A dispute ends a rental and closes it, whatever its state."""
        rental, events = self.rentals[number], list[Event]()
        if rental.ended_at is None:
            rental.ended_at = self.now
            events.append(("RentalEnded", number, sender, self.now))
        if not rental.closed:
            events.append(self.close(number, notes.CLOSED_BY_DISPUTE))
        return events

    def _in_force(self, since: int, ended: int, until: int) -> bool:
        last = min(ended or self.now, self.now)
        return since * 1000 <= until <= last * 1000
