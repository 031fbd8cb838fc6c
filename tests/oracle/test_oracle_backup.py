"""A verified copy of the journal while samples are committed all the time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from oracle_builders import NOW_MS, logged, make_sample

from host.errors import SettingsError
from oracle.errors import JournalError
from oracle.journal.backup import backup
from oracle.journal.journal import Journal, Received
from oracle.journal.store import Store

BEFORE = 20_000


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Store]:
    store = Store(url(tmp_path))
    add(store, 1, BEFORE)
    yield store
    store.close()


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/journal.sqlite"


def add(store: Store, first: int, last: int) -> None:
    made = [logged(make_sample(n, NOW_MS + 100 * n)) for n in range(first, last + 1)]
    Journal(store).add_samples(Received(made, []))


def test_backup__commits_all_the_time__is_one_moment_of_the_journal(
    journal: Store, tmp_path: Path
) -> None:
    stop, newest = threading.Event(), BEFORE

    def commit() -> None:
        nonlocal newest
        while not stop.is_set():
            add(journal, newest + 1, newest + 1)
            newest += 1
            stop.wait(0.002)

    thread = threading.Thread(target=commit)
    thread.start()
    try:
        made = [backup(url(tmp_path), tmp_path / f"copy-{n}") for n in range(3)]
    finally:
        stop.set()
        thread.join()
    assert newest > BEFORE
    sizes = [one.samples for one in made]
    assert BEFORE <= sizes[0] <= sizes[1] <= sizes[2] <= newest
    copy = Store(f"sqlite:///{made[2].path}")
    assert Journal(copy).order(1).sequence == sizes[2]
    copy.close()
    assert not list(tmp_path.glob("*.part*"))


def test_backup__target_is_there__is_left_alone(journal: Store, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("precious")
    with pytest.raises(SettingsError, match="never overwritten"):
        backup(url(tmp_path), tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "precious"


@pytest.mark.parametrize("target", ["no/such/folder", "/dev/full/copy"])
def test_backup__cannot_be_written__says_so(journal: Store, tmp_path: Path, target: str) -> None:
    with pytest.raises(JournalError, match="backup to"):
        backup(url(tmp_path), tmp_path / target)


def test_backup__no_journal__makes_none(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no such database"):
        backup(url(tmp_path), tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_backup__sample_damaged__is_named_and_there_is_no_copy(
    journal: Store, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as database, database:
        database.execute("UPDATE sample SET raw = zeroblob(92) WHERE sequence = 77")
    with pytest.raises(JournalError, match="sample 77 of drill 1 was changed"):
        backup(url(tmp_path), tmp_path / "copy")
    assert not list(tmp_path.glob("copy*"))


def test_backup__database_server__names_its_own_tool(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="pg_dump"):
        backup("postgresql+psycopg://drill@db.example/drill", tmp_path / "copy")
