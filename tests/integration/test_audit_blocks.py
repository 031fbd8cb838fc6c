"""Blocks that are not those asked for, and blocks of chains that add to Ethereum's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from audit_rig import LyingNode, Told, audit, names
from web3 import HTTPProvider, Web3

from audit.errors import EndpointError
from chain.contract import DrillMeter
from chain.endpoint import RpcEndpoint
from chain.errors import ChainError, LyingEndpointError
from lab.rig.history import tell
from lab.rig.services import Anvil
from lab.rig.yard import COIN, Yard
from protocol.headers import header_hash
from protocol.receipt_trie import receipt_nodes

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    samples = tmp_path_factory.mktemp("samples")
    with Anvil(tmp_path_factory.mktemp("anvil"), options=("--hardfork", "osaka")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)), samples=samples)
        tell(yard, 4)
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard, samples)


def settlement(told: Told) -> int:
    """The block of one that a later one of the same rental covers up in the state."""
    found = list(told.yard.contract.events["UsageSettled"]().get_logs(from_block=0))
    last = {event["args"]["rental"]: event["blockNumber"] for event in found}
    return next(e["blockNumber"] for e in found if last[e["args"]["rental"]] != e["blockNumber"])


def without(found: list[Any], block: int) -> list[Any]:
    return [log for log in found if int(log["blockNumber"], 16) != block]


def self_made(block: dict[str, Any], number: int) -> dict[str, Any]:
    """A header that hashes to its own hash and says that the block holds nothing."""
    changed = {**block, "logsBloom": "0x" + "00" * 256, "number": hex(number)}
    return {**changed, "hash": header_hash(changed)}


@pytest.mark.parametrize("proof", [False, True])
@pytest.mark.parametrize("number", [1, 10_000, None])
def test_run__settlement_behind_a_self_made_header__found(
    told: Told, *, proof: bool, number: int | None
) -> None:
    hidden = settlement(told)

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            return without(result, hidden)
        if method == "eth_getBlockByNumber" and parameters[0] == hex(hidden):
            return self_made(result, hidden if number is None else number)
        return result

    last = Web3(HTTPProvider(told.url)).eth.get_block("latest")
    options = {"proof": True, "block_hash": Web3.to_hex(last["hash"])} if proof else {}
    with LyingNode(told.url, lie) as node:
        result = audit(node.url, told.contract, **options)
    assert result.findings.exit_status() == 1
    assert names(result) & {"block-number-differs", "block-unlinked"}


def test_run__asked_for_a_block_and_given_an_older_one__2(told: Told) -> None:
    newest = Web3(HTTPProvider(told.url)).eth.block_number
    older = Web3(HTTPProvider(told.url)).provider.make_request(
        "eth_getBlockByNumber", [hex(newest - 30), False]
    )["result"]

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        asked = method == "eth_getBlockByNumber" and parameters[0] == hex(newest)
        return older if asked else result

    with (
        LyingNode(told.url, lie) as node,
        pytest.raises(EndpointError, match=f"asked for block {newest}, got block {newest - 30}"),
    ):
        audit(node.url, told.contract, to_block=newest)


def test_run__headers_with_fields_of_the_chains_own__unchecked(told: Told) -> None:
    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method.startswith("eth_getBlockBy"):
            return {**result, "extDataHash": "0x" + "11" * 32, "extraData": "0x1234"}
        return result

    with LyingNode(told.url, lie) as node:
        result = audit(node.url, told.contract)
    assert names(result) == {"block-hash-unchecked"}
    assert result.findings.exit_status() == 2
    assert "extDataHash" in result.findings.kept[0].text


def more_receipts(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockReceipts" and result:
            return [*result, change({**result[-1], "logs": []})]
        return result

    return lie


STRANGE = {
    "one more receipt": (lambda one: one, "one receipt more than its root covers"),
    "a type of Arbitrum": (lambda one: {**one, "type": "0x6a"}, "0x6a (Arbitrum's internal"),
    "an unknown type": (lambda one: {**one, "type": "0x42"}, "0x42 (unknown)"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_run__receipts_by_rules_of_the_chains_own__unchecked_with_the_reason(
    told: Told, what: str
) -> None:
    change, reason = STRANGE[what]
    with LyingNode(told.url, more_receipts(change)) as node:
        result = audit(node.url, told.contract)
    assert names(result) == {"receipts-unchecked"}
    assert result.findings.exit_status() == 2
    assert reason in result.findings.kept[0].text


@pytest.mark.parametrize("what", STRANGE)
def test_receipts__by_rules_of_the_chains_own__oracle_does_not_call_it_a_lie(
    told: Told, what: str
) -> None:
    change, reason = STRANGE[what]
    with LyingNode(told.url, more_receipts(change)) as node:
        endpoint = RpcEndpoint(node.url, told.chain_id, DrillMeter(told.contract), 5)
        with pytest.raises(ChainError) as caught:
            endpoint.block_receipts(endpoint.block(settlement(told)))
    assert not isinstance(caught.value, LyingEndpointError)
    assert reason in str(caught.value)


@pytest.fixture(scope="module")
def rollup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A history of which some blocks begin with a deposit, as every one of an OP-stack chain."""
    with Anvil(tmp_path_factory.mktemp("anvil"), options=("--network", "optimism")) as anvil:
        web3 = Web3(HTTPProvider(anvil.url))
        yard = Yard(web3)
        tell(yard, 4)
        web3.provider.make_request("evm_setAutomine", [False])
        deposit = {"type": "0x7e", "from": web3.eth.accounts[0], "to": web3.eth.accounts[1]}
        deposit |= {"gas": "0x5208", "value": "0x1", "mint": "0x0", "isSystemTx": False}
        deposit["sourceHash"] = "0x" + "00" * 32
        answer = web3.provider.make_request("eth_sendTransaction", [deposit])
        call = yard.contract.functions.deposit(yard.customers[0], 7)
        call.transact({"from": yard.customers[0], "value": 7, "gasPrice": 10**9})
        assert "result" in answer
        web3.provider.make_request("evm_mine", [])
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard)


def deposits(told: Told) -> dict[int, list[Any]]:
    """Receipts of the blocks with a deposit among them."""
    web3 = Web3(HTTPProvider(told.url))
    found = {}
    for number in range(web3.eth.block_number + 1):
        answer = web3.provider.make_request("eth_getBlockReceipts", [hex(number)])["result"]
        if any(one["type"].lower() == "0x7e" for one in answer):
            found[number] = answer
    return found


def test_run__rollup_with_deposits__receipts_checked_and_clean(rollup: Told) -> None:
    [(number, receipts)] = deposits(rollup).items()
    assert len(receipts) == 2
    result = audit(rollup.url, rollup.contract)
    assert names(result) == set()
    assert result.findings.exit_status() == 0
    endpoint = RpcEndpoint(rollup.url, rollup.chain_id, DrillMeter(rollup.contract), 5)
    assert endpoint.block_receipts(endpoint.block(number)) == receipts
    assert receipt_nodes(receipts, 1)


def test_run__rollup_that_tells_another_nonce_of_a_deposit__unchecked(rollup: Told) -> None:
    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockReceipts":
            return [one | dict.fromkeys({"depositNonce"} & one.keys(), "0x9") for one in result]
        return result

    with LyingNode(rollup.url, lie) as node:
        result = audit(node.url, rollup.contract)
    assert names(result) == {"receipts-unchecked"}
    assert "0x7e (a rollup's deposit)" in result.findings.kept[0].text


def test_run__key_rotated_after_the_last_block__unchecked(told: Told) -> None:
    yard = told.yard
    rental = yard.open(yard.customers[1], COIN)
    yard.use([rental], 7_200)
    last = yard.web3.eth.block_number
    yard.rotate(yard.meters[rental].oracle)
    yard.publish(yard.reading(rental, yard.now * 1000))
    result = audit(told.url, told.contract, samples=told.samples, to_block=last)
    assert "published-reading-signed-by-another-key" not in names(result)
    assert "published-reading-unchecked" in names(result)
    assert result.findings.exit_status() == 2
    assert names(audit(told.url, told.contract, samples=told.samples)) <= {"gap-in-samples"}
