"""The chain side keeps what it knew while the chain is silent, and asks less and less often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import role_account
from oracle_builders import DOMAIN_KEY, ONE_BLOCK, FakeClock
from oracle_fake_chain import FakeChain

from chain.transact import FeeLimits, Transactor
from chain.watch import ChainWatcher, WatchScope
from oracle.chain_side import LONGEST_BACKOFF, ChainSide
from oracle.errors import JournalError
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.engine import place_of
from oracle.journal.store import Store
from oracle.settling.submit import Submitter
from oracle.signing.registration import OracleIdentity
from oracle.signing.sign import GasAccount
from protocol.records import Domain

POLL_MS = 250
GAS = GasAccount(bytes(role_account("relayer").key))
DOMAIN = Domain(31337, "0x" + "d" * 40)


@dataclass
class Desk:
    """A chain side with its world."""

    chain: FakeChain
    clock: FakeClock
    side: ChainSide


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = Store(f"sqlite:///{tmp_path}/j.sqlite")
    chain, clock, journal = FakeChain(), FakeClock(), ChainJournal(store)
    watcher = ChainWatcher(chain, journal, clock, WatchScope(1, (1,), 0, ONE_BLOCK))
    limits = FeeLimits(bump_after_ms=60_000, highest_fee_wei=1_000)
    submitter = Submitter(
        chain,
        journal,
        clock,
        Transactor(chain, journal, clock, GAS, domain=DOMAIN, limits=limits),
        domain=DOMAIN,
        identity=OracleIdentity(1, DOMAIN_KEY),
        grace_seconds=3_600,
    )
    yield Desk(chain, clock, ChainSide(watcher, submitter, clock, POLL_MS))
    store.close()


def test_step__chain_answers__new_view_at_the_usual_pace(desk: Desk) -> None:
    assert desk.side.step() == POLL_MS
    assert desk.side.view is not None


def test_step__asked_too_early__does_nothing(desk: Desk) -> None:
    desk.side.step()
    desk.chain.calls.clear()
    desk.clock.ms += 100

    assert desk.side.step() == POLL_MS - 100
    assert desk.chain.calls == []


def test_step__chain_is_silent__old_view_stays_and_pauses_grow_to_a_limit(desk: Desk) -> None:
    desk.side.step()
    before = desk.side.view
    desk.chain.down = True
    pauses = []
    for _ in range(20):
        desk.clock.ms += POLL_MS * LONGEST_BACKOFF
        pauses.append(desk.side.step())

    assert desk.side.view is before
    assert pauses[:5] == [POLL_MS * factor for factor in (2, 4, 8, 16, 16)]
    assert pauses[-1] == POLL_MS * LONGEST_BACKOFF


def test_step__reorganisation_and_then_silence__no_view_is_left(desk: Desk) -> None:
    desk.chain.open_rental()
    desk.chain.mine()
    desk.side.step()
    desk.chain.fork(2)
    real, calls = desk.chain.events_of, [0]

    def fail(*_: object) -> object:
        calls[0] += 1
        desk.chain.down = True
        return real(*_)  # type: ignore[arg-type]

    desk.chain.events_of = fail  # type: ignore[method-assign, assignment]
    desk.clock.ms += POLL_MS
    desk.side.step()

    assert calls == [1]
    assert desk.side.view is None


def test_bind__journal_of_another_contract__refused(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/j.sqlite")
    store.bind(DOMAIN)
    store.bind(DOMAIN)

    with pytest.raises(JournalError, match="give each deployment its own journal"):
        store.bind(Domain(1, DOMAIN.contract))
    store.close()


def test_store__folder_that_is_not_there__named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be opened"):
        Store(f"sqlite:///{tmp_path}/nowhere/j.sqlite")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+nothing://box:secret@db.example/journal?password=secret",
        "nonsense://box:secret@db.example/journal",
        "no:secret:url",
    ],
)
def test_store__url_with_a_password__not_in_the_error(url: str) -> None:
    with pytest.raises(JournalError) as raised:
        Store(url)

    assert "secret" not in str(raised.value)


def test_place_of__url_with_a_password__host_and_database() -> None:
    assert place_of("postgresql://box:secret@db/journal?p=secret") == "postgresql://db/journal"
    assert place_of("sqlite:////var/lib/j.sqlite") == "sqlite:////var/lib/j.sqlite"


def test_lock__second_oracle_on_the_journal__refused_until_the_first_is_gone(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/j.sqlite"
    first, second = Store(url), Store(url)
    first.lock()
    with pytest.raises(JournalError, match="in use by another oracle"):
        second.lock()
    first.close()
    second.lock()
    second.close()
