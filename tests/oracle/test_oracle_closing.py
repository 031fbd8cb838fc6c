"""After the grace period: the final reading is lost, and the rental is closed without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import role_account
from oracle_box import DOMAIN, Box, build, fresh, view_of
from oracle_builders import (
    DOMAIN_KEY,
    NOW_MS,
    FakeBroker,
    FakeClock,
    make_rental,
    make_sample,
    make_view,
)
from oracle_fake_chain import FakeChain
from structlog.testing import capture_logs

from chain.ports import TransactionReceipt
from chain.transact import FeeLimits, Job, Transactor
from chain.views import BlockSummary, ChainView, OracleView
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.store import Store
from oracle.settling.closing import PAUSE_MS, Closer, closable
from oracle.signing.registration import OracleIdentity
from oracle.signing.sign import GasAccount
from protocol.records import Caps, RentalState

GRACE_SECONDS = 3_600
ENDED_AT = NOW_MS // 1000
ENDED = make_rental(state=RentalState.ENDED, ended_at=ENDED_AT)
GAS = GasAccount(bytes(role_account("relayer").key))


def at(timestamp: int, **changes: Any) -> ChainView:
    head = BlockSummary(100, b"h" * 32, b"g" * 32, timestamp)
    return make_view(**({"latest": {7: ENDED}, "deep": {7: ENDED}, "head": head} | changes))


OVER = at(ENDED_AT + GRACE_SECONDS)
OPEN = make_rental()


def seen(later_ms: int, view: ChainView = OVER) -> ChainView:
    """The same look at the chain so much later, or earlier."""
    return replace(view, polled_ms=view.polled_ms + later_ms)


@pytest.mark.parametrize(
    ("view", "due"),
    [
        (OVER, [7]),
        (at(ENDED_AT + GRACE_SECONDS - 1), []),
        (at(ENDED_AT + GRACE_SECONDS, deep={7: OPEN}), []),
        (at(ENDED_AT + GRACE_SECONDS, deep={}), []),
        (at(ENDED_AT + GRACE_SECONDS, latest={7: OPEN}), []),
        (at(ENDED_AT + GRACE_SECONDS, latest={7: replace(ENDED, oracle=2)}), []),
        (at(ENDED_AT + GRACE_SECONDS, latest={7: replace(ENDED, state=RentalState.CLOSED)}), []),
    ],
)
def test_closable__ended_and_the_grace_period_over__by_both_blocks(
    view: ChainView, due: list[int]
) -> None:
    assert closable(view, 1, GRACE_SECONDS) == due


@dataclass
class Desk:
    chain: FakeChain
    journal: ChainJournal
    clock: FakeClock
    transactor: Transactor
    closer: Closer

    def sent(self) -> list[bytes]:
        return [one.raw for one in self.journal.transactions(-7)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Store(f"sqlite:///{tmp_path}/j.sqlite")) as store:
        chain, journal, clock = FakeChain(), ChainJournal(store), FakeClock()
        limits = FeeLimits(bump_after_ms=60_000, highest_fee_wei=1_000)
        transactor = Transactor(chain, journal, clock, GAS, domain=DOMAIN, limits=limits)
        identity = OracleIdentity(1, DOMAIN_KEY)
        closer = Closer(chain, journal, transactor, identity, GRACE_SECONDS)
        closer.step(seen(-PAUSE_MS))
        yield Desk(chain, journal, clock, transactor, closer)


def test_step__closable__one_transaction_however_often_it_looks(desk: Desk) -> None:
    for _ in range(5):
        desk.closer.step(OVER)

    assert desk.chain.pool == desk.sent()
    assert len(desk.sent()) == 1

    newest = desk.journal.transactions(-7)[-1]
    desk.chain.mined[newest.hash] = TransactionReceipt(
        newest.hash, 100, b"h" * 32, succeeded=True, gas_used=1, rejected=()
    )
    desk.chain.nonces = newest.nonce + 1
    desk.clock.ms += 100_000
    desk.closer.step(OVER)
    assert len(desk.chain.pool) == 1


@pytest.mark.parametrize(
    ("looks", "sent"),
    [
        ((-1,), 0),
        ((0,), 1),
        ((-PAUSE_MS - 10, -11), 0),
        ((-PAUSE_MS - 10, -10), 1),
    ],
    ids=["too early", "after the pause", "clock set back", "as long after that"],
)
def test_step__closable__only_after_the_edge_side_could_say_what_is_lost(
    desk: Desk, looks: tuple[int, ...], sent: int
) -> None:
    for later_ms in looks:
        assert desk.sent() == []
        desk.closer.step(seen(later_ms))

    assert len(desk.sent()) == sent


def test_step__not_closable_in_between__waits_anew(desk: Desk) -> None:
    desk.closer.step(seen(-1, at(ENDED_AT + GRACE_SECONDS, latest={7: OPEN})))
    desk.closer.step(OVER)

    assert desk.sent() == []


def test_step__contract_refuses__nothing_is_sent(desk: Desk) -> None:
    desk.chain.reverts = True
    desk.closer.step(OVER)

    assert desk.chain.pool == []


@pytest.mark.parametrize(
    "oracle",
    [
        OracleView(DOMAIN_KEY, revoked=True),
        OracleView(DOMAIN_KEY, revoked=False, suspended=True),
        OracleView("0x" + "1" * 40, revoked=False),
    ],
)
def test_step__key_not_in_force__nothing_is_sent(desk: Desk, oracle: OracleView) -> None:
    desk.closer.step(replace(OVER, oracle=oracle))

    assert desk.chain.pool == []


def test_send__another_job_on_its_way__waits_for_its_nonce(desk: Desk) -> None:
    desk.closer.step(OVER)
    desk.transactor.send(Job(1, "settlement"), b"settle", [])
    assert len(desk.chain.pool) == 1

    desk.chain.nonces = 1
    desk.transactor.send(Job(1, "settlement"), b"settle", [])
    assert len(desk.chain.pool) == 2


def test_send__another_job_not_repeated_for_long__outbid_on_its_nonce(desk: Desk) -> None:
    desk.closer.step(OVER)
    desk.clock.ms += 60_001
    desk.transactor.send(Job(1, "settlement"), b"settle", [])

    (closing,), (settling,) = desk.journal.transactions(-7), desk.journal.transactions(1)
    assert desk.chain.pool == [closing.raw, settling.raw]
    assert settling.nonce == closing.nonce
    assert settling.max_fee_wei * 100 >= closing.max_fee_wei * 110


def test_send__another_job_repeated_lately__still_waited_for(desk: Desk) -> None:
    for _ in range(6):
        desk.clock.ms += 30_000
        desk.closer.step(OVER)
    sent = len(desk.chain.pool)
    desk.clock.ms += 30_000
    desk.transactor.send(Job(1, "settlement"), b"settle", [])
    assert len(desk.chain.pool) == sent


# --- the edge side -----------------------------------------------------------------------------


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with closing(Store(f"sqlite:///{tmp_path}/j.sqlite")) as store:
        clock, broker = FakeClock(), FakeBroker()
        yield Box(store, clock, broker, build(store, clock, broker))


@pytest.mark.parametrize(
    ("caps", "cost"), [(Caps(), 1_900), (Caps(per_rental=1_200), 1_200), (Caps(1_200, 700), 700)]
)
def test_step__grace_period_over__final_reading_lost_and_said_once(
    box: Box, caps: Caps, cost: int
) -> None:
    box.rest()
    rental = make_rental(opened_at=NOW_MS // 1000, caps=caps)
    box.run(20, view_of(rental, drills={}), motor_on=True)
    over = replace(rental, state=RentalState.ENDED, ended_at=NOW_MS // 1000 + 2)
    view = view_of(over)
    with capture_logs() as logs:
        box.clock.ms = NOW_MS + (2 + GRACE_SECONDS) * 1000
        for _ in range(5):
            box.clock.ms += 1_000
            box.sent += 1
            box.broker.give(make_sample(box.sent, box.clock.ms))
            box.core.step(fresh(view, box.clock.ms))

    (lost,) = [one for one in logs if one["event"] == "final reading lost"]
    assert lost["log_level"] == "error"
    assert (lost["rental"], lost["until"], lost["cost"]) == (7, NOW_MS + 2_000, cost)
    batches = box.core.outbox.open_batches()
    assert all(one.until < NOW_MS + 2_000 for batch in batches for one in batch.readings)


def test_step__grace_period_over__what_is_settled_is_not_lost(box: Box) -> None:
    box.rest()
    rental = make_rental(opened_at=NOW_MS // 1000)
    box.run(20, view_of(rental), motor_on=True)
    signed = box.core.metering.journal.signed.newest_until(7, None)
    assert signed is not None
    assert 0 < sum(signed.registers.active_ms) < 1_900
    over = replace(
        rental,
        state=RentalState.ENDED,
        ended_at=NOW_MS // 1000 + 2,
        until=signed.until,
        registers=signed.registers,
    )
    with capture_logs() as logs:
        box.clock.ms = NOW_MS + (3 + GRACE_SECONDS) * 1000
        box.core.step(fresh(view_of(over), box.clock.ms))

    assert [one["cost"] for one in logs if one["event"] == "final reading lost"] == [
        1_900 - sum(signed.registers.active_ms)
    ]
