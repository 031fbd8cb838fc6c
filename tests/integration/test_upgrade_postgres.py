"""A journal of a former release on a PostgreSQL server: nothing is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from oracle_box import DOMAIN, SIGNER
from postgres import Postgres
from sqlalchemy import URL, create_engine, inspect, make_url, text
from upgrade_story import FORMER, NEXT_JOURNAL, begin, go_on

from host.checks import MissingError, NoteError
from host.schema import Execute, Schema, SchemaStep
from oracle.checks.journal_check import content
from oracle.errors import JournalError, UpgradeError
from oracle.journal.engine import open_engine
from oracle.journal.lock import JournalLock
from oracle.journal.store import Store, open_journal
from oracle.journal.upgrade import upgrade
from oracle.journal.versions import SCHEMA
from oracle.settings import JournalSettings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as started:
        yield started


@pytest.fixture
def former(server: Postgres) -> URL:
    """A journal of version 4 in the middle of a rental."""
    url = make_url(server.new_database()).set(password=server.password)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql((FORMER / "journal_4.postgresql.sql").read_text("utf-8"))
    engine.dispose()
    return url


def rows_of(url: URL) -> dict[str, list[str]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            name: sorted(
                repr(tuple(map(_plain, row)))
                for row in connection.execute(text(f'SELECT * FROM "{name}"'))  # noqa: S608
            )
            for name in inspect(connection).get_table_names()
        }
    engine.dispose()
    return found


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


def schema_of(url: URL) -> object:
    engine = create_engine(url)
    found = inspect(engine)
    made = {
        name: (
            [(one["name"], str(one["type"]), one["nullable"]) for one in found.get_columns(name)],
            found.get_pk_constraint(name)["constrained_columns"],
            [one["column_names"] for one in found.get_indexes(name)],
        )
        for name in found.get_table_names()
    }
    engine.dispose()
    return made


def test_upgrade__in_the_middle_of_a_rental__the_same_readings_and_the_same_bill(
    former: URL, server: Postgres
) -> None:
    before = rows_of(former)
    upgrade(former, DOMAIN)
    after = rows_of(former)
    assert after.pop("schema_step") == ["(5, '0.1.0')"]
    assert before.pop("journal_info") != after.pop("journal_info")
    assert after == before
    with closing(Store(former)) as store:
        found = go_on(store)

    new = make_url(server.new_database()).set(password=server.password)
    with closing(Store(new)) as store:
        begin(store)
        expected = go_on(store)
    assert found == expected
    assert schema_of(former) == schema_of(new)


def test_content__journal_of_a_former_release__says_what_run_will_do_and_a_reader_does_nothing(
    former: URL, server: Postgres
) -> None:
    before = rows_of(former)
    assert former.database is not None
    settings = JournalSettings(url=server.url(former.database), password_file=server.password_file)

    with pytest.raises(NoteError, match=r"version 4, which `run` brings to 5 .*pg_dump first"):
        content(settings, DOMAIN, [SIGNER.address])
    with (
        pytest.raises(JournalError, match="start the oracle, which brings it there"),
        open_journal(former, DOMAIN),
    ):
        pass
    assert rows_of(former) == before

    upgrade(former, DOMAIN, None, NEXT_JOURNAL)
    newest = rows_of(former)
    with pytest.raises(MissingError, match=r"is of version 6.* Install release 9\.9\.0 or newer"):
        content(settings, DOMAIN, [SIGNER.address])
    with pytest.raises(JournalError, match="this release knows versions up to 5"):
        Store(former)
    assert rows_of(former) == newest


def test_upgrade__oracle_of_the_former_release_still_runs__kept_off(former: URL) -> None:
    before = rows_of(former)
    engine = open_engine(former)
    lock = JournalLock(engine)
    with pytest.raises(JournalError, match="is in use by another oracle"):
        upgrade(former, DOMAIN)
    lock.close()
    engine.dispose()
    assert rows_of(former) == before


def test_upgrade__step_fails_half_way__as_before_and_may_be_tried_again(former: URL) -> None:
    def fail(execute: Execute) -> None:
        execute("DELETE FROM sample")
        execute("DELETE FROM nowhere")

    bad = Schema("journal", 4, (*SCHEMA.steps, SchemaStep(6, "9.9.0", "fails", fail)))
    before = rows_of(former)

    with pytest.raises(JournalError, match=r'as before: relation "nowhere" does not exist') as told:
        upgrade(former, DOMAIN, None, bad)

    assert not isinstance(told.value, UpgradeError)  # a server may just have been away
    assert rows_of(former) == before
    upgrade(former, DOMAIN)
    assert rows_of(former)["schema_step"] == ["(5, '0.1.0')"]


KILLED = """
import os, signal, sys
from dataclasses import replace
from oracle_box import DOMAIN
from upgrade_story import NEXT_JOURNAL
from oracle.journal import upgrade
def die(execute):
    execute("SELECT 1")
    os.kill(os.getpid(), signal.SIGKILL)
number = int(sys.argv[2])
steps = list(NEXT_JOURNAL.steps)
make = steps[number].make
steps[number] = replace(steps[number], make=lambda execute: (make(execute), die(execute)))
upgrade.upgrade(sys.argv[1], DOMAIN, None, replace(NEXT_JOURNAL, steps=steps))
"""


@pytest.mark.parametrize("number", range(len(NEXT_JOURNAL.steps)))
def test_upgrade__killed_after_a_step__as_before_and_the_next_start_completes_it(
    former: URL, number: int
) -> None:
    before = rows_of(former)
    url = former.render_as_string(hide_password=False)
    line = [sys.executable, "-c", KILLED, url, str(number)]
    done = subprocess.run(line, check=False, env={"PYTHONPATH": ".:tests"})

    assert done.returncode == -signal.SIGKILL
    assert rows_of(former) == before
    upgrade(former, DOMAIN, None, NEXT_JOURNAL)
    assert rows_of(former)["schema_step"] == ["(5, '0.1.0')", "(6, '9.9.0')"]
