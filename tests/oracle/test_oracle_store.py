"""How the journal's database is opened: asked of the very connection that writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from oracle.errors import JournalError
from oracle.journal.engine import WAL_PAGES
from oracle.journal.store import Store, open_journal
from oracle.journal.upgrade import upgrade
from protocol.records import Domain

FULL = 2


def pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def test_write__sqlite__the_connection_that_commits_is_in_wal_and_synchronous_full(
    tmp_path: Path,
) -> None:
    store = Store(f"sqlite:///{tmp_path}/journal.sqlite")
    try:
        for _ in range(2):
            with store.write() as connection:
                assert pragma(connection, "journal_mode") == "wal"
                assert pragma(connection, "synchronous") == FULL
    finally:
        store.close()


def test_write__journal_that_another_program_left_in_delete_mode__in_wal_again(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/journal.sqlite"
    Store(url).close()
    other = sqlite3.connect(tmp_path / "journal.sqlite")
    assert other.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
    other.close()

    again = Store(url)
    try:
        with again.write() as connection:
            assert pragma(connection, "journal_mode") == "wal"
            assert pragma(connection, "synchronous") == FULL
    finally:
        again.close()


def test_write__second_connection_of_the_pool__durable_as_well(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/journal.sqlite")
    try:
        with store.read() as reading, store.write() as writing:
            assert reading.connection.driver_connection is not writing.connection.driver_connection
            assert pragma(writing, "synchronous") == FULL
    finally:
        store.close()


def test_write__log_longer_than_it_may_get__copied_and_begun_anew(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/journal.sqlite")
    page = 4_096
    try:
        with store.write() as connection:
            connection.exec_driver_sql("CREATE TABLE filler (content BLOB)")
        for _ in range(3 * WAL_PAGES // 1_000):
            with store.write() as connection:
                connection.exec_driver_sql(
                    "INSERT INTO filler VALUES (zeroblob(?))", (1_000 * page,)
                )
        log = (tmp_path / "journal.sqlite-wal").stat().st_size
    finally:
        store.close()

    assert WAL_PAGES * page < log < 2 * WAL_PAGES * page


def test_bind__journal_of_the_release_before__one_line_and_not_a_byte_is_changed(
    tmp_path: Path,
) -> None:
    path, contract = tmp_path / "journal.sqlite", "0x" + 40 * "1"
    Store(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as former:  # its samples named no rental
        for table in ("sample", "late_sample"):
            former.execute(f"DROP TABLE {table}")
            former.execute(
                f"CREATE TABLE {table} (drill BIGINT NOT NULL, sequence BIGINT NOT NULL, "
                "time_ms BIGINT NOT NULL, raw BLOB NOT NULL, PRIMARY KEY (drill, sequence))"
            )
        former.execute("CREATE INDEX sample_time ON sample (drill, time_ms)")
        former.execute("INSERT INTO sample VALUES (1, 1, 1, ?)", (bytes(88),))
        former.execute("DROP TABLE schema_step")
        former.execute("INSERT INTO journal_info VALUES (3, 31337, ?)", (contract,))
        former.commit()
    content = path.read_bytes()
    url, domain = f"sqlite:///{path}", Domain(31337, contract)
    for refuse in (lambda: Store(url), lambda: upgrade(url, domain)):
        with pytest.raises(JournalError) as refused:
            refuse()
        assert str(refused.value) == (
            f"journal sqlite:///{path} is of version 3, this release takes over versions from 4 "
            "on; nothing was changed. Let the release that wrote it finish what is in it first: "
            "see docs/upgrading.md"
        )
        assert path.read_bytes() == content


def test_open_journal__none_there__said_and_none_is_made(tmp_path: Path) -> None:
    """Whoever exports may be another user than the oracle, which could not write such a journal."""
    path, domain = tmp_path / "journal.sqlite", Domain(31337, "0x" + 40 * "1")
    with (
        pytest.raises(JournalError, match=r"journal\.sqlite: it does not exist yet"),
        open_journal(f"sqlite:///{path}", domain),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
