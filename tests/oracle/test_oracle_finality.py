"""How deep a block must lie, by what is at stake; and heights that never fall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from oracle_box import Box, build, fresh, view_of
from oracle_builders import NOW_MS, FakeBroker, FakeClock, make_rental
from oracle_fake_chain import FakeChain

from chain.deep import LEAST_REPROVEN, MOST_REPROVEN, REPROVEN_SECONDS, DeepStates, reproven
from chain.finality import Policy, Tier, choose, parse_policy, require_rising
from chain.views import BlockSummary, ChainView, RentalView, Rest
from chain.watch import ChainWatcher, WatchScope
from oracle.errors import JournalError
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.heights import LeaseHeights
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit
from protocol.records import RentalState

TIERS = (
    Tier(parse_policy("latest-1"), 100),
    Tier(parse_policy("latest-4"), 1000),
    Tier(parse_policy("finalized")),
)


def header(number: int) -> BlockSummary:
    return BlockSummary(number, bytes([number]) * 32, bytes(32), number)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("latest", Policy("latest", 0)),
        ("latest-1", Policy("latest-1", 1)),
        ("latest-256", Policy("latest-256", 256)),
        ("safe", Policy("safe", 0, "safe")),
        ("finalized", Policy("finalized", 0, "finalized")),
    ],
)
def test_parse_policy__each_form__is_read(text: str, policy: Policy) -> None:
    assert parse_policy(text) == policy


@pytest.mark.parametrize("text", ["", "latest-0", "latest-257", "latest+1", "pending", "latest-x"])
def test_parse_policy__another_word__refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a finality policy"):
        parse_policy(text)


def test_require_rising__documented_tiers__accepted() -> None:
    require_rising(TIERS)
    require_rising(TIERS[2:])


@pytest.mark.parametrize(
    ("tiers", "complaint"),
    [
        ((), "last tier"),
        (TIERS[:1], "last tier"),
        ((TIERS[2], TIERS[2]), "has no up_to"),
        ((TIERS[1], replace(TIERS[0], up_to=2000), TIERS[2]), "deeper block"),
        ((TIERS[1], replace(TIERS[2], up_to=1000), TIERS[2]), "up_to must rise"),
        ((replace(TIERS[2], up_to=5), replace(TIERS[1], up_to=None)), "deeper block"),
    ],
)
def test_require_rising__tiers_that_do_not_rise__says_why(
    tiers: tuple[Tier, ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        require_rising(tiers)


def chosen(*funded: int | None) -> tuple[RentalView, Rest]:
    """The choice where each tier's block, ten apart, has so much money."""
    states = {
        place: (header(90 - 10 * place), None if some is None else make_rental(funded=some))
        for place, some in enumerate(funded)
    }
    found = choose(TIERS, states)
    assert found is not None
    return found


def test_choose__little_money__counts_at_the_shallowest_block() -> None:
    rental, rest = chosen(60, None, None)

    assert (rental.funded, rest) == (60, Rest(header(90), "latest-1"))


def test_choose__much_money_that_is_not_deep__counts_as_far_as_it_is_believed() -> None:
    rental, rest = chosen(5000, None, None)
    assert (rental.funded, rest.policy) == (100, "latest-1")

    rental, rest = chosen(5000, 5000, None)
    assert (rental.funded, rest.policy) == (1000, "latest-4")

    rental, rest = chosen(5000, 5000, 5000)
    assert (rental.funded, rest) == (5000, Rest(header(70), "finalized"))


def test_choose__top_up_over_a_limit__takes_no_credit_away() -> None:
    rental, rest = chosen(5000, 800, 800)

    assert (rental.funded, rest.policy) == (800, "latest-4")


def test_choose__no_block_knows_the_rental__none() -> None:
    assert choose(TIERS, {0: (header(9), None)}) is None


def watcher(tmp_path: Path, chain: FakeChain, *tiers: Tier) -> ChainWatcher:
    store = Store(f"sqlite:///{tmp_path}/j.sqlite")
    return ChainWatcher(chain, ChainJournal(store), FakeClock(), WatchScope(1, (1,), 0, tiers))


def test_poll__two_tiers__more_money_counts_as_its_block_gets_deeper(tmp_path: Path) -> None:
    chain = FakeChain(tag_depth=3)
    watch = watcher(tmp_path, chain, TIERS[0], TIERS[2])
    chain.open_rental(funded=5000)
    chain.mine()
    view = watch.poll()
    assert (view.deep[7].funded, view.rested[7].header.number) == (100, 1)

    for _ in range(2):
        chain.mine()
        view = watch.poll()

    assert (view.deep[7].funded, view.rested[7].policy) == (5000, "finalized")
    assert view.rested[7].header.number == 1


def test_poll__settled_at_every_block__each_tier_follows_at_its_depth(tmp_path: Path) -> None:
    chain = FakeChain(tag_depth=3)
    watch = watcher(tmp_path, chain, TIERS[2])
    chain.open_rental()
    for place in range(8):
        chain.change("UsageSettled", until=NOW_MS + place)
        view = watch.poll()

    assert view.deep[7].until == NOW_MS + 4
    assert view.latest[7].until == NOW_MS + 7


def test_poll__nothing_happens_for_long__the_proof_is_made_anew_with_each_block(
    tmp_path: Path,
) -> None:
    chain = FakeChain()
    watch = watcher(tmp_path, chain, Tier(parse_policy("latest-1")))
    chain.open_rental()
    for _ in range(10):
        chain.mine()
        view = watch.poll()

    assert view.rested[7].header.number == 10


@pytest.mark.parametrize(
    ("rentals", "seconds", "expected"),
    [
        (1, 1, LEAST_REPROVEN),
        (1_000, 1, 17),
        (1_000, 12, 200),
        (1_000, 0, 17),
        (100_000, 12, MOST_REPROVEN),
    ],
)
def test_reproven__many_rentals__as_many_as_give_each_its_turn_in_time(
    rentals: int, seconds: int, expected: int
) -> None:
    assert reproven(rentals, seconds) == expected


def test_read__a_thousand_rentals_and_no_events__no_proof_gets_older_than_a_bridge_takes() -> None:
    rentals = {number: make_rental(rental=number, drill=number) for number in range(1, 1_001)}

    class Chain(FakeChain):
        def rental(self, rental: int, at: BlockSummary) -> RentalView | None:  # noqa: ARG002
            return rentals.get(rental)

    states = DeepStates(Chain(), [Tier(parse_policy("latest"))])
    first, seconds = header(1), 12
    states.read([first], rentals, rentals)
    oldest = 0
    for number in range(2, 30):
        at = replace(header(number), timestamp=first.timestamp + number * seconds)
        states.read([at], (), rentals)
        _, rested = states.chosen()
        lowest = min(one.header.number for one in rested.values())
        oldest = max(oldest, (number - lowest) * seconds)

    assert oldest <= REPROVEN_SECONDS + seconds


def test_poll__reorganisation__a_new_branch(tmp_path: Path) -> None:
    chain = FakeChain()
    watch = watcher(tmp_path, chain, Tier(parse_policy("latest-1")))
    chain.open_rental()
    chain.mine()
    before = watch.poll().branch
    chain.fork(1)

    assert watch.poll().branch == before + 1


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    store = Store(f"sqlite:///{tmp_path}/j.sqlite")
    clock, broker = FakeClock(), FakeBroker()
    yield Box(store, clock, broker, build(store, clock, broker))
    store.close()


def at(number: int, policy: str = "latest-1", **changes: object) -> ChainView:
    """A view whose rental rests on that block."""
    return replace(view_of(), rested={7: Rest(header(number), policy)}, **changes)  # type: ignore[arg-type]


def last_command(box: Box) -> dict[str, object]:
    return box.broker.of("lease")[-1]


def test_step__lease__its_height_is_durable_before_it_goes_out(box: Box) -> None:
    box.run(3, at(99))

    assert last_command(box)["block_number"] == 99
    assert LeaseHeights(box.store).of(1) == {"latest-1": 99}


def test_step__chain_falls_below_a_lease__inhibited_until_it_has_passed_it(box: Box) -> None:
    box.run(3, at(120))
    box.run(30, at(119))
    assert last_command(box)["reason"] == Inhibit.HEIGHT.value

    box.run(3, at(120))
    assert last_command(box)["kind"] == "lease"


def test_step__restart_on_a_lower_chain__still_inhibited(box: Box) -> None:
    box.run(3, at(120))
    box.restart()
    box.run(3, at(100))

    assert last_command(box)["reason"] == Inhibit.HEIGHT.value


def test_step__other_policy_for_more_money__has_a_height_of_its_own(box: Box) -> None:
    box.run(3, at(120))
    box.run(30, at(100, "finalized"))

    assert last_command(box)["block_number"] == 100


def test_step__heights_cannot_be_written__no_lease(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_heights: object) -> None:
        raise JournalError("disk full")

    monkeypatch.setattr(box.core.metering.journal.heights, "raise_to", fail)
    box.run(3, at(99))

    assert last_command(box)["reason"] == Inhibit.JOURNAL.value


def test_step__same_lease_on_a_new_branch__told_anew_at_once(box: Box) -> None:
    box.run(3, at(99))
    leases = len(box.broker.of("lease"))
    box.core.step(fresh(at(99), box.clock.ms))
    assert len(box.broker.of("lease")) == leases

    box.core.step(fresh(at(100, branch=1), box.clock.ms))

    assert len(box.broker.of("lease")) == leases + 1
    assert last_command(box)["block_number"] == 100


def test_step__endpoints_disagree__that_reason(box: Box) -> None:
    box.run(3, at(99))
    box.run(3, at(100, disagreement=True))

    assert last_command(box)["reason"] == Inhibit.DISAGREEMENT.value


def test_step__ended_on_the_new_branch__inhibited_at_once(box: Box) -> None:
    box.run(3, at(99))
    ended = make_rental(state=RentalState.ENDED, ended_at=NOW_MS // 1000)
    box.core.step(fresh(replace(at(99, branch=1), latest={7: ended}), box.clock.ms))

    assert last_command(box)["reason"] == Inhibit.ENDED.value
