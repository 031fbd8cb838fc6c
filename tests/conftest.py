"""What all tests share: the roles, and no sockets for unit tests."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_socket
import structlog
from eth_account import Account
from eth_account.signers.local import LocalAccount

hypothesis.settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")
"""A slow machine is no reason to fail."""

VECTORS = Path(__file__).with_name("vectors")
ON_THE_WIRE = ("integration", "e2e", "contracts", "chain")
"""Folders and markers of tests that talk to a chain, a broker or a drill of their own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say for which builds of the contract its tests run."""
    parser.addoption(
        "--optimisers",
        choices=("deployed", "all"),
        default="deployed",
        help="the contract tests with the optimiser as deployed (the default), or each of them"
        " at codesize, gas and none, as scripts/test does",
    )


def _may_open_sockets(item: pytest.Item) -> bool:
    folders = item.path.relative_to(Path(__file__).parent).parts[:-1]
    return any(item.get_closest_marker(name) or name in folders for name in ON_THE_WIRE)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forbid sockets to unit tests; Unix sockets stay, asyncio needs a pair for itself."""
    if _may_open_sockets(item):
        pytest_socket.enable_socket()
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """A command that was called in this process sets the log up for itself."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _databases_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the SQLite files that a test has left open, about which Python warns from 3.13 on."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def remembered(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", remembered)
    monkeypatch.setattr(sqlite3.dbapi2, "connect", remembered)
    yield
    for connection in opened:
        connection.close()


def role_account(name: str) -> LocalAccount:
    """The account that plays a role in every test; its key is worthless."""
    account: LocalAccount = Account.from_key(sha256(f"smart drill role {name}".encode()).digest())
    return account


def vectors(name: str) -> Any:
    """A file of shared vectors."""
    return json.loads((VECTORS / name).read_text("ascii"))


@pytest.fixture(scope="session")
def customer() -> LocalAccount:
    return role_account("customer")


@pytest.fixture(scope="session")
def provider() -> LocalAccount:
    return role_account("provider")


@pytest.fixture(scope="session")
def oracle_key() -> LocalAccount:
    return role_account("oracle")


@pytest.fixture(scope="session")
def relayer() -> LocalAccount:
    return role_account("relayer")


@pytest.fixture(scope="session")
def stranger() -> LocalAccount:
    return role_account("stranger")
