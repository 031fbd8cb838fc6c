"""A settlement that is refused, rejected or not mined concerns its own rental and no other: the
real edge side, outbox and submitter, in simulated time, over a chain that refuses as told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from conftest import role_account
from oracle_box import DOMAIN, LIMITS, SIGNER, build, fresh, view_of
from oracle_builders import NOW_MS, FakeBroker, FakeClock, make_rental, make_sample
from oracle_fake_chain import FakeChain
from structlog.testing import capture_logs

from chain.errors import CallRevertedError
from chain.ports import TransactionReceipt
from chain.transact import FeeLimits, Transactor
from chain.views import BlockSummary, ChainView, DrillView, RentalView, Rest
from oracle.core import Core
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.store import Store
from oracle.leasing.lease_policy import longest_wait_ms
from oracle.settling.submit import Submitter
from oracle.signing.registration import OracleIdentity
from oracle.signing.sign import GasAccount
from protocol.records import RentalState

pytestmark = pytest.mark.campaign

OPENED_AT = NOW_MS // 1000
MINUTE_MS = 60_000
GAS = GasAccount(bytes(role_account("relayer").key))
REFUSED = "the contract refuses: out of range"


class Refusing(FakeChain):
    """A chain on which no call goes through that has a reading of a poisoned rental in it."""

    poisoned: frozenset[int] = frozenset()

    def simulate(self, sender: str, data: bytes) -> int:
        numbers = data.removeprefix(b"settle")
        rentals = {int.from_bytes(numbers[at : at + 4], "big") for at in range(0, len(numbers), 4)}
        if rentals & self.poisoned:
            raise CallRevertedError(REFUSED)
        return super().simulate(sender, data)


@dataclass
class Yard:
    """A box with drills 1 to n, each in the rental of its own number, and their chain."""

    store: Store
    funded: int
    rentals: dict[int, RentalView]
    depth: int = 0
    stalled: bool = False
    objected: frozenset[int] = frozenset()
    chain: Refusing = field(default_factory=Refusing)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW_MS))
    broker: FakeBroker = field(default_factory=FakeBroker)
    turning: frozenset[int] = frozenset()
    settlements: list[list[int]] = field(default_factory=list)
    _sequence: int = 0
    _block: int = 100

    def __post_init__(self) -> None:
        self.journal = ChainJournal(self.store)
        fees = FeeLimits(bump_after_ms=60_000, highest_fee_wei=10**12)
        self.submitter = Submitter(
            self.chain,
            self.journal,
            self.clock,
            Transactor(self.chain, self.journal, self.clock, GAS, domain=DOMAIN, limits=fees),
            domain=DOMAIN,
            identity=OracleIdentity(1, SIGNER.address),
            grace_seconds=LIMITS.grace_seconds,
        )
        self.core: Core = build(self.store, self.clock, self.broker, drills=(*self.rentals,))
        self.view = self._view()

    def run(self, until_ms: int, pause_ms: int = 500) -> None:
        """Let time pass until so long after the opening, a look at the chain with each step."""
        while self.clock.ms < NOW_MS + until_ms:
            for _ in range(pause_ms // 100 if self.turning else 1):
                self.clock.ms += 100 if self.turning else pause_ms
                self._sequence += 1
                for drill in self.rentals:
                    turns = drill in self.turning
                    sample = make_sample(self._sequence, self.clock.ms, drill=drill, motor_on=turns)
                    self.broker.give(sample)
            self.core.step(self.view)
            self.submitter.step(self._view())
            if not self.stalled:
                self._mine()
                self.submitter.step(self._view())
            self.view = self.submitter.complete(self._view())

    def told(self) -> dict[int, str]:
        """Of each drill "lease", or the reason of its inhibit."""
        return {one["drill"]: one.get("reason", one["kind"]) for one in self.broker.of("lease")}

    def settled(self) -> set[int]:
        return {one.rental for one in self.rentals.values() if one.until > one.opened_ms}

    def _view(self) -> ChainView:
        confirmed = BlockSummary(self._block - self.depth, b"g" * 32, b"f" * 32, OPENED_AT)
        view = view_of(
            head=BlockSummary(self._block, b"h" * 32, b"g" * 32, OPENED_AT),
            confirmed=confirmed,
            latest=dict(self.rentals),
            deep=dict(self.rentals),
            gas_price_wei=0,
            drills={one: DrillView(one, 1, one, retired=False) for one in self.rentals},
            evidence={
                one: replace(view_of().evidence[7], rental=one, drill=one, block_number=1)
                for one in self.rentals
            },
            rested=dict.fromkeys(self.rentals, Rest(confirmed, "latest-1")),
        )
        found = fresh(view, self.clock.ms)
        assert found is not None
        return found

    def _mine(self) -> None:
        """Mine every transaction that was sent, but for what the contract objects to."""
        for batch in self.journal.open_batches():
            sent = self.journal.transactions(batch.number)
            if not sent or sent[-1].hash in self.chain.mined:
                continue
            self._block += 1
            rejected = [
                (one.rental, one.until, "implausible registers")
                for one in batch.readings
                if one.rental in self.objected
            ]
            self.chain.mined[sent[-1].hash] = TransactionReceipt(
                sent[-1].hash, self._block, b"h" * 32, True, 1, tuple(rejected)
            )
            self.chain.nonces = sent[-1].nonce + 1
            self.settlements.append([one.rental for one in batch.readings])
            for one in batch.readings:
                if one.rental not in self.objected:
                    rental = self.rentals[one.rental]
                    self.rentals[one.rental] = replace(
                        rental, until=one.until, registers=one.registers
                    )


def yard_of(store: Store, drills: int, funded: int, depth: int = 0) -> Yard:
    rentals = {
        one: make_rental(rental=one, drill=one, opened_at=OPENED_AT, funded=funded)
        for one in range(1, drills + 1)
    }
    return Yard(store, funded, rentals, depth)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path}/j.sqlite")
    yield made
    made.close()


@pytest.mark.parametrize("poisoned", [{1}, {5}, {2, 8}])
def test_settlement_refused_for_one_rental__others_settle_and_stay_startable(
    store: Store, poisoned: set[int]
) -> None:
    yard = yard_of(store, 8, funded=200_000)
    yard.run(1_000)
    yard.turning, yard.chain.poisoned = frozenset(yard.rentals), frozenset(poisoned)
    yard.run(40_000)

    good = yard.rentals.keys() - poisoned
    assert yard.settled() == good
    assert yard.submitter.rejections.keys() == poisoned
    assert {one.reason for one in yard.submitter.rejections.values()} == {REFUSED}
    expected = dict.fromkeys(good, "lease") | dict.fromkeys(poisoned, "readings rejected")
    assert yard.told() == expected


def test_settlement_refused_for_one_rental__settles_with_the_others_once_it_is_taken(
    store: Store,
) -> None:
    yard = yard_of(store, 4, funded=400_000)
    yard.run(1_000)
    yard.turning, yard.chain.poisoned = frozenset(yard.rentals), frozenset({3})
    yard.run(50_000)
    yard.chain.poisoned = frozenset()
    yard.run(100_000)

    assert yard.settled() == {1, 2, 3, 4}
    assert yard.submitter.rejections == {}
    assert yard.submitter.complete(yard.view).apart == {}
    assert yard.told()[3] == "lease"


def test_reading_rejected_in_a_block_that_is_not_deep__its_drill_locks_and_others_settle_on(
    store: Store,
) -> None:
    """Whether it is for good is known only when the block is deep; nobody else waits for that."""
    yard = yard_of(store, 2, funded=200_000, depth=50)
    yard.objected = frozenset({1})
    yard.run(1_000)
    yard.turning = frozenset(yard.rentals)
    yard.run(75_000)

    assert yard.settlements[0] == [1, 2]
    assert len(yard.settlements) >= 3
    assert all(one == [2] for one in yard.settlements[1:])
    assert yard.told() == {1: "readings rejected", 2: "lease"}


def test_reading_rejected_and_its_rental_ends__the_last_one_goes_before_the_block_is_deep(
    store: Store,
) -> None:
    """Once: what is wrong with it may be right by then, and the grace period waits for no block."""
    yard = yard_of(store, 1, funded=200_000, depth=50)
    yard.objected = frozenset({1})
    yard.run(1_000)
    yard.turning = frozenset({1})
    yard.run(25_000)
    assert yard.settlements == [[1]]
    yard.turning = frozenset()
    ended_at = yard.clock.ms // 1000
    yard.rentals[1] = replace(yard.rentals[1], state=RentalState.ENDED, ended_at=ended_at)
    yard.run(120_000)

    assert yard.settlements == [[1], [1]]


def test_settlement_not_mined__each_drill_goes_on_for_half_a_grace_period_of_its_own(
    store: Store,
) -> None:
    yard = yard_of(store, 3, funded=10_000_000)
    yard.stalled = True
    with capture_logs() as logs:
        yard.run(1_000)
        yard.turning = frozenset({1})
        yard.run(3_000)
        yard.turning = frozenset()
        yard.run(10 * MINUTE_MS, pause_ms=3_000)
        yard.turning = frozenset({2})
        yard.run(10 * MINUTE_MS + 3_000)
        yard.turning = frozenset()
        yard.run(30 * MINUTE_MS, pause_ms=3_000)
        assert yard.told() == dict.fromkeys((1, 2, 3), "lease")

        yard.run(32 * MINUTE_MS, pause_ms=3_000)
        assert yard.told() == {1: "settlement stalled", 2: "lease", 3: "lease"}

        yard.run(42 * MINUTE_MS, pause_ms=3_000)
        assert yard.told() == {1: "settlement stalled", 2: "settlement stalled", 3: "lease"}

        yard.stalled = False
        yard.run(43 * MINUTE_MS, pause_ms=3_000)
    assert yard.told() == dict.fromkeys((1, 2, 3), "lease")
    assert yard.settled() == {1, 2}
    said = [one["rental"] for one in logs if one["event"] == "settlement waits"]
    assert said == [1, 2]


def test_settlement_not_mined__credit_used_up_meanwhile__exhausted_as_ever(store: Store) -> None:
    """Leases count what is not settled: a stall gives nobody more than the funds."""
    yard = yard_of(store, 1, funded=100_000)
    yard.stalled = True
    yard.run(1_000)
    yard.turning = frozenset({1})
    yard.run(MINUTE_MS)

    assert yard.told() == {1: "credit exhausted"}


def test_settlement_not_mined__box_restarted__the_wait_goes_on(store: Store) -> None:
    yard = yard_of(store, 1, funded=10_000_000)
    yard.stalled = True
    yard.run(1_000)
    yard.turning = frozenset({1})
    yard.run(3_000)
    yard.turning = frozenset()
    yard.run(20 * MINUTE_MS, pause_ms=3_000)
    yard.core = build(yard.store, yard.clock, yard.broker, drills=(1,))
    yard.run(32 * MINUTE_MS, pause_ms=3_000)

    assert yard.told() == {1: "settlement stalled"}


def test_longest_wait_ms__half_the_grace_period() -> None:
    assert longest_wait_ms(86_400) == 12 * 60 * MINUTE_MS
