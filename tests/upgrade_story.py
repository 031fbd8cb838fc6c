"""A rental that a box meters, stops in the middle of a stroke and goes on with, all by the clock of
a test: so that a journal of an older version, upgraded, can be held against one that never was.

`python tests/upgrade_story.py FOLDER` writes the first half as the code of that day has it, as SQL:
the journal and the spool. What older releases wrote so is kept in `tests/former/`.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import device_builders
from oracle_box import DOMAIN, LIMITS, SIGNER, Box, build, fresh, view_of
from oracle_builders import ONE_BLOCK, FakeBroker, FakeClock, make_rental
from oracle_fake_chain import FakeChain

from chain.ports import SentTransaction
from chain.transact import FeeLimits, Transactor
from chain.views import ChainView
from chain.watch import ChainWatcher, WatchScope
from device.bridge import spool_versions
from device.bridge.spool import Spool
from host.schema import Execute, Schema, SchemaStep
from oracle.journal import versions as journal_versions
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.store import Store
from oracle.journal.tables import SETTLED
from oracle.ports import JournalBatch
from oracle.settling.submit import Submitter
from oracle.signing.registration import OracleIdentity
from oracle.signing.sign import GasAccount
from protocol.records import RentalState

FORMER = Path(__file__).parent / "former"
HALF = 61
"""Samples of the first half."""

RENTAL = make_rental(funded=50_000)
VIEW = view_of(RENTAL, gas_price_wei=0)
"""Gas is free, so that so little is worth a settlement."""


@dataclass(frozen=True)
class Outcome:
    """All that left the box in the second half."""

    readings: list[dict[str, Any]]
    batches: list[JournalBatch]
    transaction: SentTransaction
    signed: list[tuple[int, bytes]]


def begin(store: Store) -> None:
    """The first half: two strokes, a settlement on its way, and in the midst of a third stroke."""
    store.bind(DOMAIN)
    clock, broker = FakeClock(), FakeBroker()
    box = Box(store, clock, broker, build(store, clock, broker))
    view = VIEW
    box.rest()
    box.run(25, view, motor_on=True, level=1, rpm=900)
    box.run(5, view)
    box.run(20, view, motor_on=True, level=2, rpm=1700)
    _settle(store, clock)
    box.run(3, view)
    box.run(7, view, motor_on=True, level=3, rpm=333)
    assert box.sent == HALF


def _settle(store: Store, clock: FakeClock) -> None:
    """The chain's blocks are seen, and what is signed by now goes out."""
    chain, journal = FakeChain(), ChainJournal(store)
    chain.mine("RentalOpened", "BalancePositive")
    chain.mine()
    ChainWatcher(chain, journal, clock, WatchScope(1, (1,), 0, ONE_BLOCK)).poll()
    limits = FeeLimits(bump_after_ms=60_000, highest_fee_wei=1_000)
    gas = GasAccount(bytes(range(1, 33)))
    transactor = Transactor(chain, journal, clock, gas, domain=DOMAIN, limits=limits)
    identity = OracleIdentity(1, SIGNER.address)
    Submitter(
        chain,
        journal,
        clock,
        transactor,
        domain=DOMAIN,
        identity=identity,
        grace_seconds=LIMITS.grace_seconds,
    ).step(_now(clock))
    assert len(chain.pool) == 1


def _now(clock: FakeClock) -> ChainView:
    view = fresh(VIEW, clock.ms)
    assert view is not None
    return view


def go_on(store: Store) -> Outcome:
    """The second half: after a restart the stroke goes on, ends, and so does the rental."""
    clock, broker = FakeClock(), FakeBroker()
    clock.ms += 100 * (HALF - 1)
    box = Box(store, clock, broker, build(store, clock, broker), sent=HALF)
    box.run(18, VIEW, motor_on=True, level=3, rpm=333)
    journal = ChainJournal(store)
    (sent,) = journal.open_batches()
    (transaction,) = journal.transactions(sent.number)
    journal.finish_batch(sent.number, SETTLED, "")
    (reading,) = sent.readings
    settled = replace(RENTAL, until=reading.until, registers=reading.registers)
    box.run(10, replace(VIEW, latest={7: settled}, deep={7: settled}))
    end = replace(settled, state=RentalState.ENDED, ended_at=clock.ms // 1000)
    box.run(320, replace(VIEW, latest={7: end}, deep={7: end}))
    with store.read() as connection:
        signed = connection.exec_driver_sql(
            "SELECT until, signature FROM receipt_signature ORDER BY until"
        ).all()
    return Outcome(
        broker.of("reading"),
        [sent, *journal.open_batches()],
        transaction,
        [(int(until), bytes(signature)) for until, signature in signed],
    )


def fill(spool: Spool) -> None:
    """What a bridge keeps while the oracle has some of it."""
    spool.put([device_builders.make_sample(number) for number in range(1, 21)], 1)
    spool.forget(12)
    spool.put([device_builders.make_sample(number) for number in range(21, 31)], 3)
    spool.note_oracle(12)


def former_journal(folder: Path) -> Path:
    """A journal of version 4 in the middle of the rental, and its tally."""
    path = folder / "journal.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.executescript((FORMER / "journal_4.sql").read_text("utf-8"))
        database.execute("PRAGMA journal_mode=WAL")
        key, count = database.execute("SELECT key, signatures FROM signing").fetchone()
    path.with_name(path.name + ".signed").write_text(f"{key} {count:020}\n")
    return path


def former_spool(folder: Path) -> Path:
    """A spool of version 1 with samples that the oracle does not have yet."""
    path = folder / "spool.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.executescript((FORMER / "spool_1.sql").read_text("utf-8"))
        database.execute("PRAGMA journal_mode=WAL")
    return path


def rows_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that is in an SQLite database, by table."""
    with closing(sqlite3.connect(path)) as database:
        names = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            name: sorted(database.execute(f"SELECT * FROM {name}").fetchall(), key=repr)  # noqa: S608
            for (name,) in names
        }


def _count_samples(execute: Execute) -> None:
    execute("ALTER TABLE rental ADD COLUMN samples BIGINT NOT NULL DEFAULT 0")
    count = "SELECT count(*) FROM sample WHERE sample.rental = rental.rental"
    execute(f"UPDATE rental SET samples = ({count})")  # noqa: S608


def _find_newest(execute: Execute) -> None:
    execute("ALTER TABLE mark ADD COLUMN newest INTEGER NOT NULL DEFAULT 0")
    execute("UPDATE mark SET newest = (SELECT max(sequence) FROM sample)")


def _next_release(versions: Schema, make: Callable[[Execute], None]) -> Schema:
    step = SchemaStep(versions.newest + 1, "9.9.0", "a column that is filled from others", make)
    return Schema(versions.name, versions.oldest, (*versions.steps, step))


NEXT_JOURNAL = _next_release(journal_versions.SCHEMA, _count_samples)
NEXT_SPOOL = _next_release(spool_versions.SCHEMA, _find_newest)
"""As a later release may have them: a step that adds a column and fills it."""


def write_halves(folder: Path) -> None:
    """Both databases as SQL, by the code as it stands."""
    journal, spool_file = folder / "journal.sqlite", folder / "spool.sqlite"
    store = Store(f"sqlite:///{journal}")
    begin(store)
    store.close()
    spool = Spool(spool_file, device_builders.DRILL, 1_000)
    fill(spool)
    spool.close()
    for file in (journal, spool_file):
        with closing(sqlite3.connect(file)) as database:
            file.with_suffix(".sql").write_text("\n".join(database.iterdump()) + "\n")


if __name__ == "__main__":
    write_halves(Path(sys.argv[1]))
