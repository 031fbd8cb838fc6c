"""A settlement's way to the chain: stored before sent, bumped, and done only by the state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from conftest import role_account
from oracle_builders import NOW_MS, FakeClock, make_rental, make_view
from oracle_fake_chain import FakeChain

from chain.errors import ChainError, TransactionRefusedError
from chain.ports import TransactionReceipt
from chain.transact import FeeLimits, Transactor
from chain.views import BlockSummary, ChainView, OracleView
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.store import Store
from oracle.settling.outbox import in_the_way, undecided
from oracle.settling.submit import Submitter
from oracle.signing.registration import OracleIdentity
from oracle.signing.sign import GasAccount
from protocol.errors import RecordError
from protocol.records import Domain, Reading, Registers, RentalState
from protocol.typed_data import batch_digest, sign_digest

GAS = GasAccount(bytes(role_account("relayer").key))
UNTIL = NOW_MS - 1_000
READING = Reading(7, UNTIL, Registers(1000, 0, 0, 10, 0, 0), 10, bytes(32))
DOMAIN = Domain(31337, "0x" + "d" * 40)
KEY = role_account("oracle")
GRACE_SECONDS = 3_600


def signed(*readings: Reading) -> bytes:
    return sign_digest(bytes(KEY.key), batch_digest(DOMAIN, readings))


@dataclass
class Desk:
    """A submitter with its world and one batch in the outbox."""

    chain: FakeChain
    journal: ChainJournal
    clock: FakeClock
    submitter: Submitter

    def restart(self) -> None:
        self.submitter = make(self.chain, self.journal, self.clock)

    def sent(self) -> list[bytes]:
        return [one.raw for one in self.journal.transactions(1)]

    def mine(self, **changes: object) -> None:
        """Give the newest transaction a receipt."""
        newest = self.journal.transactions(1)[-1]
        receipt = TransactionReceipt(
            newest.hash, 100, b"h" * 32, succeeded=True, gas_used=1, rejected=()
        )
        self.chain.mined[newest.hash] = replace(receipt, **changes)  # type: ignore[arg-type]
        self.chain.nonces = newest.nonce + 1


def make(chain: FakeChain, journal: ChainJournal, clock: FakeClock) -> Submitter:
    limits = FeeLimits(bump_after_ms=60_000, highest_fee_wei=1_000)
    return Submitter(
        chain,
        journal,
        clock,
        Transactor(chain, journal, clock, GAS, domain=DOMAIN, limits=limits),
        domain=DOMAIN,
        identity=OracleIdentity(1, KEY.address),
        grace_seconds=GRACE_SECONDS,
    )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = Store(f"sqlite:///{tmp_path}/j.sqlite")
    chain, journal, clock = FakeChain(), ChainJournal(store), FakeClock()
    journal.add_batch(NOW_MS, [READING], [make_rental().identity], signed(READING))
    yield Desk(chain, journal, clock, make(chain, journal, clock))
    store.close()


def settled_view(**changes: int) -> ChainView:
    settled = make_rental(until=UNTIL)
    head = BlockSummary(100 + changes.get("deeper", 0), b"h" * 32, b"g" * 32, NOW_MS // 1000)
    return make_view(latest={7: settled}, head=head)


def test_step__new_batch__stored_before_it_is_broadcast(desk: Desk) -> None:
    stored: list[int] = []
    real = desk.chain.broadcast

    def watch(raw: bytes) -> None:
        stored.append(len(desk.sent()))
        real(raw)

    desk.chain.broadcast = watch  # type: ignore[method-assign]
    desk.submitter.step(make_view())

    assert stored == [1]
    assert desk.chain.pool == desk.sent()
    assert desk.submitter.waiting == {7: NOW_MS}


def test_step__killed_between_store_and_broadcast__same_transaction_again(desk: Desk) -> None:
    def die(raw: bytes) -> None:
        raise ChainError(f"killed before {len(raw)} bytes were sent")

    desk.chain.broadcast = die  # type: ignore[method-assign]
    with pytest.raises(ChainError):
        desk.submitter.step(make_view())
    del desk.chain.broadcast  # type: ignore[method-assign]

    desk.restart()
    desk.submitter.step(make_view())

    assert len(desk.sent()) == 1
    assert desk.chain.pool == desk.sent()


def test_step__time_of_the_reading_not_reached_by_the_chain__waits(desk: Desk) -> None:
    early = BlockSummary(100, b"h" * 32, b"g" * 32, UNTIL // 1000 - 1)
    desk.submitter.step(make_view(head=early))

    assert desk.sent() == []


def test_step__not_mined_in_time__higher_fee_on_the_same_nonce(desk: Desk) -> None:
    desk.submitter.step(make_view())
    desk.clock.ms += 60_001
    desk.submitter.step(make_view())

    first, second = desk.journal.transactions(1)
    assert second.nonce == first.nonce
    assert second.max_fee_wei * 100 >= first.max_fee_wei * 110
    assert second.priority_fee_wei > first.priority_fee_wei


def test_step__nonce_before_ours_vanished_for_good__sent_again_with_the_chains(desk: Desk) -> None:
    """What had it was mined, vanished with its block, and was settled by somebody else then."""
    desk.chain.nonces = 5
    desk.submitter.step(make_view())
    desk.chain.nonces = 4
    desk.clock.ms += 59_000
    desk.submitter.step(make_view())
    assert [one.nonce for one in desk.journal.transactions(1)] == [5], "it may still come"

    desk.clock.ms += 2_000
    desk.submitter.step(make_view())

    assert [one.nonce for one in desk.journal.transactions(1)] == [5, 4]
    assert desk.chain.pool[-1] == desk.journal.transactions(1)[-1].raw


def test_step__restarted_before_the_raised_fee_was_broadcast__that_very_transaction_goes(
    desk: Desk,
) -> None:
    desk.submitter.step(make_view())
    desk.clock.ms += 60_001
    desk.chain.fails_to_broadcast = True
    with pytest.raises(ChainError):
        desk.submitter.step(make_view())
    stored = desk.journal.transactions(1)[-1]
    desk.chain.fails_to_broadcast = False
    desk.restart()

    desk.submitter.step(make_view())

    assert len(desk.journal.transactions(1)) == 2
    assert desk.chain.pool[-1] == stored.raw


def test_step__fee_at_its_limit__not_bumped_further(desk: Desk) -> None:
    for _ in range(60):
        desk.submitter.step(make_view())
        desk.clock.ms += 60_001

    fees = [one.max_fee_wei for one in desk.journal.transactions(1)]
    assert max(fees) <= 1_000
    assert len(fees) < 40


def test_step__mined_but_not_deep__not_done_and_not_in_the_way(desk: Desk) -> None:
    desk.submitter.step(make_view())
    desk.mine()
    desk.submitter.step(settled_view())

    assert len(desk.journal.open_batches()) == 1
    assert desk.submitter.waiting == {}
    assert not in_the_way(desk.journal.open_batches(), settled_view())


def test_step__state_shows_it_deep__done(desk: Desk) -> None:
    desk.submitter.step(make_view())
    settled = {7: make_rental(until=UNTIL)}
    desk.submitter.step(make_view(latest=settled, deep=settled))

    assert desk.journal.open_batches() == []


def test_step__block_of_the_receipt_vanishes__same_transaction_again(desk: Desk) -> None:
    desk.submitter.step(make_view())
    desk.mine()
    desk.submitter.step(settled_view())
    desk.chain.mined.clear()
    desk.chain.nonces = 0
    desk.clock.ms += 10_000
    desk.submitter.step(make_view())

    assert len(desk.sent()) == 1
    assert desk.chain.pool == desk.sent() * 2


def test_step__nonce_used_by_another__new_transaction_with_the_next(desk: Desk) -> None:
    desk.submitter.step(make_view())
    desk.chain.nonces = 1
    desk.clock.ms += 10_000
    desk.submitter.step(make_view())

    assert [one.nonce for one in desk.journal.transactions(1)] == [0, 1]


def test_step__nonce_just_used_by_ourselves__no_second_transaction(desk: Desk) -> None:
    desk.submitter.step(make_view())
    desk.clock.ms += 10_000
    desk.mine()
    desk.submitter.step(make_view())

    assert len(desk.sent()) == 1


def test_step__call_would_revert__nothing_sent_and_the_rental_is_rejected(desk: Desk) -> None:
    desk.chain.reverts = True
    desk.submitter.step(make_view())

    assert desk.sent() == []
    assert desk.journal.open_batches() == []
    assert "paused" in desk.submitter.rejections[7].reason


def test_step__register_beyond_the_meter_word__dropped_and_not_a_crash(desk: Desk) -> None:
    def overflow(*_: object) -> bytes:
        raise RecordError("does not fit")

    desk.chain.settlement_data = overflow  # type: ignore[method-assign]
    desk.submitter.step(make_view())

    assert desk.journal.open_batches() == []
    assert desk.submitter.rejections[7].reason == "does not fit"


def test_step__reading_rejected_in_a_mined_settlement__reason_and_pause(desk: Desk) -> None:
    desk.submitter.step(make_view())
    desk.mine(rejected=((7, UNTIL, "a register fell"),), block_number=90)
    desk.submitter.step(make_view())

    assert desk.submitter.rejections[7].reason == "a register fell"
    assert desk.journal.open_batches() == []
    assert desk.submitter.complete(make_view()).rejections[7].until == UNTIL


@pytest.mark.parametrize(("reason", "told"), [("a register fell", {7}), ("in the future", set())])
def test_step__rejected_in_a_block_that_is_not_deep__counts_until_the_block_vanishes(
    desk: Desk, reason: str, told: set[int]
) -> None:
    """A reading that a reorganisation brought into an earlier block is no worse for it."""
    desk.submitter.step(make_view())
    desk.mine(rejected=((7, UNTIL, reason),))
    desk.submitter.step(make_view())
    seen = desk.submitter.complete(make_view())
    assert seen.objected == told
    assert seen.passed == {1}
    assert not in_the_way(desk.journal.open_batches(), seen)
    assert undecided(desk.journal.open_batches(), seen) == {7: {UNTIL}}

    desk.chain.mined.clear()
    desk.submitter.step(make_view())
    seen = desk.submitter.complete(make_view())
    assert seen.objected == frozenset()
    assert seen.passed == frozenset()
    assert in_the_way(desk.journal.open_batches(), seen)


def test_step__several_refused_as_a_whole__none_rejected_and_tried_in_halves(desk: Desk) -> None:
    desk.chain.reverts = True
    desk.journal.finish_batch(1, "dropped", "")
    readings = [replace(READING, rental=number) for number in (7, 8, 9)]
    rentals = {one.rental: make_rental(rental=one.rental) for one in readings}
    identities = [one.identity for one in rentals.values()]
    desk.journal.add_batch(NOW_MS, readings, identities, signed(*readings))
    view = make_view(latest=rentals, deep=rentals)
    desk.submitter.step(view)

    assert desk.journal.open_batches() == []
    assert desk.submitter.complete(view).rejections == {}
    assert desk.submitter.complete(view).apart == {7: 1, 8: 1, 9: 1}

    settled = {number: replace(one, until=UNTIL) for number, one in rentals.items()}
    desk.submitter.step(make_view(latest=settled))
    assert desk.submitter.complete(view).apart == {}


def test_step__rental_ended_while_the_reading_was_on_its_way__no_pause(desk: Desk) -> None:
    desk.submitter.step(make_view())
    desk.mine(rejected=((7, UNTIL, "after the end"),), block_number=90)
    ended = {7: make_rental(state=RentalState.ENDED, ended_at=UNTIL // 1000 - 1)}
    desk.submitter.step(make_view(latest=ended, deep=ended))

    assert desk.submitter.rejections == {}
    assert desk.journal.open_batches() == []


def test_step__settled_by_someone_else__no_transaction(desk: Desk) -> None:
    desk.submitter.step(settled_view())

    assert desk.sent() == []


def test_step__rental_closed__batch_is_done(desk: Desk) -> None:
    closed = {7: make_rental(state=RentalState.CLOSED)}
    desk.submitter.step(make_view(latest=closed, deep=closed))

    assert desk.journal.open_batches() == []


def test_step__node_refuses__tries_again_later_and_not_at_once(desk: Desk) -> None:
    def refuse(raw: bytes) -> None:
        desk.chain.pool.append(raw)
        raise TransactionRefusedError("insufficient funds")

    desk.chain.broadcast = refuse  # type: ignore[method-assign]
    desk.submitter.step(make_view())
    desk.clock.ms += 10_000
    desk.submitter.step(make_view())
    assert len(desk.chain.pool) == 1

    desk.clock.ms += 60_000
    desk.submitter.step(make_view())
    assert len(desk.chain.pool) == 2


def test_step__refused_while_the_clock_was_ahead__tries_again_when_it_is_right(desk: Desk) -> None:
    def refuse(raw: bytes) -> None:
        raise TransactionRefusedError(f"insufficient funds for {len(raw)} bytes")

    desk.chain.broadcast = refuse  # type: ignore[method-assign]
    desk.clock.ms += 3_600_000
    desk.submitter.step(make_view())
    del desk.chain.broadcast  # type: ignore[method-assign]
    desk.clock.ms -= 3_600_000
    desk.submitter.step(make_view())

    assert desk.chain.pool == desk.sent()[-1:]


def test_step__sent_while_the_clock_was_ahead__repeated_when_it_is_right(desk: Desk) -> None:
    desk.clock.ms += 3_600_000
    desk.submitter.step(make_view())
    desk.clock.ms -= 3_600_000
    for _ in range(3):
        desk.submitter.step(make_view())
        desk.clock.ms += 1_000

    assert len(desk.chain.pool) == 2


def kinds(desk: Desk) -> list[str]:
    return ["legacy" if raw[0] >= 0xC0 else f"type {raw[0]}" for raw in desk.chain.pool]


def test_step__node_takes_no_fee_type__the_same_as_legacy_at_the_next_step(desk: Desk) -> None:
    def take(raw: bytes) -> None:
        desk.chain.pool.append(raw)
        if raw[0] == 2:
            raise TransactionRefusedError("transaction type not supported")

    desk.chain.broadcast = take  # type: ignore[method-assign]
    for _ in range(3):
        desk.submitter.step(make_view())
        desk.clock.ms += 1_000

    assert kinds(desk) == ["type 2", "legacy"]
    first, second = desk.journal.transactions(1)
    assert (first.nonce, second.raw) == (second.nonce, desk.chain.pool[1])


def test_step__chain_without_a_base_fee__legacy_from_the_start(desk: Desk) -> None:
    head = desk.chain.blocks[-1]
    desk.chain.blocks[-1] = replace(head, header=replace(head.header, base_fee_wei=0))

    desk.submitter.step(make_view())

    assert kinds(desk) == ["legacy"]
    (sent,) = desk.journal.transactions(1)
    assert sent.max_fee_wei == sent.priority_fee_wei == 1


OTHER = make_rental(customer="0x" + "9" * 40)


@pytest.mark.parametrize(
    "view",
    [
        make_view(latest={7: OTHER}, deep={7: OTHER}),
        make_view(latest={7: OTHER}),
        make_view(latest={7: OTHER}, deep={}),
        make_view(deep={7: OTHER}),
    ],
)
def test_step__number_given_to_another_rental__the_reading_is_never_sent(
    desk: Desk, view: ChainView
) -> None:
    desk.submitter.step(view)
    desk.submitter.step(make_view())

    assert desk.chain.pool == []
    assert desk.journal.open_batches() == []


def test_step__one_of_two_rentals_vanished__nothing_is_sent_for_whoever_gets_its_number(
    desk: Desk,
) -> None:
    both = [replace(READING, rental=8), READING]
    desk.journal.finish_batch(1, "dropped", "")
    desk.journal.add_batch(NOW_MS, both, [make_rental().identity] * 2, signed(*both))
    desk.submitter.step(make_view())

    assert desk.chain.pool == []
    assert desk.journal.open_batches() == []


NEXT = replace(READING, rental=8)


def test_step__given_up_with_its_transaction_on_its_way__the_next_one_outbids_it(
    desk: Desk,
) -> None:
    """It may be mined yet, for a stranger, or be lost for good; either way the next one must go."""
    desk.submitter.step(make_view())
    desk.journal.add_batch(NOW_MS, [NEXT], [make_rental(rental=8).identity], signed(NEXT))
    rentals = {7: OTHER, 8: make_rental(rental=8)}
    desk.submitter.step(make_view(latest=rentals, deep=rentals))

    (given_up,), (next_one,) = desk.journal.transactions(1), desk.journal.transactions(2)
    assert desk.chain.pool == [given_up.raw, next_one.raw]
    assert next_one.nonce == given_up.nonce
    assert next_one.max_fee_wei * 100 >= given_up.max_fee_wei * 110
    assert next_one.priority_fee_wei * 100 >= given_up.priority_fee_wei * 110


@pytest.mark.parametrize(
    "call", ["nonce", "simulate", "priority_fee_wei", "broadcast", "transaction_receipt"]
)
def test_step__chain_fails_at_every_step__the_settlement_is_known_to_wait(
    desk: Desk, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ChainError("cannot be reached")

    if call == "transaction_receipt":
        desk.submitter.step(make_view())
        desk.restart()
    monkeypatch.setattr(desk.chain, call, fail)
    with pytest.raises(ChainError):
        desk.submitter.step(make_view())

    assert desk.submitter.complete(make_view()).waiting == {7: NOW_MS}


ENDED_AT = UNTIL // 1000
ENDED = {7: make_rental(state=RentalState.ENDED, ended_at=ENDED_AT)}


def at(timestamp: int) -> ChainView:
    head = BlockSummary(100, b"h" * 32, b"g" * 32, timestamp)
    return make_view(latest=ENDED, deep=ENDED, head=head)


def test_step__grace_period_over__given_up_and_not_sent(desk: Desk) -> None:
    desk.submitter.step(at(ENDED_AT + GRACE_SECONDS))

    assert desk.chain.pool == []
    assert desk.journal.open_batches() == []
    assert desk.submitter.waiting == {}


def test_step__last_second_of_the_grace_period__sent(desk: Desk) -> None:
    desk.submitter.step(at(ENDED_AT + GRACE_SECONDS - 1))

    assert desk.chain.pool == desk.sent() != []


def test_step__grace_period_over_for_one_of_two__the_other_is_sent(desk: Desk) -> None:
    both = [replace(READING, rental=8), READING]
    desk.journal.finish_batch(1, "dropped", "")
    identities = [make_rental(rental=8).identity, make_rental().identity]
    desk.journal.add_batch(NOW_MS, both, identities, signed(*both))
    rentals = ENDED | {8: make_rental(rental=8)}
    head = BlockSummary(100, b"h" * 32, b"g" * 32, ENDED_AT + GRACE_SECONDS)
    desk.submitter.step(make_view(latest=rentals, deep=rentals, head=head))

    assert len(desk.chain.pool) == 1


@pytest.mark.parametrize(
    "oracle",
    [
        OracleView(KEY.address, revoked=True),
        OracleView(KEY.address, revoked=False, suspended=True),
        OracleView("0x" + "1" * 40, revoked=False),
    ],
)
def test_step__key_not_in_force__nothing_is_sent_and_the_batch_waits(
    desk: Desk, oracle: OracleView
) -> None:
    desk.submitter.step(make_view(oracle=oracle))

    assert desk.chain.pool == []
    assert len(desk.journal.open_batches()) == 1


def test_step__signed_with_a_former_key__dropped_without_a_transaction(desk: Desk) -> None:
    desk.journal.finish_batch(1, "dropped", "")
    former = sign_digest(bytes(role_account("stranger").key), batch_digest(DOMAIN, [READING]))
    desk.journal.add_batch(NOW_MS, [READING], [make_rental().identity], former)
    desk.submitter.step(make_view())

    assert desk.chain.pool == []
    assert desk.journal.open_batches() == []
    assert desk.submitter.rejections == {}, "it is signed anew at once"
