"""Honest nodes of awkward kinds: what the oracle needs is asked in the form that they serve, and
none is called a liar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from awkward_node import (
    Habit,
    LogsWithin,
    NewestStateOnly,
    Only,
    SlowerNodes,
    SurplusReceipt,
    Without,
    awkward,
)
from oracle_chain_place import Place
from structlog.testing import capture_logs

from chain.contract import DrillMeter
from chain.endpoint import RpcEndpoint
from chain.errors import ChainError
from chain.quorum_chain import QuorumChain
from chain.views import BalanceEvidence
from lab.rig.services import Anvil
from oracle.checks.endpoint_check import endpoint_checks
from oracle.settings import ChainSettings

pytestmark = pytest.mark.integration

KEY = "0x" + "b2" * 20
TIMEOUT_SECONDS = 10.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Anvil(tmp_path_factory.mktemp("logs")) as anvil:
        yield Place(anvil, KEY)


class Nodes:
    """One endpoint for each list of habits."""

    def __init__(self, stack: ExitStack, place: Place) -> None:
        self._stack, self._place = stack, place

    def __call__(self, *habits: Habit) -> QuorumChain:
        contract = DrillMeter(self._place.contract.address)
        self.node = self._stack.enter_context(awkward(self._place.anvil.url, *habits))
        endpoint = RpcEndpoint(self.node.url, 31337, contract, TIMEOUT_SECONDS)
        return QuorumChain([endpoint], 1, contract, TIMEOUT_SECONDS)

    def asked(self, method: str) -> list[Any]:
        """The parameters of its calls of that method."""
        return [parameters for name, parameters in self.node.calls if name == method]


@pytest.fixture
def nodes(place: Place) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes(stack, place)


def read_all(chain: QuorumChain, place: Place) -> None:
    """What a look at the chain, a settlement and a proof need of it."""
    head = chain.head()
    assert chain.header(head.number - 1).hash == head.parent_hash
    rental, drill = chain.rental(1, head), chain.drill(1, head)
    assert rental is not None
    assert rental.funded == 10**18
    assert drill is not None
    assert chain.oracle(1, head) is not None
    assert chain.events_of(head) == []
    opened = chain.header(place.opened)
    (positive,) = [one for one in chain.events_of(opened) if one.name == "BalancePositive"]
    evidence = BalanceEvidence(
        1, 1, 0, opened.number, opened.hash, positive.transaction_hash, positive.log_index
    )
    assert chain.lease_proof(rental, chain.event_proof(evidence), head)
    assert chain.nonce(place.customer) > 0
    assert chain.gas_price_wei(head) > 0


def bad_words(logs: list[Any]) -> list[Any]:
    return [one for one in logs if one["event"] in ("endpoint lies", "endpoint fails")]


@pytest.mark.parametrize(
    "habit",
    [
        Only("object"),
        Only("number"),
        Only("hash"),
        SlowerNodes(),
        SurplusReceipt(),
        Without("eth_maxPriorityFeePerGas"),
        Without("eth_maxPriorityFeePerGas", "eth_feeHistory"),
        Without("eth_getBlockReceipts"),
    ],
    ids=["object", "number", "hash", "slower", "surplus", "history", "price", "receipts"],
)
def test_reads__node_with_an_awkward_habit__all_is_read_and_none_is_blamed(
    place: Place, nodes: Nodes, habit: Habit
) -> None:
    chain = nodes(habit)

    with capture_logs() as logs:
        if isinstance(habit, Without) and "eth_getBlockReceipts" in habit._methods:
            with pytest.raises(ChainError, match="does not exist"):
                read_all(chain, place)  # a proof of an event has no other source
        else:
            read_all(chain, place)

    assert bad_words([one for one in logs if "does not exist" not in str(one)]) == []


def test_rental__proofs_only_by_number__asked_so_at_once_the_second_time(nodes: Nodes) -> None:
    chain = nodes(Only("number"))
    chain.rental(1, chain.head())
    before = len(nodes.asked("eth_getProof"))

    chain.rental(1, chain.head())

    assert len(nodes.asked("eth_getProof")) == before + 1
    assert isinstance(nodes.asked("eth_getProof")[-1][2], str)


class StrayProof(Habit):
    """Answers from the newest block's state, so many times, whatever block it is asked for."""

    def __init__(self, place: Place, times: int) -> None:
        self._place, self._left = place, times

    def change(self, method: str, parameters: list[Any], result: Any) -> Any:
        if method != "eth_getProof" or self._left == 0:
            return result
        self._left -= 1
        return self._place.anvil.rpc("eth_getProof", parameters[0], parameters[1], "latest")


def test_rental__block_comes_between_two_calls__read_again_and_no_lie(
    place: Place, nodes: Nodes
) -> None:
    chain = nodes(StrayProof(place, times=1))
    head = chain.head()
    place.send(place.contract.functions.top_up(1, 5), place.customer, 5)

    with capture_logs() as logs:
        rental = chain.rental(1, head)

    assert rental is not None
    assert rental.funded % 10 == 0
    assert bad_words(logs) == []
    place.send(place.contract.functions.top_up(1, 5), place.customer, 5)


def test_rental__always_the_state_of_another_block__fails_and_is_no_lie(
    place: Place, nodes: Nodes
) -> None:
    chain = nodes(StrayProof(place, times=10**6))
    head = chain.head()
    place.send(place.contract.functions.top_up(1, 10), place.customer, 10)

    with capture_logs() as logs, pytest.raises(ChainError, match="state of another block than"):
        chain.rental(1, head)

    assert [one["event"] for one in bad_words(logs)] == ["endpoint fails"]


def test_events_of__receipt_that_the_root_does_not_cover__the_quorums_word_and_said(
    place: Place, nodes: Nodes
) -> None:
    chain = nodes(SurplusReceipt())

    with capture_logs() as logs:
        events = chain.events_of(chain.header(place.opened))

    assert events[-1].name == "BalancePositive"
    (said,) = [one for one in logs if one["event"].startswith("no receipts")]
    assert "more than its root covers" in said["reason"]


@pytest.mark.parametrize("limit", [1, 10, 500, 1_000])
def test_events_between__range_limit__learnt_and_kept(
    place: Place, nodes: Nodes, limit: int
) -> None:
    while (head := place.web3.eth.block_number) < 1_100:
        place.mine(100)
    chain = nodes(LogsWithin(limit))
    events: list[Any] = []
    upto = -1
    with capture_logs() as logs:
        while upto < place.opened:
            found, upto = chain.events_between(upto + 1, head)
            events += found
        before = len(nodes.asked("eth_getLogs"))
        chain.events_between(upto + 1, head)

    assert "BalancePositive" in [event.name for event in events]
    assert len(nodes.asked("eth_getLogs")) == before + 1
    assert bad_words(logs) == []


def settings(*policies: str) -> ChainSettings:
    tiers = [{"policy": policy} for policy in policies]
    return ChainSettings(
        rpc_urls=("http://somewhere",), quorum=1, deployment="record.json", finality=tiers
    )


def test_endpoint_checks__node_serves_what_run_asks__said(nodes: Nodes) -> None:
    ((_, said),) = endpoint_checks(nodes(), settings("latest-2"))

    assert "proves state" in said
    assert "proves receipts" in said


@pytest.mark.parametrize(
    ("policy", "fit"), [("latest", True), ("latest-1", False), ("finalized", False)]
)
def test_endpoint_checks__proves_only_the_newest_state__fit_for_latest_only(
    place: Place, nodes: Nodes, policy: str, fit: bool
) -> None:
    chain = nodes(NewestStateOnly(lambda: place.web3.eth.get_block("latest")))
    if fit:
        assert "proves state" in dict(endpoint_checks(chain, settings(policy))).popitem()[1]
        return

    with pytest.raises(ChainError, match=rf"newest block and not of .*{policy} needs"):
        list(endpoint_checks(chain, settings(policy)))


def test_endpoint_checks__no_price_of_gas__not_fit(nodes: Nodes) -> None:
    chain = nodes(Without("eth_maxPriorityFeePerGas", "eth_feeHistory", "eth_gasPrice"))

    with pytest.raises(ChainError, match=r"0 of 1 .* fit.*eth_maxPriorityFeePerGas"):
        list(endpoint_checks(chain, settings("latest-1")))
