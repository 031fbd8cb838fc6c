"""Three endpoints of a real chain, of which some lie, lag or hang: what a quorum agrees on and a
real proof shows is believed, and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from audit_rig import Lie, LyingNode, RefusalError
from eth_utils.address import to_checksum_address
from oracle_chain_place import Place
from oracle_world import TARIFF
from structlog.testing import capture_logs

from chain.contract import DrillMeter
from chain.endpoint import RpcEndpoint
from chain.errors import ChainError, DisagreementError, WrongChainError
from chain.quorum_chain import QuorumChain
from lab.rig.services import Anvil
from protocol.records import RentalState

pytestmark = pytest.mark.integration

TIMEOUT_SECONDS = 3.0
PATIENCE_SECONDS = 300.0
ZERO = "0x" + 40 * "0"
KEY = "0x" + "b2" * 20


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Anvil(tmp_path_factory.mktemp("logs")) as anvil:
        yield Place(anvil, KEY)


class Nodes:
    """Endpoints of one chain behind nodes that say what the lies make of it."""

    def __init__(self, stack: ExitStack, place: Place) -> None:
        self._stack, self._place = stack, place

    def __call__(
        self,
        *lies: Lie,
        quorum: int = 2,
        chain_id: int = 31337,
        seconds: float = TIMEOUT_SECONDS,
    ) -> QuorumChain:
        contract = DrillMeter(self._place.contract.address)
        urls = [
            self._stack.enter_context(LyingNode(self._place.anvil.url, lie)).url for lie in lies
        ]
        endpoints = [RpcEndpoint(url, chain_id, contract, seconds) for url in urls]
        self.urls = urls
        return QuorumChain(endpoints, quorum, contract, seconds)


@pytest.fixture
def nodes(place: Place) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes(stack, place)


def honest(_method: str, _parameters: list[Any], result: Any) -> Any:
    return result


def lie_in(*methods: str) -> Callable[[Callable[[Any], Any]], Lie]:
    """A lie in the answers of these methods."""

    def wrap(change: Callable[[Any], Any]) -> Lie:
        return lambda method, _parameters, result: change(result) if method in methods else result

    return wrap


def said(logs: list[Any], event: str) -> list[str]:
    return [f"{one['endpoint']} {one.get('reason', '')}" for one in logs if one["event"] == event]


def test_reads__three_honest_endpoints__what_the_views_say(place: Place, nodes: Nodes) -> None:
    chain = nodes(honest, honest, honest)
    chain.require_deployment()
    head = chain.head()
    functions = place.contract.functions

    rental, told = chain.rental(1, head), functions.rental(1).call()

    assert rental is not None
    assert (rental.customer, rental.drill, rental.tariff, rental.oracle) == told[:4]
    assert rental.state is RentalState.OPEN
    assert (rental.opened_at, rental.ended_at, rental.until, rental.funded) == told[5:9]
    assert rental.registers.as_tuple() == functions.registers(1).call()
    assert (rental.caps.per_rental, rental.caps.per_hour) == functions.caps(1).call()
    assert chain.tariff(1, head) == TARIFF
    drill, oracle = chain.drill(1, head), chain.oracle(1, head)
    assert drill is not None
    assert oracle is not None
    assert (drill.oracle, drill.rental, drill.retired) == (1, 1, False)
    assert oracle.key == to_checksum_address(KEY)
    assert chain.rental(2, head) is chain.drill(2, head) is chain.oracle(2, head) is None
    assert chain.nonce(place.customer) == place.web3.eth.get_transaction_count(place.customer)
    assert chain.nonce("0x" + "77" * 20) == 0
    assert chain.gas_money_wei(place.customer) == place.web3.eth.get_balance(place.customer)


def test_events_of__block_of_the_deposit__proven_by_its_receipts(
    place: Place, nodes: Nodes
) -> None:
    chain = nodes(honest, honest, honest)
    header = chain.header(place.opened)

    events = chain.events_of(header)

    assert [event.name for event in events][-1] == "BalancePositive"
    assert events[-1].number("rental") == 1
    assert events == [one for one in chain.events_between(0, place.opened)[0] if one in events]
    assert chain.events_of(chain.head()) == []


@pytest.mark.parametrize("field", ["stateRoot", "receiptsRoot", "parentHash", "timestamp"])
def test_head__header_does_not_hash__that_endpoint_is_named_and_left_out(
    place: Place, nodes: Nodes, field: str
) -> None:
    false = "0x5" if field == "timestamp" else "0x" + "ab" * 32
    liar = lie_in("eth_getBlockByNumber")(lambda block: {**block, field: false})
    chain = nodes(honest, liar, honest)

    with capture_logs() as logs:
        head = chain.head()

    assert head.number == place.web3.eth.block_number
    (lie,) = said(logs, "endpoint lies")
    assert lie.startswith(nodes.urls[1])
    assert "hashes to" in lie


def test_head__two_of_three_lie__no_head_at_all(nodes: Nodes) -> None:
    liar = lie_in("eth_getBlockByNumber")(lambda block: {**block, "stateRoot": "0x" + "ab" * 32})

    with pytest.raises(ChainError, match="1 of 3 endpoints answered, 2 needed"):
        nodes(honest, liar, liar).head()


def _false_value(answer: Any) -> Any:
    """More money, with the true proof nodes."""
    changed = [{**entry, "value": "0xffffff"} for entry in answer["storageProof"]]
    return {**answer, "storageProof": changed}


def _false_nodes(answer: Any) -> Any:
    """A proof of something else in the place of each."""
    turned = [entry["proof"] for entry in answer["storageProof"]][::-1]
    entries = zip(answer["storageProof"], turned, strict=True)
    return {**answer, "storageProof": [{**entry, "proof": proof} for entry, proof in entries]}


def _no_nodes(answer: Any) -> Any:
    return {**answer, "storageProof": [{**one, "proof": []} for one in answer["storageProof"]]}


def _false_account(answer: Any) -> Any:
    return {**answer, "accountProof": answer["accountProof"][:-1]}


@pytest.mark.parametrize("change", [_false_nodes, _no_nodes, _false_account])
def test_rental__proof_that_proves_nothing__next_endpoint_and_the_liar_named(
    nodes: Nodes, change: Callable[[Any], Any]
) -> None:
    chain = nodes(lie_in("eth_getProof")(change), honest, honest)

    with capture_logs() as logs:
        rental = chain.rental(1, chain.head())

    assert rental is not None
    assert rental.funded == 10**18
    (lie,) = said(logs, "endpoint lies")
    assert lie.startswith(nodes.urls[0])


def test_rental__false_value_beside_a_true_proof__the_proof_counts(nodes: Nodes) -> None:
    chain = nodes(lie_in("eth_getProof")(_false_value), honest, honest)

    rental = chain.rental(1, chain.head())

    assert rental is not None
    assert rental.funded == 10**18


def test_rental__every_endpoint_gives_false_proofs__error_and_no_rental(nodes: Nodes) -> None:
    liar = lie_in("eth_getProof")(_no_nodes)
    chain = nodes(liar, liar, liar)
    head = chain.head()

    with pytest.raises(ChainError, match="does not lead to the root"):
        chain.rental(1, head)


def test_events_of__one_invents_and_one_hides__the_receipts_tell_both(
    place: Place, nodes: Nodes
) -> None:
    invents = lie_in("eth_getLogs")(
        lambda logs: [*logs, {**logs[-1], "logIndex": "0x9"}] if logs else logs
    )
    hides = lie_in("eth_getLogs")(lambda _logs: [])
    chain = nodes(invents, hides, honest)

    with capture_logs() as logs:
        events = chain.events_of(chain.header(place.opened))

    assert [event.name for event in events].count("BalancePositive") == 1
    told = " | ".join(said(logs, "endpoint lies"))
    assert f"{nodes.urls[0]} " in told
    assert f"{nodes.urls[1]} " in told
    assert "invents 1" in told


def test_events_of__false_receipts__proven_by_another_endpoint(place: Place, nodes: Nodes) -> None:
    liar = lie_in("eth_getBlockReceipts")(lambda receipts: receipts[:-1])
    chain = nodes(liar, honest, honest)

    with capture_logs() as logs:
        events = chain.events_of(chain.header(place.opened))

    assert events[-1].name == "BalancePositive"
    assert said(logs, "endpoint lies")[0].startswith(nodes.urls[0])


def test_events_of__nobody_has_receipts__quorum_of_equal_logs(place: Place, nodes: Nodes) -> None:
    def refuse(_answer: Any) -> Any:
        raise RefusalError("the method eth_getBlockReceipts does not exist")

    without = lie_in("eth_getBlockReceipts")(refuse)
    invents = lie_in("eth_getLogs")(
        lambda logs: [*logs, {**logs[-1], "logIndex": "0x9"}] if logs else logs
    )

    def both(method: str, parameters: list[Any], result: Any) -> Any:
        return invents(method, parameters, without(method, parameters, result))

    chain = nodes(without, without, both)
    with capture_logs() as logs:
        events = chain.events_of(chain.header(place.opened))

    assert [event.name for event in events].count("BalancePositive") == 1
    assert any(one["event"].startswith("no receipts") for one in logs)


def test_events_between__a_log_that_one_of_two_knows__disagreement(
    place: Place, nodes: Nodes
) -> None:
    hides = lie_in("eth_getLogs")(lambda _logs: [])

    with pytest.raises(DisagreementError, match="log entries"):
        nodes(honest, hides).events_between(0, place.opened)


def test_require_deployment__one_endpoint_of_another_chain__refused(nodes: Nodes) -> None:
    other = lie_in("eth_chainId")(lambda _id: "0x1")

    with pytest.raises(WrongChainError, match="serves chain 1, the deployment is on chain 31337"):
        nodes(honest, honest, other).require_deployment()


def test_require_deployment__no_contract_there__refused(place: Place) -> None:
    contract = DrillMeter("0x" + "99" * 20)
    endpoint = RpcEndpoint(place.anvil.url, 31337, contract, TIMEOUT_SECONDS)

    with pytest.raises(WrongChainError, match="there is no contract at 0x9999"):
        QuorumChain([endpoint], 1, contract, TIMEOUT_SECONDS).require_deployment()


def test_head__endpoint_becomes_one_of_another_chain__left_out_and_named(nodes: Nodes) -> None:
    moved = [False]
    chain_id = lie_in("eth_chainId")(lambda known: "0x1" if moved[0] else known)
    failing = [False]

    def fail(method: str, parameters: list[Any], result: Any) -> Any:
        if failing[0]:
            raise RefusalError("busy")
        return chain_id(method, parameters, result)

    chain = nodes(honest, honest, fail)
    chain.head()
    failing[0] = True
    chain.head()
    failing[0], moved[0] = False, True
    time.sleep(0.6)

    with capture_logs() as logs:
        chain.head()

    assert "serves chain 1" in said(logs, "endpoint lies")[0]


def test_head__one_endpoint_hangs__the_others_do_not_wait(nodes: Nodes) -> None:
    over, asked = threading.Event(), threading.Event()

    def hang(_method: str, _parameters: list[Any], result: Any) -> Any:
        asked.set()
        over.wait()
        return result

    chain = nodes(honest, honest, hang, seconds=2 * PATIENCE_SECONDS)
    started = time.monotonic()
    try:
        for _ in range(3):
            chain.head()
        assert asked.wait(PATIENCE_SECONDS)
        assert time.monotonic() - started < PATIENCE_SECONDS
    finally:
        over.set()


def test_head__one_endpoint_lags__the_quorums_block(place: Place, nodes: Nodes) -> None:
    number = place.web3.eth.block_number
    old = place.anvil.rpc("eth_getBlockByNumber", hex(number - 1), False)

    def lag(method: str, parameters: list[Any], result: Any) -> Any:
        return old if (method, parameters[:1]) == ("eth_getBlockByNumber", ["latest"]) else result

    assert nodes(honest, lag, honest).head().number == number
    assert nodes(honest, lag, lag).head().number == number - 1


def test_head__quorum_falls_behind_for_a_moment__the_block_agreed_before_stays(
    place: Place, nodes: Nodes
) -> None:
    number = place.web3.eth.block_number
    old = place.anvil.rpc("eth_getBlockByNumber", hex(number - 1), False)
    lagging = [False]

    def lag(method: str, parameters: list[Any], result: Any) -> Any:
        latest = (method, parameters[:1]) == ("eth_getBlockByNumber", ["latest"])
        return old if latest and lagging[0] else result

    chain = nodes(lag, lag, honest)
    chain.head()
    lagging[0] = True

    assert chain.head().number == number


def test_header__ancestor_of_the_head__asks_nobody(place: Place, nodes: Nodes) -> None:
    chain = nodes(honest, honest, honest)
    before = chain.head()
    place.mine()
    head = chain.head()
    for member in chain.pool.members:
        member.endpoint = None  # type: ignore[assignment]  # whoever asks now fails

    assert head.parent_hash == before.hash
    assert chain.header(before.number) == before


def test_tagged__safe_and_finalized__below_the_head(nodes: Nodes) -> None:
    chain = nodes(honest, honest, honest)

    assert chain.tagged("finalized").number <= chain.tagged("safe").number <= chain.head().number


def test_head__two_endpoints_on_two_branches__disagreement(place: Place, tmp_path: Path) -> None:
    with Anvil(tmp_path) as other:
        other.rpc("anvil_mine", hex(place.web3.eth.block_number))
        contract = DrillMeter(place.contract.address)
        urls = (place.anvil.url, other.url)
        endpoints = [RpcEndpoint(url, 31337, contract, TIMEOUT_SECONDS) for url in urls]

        with pytest.raises(DisagreementError, match=r"disagree about block \d+: http.* has 0x"):
            QuorumChain(endpoints, 2, contract, TIMEOUT_SECONDS).head()


def test_simulate__one_endpoint_says_that_it_reverts__others_are_believed(
    place: Place, nodes: Nodes
) -> None:
    def revert(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_estimateGas":
            raise RefusalError("execution reverted: no")
        return result

    calldata = bytes.fromhex(place.contract.encode_abi("withdraw", args=[0, ZERO])[2:])
    chain = nodes(revert, honest, honest)
    with pytest.raises(ChainError):
        chain.simulate(place.customer, calldata)
    tariffs = bytes.fromhex(place.contract.encode_abi("tariff_count")[2:])

    assert chain.simulate(place.customer, tariffs) > 21_000
