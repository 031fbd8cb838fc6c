"""The same long story compiled in each way: identical logs, answers, reverts and books.

The optimiser of Vyper 0.4.3 has published miscompilations; this compares it with itself switched
off, beside the whole suite that runs for each setting.
"""

from __future__ import annotations

from typing import Any

from contracts.builders import SIMPLE, TARIFF, Yard, deploy_yard, new_key, tariff_words
from contracts.evm import Chain, Event, Receipt, Reverted
from contracts.sources import OPTIMISERS, drill_meter

from lab.rig.plan import UNBOUND
from protocol.meter_word import settle_arguments
from protocol.records import Reading, Registers


class Diary:
    """Everything that a deployment answered, in order."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.entries: list[Any] = []

    def do(self, role: str, function: str, *args: object, value: int = 0) -> None:
        """Send a transaction and note what it returned and logged, or why it reverted."""
        sender = self.yard.people[role]
        try:
            receipt: Receipt = self.yard.meter.transact(sender, function, *args, value=value)
        except Reverted as reverted:
            self.entries.append((function, reverted.reason))
        else:
            self.entries.append((function, receipt.result, receipt.events))
        self.entries.append(self.yard.money())

    def look(self) -> None:
        """Note every view of everything there is, and one beyond it."""
        for view, count in (
            ("tariff", "tariff_count"),
            ("oracle", "oracle_count"),
            ("drill", "drill_count"),
            ("rental", "rental_count"),
            ("registers", "rental_count"),
            ("charge", "rental_count"),
            ("balance_of", "rental_count"),
            ("earned", "rental_count"),
        ):
            for number in range(self.yard.call(count) + 2):
                try:
                    self.entries.append((view, number, self.yard.call(view, number)))
                except Reverted as reverted:
                    self.entries.append((view, number, reverted.reason))
        self.entries.append(self.yard.call("read_meter", 2**255 + 3**160))
        self.entries.append(self.yard.call("quote", 1, (1, 2, 3, 4, 5, 6), 7))


def events_of(entry: Any) -> list[Event]:
    """The events of an entry, if it is of a transaction that went through."""
    if isinstance(entry, tuple) and isinstance(entry[-1], list):
        return entry[-1]
    return []


def provider_sets_up(diary: Diary) -> None:
    second = new_key("second box").address
    diary.do("provider", "publish_tariff", tariff_words(SIMPLE))
    diary.do("provider", "publish_tariff", tariff_words(TARIFF, retired=True))
    diary.do("stranger", "publish_tariff", tariff_words(TARIFF))
    diary.do("provider", "register_oracle", second)
    diary.do("provider", "register_oracle", second)
    diary.do("provider", "list_drill", 2, 2, "second drill")
    diary.do("provider", "list_drill", 1, 1, "")
    diary.do("provider", "reassign_drill", 2, 1, 2)


def customers_come(diary: Diary) -> None:
    customer = diary.yard.customer.address
    diary.do("customer", "deposit", customer, 500_000, value=500_000)
    diary.do("customer", "deposit", customer, 5, value=4)
    diary.do("customer", "open_rental", 1, 1, 400_000, *UNBOUND)
    diary.do("stranger", "open_rental", 2, 2, 20_000, *UNBOUND, value=25_000)
    diary.do("stranger", "open_rental", 2, 2, 20_000, *UNBOUND, value=25_000)
    diary.do("customer", "withdraw", 100_001, customer)
    diary.do("customer", "withdraw", 50_000, customer)


def usage(diary: Diary) -> None:
    yard = diary.yard
    start = yard.now_ms
    for step in range(1, 9):
        yard.chain.advance(7)
        now = yard.now_ms
        readings = [
            yard.reading(1, now, active_ms_1=3_000 * step, revolutions_1=100 * step),
            yard.reading(2, now, active_ms_2=3_500 * step, active_ms_3=step),
            yard.reading(1, now + 1),
            yard.reading(3, now),
            yard.reading(2, now, active_ms_1=2**37 - 1),
            Reading(1, start, Registers(), 2**256 - 1, b"\xff" * 32),
        ]
        good, bad = yard.signed(*readings), yard.signed(*readings, oracle=2)
        diary.do("relayer", "settle", *settle_arguments([bad, good]))
        diary.do("relayer", "settle", *settle_arguments([good, yard.signed(readings[1])]))
        if step == 6:
            diary.do("customer", "top_up", 2, 3_000, value=5_000)
            diary.do("provider", "collect", [1, 2, 1], yard.provider.address)
            diary.do("provider", "pause")
            diary.do("customer", "top_up", 2, 1)
    diary.look()


def the_end(diary: Diary) -> None:
    yard = diary.yard
    diary.do("stranger", "end_rental", 1)
    diary.do("customer", "end_rental", 1)
    yard.chain.advance(9)
    diary.do("provider", "end_rental", 2)
    diary.do("provider", "rotate_oracle", 1, new_key("third").address)
    final = yard.reading(2, yard.now_ms, active_ms_2=28_000, active_ms_3=100)
    diary.do("relayer", "settle", *settle_arguments([yard.signed(final)]))
    signed = yard.signed(final, key=new_key("third"))
    diary.do("relayer", "settle", *settle_arguments([signed]))
    diary.do("relayer", "close_rental", 1)
    yard.chain.advance(yard.call("grace_period"))
    diary.do("relayer", "close_rental", 1)
    diary.do("provider", "revoke_oracle", 1)
    diary.do("provider", "retire_tariff", 1)
    diary.do("provider", "retire_drill", 1)
    diary.do("provider", "collect", [1, 2], yard.provider.address)
    diary.do("customer", "withdraw", yard.account(yard.customer), yard.customer.address)
    diary.do("stranger", "withdraw", yard.account(yard.people["stranger"]), yard.meter.address)
    diary.look()


def test_every_optimiser__the_same_story__does_exactly_the_same(people):
    diaries = []
    for optimiser in OPTIMISERS:
        diary = Diary(deploy_yard(Chain(), drill_meter(optimiser), people))
        for chapter in (provider_sets_up, customers_come, usage, the_end):
            chapter(diary)
        diaries.append(diary.entries)
    assert len(diaries[0]) > 150
    assert diaries[0] == diaries[1] == diaries[2]
    logged = {e.name for entry in diaries[0] for e in events_of(entry)}
    assert {"BalanceExhausted", "BalancePositive", "RentalClosed", "ReadingRejected"} < logged


def test_every_optimiser__the_code__differs():
    """Otherwise the suite would run three times for nothing."""
    codes = {drill_meter(optimiser).runtime for optimiser in OPTIMISERS}
    assert len(codes) == len(OPTIMISERS)
