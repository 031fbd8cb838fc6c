"""Promises 1 to 5 attacked at random: hypothesis plays everybody, a model keeps its own books.

After every step the contract must agree with the model to the unit; at the end of every run the
customers leave, with the contract paused, and nothing may be left over.
"""

from __future__ import annotations

from typing import ClassVar

from contracts.builders import GRACE_PERIOD, SIMPLE, TARIFF, deploy_yard, new_key
from contracts.evm import Chain, Receipt, Reverted
from contracts.reference import Books, RentalBook
from eth_account.signers.local import LocalAccount
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from protocol.records import Reading, Registers
from rig.contract import Compiled

CUSTOMERS = ("customer", "stranger")
KEYS = (None, new_key("machine box"))
"""The first oracle's key is the yard's."""

people_ = st.sampled_from(CUSTOMERS)
picks = st.integers(0, 5)
amounts = st.integers(0, 100_000) | st.integers(0, 2_000)

cheats = st.sampled_from(
    [None] * 12 + ["future", "past", "too active", "too fast", "falls", "not signed", "jumps"]
)
claims = st.tuples(
    picks,
    st.integers(1, 15_000),
    st.tuples(*[st.integers(0, 33)] * 3),
    st.integers(0, 100),
    st.booleans(),
    cheats,
)
"""Which rental, how many ms later, which share of them at each level (%), how fast (% of the
highest rpm), whether it is the final one, and in which way it is a lie."""


Claim = tuple[int, int, tuple[int, int, int], int, bool, str | None]


class Machine(RuleBasedStateMachine):
    """A yard with four drills, two boxes, two tariffs and two customers."""

    compiled: ClassVar[Compiled]
    people: ClassVar[dict[str, LocalAccount]]

    @initialize()
    def deploy(self) -> None:
        self.yard = deploy_yard(Chain(), self.compiled, self.people)
        second = self.yard.provide("register_oracle", KEYS[1].address).result
        simple = self.yard.publish(SIMPLE)
        self.offers = {self.yard.drill: (self.yard.oracle, TARIFF, self.yard.tariff)}
        for oracle, tariff, number in (
            (self.yard.oracle, SIMPLE, simple),
            (second, TARIFF, self.yard.tariff),
            (second, SIMPLE, simple),
        ):
            self.offers[self.yard.list_drill(oracle, number)] = (oracle, tariff, number)
        self.books = Books(dict.fromkeys(CUSTOMERS, 0))
        self.seen: dict[int, tuple[int, ...]] = {}
        for who, drill, reserve in (("customer", 1, 60_000), ("stranger", 4, 20_000)):
            self.open_rental(who, drill, reserve, value=reserve + 1_000)

    def send(
        self, allowed: bool, who: str, function: str, *args: object, value: int = 0
    ) -> Receipt | None:
        """Send a transaction that the model allows, or expects to revert."""
        try:
            receipt = self.yard.meter.transact(self.people[who], function, *args, value=value)
        except Reverted:
            assert not allowed, f"{function}{args} reverted"
            return None
        assert allowed, f"{function}{args} went through"
        return receipt

    def pick(self, number: int) -> tuple[int, RentalBook]:
        rental = 1 + number % len(self.books.rentals)
        return rental, self.books.rentals[rental]

    def rented(self, drill: int) -> bool:
        return any(r.drill == drill and not r.closed for r in self.books.rentals.values())

    # What can happen ------------------------------------------------------------------------

    @rule(seconds=st.integers(0, 30) | st.just(GRACE_PERIOD))
    def time_passes(self, seconds: int) -> None:
        self.yard.chain.advance(seconds)

    @rule(who=people_, to=people_, amount=amounts)
    def deposit(self, who: str, to: str, amount: int) -> None:
        address = self.people[to].address
        if self.send(amount > 0, who, "deposit", address, amount, value=amount):
            self.books.deposit(to, amount)

    @rule(who=people_, amount=amounts, all_of_it=st.booleans(), more=st.integers(0, 1))
    def withdraw(self, who: str, amount: int, all_of_it: bool, more: int) -> None:
        account = self.books.accounts[who]
        asked = account + more if all_of_it else amount
        allowed = 0 < asked <= account
        if self.send(allowed, who, "withdraw", asked, self.people[who].address):
            self.books.accounts[who] -= asked
            self.books.pay(asked)

    @rule(who=people_, drill=st.integers(1, 4), reserve=amounts, value=amounts)
    def open_rental(self, who: str, drill: int, reserve: int, value: int) -> None:
        oracle, tariff, number = self.offers[drill]
        affordable = reserve <= self.books.accounts[who] + value
        enough = reserve >= tariff.least_reserve
        allowed = affordable and enough and not self.books.paused and not self.rented(drill)
        receipt = self.send(allowed, who, "open_rental", drill, number, reserve, value=value)
        if receipt is not None:
            self.books.deposit(who, value)
            self.books.accounts[who] -= reserve
            now = self.yard.chain.now
            book = RentalBook(who, drill, oracle, tariff, reserve, now, now * 1000)
            self.books.rentals[receipt.result] = book

    @precondition(lambda self: self.books.rentals)
    @rule(who=people_, number=picks, amount=amounts, value=amounts)
    def top_up(self, who: str, number: int, amount: int, value: int) -> None:
        rental, book = self.pick(number)
        affordable = 0 < amount <= self.books.accounts[who] + value
        allowed = affordable and book.ended_at is None and not self.books.paused
        receipt = self.send(allowed, who, "top_up", rental, amount, value=value)
        if receipt is not None:
            had_some = book.balance > 0
            self.books.deposit(who, value)
            self.books.accounts[who] -= amount
            book.funded += amount
            positive = [e.args["balance"] for e in receipt.named("BalancePositive")]
            assert positive == ([book.balance] if book.balance and not had_some else [])

    @precondition(lambda self: self.books.rentals)
    @rule(batch=st.lists(claims, min_size=2, max_size=6), seconds=st.integers(0, 15))
    def settle(self, batch: list[Claim], seconds: int) -> None:
        self.yard.chain.advance(seconds)
        batches, expected = [], []
        for claim in batch:
            rental, book = self.pick(claim[0])
            reading = self.reading(rental, book, claim)
            forged = claim[-1] == "not signed"
            key = self.people["relayer"] if forged else KEYS[book.oracle - 1]
            batches.append(self.yard.signed(reading, key=key, oracle=book.oracle))
            if forged:
                expected.append("ReadingRejected")
            else:
                expected += self.books.settle(book, reading, self.yard.chain.now)
        assert [e.name for e in self.yard.settle(*batches).events] == expected

    def reading(self, rental: int, book: RentalBook, claim: Claim) -> Reading:
        """A reading as an oracle might sign it, honest or not."""
        _, later, shares, speed, final, cheat = claim
        last = (book.ended_at or self.yard.chain.now) * 1000
        until = last if final else min(book.until + later, last)
        passed = max(until - book.until, 0)
        active = [a + passed * share // 100 for a, share in zip(book.active, shares, strict=True)]
        rpms = [rate.max_rpm * speed // 100 for rate in book.tariff.levels]
        turned = [
            t + (now - a) * rpm // 60_000
            for t, now, a, rpm in zip(book.turned, active, book.active, rpms, strict=True)
        ]
        if cheat == "future":
            until = last + later
        elif cheat == "past":
            until = max(book.until - later // 1_000, 0)
        elif cheat == "too active":
            active[later % 3] += passed - sum(active) + sum(book.active) + later % 2
        elif cheat == "too fast":
            turned[later % 3] += 1 + later // 1_000
        elif cheat == "falls":
            (active if final else turned)[later % 3] = book.active[later % 3] // 2
        elif cheat == "jumps":
            active[later % 3] = 2**37 - 1
        return Reading(rental, until, Registers.from_levels((*active,), (*turned,)), 1, bytes(32))

    @precondition(lambda self: self.books.rentals)
    @rule(number=picks, who=st.sampled_from(["customer", "stranger", "provider", "relayer"]))
    def end_rental(self, number: int, who: str) -> None:
        rental, book = self.pick(number)
        allowed = who in (book.customer, "provider") and book.ended_at is None
        if self.send(allowed, who, "end_rental", rental):
            book.ended_at = self.yard.chain.now
            if book.until == book.ended_at * 1000:
                self.books.close(book)

    @precondition(lambda self: self.books.rentals)
    @rule(number=picks, who=st.sampled_from(["customer", "relayer"]))
    def close_rental(self, number: int, who: str) -> None:
        rental, book = self.pick(number)
        over = book.ended_at is not None and (
            self.yard.chain.now - book.ended_at >= GRACE_PERIOD
            or book.until == book.ended_at * 1000
        )
        if self.send(over and not book.closed, who, "close_rental", rental):
            self.books.close(book)

    @rule(numbers=st.lists(picks, max_size=3))
    def collect(self, numbers: list[int]) -> None:
        named = {self.pick(n)[0] for n in numbers} if self.books.rentals else set()
        running = [book for n, book in self.books.rentals.items() if n in named and not book.closed]
        amount = self.books.revenue + sum(book.earned - book.taken for book in running)
        address = self.people["provider"].address
        receipt = self.send(amount > 0, "provider", "collect", sorted(named), address)
        if receipt is not None:
            assert receipt.result == amount
            assert sum(e.args["amount"] for e in receipt.events) == amount
            self.books.pay(amount)
            self.books.revenue = 0
            for book in running:
                book.taken = book.earned

    @rule(to=st.sampled_from([True, False, False, False]))
    def pause(self, to: bool) -> None:
        if to != self.books.paused:
            self.yard.provide("pause" if to else "unpause")
            self.books.paused = to

    # What must hold -------------------------------------------------------------------------

    @invariant()
    def solvent(self) -> None:
        coins = self.yard.chain.coins(self.yard.meter)
        assert coins == self.yard.call("held") == self.books.coins == self.books.owed
        assert self.yard.call("revenue") == self.books.revenue

    @invariant()
    def agrees(self) -> None:
        for who, account in self.books.accounts.items():
            assert self.yard.account(self.people[who]) == account
        for rental, book in self.books.rentals.items():
            state = self.yard.call("rental", rental)
            registers = tuple(self.yard.call("registers", rental).values())
            assert registers == (*book.active, *book.turned)
            assert self.yard.call("balance_of", rental) == book.balance
            assert self.yard.call("charge", rental) == book.charge
            assert state["funded"] == book.funded
            assert state["collected"] == book.taken
            assert state["until"] == book.until
            assert state["state"] == (4 if book.closed else 2 if book.ended_at else 1)

    @invariant()
    def registers_and_time_only_rise_and_closed_is_final(self) -> None:
        for rental in self.books.rentals:
            state = self.yard.call("rental", rental)
            registers = self.yard.call("registers", rental).values()
            progress = (state["state"], state["until"], state["funded"], *registers)
            before = self.seen.get(rental, progress)
            assert all(now >= then for now, then in zip(progress, before, strict=True))
            assert before[0] != 4 or progress == before
            self.seen[rental] = progress

    def teardown(self) -> None:
        """Everybody leaves, whatever has happened."""
        if not hasattr(self, "yard"):
            return
        self.pause(to=True)
        for rental, book in self.books.rentals.items():
            if book.ended_at is None:
                self.yard.meter.transact(self.people[book.customer], "end_rental", rental)
                self.yard.chain.advance(1)
        self.yard.chain.advance(GRACE_PERIOD)
        for rental, book in self.books.rentals.items():
            if self.yard.call("rental", rental)["state"] != 4:
                self.yard.meter.transact(self.people["relayer"], "close_rental", rental)
            assert self.yard.call("rental", rental)["collected"] == book.earned
        for who in CUSTOMERS:
            if amount := self.yard.account(self.people[who]):
                person = self.people[who]
                self.yard.meter.transact(person, "withdraw", amount, person.address)
        if self.yard.call("revenue"):
            self.yard.provide("collect", [], self.people["provider"].address)
        assert self.yard.call("held") == self.yard.chain.coins(self.yard.meter) == 0


def test_promises_1_to_5__everybody_at_random__agree_with_the_model(optimiser, compiled, people):
    machine = type("Machine", (Machine,), {"compiled": compiled, "people": people})
    effort = settings(
        max_examples=60 if optimiser == "codesize" else 20,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=effort)
