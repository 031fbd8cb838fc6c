"""The oracle on a PostgreSQL journal: its store's tests again, and a rental from end to end."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from oracle_builders import logged, make_sample
from oracle_world import TARIFF, World, wait
from postgres import Postgres
from sqlalchemy import make_url, text

from host.errors import SettingsError
from oracle.errors import JournalError
from oracle.journal.journal import Journal, Received
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit
from oracle.settings import load_settings
from protocol.tariff import highest_charge

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("server")]

CLOSED = 4
RESERVE = highest_charge(TARIFF, 28_000)

AGAIN = ("chain_side", "closing", "core", "keys", "registration", "signed", "submit", "watch")
"""The unit tests that are collected here a second time, with PostgreSQL for SQLite."""

OF_SQLITE = ("sqlite", "tally", "second_oracle", "backup", "database", "journal_behind", "url")
"""What their names say when they are about a file."""

_servers: list[Postgres] = []
_databases: dict[str, str] = {}


def open_store(url: str) -> Store:
    """In place of the file that a test names, a database that stands for it."""
    server = _servers[-1]
    if url not in _databases:
        _databases[url] = server.new_database()
    return Store(make_url(_databases[url]).set(password=server.password))


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[Postgres]:
    with Postgres() as started:
        _servers.append(started)
        yield started
        _servers.clear()
        _databases.clear()


def load(name: str) -> ModuleType:
    file = Path(__file__).parents[1] / "oracle" / f"test_oracle_{name}.py"
    spec = importlib.util.spec_from_file_location(f"postgres_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    module.Store = open_store  # type: ignore[attr-defined]
    return module


def class_of(name: str) -> type:
    """A class with the tests of a module that use its journal, and with its fixtures."""
    members: dict[str, object] = {}
    for key, value in vars(load(name)).items():
        if key.startswith("test_") and not any(word in key for word in OF_SQLITE):
            if {"box", "desk", "store"} & {*inspect.signature(value).parameters}:
                members[key] = staticmethod(value)
        elif isinstance(value, pytest.FixtureDef) or hasattr(value, "_fixture_function"):
            members[key] = staticmethod(value)
    return type(f"TestAgain{name.title().replace('_', '')}", (), members)


for _name in AGAIN:
    _class = class_of(_name)
    globals()[_class.__name__] = _class
del _class


def test_open__password_in_a_file__is_used(server: Postgres, tmp_path: Path) -> None:
    store = open_store("one")
    with store.read() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
    store.close()


def test_open__synchronous_commit_off__turned_on(server: Postgres) -> None:
    first = open_store("off")
    with first.write() as connection:
        connection.execute(text("ALTER ROLE drill SET synchronous_commit TO off"))
    first.close()
    second = open_store("off")
    with second.read() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
    with second.write() as connection:
        connection.execute(text("ALTER ROLE drill RESET synchronous_commit"))
    second.close()


def test_open__wrong_password__named_without_it(server: Postgres) -> None:
    url = make_url(server.new_database()).set(password="hunter2 is wrong")
    with pytest.raises(JournalError, match="password authentication failed") as caught:
        Store(url)
    assert "hunter2" not in str(caught.value)


def test_lock__second_oracle__kept_off_until_the_first_is_gone(server: Postgres) -> None:
    first, second = open_store("locked"), open_store("locked")
    first.lock()
    with pytest.raises(JournalError, match="in use by another oracle"):
        second.lock()
    first.close()
    second.lock()
    second.close()


def test_add_samples__server_restarts__nothing_acknowledged_is_lost(server: Postgres) -> None:
    store = open_store("restarted")
    journal = Journal(store)
    journal.add_samples(Received([logged(make_sample(1, 100))], []))
    server.stop()
    with pytest.raises(JournalError):
        journal.add_samples(Received([logged(make_sample(2, 200))], []))
    server.start()

    for _ in range(3):  # each connection of the pool learns it by itself
        try:
            journal.add_samples(Received([logged(make_sample(2, 200))], []))
            break
        except JournalError:
            continue

    assert journal.order(1).sequence == 2
    store.close()


def test_load_settings__password_in_the_url__refused_without_quoting_it(tmp_path: Path) -> None:
    world_like = "[oracle]\nnumber = 1\ndrills = [1]\n[chain]\nquorum = 1\n"
    world_like += 'rpc_urls = ["http://x"]\n'
    world_like += 'deployment = "d"\n[broker]\nhost = "h"\n[keys]\nsigning_keystore = "a"\n'
    world_like += 'signing_password_file = "b"\ngas_keystore = "c"\ngas_password_file = "d"\n'
    world_like += '[message_keys]\n1 = "k"\n[journal]\n'
    for url in ("postgresql+psycopg://drill:hunter2@h/d", "postgresql://h/d?password=hunter2"):
        (tmp_path / "oracle.toml").write_text(f'{world_like}url = "{url}"\n')
        with pytest.raises(SettingsError, match="password_file") as caught:
            load_settings(tmp_path / "oracle.toml")
        assert "hunter2" not in str(caught.value)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def test_run__journal_on_a_server_that_restarts_and_a_kill__the_bill_is_exact(
    world: World, server: Postgres
) -> None:
    bridge, functions = world.bridge, world.contract.functions
    url = server.new_database()
    world.settings.write_text(
        world.settings_text(
            journal__url=f'"{url}"',
            journal__password_file=f'"{server.password_file}"',
            settlement__share_of_balance="1",
        )
    )
    with world.daemon() as daemon:
        rental = world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        bridge.run(2, 1200)
        wait("settled", lambda: functions.charge(rental).call() > 0, daemon)
        server.stop()
        wait("inhibit", lambda: bridge.inhibited(Inhibit.JOURNAL), daemon)
        server.start()
        wait("lease again", bridge.leased, daemon)
        daemon.kill()
        daemon.start()
        sent = len(bridge.samples)
        wait("journalled", lambda: bridge.journalled > sent, daemon)
        time.sleep(1)
        bridge.stop_motor()
        time.sleep(1.5)
        world.send(functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)
        active = [sample for sample in bridge.samples if sample.motor_on]
        registers = functions.registers(rental).call()
        assert registers[1] == len(active) * 100
        assert registers[4] == len(active) * 1200 * 100 // 60_000
        assert server.password not in daemon.log.read_text()
        environ = Path(f"/proc/{daemon.process.pid}/environ").read_text()
        assert server.password not in environ
        assert daemon.stop() == 0
