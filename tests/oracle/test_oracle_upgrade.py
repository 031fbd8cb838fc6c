"""A journal of a former release under this one: nothing is lost, and the rental goes on."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from oracle_box import DOMAIN, SIGNER
from oracle_builders import TARIFF
from upgrade_story import NEXT_JOURNAL, begin, former_journal, go_on, rows_of

from host.checks import MissingError, NoteError
from host.schema import Execute, Schema, SchemaStep
from oracle.checks.journal_check import content
from oracle.errors import JournalError, UpgradeError
from oracle.journal.engine import open_engine
from oracle.journal.lock import JournalLock
from oracle.journal.signed import SignedJournal
from oracle.journal.store import Store, open_journal
from oracle.journal.upgrade import upgrade
from oracle.journal.versions import SCHEMA
from oracle.settings import JournalSettings
from protocol.records import Domain, Registers
from protocol.tariff import charge

OTHER = Domain(1, DOMAIN.contract)
BEHIND = "journal.sqlite.version-4"


@pytest.fixture
def former(tmp_path: Path) -> Path:
    return former_journal(tmp_path)


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def files(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def schema_of(path: Path) -> dict[str, Any]:
    """Columns, keys and indexes of all tables, however their statements were written."""
    with closing(sqlite3.connect(path)) as database:
        names = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            name: (
                database.execute(f"PRAGMA table_info({name})").fetchall(),
                [
                    [row[2] for row in database.execute(f"PRAGMA index_info({index})")]
                    for _, index, *_ in sorted(database.execute(f"PRAGMA index_list({name})"))
                ],
            )
            for (name,) in names
        }


def test_upgrade__in_the_middle_of_a_rental__the_same_readings_and_the_same_bill(
    former: Path, tmp_path: Path
) -> None:
    upgrade(url(former), DOMAIN)
    with closing(Store(url(former))) as store:
        found = go_on(store)

    with closing(Store(url(tmp_path / "never upgraded"))) as store:
        begin(store)
        expected = go_on(store)
    assert found == expected
    closing_reading = found.batches[-1].readings[0]
    assert closing_reading.registers == Registers(2_500, 2_000, 2_500, 37, 56, 13)
    assert charge(TARIFF, closing_reading.registers, 0) == 2_500 + 2 * 2_000 + 3 * 2_500
    assert len(found.readings) == 3
    assert found.transaction.batch == found.batches[0].number


def test_upgrade__journal_of_version_4__every_row_is_as_it_was_and_so_is_the_copy(
    former: Path, tmp_path: Path
) -> None:
    before = rows_of(former)

    upgrade(url(former), DOMAIN)

    after = rows_of(former)
    assert after.pop("schema_step") == [(5, "0.1.0")]
    assert after.pop("journal_info") == [(5, DOMAIN.chain_id, DOMAIN.contract)]
    assert before.pop("journal_info") == [(4, DOMAIN.chain_id, DOMAIN.contract)]
    assert after == before
    assert all(before[table] for table in ("sample", "signed_reading", "settle_transaction"))
    copied = rows_of(tmp_path / BEHIND)
    assert copied.pop("journal_info") == [(4, DOMAIN.chain_id, DOMAIN.contract)]
    assert copied == before


def test_upgrade__journal_of_version_4__has_the_tables_of_a_new_one(
    former: Path, tmp_path: Path
) -> None:
    upgrade(url(former), DOMAIN)
    Store(url(tmp_path / "new")).close()

    assert schema_of(former) == schema_of(tmp_path / "new")
    assert rows_of(tmp_path / "new")["schema_step"] == [(SCHEMA.newest, SCHEMA.steps[-1].release)]


def test_upgrade__none_or_the_newest_there__nothing_is_made(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    upgrade(url(path), DOMAIN)
    assert list(tmp_path.iterdir()) == []

    Store(url(path)).close()
    before = files(tmp_path)
    upgrade(url(path), DOMAIN)
    assert files(tmp_path) == before


def test_upgrade__step_that_adds_and_fills_a_column__from_any_version(former: Path) -> None:
    upgrade(url(former), DOMAIN, None, NEXT_JOURNAL)

    rows = rows_of(former)
    assert rows["schema_step"] == [(5, "0.1.0"), (6, "9.9.0")]
    assert [row[-1] for row in rows["rental"]] == [len(rows["sample"])]


def test_store__journal_of_a_later_release__refused_everywhere_in_one_line_and_left_alone(
    former: Path, tmp_path: Path
) -> None:
    upgrade(url(former), DOMAIN, None, NEXT_JOURNAL)
    before = files(tmp_path)

    def read() -> None:
        with open_journal(url(former), DOMAIN):
            pass

    def check() -> None:
        content(JournalSettings(url=url(former)), DOMAIN, [SIGNER.address])

    said = set()
    for refuse in (read, check, lambda: upgrade(url(former), DOMAIN), lambda: Store(url(former))):
        with pytest.raises((JournalError, MissingError)) as refused:
            refuse()
        said.add(str(refused.value).replace("sqlite:///", ""))
    assert said == {
        f"journal {former} is of version 6, this release knows versions up to 5; nothing was "
        "changed. Install release 9.9.0 or newer, or put back the copy that the upgrade made: see "
        "docs/upgrading.md"
    }
    assert files(tmp_path) == before


def test_open_journal__journal_of_a_former_release__is_not_upgraded_by_a_reader(
    former: Path, tmp_path: Path
) -> None:
    before = rows_of(former)

    with (
        pytest.raises(JournalError, match="start the oracle, which brings it there"),
        open_journal(url(former), DOMAIN),
    ):
        pass
    assert rows_of(former) == before
    assert not (tmp_path / BEHIND).exists()


def test_check__journal_of_a_former_release__says_what_run_will_do_and_changes_nothing(
    former: Path, tmp_path: Path
) -> None:
    before = files(tmp_path)

    with pytest.raises(NoteError) as noted:
        content(JournalSettings(url=url(former)), DOMAIN, [SIGNER.address])

    assert str(noted.value) == (
        f"{former}; version 4, which `run` brings to 5 (5: the steps of its schema are noted in "
        f"it), and first copies it to {tmp_path / BEHIND}"
    )
    assert files(tmp_path) == before
    for folder, fault in ((tmp_path / "nowhere", "No such file"), (Path("/proc"), "free")):
        with pytest.raises(MissingError, match=f"{folder}.*{fault}|{fault}.*{folder}"):
            content(JournalSettings(url=url(former), copy_folder=folder), DOMAIN, [SIGNER.address])


def test_upgrade__oracle_of_the_former_release_still_runs__kept_off(
    former: Path, tmp_path: Path
) -> None:
    before = rows_of(former)
    engine = open_engine(url(former))
    lock = JournalLock(engine)
    with pytest.raises(JournalError, match="is in use by another oracle"):
        upgrade(url(former), DOMAIN)
    assert rows_of(former) == before
    assert not (tmp_path / BEHIND).exists()
    lock.close()
    engine.dispose()


@pytest.mark.campaign
def test_upgrade__several_processes_at_once__one_does_it(former: Path) -> None:
    line = (
        "import sys; from oracle.journal.upgrade import upgrade; from oracle_box import DOMAIN\n"
        "from host.errors import PlainError\n"
        "print('up', flush=True)\n"
        "sys.stdin.read(1)\n"
        "try: upgrade(sys.argv[1], DOMAIN)\n"
        "except PlainError as error: print(error)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", line, url(former)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ".:tests"},
        )
        for _ in range(4)
    ]
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline() == "up\n"
    for one in started:
        assert one.stdin is not None
        one.stdin.write("x")
        one.stdin.flush()
    said = [one.communicate()[0] for one in started]

    assert [one.returncode for one in started] == [0] * 4
    assert sum("upgraded" in text for text in said) == 1
    others = [text for text in said if "upgraded" not in text]
    assert all(text == "" or "in use by another oracle" in text for text in others)
    assert rows_of(former)["schema_step"] == [(5, "0.1.0")]


def test_upgrade__step_fails__as_before_with_one_line_and_no_endless_restarts(
    former: Path,
) -> None:
    def fail(execute: Execute) -> None:
        execute("DELETE FROM sample")
        execute("DELETE FROM nowhere")

    bad = Schema("journal", 4, (*SCHEMA.steps, SchemaStep(6, "9.9.0", "fails", fail)))
    before = rows_of(former)

    with pytest.raises(UpgradeError) as failed:
        upgrade(url(former), DOMAIN, None, bad)

    assert str(failed.value) == (
        f"journal {url(former)} could not be upgraded to version 6 and is of version 4 as before: "
        "no such table: nowhere"
    )
    assert failed.value.exit_status == 3
    assert rows_of(former) == before
    upgrade(url(former), DOMAIN)
    assert rows_of(former)["schema_step"] == [(5, "0.1.0")]


def test_upgrade__journal_of_another_contract__refused_and_left_alone(
    former: Path, tmp_path: Path
) -> None:
    before = files(tmp_path)
    with pytest.raises(JournalError, match="give each deployment its own journal"):
        upgrade(url(former), OTHER)
    assert rows_of(former)["journal_info"][0][0] == 4
    assert {*files(tmp_path)} == {*before}


def test_upgrade__copy_is_put_back_after_more_was_signed__not_signed_with_that_key_again(
    former: Path, tmp_path: Path
) -> None:
    upgrade(url(former), DOMAIN)
    shutil.copy(tmp_path / BEHIND, tmp_path / "kept")
    with closing(Store(url(former))) as store:  # nothing signed yet: the copy is as good
        SignedJournal(store).require_newest(SIGNER.address)
        go_on(store)
    shutil.copy(tmp_path / "kept", former)

    upgrade(url(former), DOMAIN)
    with closing(Store(url(former))) as store:
        with pytest.raises(JournalError, match="restored from a backup"):
            SignedJournal(store).require_newest(SIGNER.address)
        SignedJournal(store).require_newest("0x" + "b" * 40)


def test_upgrade__copy_is_put_back_before_anything_was_signed__goes_on_and_upgrades_again(
    former: Path, tmp_path: Path
) -> None:
    upgrade(url(former), DOMAIN)
    shutil.copy(tmp_path / BEHIND, former)

    upgrade(url(former), DOMAIN)
    with closing(Store(url(former))) as store:
        SignedJournal(store).require_newest(SIGNER.address)
        assert len(go_on(store).readings) == 3
