"""How far logs are final, as the chain side notes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from oracle_builders import FakeClock, make_rental, make_view
from oracle_fake_chain import FakeChain
from structlog.testing import capture_logs

from chain.errors import ChainError
from chain.finality import Tier, parse_policy
from chain.views import BlockSummary, ChainView, DrillView
from chain.watch import ChainWatcher, WatchScope
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.store import Store
from oracle.samples.extent import LogExtent, identity_of
from oracle.samples.extent_journal import ExtentJournal
from oracle.samples.extents import Extents
from protocol.records import RentalState

RENTAL = make_rental()
ENDED = {"state": RentalState.ENDED, "ended_at": RENTAL.opened_at + 60}


@dataclass
class Desk:
    """The chain side's part of publication, and a chain to ask."""

    chain: FakeChain
    journal: ExtentJournal
    extents: Extents


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = Store(f"sqlite:///{tmp_path}/journal.sqlite")
    chain, journal = FakeChain(), ExtentJournal(store)
    yield Desk(chain, journal, Extents(chain, journal, 1, (1,)))
    store.close()


def view(number: int, **changes: Any) -> ChainView:
    """A view whose confirmed block is so many seconds after the opening of rental 7."""
    confirmed = BlockSummary(number, bytes([number]) * 32, bytes(32), RENTAL.opened_at + number)
    return make_view(confirmed=confirmed, **changes)


def test_step__open_rental__final_up_to_the_confirmed_block(desk: Desk) -> None:
    desk.extents.step(view(1, deep={7: RENTAL}))
    desk.extents.step(view(2, deep={7: RENTAL}))

    assert desk.journal.extents() == [LogExtent(identity_of(RENTAL), RENTAL.opened_ms + 2_000)]


@pytest.mark.parametrize("other", [{"oracle": 2}, {"drill": 2}])
def test_step__rental_of_another_box__not_noted(desk: Desk, other: dict[str, int]) -> None:
    desk.extents.step(view(1, deep={7: replace(RENTAL, **other)}))  # type: ignore[arg-type]

    assert desk.journal.extents() == []


def test_step__catching_up__nothing_is_noted(desk: Desk) -> None:
    desk.extents.step(view(1, deep={7: RENTAL}, catching_up=True))

    assert desk.journal.extents() == []


def test_step__ended_and_finished__its_size_stays(desk: Desk) -> None:
    desk.extents.step(view(1, deep={7: replace(RENTAL, **ENDED)}))
    (extent,) = desk.journal.extents()
    desk.journal.finish(extent, 600)
    closed = replace(RENTAL, **(ENDED | {"state": RentalState.CLOSED}))
    desk.extents.step(view(2, deep={7: closed}))

    assert desk.journal.extents() == [replace(extent, closed=True, log_size=600)]
    assert desk.journal.not_closed() == []


def test_finish__end_moved_meanwhile__not_noted(desk: Desk) -> None:
    desk.extents.step(view(1, deep={7: replace(RENTAL, **ENDED)}))
    (extent,) = desk.journal.extents()
    moved = replace(RENTAL, **(ENDED | {"ended_at": RENTAL.opened_at + 61}))
    desk.extents.step(view(2, deep={7: moved}))
    desk.journal.finish(extent, 600)

    assert [one.log_size for one in desk.journal.extents()] == [None]


def test_step__gone_from_the_view__asked_for_and_found_closed(desk: Desk) -> None:
    desk.extents.step(view(1, deep={7: RENTAL}))
    closed = replace(RENTAL, **(ENDED | {"state": RentalState.CLOSED}))
    block = desk.chain.mine(rentals={7: closed})
    desk.extents.step(make_view(confirmed=block.header, deep={}))

    (extent,) = desk.journal.extents()
    assert (extent.closed, extent.ended_ms) == (True, RENTAL.opened_ms + 60_000)


@pytest.mark.parametrize("rentals", [{}, {7: replace(RENTAL, customer="0x" + "e" * 40)}])
def test_step__vanished_from_the_chain__dropped_with_a_line_that_names_its_folder(
    desk: Desk, rentals: dict[int, Any]
) -> None:
    desk.extents.step(view(1, deep={7: RENTAL}))
    block = desk.chain.mine(rentals=rentals)
    with capture_logs() as logs:
        desk.extents.step(make_view(confirmed=block.header, deep={}))

    assert desk.journal.extents() == []
    assert [(one["event"], one["folder"]) for one in logs] == [
        ("published rental vanished", identity_of(RENTAL).folder())
    ]


def test_step__number_given_to_another_rental__said_and_followed(desk: Desk) -> None:
    desk.extents.step(view(1, deep={7: RENTAL}))
    stranger = replace(RENTAL, customer="0x" + "e" * 40)
    with capture_logs() as logs:
        desk.extents.step(view(2, deep={7: stranger}))

    assert [one["event"] for one in logs] == ["published rental vanished"]
    assert [one.identity for one in desk.journal.extents()] == [identity_of(stranger)]


def test_step__chain_is_silent__nothing_is_dropped_and_it_is_asked_again(desk: Desk) -> None:
    desk.extents.step(view(1, deep={7: RENTAL}))
    block = desk.chain.mine(rentals={7: RENTAL})
    desk.chain.down = True
    with pytest.raises(ChainError):
        desk.extents.step(make_view(confirmed=block.header, deep={}))
    assert len(desk.journal.extents()) == 1

    desk.chain.down = False
    desk.extents.step(make_view(confirmed=block.header, deep={}))
    (extent,) = desk.journal.extents()
    assert extent.final_ms == block.header.timestamp * 1000


def test_step__many_are_gone__asked_for_a_few_at_a_time_until_none_is_left(desk: Desk) -> None:
    rentals = {number: replace(RENTAL, rental=number) for number in range(1, 7)}
    desk.extents.step(view(1, deep=rentals))
    gone = make_view(confirmed=desk.chain.mine(rentals={}).header, deep={})
    desk.extents.step(gone)
    assert len(desk.journal.extents()) == 2

    desk.extents.step(gone)
    assert desk.journal.extents() == []


def test_step__the_same_block_again__no_more_calls(desk: Desk) -> None:
    desk.extents.step(view(1, deep={7: RENTAL}))
    block = desk.chain.mine(rentals={7: RENTAL})
    desk.extents.step(make_view(confirmed=block.header, deep={}))
    calls = len(desk.chain.calls)
    desk.extents.step(make_view(confirmed=block.header, deep={}))

    assert len(desk.chain.calls) == calls


def test_poll__closed_and_rented_again_between_two_looks__a_view_shows_the_end(
    tmp_path: Path,
) -> None:
    store, chain = Store(f"sqlite:///{tmp_path}/journal.sqlite"), FakeChain()
    watcher = ChainWatcher(
        chain,
        ChainJournal(store),
        FakeClock(),
        WatchScope(1, (1,), 0, (Tier(parse_policy("latest")),)),
    )
    chain.open_rental()
    watcher.poll()
    chain.change("RentalEnded", **ENDED)
    chain.change("RentalClosed", state=RentalState.CLOSED)
    block = chain.mine(
        "RentalOpened",
        rentals={**chain.blocks[-1].rentals, 8: make_rental(rental=8)},
        drills={1: DrillView(1, 1, 8, retired=False)},
    )
    block.events[0] = replace(block.events[0], args={"rental": 8, "drill": 1})

    first = watcher.poll()
    assert first.deep[7].state is RentalState.CLOSED
    assert first.deep[8].state is RentalState.OPEN

    event = replace(block.events[0], name="ToppedUp")
    chain.mine("ToppedUp").events[0] = replace(
        event, block_number=block.header.number + 1, block_hash=chain.blocks[-1].header.hash
    )
    assert 7 not in watcher.poll().deep
    store.close()
