"""A spool of a former release under this one: every sample that the oracle lacks is still sent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from device_builders import DRILL, make_sample
from upgrade_story import NEXT_SPOOL, fill, former_spool, rows_of

from device.bridge.check import _spool
from device.bridge.spool import Spool
from device.bridge.spool_versions import SCHEMA, bring_up_to_date
from device.errors import SpoolError
from host.checks import MissingError, NoteError
from host.process_lock import ProcessLock


@pytest.fixture
def former(tmp_path: Path) -> Path:
    return former_spool(tmp_path)


def bring_to_next(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        bring_up_to_date(database, path, NEXT_SPOOL)


def pending(path: Path) -> list[tuple[int, bytes]]:
    """What it sends, also after one more sample."""
    with closing(Spool(path, DRILL, 1_000)) as spool:
        assert (spool.journalled, spool.oldest, spool.newest) == (12, 3, 30)
        spool.put([make_sample(31)], 3)
        return spool.pending(0, 1_000)


def test_open__spool_of_version_1__sends_what_one_that_was_never_upgraded_sends(
    former: Path, tmp_path: Path
) -> None:
    before = rows_of(former)
    with closing(Spool(former, DRILL, 1_000)):
        pass
    after = rows_of(former)
    assert after.pop("schema_step") == [(SCHEMA.newest, "0.1.0")]
    assert after == before == rows_of(tmp_path / "spool.sqlite.version-1")

    with closing(Spool(tmp_path / "new", DRILL, 1_000)) as spool:
        fill(spool)
    found = pending(former)
    assert found == pending(tmp_path / "new")
    assert [sequence for sequence, _ in found] == [*range(13, 32)]
    assert rows_of(former)["schema_step"] == rows_of(tmp_path / "new")["schema_step"]


def test_open__spool_that_was_killed_while_it_was_made__is_completed(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE sample (sequence INTEGER PRIMARY KEY, data BLOB NOT NULL)")
    with closing(Spool(path, DRILL, 1_000)) as spool:
        spool.put([make_sample(1)], 1)
    assert rows_of(path)["mark"]


def test_open__spool_of_a_later_release__refused_in_one_line_and_left_alone(former: Path) -> None:
    bring_to_next(former)
    before = rows_of(former)

    expected = (
        f"spool {former} is of version 3, this release knows versions up to 2; nothing was "
        "changed. Install release 9.9.0 or newer, or put back the copy that the upgrade made: see "
        "docs/upgrading.md"
    )
    with pytest.raises(SpoolError) as refused:
        Spool(former, DRILL, 1_000)
    assert str(refused.value) == expected
    with pytest.raises(MissingError) as missing:
        _spool(former, DRILL)
    assert str(missing.value) == expected
    assert rows_of(former) == before


def test_check__spool_of_a_former_release__says_what_run_will_do_and_changes_nothing(
    former: Path, tmp_path: Path
) -> None:
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}

    with pytest.raises(NoteError) as noted:
        _spool(former, DRILL)

    assert str(noted.value) == (
        f"{former}, 18 samples wait for the oracle; version 1, which `run` brings to 2 (2: the "
        f"steps of its schema are noted in it), and first copies to {former}.version-1"
    )
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before


def test_open__bridge_of_the_former_release_still_runs__kept_off(
    former: Path, tmp_path: Path
) -> None:
    before = rows_of(former)
    lock = ProcessLock(tmp_path / "spool.sqlite.lock")
    with pytest.raises(SpoolError, match="in use by another bridge"):
        Spool(former, DRILL, 1_000)
    lock.close()
    assert rows_of(former) == before
    assert not [*tmp_path.glob("*.version-*")]


def test_open__step_cannot_be_made__as_before(former: Path) -> None:
    before = rows_of(former)

    def deny(action: int, *_: object) -> int:
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_CREATE_TABLE else sqlite3.SQLITE_OK

    with closing(sqlite3.connect(former, isolation_level=None)) as database:
        database.set_authorizer(deny)
        with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            bring_up_to_date(database, former)
    assert rows_of(former) == before
