"""`drill-oracle check` and those who only read, where the journal is in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres import START_SECONDS, Postgres
from sqlalchemy import URL, create_engine, inspect, make_url, text

from host.checks import MissingError
from lab.rig.process import wait_until
from oracle.checks.journal_check import content, space
from oracle.errors import JournalError
from oracle.journal.store import Store, open_journal
from oracle.settings import JournalSettings
from protocol.records import Domain

pytestmark = pytest.mark.integration

DOMAIN = Domain(31337, "0x" + "d" * 40)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as started:
        yield started


@pytest.fixture
def database(server: Postgres) -> URL:
    """A new one; its URL is without the password, as settings have it."""
    return make_url(server.new_database())


def settings(server: Postgres, database: URL) -> JournalSettings:
    return JournalSettings(url=database.render_as_string(), password_file=server.password_file)


def tables(server: Postgres, database: URL) -> list[str]:
    engine = create_engine(database.set(password=server.password))
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def fsync(server: Postgres, database: URL) -> str:
    engine = create_engine(database.set(password=server.password))
    try:
        with engine.connect() as connection:
            return str(connection.execute(text("SHOW fsync")).scalar_one())
    finally:
        engine.dispose()


def run(server: Postgres, database: URL, *statements: str) -> None:
    engine = create_engine(database.set(password=server.password), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


def test_content__new_database__will_do_and_stays_empty(server: Postgres, database: URL) -> None:
    place = content(settings(server, database), DOMAIN, [])

    assert place == f"postgresql+psycopg:///{database.database}"
    assert tables(server, database) == []
    assert "owner's to watch" in space(settings(server, database))


def test_content__journal_of_this_or_of_another_contract__told_apart(
    server: Postgres, database: URL
) -> None:
    store = Store(database.set(password=server.password))
    store.bind(DOMAIN)
    store.close()

    assert "in use" not in content(settings(server, database), DOMAIN, [])
    with pytest.raises(MissingError, match=r"the settings name .* on 1"):
        content(settings(server, database), Domain(1, DOMAIN.contract), [])


def test_content__oracle_runs__its_own_database_is_in_use_and_no_other(
    server: Postgres, database: URL
) -> None:
    store = Store(database.set(password=server.password))
    store.lock()
    try:
        assert "in use by an oracle" in content(settings(server, database), DOMAIN, [])
        other = make_url(server.new_database())
        assert "in use" not in content(settings(server, other), DOMAIN, [])
    finally:
        store.close()


def test_content__role_without_the_right_to_make_tables__named(
    server: Postgres, database: URL
) -> None:
    run(
        server,
        database,
        f"CREATE ROLE guest LOGIN PASSWORD '{server.password}'",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )

    with pytest.raises(MissingError, match="may not create tables; grant it CREATE"):
        content(settings(server, database.set(username="guest")), DOMAIN, [])


def test_content__server_that_would_lose_samples__refused(server: Postgres, database: URL) -> None:
    run(server, database, "ALTER SYSTEM SET fsync TO off", "SELECT pg_reload_conf()")
    try:
        # The server takes a moment to read its settings again.
        wait_until("fsync is off", lambda: fsync(server, database) == "off", START_SECONDS)
        with pytest.raises(MissingError, match="fsync off: it would lose samples"):
            content(settings(server, database), DOMAIN, [])
    finally:
        run(server, database, "ALTER SYSTEM RESET fsync", "SELECT pg_reload_conf()")


def test_content__server_or_database_away__named_without_the_password(
    server: Postgres, database: URL
) -> None:
    with pytest.raises(MissingError, match='database "nowhere" does not exist'):
        content(settings(server, database.set(database="nowhere")), DOMAIN, [])
    server.stop()
    try:
        with pytest.raises(MissingError, match="cannot be read: ") as away:
            content(settings(server, database), DOMAIN, [])
    finally:
        server.start()
    assert server.password not in str(away.value)


def test_open_journal__none_yet__said_and_none_is_made(server: Postgres, database: URL) -> None:
    with (
        pytest.raises(JournalError, match="it does not exist yet"),
        open_journal(database.set(password=server.password), DOMAIN),
    ):
        pass
    assert tables(server, database) == []
