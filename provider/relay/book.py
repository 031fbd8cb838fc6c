"""The relay's orders and transactions in an SQLite file; durable when a method returns.

An order is known by its customer and nonce: those are good once, so a second one of the same is the
first one's repetition, or was never to be carried out beside it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from chain.ports import SentTransaction
from provider.errors import ProviderError

SCHEMA = """
create table if not exists orders (
    number integer primary key,
    customer text not null,
    nonce text not null,
    data blob not null,
    deadline integer not null,
    gas integer not null,
    state text not null,
    note text not null default '',
    taken_ms integer not null,
    unique (customer, nonce)
);
create table if not exists transactions (
    hash blob primary key,
    number integer not null references orders (number),
    nonce integer not null,
    raw blob not null,
    max_fee_wei text not null,
    priority_fee_wei text not null,
    sent_ms integer not null
);
pragma user_version = 1;
"""


class OrderState(StrEnum):
    """What has become of an order."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to be kept; `deadline` in Unix s, `gas` what it is expected to take."""

    customer: str
    nonce: int
    data: bytes
    deadline: int
    gas: int
    taken_ms: int


@dataclass(frozen=True, slots=True)
class KeptOrder(NewOrder):
    """An order that was taken."""

    number: int
    state: OrderState
    note: str


class OrderBook:
    """Implements the port `TransactionStore`. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it; raises ProviderError when it is not to be had."""
        try:
            self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._base.execute("pragma journal_mode = wal")
            self._base.execute("pragma synchronous = full")
            (version,) = self._base.execute("pragma user_version").fetchone()
            if version > 1:
                raise ProviderError(f"{path} was written by a newer release; install that one")
            self._base.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise ProviderError(f"{path} cannot be opened: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def find(self, customer: str, nonce: int) -> KeptOrder | None:
        """The order of that customer and nonce."""
        terms = (customer.lower(), str(nonce))
        found = self._orders("where customer = ? and nonce = ?", *terms)
        return found[0] if found else None

    def order(self, number: int) -> KeptOrder | None:
        """The order of that number."""
        found = self._orders("where number = ?", number)
        return found[0] if found else None

    def waiting(self) -> list[KeptOrder]:
        """Those that are not done yet, oldest first."""
        return self._orders("where state = ? order by number", OrderState.WAITING.value)

    def _orders(self, condition: str, *values: object) -> list[KeptOrder]:
        columns = "customer, nonce, data, deadline, gas, taken_ms, number, state, note"
        rows = self._base.execute(f"select {columns} from orders {condition}", values)  # noqa: S608  our own words
        return [
            KeptOrder(who, int(nonce), data, due, gas, taken, number, OrderState(state), note)
            for who, nonce, data, due, gas, taken, number, state, note in rows
        ]

    def taken_since(self, since_ms: int, customer: str | None = None) -> int:
        """How many orders were taken since then, of one customer or of all."""
        condition = "" if customer is None else " and customer = ?"
        values = (since_ms,) if customer is None else (since_ms, customer.lower())
        row = self._base.execute(
            f"select count(*) from orders where taken_ms >= ?{condition}",  # noqa: S608  our own words
            values,
        )
        return int(row.fetchone()[0])

    def gas_since(self, since_ms: int) -> int:
        """The gas that the orders taken since then were expected to take."""
        row = self._base.execute(
            "select coalesce(sum(gas), 0) from orders where taken_ms >= ?", (since_ms,)
        )
        return int(row.fetchone()[0])

    def take(self, new: NewOrder) -> int:
        """Keep an order, and return its number; one of that customer and nonce that failed gives
        way to it."""
        with self._base:
            self._base.execute("begin immediate")
            terms = (new.customer.lower(), str(new.nonce), OrderState.FAILED.value)
            dead = "select number from orders where customer = ? and nonce = ? and state = ?"
            self._base.execute(f"delete from transactions where number in ({dead})", terms)  # noqa: S608  our own words
            self._base.execute(f"delete from orders where number in ({dead})", terms)  # noqa: S608  our own words
            cursor = self._base.execute(
                "insert into orders (customer, nonce, data, deadline, gas, state, taken_ms) "
                "values (?, ?, ?, ?, ?, ?, ?)",
                (
                    *terms[:2],
                    new.data,
                    new.deadline,
                    new.gas,
                    OrderState.WAITING.value,
                    new.taken_ms,
                ),
            )
        return int(cursor.lastrowid or 0)

    def finish(self, number: int, state: OrderState, note: str = "") -> None:
        """Say what has become of an order."""
        self._base.execute(
            "update orders set state = ?, note = ? where number = ?", (state.value, note, number)
        )

    def add_transaction(self, sent: SentTransaction) -> None:
        """Keep a transaction before it is broadcast."""
        self._base.execute(
            "insert into transactions values (?, ?, ?, ?, ?, ?, ?)",
            (
                sent.hash,
                sent.batch,
                sent.nonce,
                sent.raw,
                str(sent.max_fee_wei),
                str(sent.priority_fee_wei),
                sent.sent_ms,
            ),
        )

    def transactions(self, number: int) -> Sequence[SentTransaction]:
        """An order's transactions, oldest first."""
        rows = self._base.execute(
            "select hash, number, nonce, raw, max_fee_wei, priority_fee_wei, sent_ms "
            "from transactions where number = ? order by rowid",
            (number,),
        )
        return [
            SentTransaction(h, n, nonce, raw, int(fee), int(tip), ms)
            for h, n, nonce, raw, fee, tip, ms in rows
        ]
