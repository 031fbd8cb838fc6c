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
amounts = st.integers(0, 100_000)

growths = st.tuples(
    *[st.integers(-1, 20_000) | st.just(0)] * 3, *[st.integers(-1, 400) | st.just(0)] * 3
)
claims = st.tuples(
    picks,
    st.integers(-1, 12_000) | st.just(None),
    growths,
    st.sampled_from([True] * 9 + [False]),
)
"""Which rental, how long after its last reading (None: its last moment), how much more, signed."""


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
    @rule(batch=st.lists(claims, min_size=1, max_size=5))
    def settle(self, batch: list[tuple[int, int | None, tuple[int, ...], bool]]) -> None:
        batches, expected = [], []
        for number, later, growth, well_signed in batch:
            rental, book = self.pick(number)
            reading = self.claim(rental, book, later, growth)
            key = KEYS[book.oracle - 1] if well_signed else self.people["relayer"]
            batches.append(self.yard.signed(reading, key=key, oracle=book.oracle))
            if well_signed:
                expected += self.books.settle(book, reading, self.yard.chain.now)
            else:
                expected.append("ReadingRejected")
        assert [e.name for e in self.yard.settle(*batches).events] == expected

    def claim(
        self, rental: int, book: RentalBook, later: int | None, growth: tuple[int, ...]
    ) -> Reading:
        """A reading as an oracle might sign it, honest or not."""
        last = (book.ended_at or self.yard.chain.now) * 1000
        until = last if later is None else book.until + later
        now = (*book.active, *book.turned)
        registers = Registers(*(max(a + b, 0) for a, b in zip(now, growth, strict=True)))
        return Reading(rental, until, registers, 1, bytes(32))

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

    @rule(to=st.sampled_from([True, False, False]))
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
        max_examples=150 if optimiser == "gas" else 40,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=effort)
