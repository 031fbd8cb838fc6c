"""Following the chain, through reorganisations and failures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from oracle_builders import FakeClock, make_rental
from oracle_fake_chain import FakeChain
from structlog.testing import capture_logs

from chain.errors import ChainError
from chain.finality import Tier, parse_policy
from chain.views import DrillView
from chain.watch import ChainWatcher, WatchScope
from oracle.errors import JournalError
from oracle.journal import tables
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.store import Store
from oracle.settling.outbox import open_readings
from protocol.records import Reading, Registers, RentalState


@dataclass
class Desk:
    """A watcher with its world."""

    chain: FakeChain
    journal: ChainJournal
    watcher: ChainWatcher

    def restart(self) -> None:
        self.watcher = make(self.chain, self.journal)


TWO_BLOCKS = (Tier(parse_policy("latest-2")),)


def make(
    chain: FakeChain, journal: ChainJournal, finality: tuple[Tier, ...] = TWO_BLOCKS
) -> ChainWatcher:
    return ChainWatcher(chain, journal, FakeClock(), WatchScope(1, (1,), 0, finality))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = Store(f"sqlite:///{tmp_path}/j.sqlite")
    chain, journal = FakeChain(), ChainJournal(store)
    yield Desk(chain, journal, make(chain, journal))
    store.close()


def test_poll__rental_opened__latest_at_once_and_deep_after_confirmations(desk: Desk) -> None:
    desk.chain.open_rental()
    view = desk.watcher.poll()
    assert 7 in view.latest
    assert 7 not in view.deep

    desk.chain.mine()
    assert 7 not in desk.watcher.poll().deep
    desk.chain.mine()
    view = desk.watcher.poll()

    assert 7 in view.deep
    assert view.drills[1].rental == 7
    assert view.evidence[7].block_number == 1
    assert view.tariffs[1] is not None


def test_poll__ended__latest_says_so_before_deep_does(desk: Desk) -> None:
    desk.chain.open_rental()
    desk.chain.mine()
    desk.chain.mine()
    desk.watcher.poll()

    desk.chain.change("RentalEnded", state=RentalState.ENDED, ended_at=5)
    view = desk.watcher.poll()
    assert view.latest[7].state is RentalState.ENDED
    assert view.deep[7].state is RentalState.OPEN

    desk.chain.mine()
    desk.chain.mine()
    assert desk.watcher.poll().deep[7].state is RentalState.ENDED


def test_poll__opened_and_ended_while_away__both_are_seen(desk: Desk) -> None:
    desk.watcher.poll()
    desk.chain.open_rental()
    desk.chain.change("RentalEnded", state=RentalState.ENDED, ended_at=5)
    desk.watcher.poll()
    desk.chain.mine()
    desk.watcher.poll()
    desk.chain.mine()

    assert desk.watcher.poll().deep[7].state is RentalState.ENDED


def test_poll__reorganisation_removes_the_deposit__nothing_of_it_is_left(desk: Desk) -> None:
    desk.chain.open_rental()
    desk.chain.mine()
    desk.chain.mine()
    assert 7 in desk.watcher.poll().deep

    desk.chain.fork(3)
    desk.chain.blocks[1].drills = desk.chain.blocks[0].drills
    view = desk.watcher.poll()

    assert 7 not in view.latest
    assert 7 not in view.deep
    assert desk.journal.evidence(7) is None


def test_poll__roll_back_is_durable_but_its_answer_is_lost__nothing_vanished_is_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.chain.open_rental()
    desk.chain.mine()
    desk.chain.mine()
    desk.watcher.poll()
    roll_back = ChainJournal.roll_back

    def lose_the_answer(journal: ChainJournal, number: int) -> None:
        roll_back(journal, number)
        raise JournalError("connection lost")

    desk.chain.fork(3)
    with monkeypatch.context() as patch:
        patch.setattr(ChainJournal, "roll_back", lose_the_answer)
        with pytest.raises(JournalError):
            desk.watcher.poll()
    desk.chain.blocks[1].drills = desk.chain.blocks[0].drills
    view = desk.watcher.poll()

    assert 7 not in view.latest
    assert 7 not in view.evidence


def test_poll__reorganisation_while_stopped__found_by_the_remembered_hashes(desk: Desk) -> None:
    desk.chain.open_rental()
    desk.chain.mine()
    desk.chain.mine()
    desk.watcher.poll()

    desk.chain.fork(3)
    desk.restart()

    assert 7 not in desk.watcher.poll().evidence


def test_poll__chain_becomes_shorter__rolled_back(desk: Desk) -> None:
    desk.chain.open_rental()
    desk.chain.mine()
    desk.watcher.poll()

    del desk.chain.blocks[1:]

    assert desk.watcher.poll().latest == {}


def test_poll__restart__evidence_and_rental_are_there_without_rescanning(desk: Desk) -> None:
    desk.chain.open_rental()
    desk.chain.mine()
    desk.chain.mine()
    desk.watcher.poll()
    desk.restart()
    desk.chain.calls.clear()

    view = desk.watcher.poll()

    assert view.evidence[7].block_number == 1
    assert 7 in view.deep
    assert "events_of" not in desk.chain.calls


def test_poll__settled_and_closed_while_stopped__the_outbox_still_finds_the_rental(
    desk: Desk,
) -> None:
    """Its drill has another rental by now, and no event of it comes again."""
    rental = desk.chain.open_rental()
    desk.watcher.poll()
    reading = Reading(7, rental.until + 1_000, Registers(), 0, bytes(32))
    batch = desk.journal.add_batch(1, [reading], [rental.identity], bytes(65))
    closed = replace(rental, state=RentalState.CLOSED, ended_at=5, until=reading.until)
    another = {1: DrillView(1, 1, 8, retired=False)}
    desk.chain.mine("RentalClosed", rentals={7: closed, 8: make_rental(rental=8)}, drills=another)
    desk.watcher.poll()
    desk.restart()
    for _ in range(4):
        desk.chain.mine()
        view = desk.watcher.poll()

    assert open_readings(batch, view.deep) == []
    desk.journal.finish_batch(batch.number, tables.SETTLED, "")
    desk.chain.mine()
    assert 7 not in desk.watcher.poll().latest


def test_poll__restart_before_the_opening_is_deep__deep_after_confirmations(desk: Desk) -> None:
    """Its event was read before the restart and does not come again."""
    desk.chain.open_rental()
    desk.watcher.poll()
    desk.restart()
    desk.watcher.poll()

    desk.chain.mine()
    desk.watcher.poll()
    desk.chain.mine()

    assert 7 in desk.watcher.poll().deep


def test_poll__restart_before_the_end_is_deep__ended_after_confirmations(desk: Desk) -> None:
    desk.chain.open_rental()
    desk.chain.mine()
    desk.chain.mine()
    desk.watcher.poll()
    desk.chain.change("RentalEnded", state=RentalState.ENDED, ended_at=5)
    desk.watcher.poll()
    desk.restart()
    assert desk.watcher.poll().deep[7].state is RentalState.OPEN

    desk.chain.mine()
    desk.watcher.poll()
    desk.chain.mine()

    assert desk.watcher.poll().deep[7].state is RentalState.ENDED


def test_poll__block_after_the_opening_replaced__deep_after_confirmations(desk: Desk) -> None:
    """The opening's own block stays, and is not read again."""
    watcher = make(desk.chain, desk.journal, (Tier(parse_policy("latest-3")),))
    desk.chain.open_rental()
    desk.chain.mine()
    watcher.poll()
    desk.chain.fork(1)
    assert 7 not in watcher.poll().deep

    desk.chain.mine()

    assert 7 in watcher.poll().deep


def test_poll__fails_in_the_middle__no_event_is_lost(desk: Desk) -> None:
    desk.watcher.poll()
    desk.chain.open_rental()
    desk.chain.mine()
    desk.chain.mine()
    real, countdown = desk.chain.rental, [1]

    def fail_once(*arguments: object) -> object:
        if countdown:
            countdown.pop()
            raise ChainError("cannot be reached")
        return real(*arguments)  # type: ignore[arg-type]

    desk.chain.rental = fail_once  # type: ignore[method-assign, assignment]
    with pytest.raises(ChainError):
        desk.watcher.poll()

    assert 7 in desk.watcher.poll().deep


def test_poll__far_behind__catches_up_in_spans_and_says_so(desk: Desk) -> None:
    desk.chain.open_rental()
    for _ in range(400):
        desk.chain.mine()

    first = desk.watcher.poll()
    for _ in range(10):
        view = desk.watcher.poll()

    assert first.catching_up
    assert not view.catching_up
    assert view.evidence[7].block_number == 1
    assert 7 in view.deep


def test_poll__blocks_come_while_it_reads__caught_up_all_the_same(desk: Desk) -> None:
    desk.watcher.poll()
    desk.chain.open_rental()
    for _ in range(600):
        desk.chain.mine()
    looks = 0
    while desk.watcher.poll().catching_up:
        looks += 1
        for _ in range(20):
            desk.chain.mine()
        assert looks < 10

    assert desk.watcher.view is not None
    assert 7 in desk.watcher.view.deep


def test_poll__nothing_new__asks_only_for_the_head(desk: Desk) -> None:
    desk.watcher.poll()
    desk.chain.calls.clear()

    desk.watcher.poll()

    assert desk.chain.calls == ["head"]


def test_poll__endpoints_serve_ten_blocks_at_a_time__as_far_in_a_look(desk: Desk) -> None:
    desk.chain.span = 10
    desk.chain.open_rental()
    for _ in range(1_500):
        desk.chain.mine()
    looks = 1
    while desk.watcher.poll().catching_up:
        looks += 1

    assert looks == 3, "a thousand blocks, most of the rest, and the newest one by one"
    assert desk.watcher.view is not None
    assert 7 in desk.watcher.view.deep


def test_poll__nobody_tells_the_price_of_gas__unknown_said_once_and_the_rest_is_read(
    desk: Desk,
) -> None:
    def fail(_at: object) -> int:
        raise ChainError("the method eth_gasPrice does not exist")

    desk.chain.gas_price_wei = fail  # type: ignore[assignment, method-assign]
    desk.chain.open_rental()

    with capture_logs() as logs:
        views = [desk.watcher.poll()]
        desk.chain.mine()
        views.append(desk.watcher.poll())

    assert [view.gas_price_wei for view in views] == [None, None]
    assert 7 in views[0].latest
    assert [one["event"] for one in logs].count("price of gas unknown") == 1
