"""Statements made by hand, for the tests of bills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit_story import CUSTOMER, Story

from audit.amounts import Asset
from audit.bill.course import Metered
from audit.bill.rental_story import RentalStory
from audit.bill.statement import Statement, state_rental
from audit.node.decode import Event
from audit.result import Result, Scope, bills_of
from audit.samples.track import SampleTally

COIN = Asset("0x" + "00" * 20, "ETH", 18, "wei", told=False)
CONTRACT = "0x" + "77" * 20


class TellingStory(Story):
    """A story that a statement's listener follows."""

    def __init__(self, rental: int = 1) -> None:
        self.listener = RentalStory(rental)
        super().__init__()
        inner = self.replay.apply

        def apply(event: Event, calldata: Mapping[str, bytes | None]) -> None:
            inner(event, calldata)
            self.listener.see(event, self.books, calldata)

        self.replay.apply = apply  # type: ignore[method-assign]

    def statement(
        self, asset: Asset = COIN, tally: SampleTally | None = None, metered: Metered | None = None
    ) -> Statement:
        self.replay.finish_block()
        tallies = {} if tally is None else {self.listener.rental: tally}
        result = Result(scope(), bills_of(self.books, {}, None, tallies), self.findings)
        return state_rental(
            self.listener,
            self.books,
            result,
            asset=asset,
            last_time=self.now,
            metered=metered,
        )


def scope(**changes: Any) -> Scope:
    given: dict[str, Any] = {
        "chain_id": 1,
        "contract": CONTRACT,
        "endpoint": "http://node",
        "asset": "0x" + "00" * 20,
        "first_block": 1,
        "last_block": 99,
        "last_hash": "0x" + "ab" * 32,
        "from_deployment": True,
        "depth": "all",
        "headers": 99,
        "receipts_blocks": 20,
        "events": 30,
        "readings": 3,
        "signatures_verified": 3,
        "views_compared": 50,
        "slots_proven": 0,
        "samples": None,
        "requests": 9,
        "seconds": 1.0,
    }
    return Scope(**{**given, **changes})


def told(label: str = "Pillar drill") -> TellingStory:
    """A rental that is topped up, used, ended, closed and disputed."""
    story = TellingStory()
    story.furnish()
    story.books.drills[1].label = label
    story.open()
    story.tell("Deposited", account=CUSTOMER, payer=CUSTOMER, amount=100_000)
    story.settle(40_000)
    story.tell("ToppedUp", rental=1, payer=CUSTOMER, amount=5_000, funded=105_000)
    story.settle(70_001)
    story.end()
    story.settle(70_001, later=0)
    story.tell("RentalClosed", 0, rental=1, customer=CUSTOMER, charge=70_001, refund=34_999)
    story.dispute(5, 60_000, refund=10_001, penalty=7)
    return story
