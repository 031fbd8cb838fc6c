"""A gas key that runs low is said before it is empty, and locks no drill that has credit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from oracle_box import LIMITS as LIMITS_OF_THE_BOX
from oracle_box import build, fresh, view_of
from oracle_builders import NOW_MS, FakeBroker, FakeClock, make_rental, make_sample, make_view
from oracle_fake_chain import FakeChain
from structlog.testing import capture_logs

from chain.ports import SentTransaction
from chain.views import BlockSummary, DrillView, GasLeft, GasState, Rest
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.store import Store
from oracle.settling.gas_key import LOOK_MS, GasLimits, GasWatch, gas_left, settlements_a_day
from protocol.records import RentalState

LIMITS = GasLimits(gas=50_000, warning_hours=72)
HEAD = BlockSummary(1, bytes(32), bytes(32), 1, base_fee_wei=10)
ADDRESS = "0x" + "7" * 40
COST = 50_000 * 12
"""At a base fee of 10 and a priority fee of 2."""

ADVANCE = 50_000 * 22 * 130 // 100


def left(money_wei: int, per_day: int = 1) -> GasLeft:
    return gas_left(money_wei, 12, HEAD, per_day=per_day, limits=LIMITS)


@pytest.mark.parametrize(
    ("money_wei", "per_day", "expected"),
    [
        (0, 1, (GasState.EMPTY, 0, 0)),
        (ADVANCE - 1, 1, (GasState.EMPTY, 0, 0)),
        (ADVANCE, 1, (GasState.LOW, 1, 24)),
        (ADVANCE + 2 * COST - 1, 1, (GasState.LOW, 2, 48)),
        (ADVANCE + 2 * COST, 1, (GasState.ENOUGH, 3, 72)),
        (ADVANCE + 2 * COST, 2, (GasState.LOW, 3, 36)),
    ],
)
def test_gas_left__so_much_money__settlements_and_hours(
    money_wei: int, per_day: int, expected: tuple[GasState, int, int]
) -> None:
    found = left(money_wei, per_day)

    assert (found.state, found.settlements, found.hours) == expected


def test_settlements_a_day__the_last_day_or_one_for_each_rental_to_come() -> None:
    closed = make_rental(rental=8, state=RentalState.CLOSED)
    view = make_view(latest={7: make_rental(), 8: closed, 9: make_rental(rental=9)})

    assert settlements_a_day(5, view) == 5
    assert settlements_a_day(0, view) == 2
    assert settlements_a_day(0, make_view(latest={})) == 1


@dataclass
class Desk:
    """A watch with its world."""

    chain: FakeChain
    journal: ChainJournal
    clock: FakeClock
    watch: GasWatch

    def look(self, **changes: object) -> list[str]:
        """What the log says when the next look finds the chain so."""
        self.clock.ms += LOOK_MS
        for name, value in changes.items():
            setattr(self.chain, name, value)
        with capture_logs() as logs:
            self.watch.step(make_view(head=HEAD, gas_price_wei=12))
        return [f"{one['log_level']} {one['event']}" for one in logs]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = Store(f"sqlite:///{tmp_path}/j.sqlite")
    chain, journal, clock = FakeChain(), ChainJournal(store), FakeClock()
    yield Desk(chain, journal, clock, GasWatch(chain, journal, clock, ADDRESS, LIMITS))
    store.close()


def test_step__money_goes_and_comes__each_state_said_once(desk: Desk) -> None:
    assert desk.look(money_wei=10 * ADVANCE) == []
    assert desk.look(money_wei=ADVANCE) == ["warning gas key runs low"]
    assert desk.look() == []
    assert desk.look(money_wei=ADVANCE - 1) == ["error gas key is empty"]
    assert desk.look() == []
    assert desk.look(money_wei=10 * ADVANCE) == ["info gas key has enough again"]


def test_step__empty_at_the_start__said(desk: Desk) -> None:
    assert desk.look(money_wei=0) == ["error gas key is empty"]


def test_step__busy_day__lasts_for_fewer_hours(desk: Desk) -> None:
    for nonce in range(10):
        for fee in (1, 2):
            sent = SentTransaction(bytes([nonce, fee]) * 16, 1, nonce, b"", fee, fee, NOW_MS)
            desk.journal.add_transaction(sent)

    desk.look(money_wei=ADVANCE + 9 * COST)

    assert desk.watch.left is not None
    assert (desk.watch.left.settlements, desk.watch.left.hours) == (10, 24)


def test_step__price_of_gas_unknown__nothing_is_claimed(desk: Desk) -> None:
    desk.watch.step(make_view(gas_price_wei=None))

    assert desk.watch.left is None
    assert "gas_money_wei" not in desk.chain.calls


def test_step__gas_key_runs_low__a_line_in_each_drills_history(tmp_path: Path) -> None:
    store, clock, broker = Store(f"sqlite:///{tmp_path}/j.sqlite"), FakeClock(), FakeBroker()
    core = build(store, clock, broker, drills=(1, 2))
    low = GasLeft(GasState.LOW, 5, 2, 24)

    for _ in range(2):
        core.step(fresh(view_of(gas=low), clock.ms))

    told = [one for one in broker.of("event") if one["event"] == "gas key runs low"]
    assert [one["drill"] for one in told] == [1, 2]
    assert told[0]["reason"] == "2 settlements, 24 hours"


def test_step__settlement_of_one_rental_stalled__only_its_drill_locks(tmp_path: Path) -> None:
    store, clock, broker = Store(f"sqlite:///{tmp_path}/j.sqlite"), FakeClock(), FakeBroker()
    core = build(store, clock, broker, drills=(1, 2))
    rentals = {7: make_rental(), 8: make_rental(rental=8, drill=2)}
    view = view_of(
        latest=rentals,
        deep=rentals,
        drills={1: DrillView(1, 1, 7, retired=False), 2: DrillView(2, 1, 8, retired=False)},
        evidence={
            number: replace(view_of().evidence[7], rental=number, drill=drill)
            for number, drill in ((7, 1), (8, 2))
        },
        rested=dict.fromkeys(rentals, Rest(view_of().confirmed, "latest-1")),
        waiting={7: NOW_MS - LIMITS_OF_THE_BOX.lease.stalled_ms - 1},
        gas=GasLeft(GasState.EMPTY, 0, 0, 0),
    )
    for drill in (1, 2):
        broker.give(make_sample(1, clock.ms, drill=drill))
    core.step(fresh(view, clock.ms))
    core.step(fresh(view, clock.ms))

    told = {one["drill"]: one.get("reason", one["kind"]) for one in broker.of("lease")}
    assert told == {1: "settlement stalled", 2: "lease"}
