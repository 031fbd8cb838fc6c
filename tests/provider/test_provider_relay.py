"""The relay's book and limits: what is taken, how often, and what is remembered of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain.ports import SentTransaction
from provider.errors import ProviderError
from provider.relay.book import NewOrder, OrderBook, OrderState
from provider.relay.limits import RelayLimits, Used, objection, too_much_gas

LIMITS = RelayLimits(customer_orders=2, orders=5, order_gas=100, day_gas=1_000)
ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20


def new(customer: str = ALICE, nonce: int = 2**255, taken_ms: int = 1_000) -> NewOrder:
    return NewOrder(customer, nonce, b"data", 99, 50, taken_ms)


@pytest.fixture
def book(tmp_path: Path):
    opened = OrderBook(tmp_path / "orders.db")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("used", "word"),
    [
        (Used(0, 0, 0), None),
        (Used(1, 4, 999), None),
        (Used(2, 2, 0), "for one customer"),
        (Used(0, 5, 0), "in an hour"),
        (Used(0, 0, 1_000), "gas for a day"),
    ],
)
def test_objection__at_each_limit__says_which(used: Used, word: str | None) -> None:
    found = objection(LIMITS, used)
    assert (found is None) if word is None else (word in str(found))


@pytest.mark.parametrize(
    ("gas", "left", "word"),
    [(100, 100, None), (101, 1_000, "101 gas"), (100, 99, "gas for a day")],
)
def test_too_much_gas__at_each_limit__says_which(gas: int, left: int, word: str | None) -> None:
    found = too_much_gas(LIMITS, Used(0, 0, 1_000 - left), gas)
    assert (found is None) if word is None else (word in str(found))


def test_take__kept__is_found_by_customer_and_nonce_in_any_letters(book: OrderBook) -> None:
    number = book.take(new())
    found = book.find(ALICE.upper().replace("0X", "0x"), 2**255)
    assert found is not None
    assert (found.number, found.state, found.nonce) == (number, OrderState.WAITING, 2**255)
    assert book.find(BOB, 2**255) is None
    assert book.find(ALICE, 2**255 + 1) is None


def test_take__opened_again__has_orders_and_transactions(tmp_path: Path) -> None:
    book = OrderBook(tmp_path / "orders.db")
    number = book.take(new())
    sent = SentTransaction(b"h" * 32, number, 7, b"raw", 2**70, 3, 1_234)
    book.add_transaction(sent)
    book.close()
    again = OrderBook(tmp_path / "orders.db")
    assert [one.number for one in again.waiting()] == [number]
    assert again.transactions(number) == [sent]
    again.close()


def test_take__one_that_failed__gives_way_and_one_that_did_not_stays(book: OrderBook) -> None:
    first = book.take(new())
    book.add_transaction(SentTransaction(b"h" * 32, first, 7, b"raw", 1, 1, 1))
    book.finish(first, OrderState.FAILED, "why")
    second = book.take(new())
    assert book.transactions(second) == []
    book.finish(second, OrderState.DONE)
    with pytest.raises(Exception, match="UNIQUE"):
        book.take(new())
    assert book.waiting() == []


def test_counts__since__are_of_one_customer_and_of_all(book: OrderBook) -> None:
    for nonce, taken in enumerate((1_000, 2_000, 3_000)):
        book.take(new(nonce=nonce, taken_ms=taken))
    book.take(new(BOB, 1, 3_000))
    assert book.taken_since(2_000, ALICE) == 2
    assert book.taken_since(2_000) == 3
    assert book.gas_since(3_000) == 100
    assert book.gas_since(3_001) == 0


def test_book__of_a_newer_release__is_refused(tmp_path: Path) -> None:
    book = OrderBook(tmp_path / "orders.db")
    book._base.execute("pragma user_version = 2")
    book.close()
    with pytest.raises(ProviderError, match="newer release"):
        OrderBook(tmp_path / "orders.db")


def test_book__no_database__is_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.db").write_text("something else, and long enough to be seen" * 100)
    with pytest.raises(ProviderError, match="cannot be opened"):
        OrderBook(tmp_path / "orders.db")
