"""Whatever an endpoint answers, the oracle gets a value or a ChainError, and no log a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import stamina
from structlog.testing import capture_logs
from web3.providers import BaseProvider

from chain.contract import DrillMeter, content
from chain.endpoint import RpcEndpoint
from chain.errors import ChainError, LyingEndpointError, RefusedCallError
from chain.node import LATER_ATTEMPTS
from protocol.errors import AnswerError
from protocol.headers import Header, header_hash

HASH = "0x" + "11" * 32
ADDRESS = "0x" + "dd" * 20
HEADER = Header(5, HASH, HASH, 6, bytes(32), bytes(32), bytes(256), proven=True)
BLOCK: dict[str, Any] = {
    "number": "0x5",
    "parentHash": HASH,
    "sha3Uncles": HASH,
    "miner": ADDRESS,
    "stateRoot": HASH,
    "transactionsRoot": HASH,
    "receiptsRoot": HASH,
    "logsBloom": "0x" + 512 * "0",
    "difficulty": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x6",
    "extraData": "0x",
    "mixHash": HASH,
    "nonce": "0x0000000000000000",
    "baseFeePerGas": "0x7",
}
BLOCK["hash"] = header_hash(BLOCK)
RECEIPT = {"blockNumber": "0x5", "blockHash": HASH, "status": "0x1", "gasUsed": "0x9", "logs": []}
LOG = {
    "address": ADDRESS,
    "blockNumber": "0x5",
    "blockHash": HASH,
    "transactionHash": HASH,
    "transactionIndex": "0x0",
    "logIndex": "0x0",
    "removed": False,
    "data": "0x",
}
METER = DrillMeter(ADDRESS)
SECRET = "0123456789abcdef"
URL = f"https://user:{SECRET}user@node.example:8545/v3/{SECRET}?key={SECRET}key"


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """As many tries as ever, one right after the other."""
    with stamina.set_testing(True, attempts=LATER_ATTEMPTS, cap=True):
        yield


class FakeEndpoint(BaseProvider):
    """Answers every call with the same result, or by raising."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    def make_request(self, method: Any, params: Any) -> Any:  # noqa: ARG002  the interface
        if isinstance(self.result, Exception):
            raise self.result
        return {"jsonrpc": "2.0", "id": 1, "result": self.result}


def endpoint_that_asks(provider: BaseProvider) -> RpcEndpoint:
    endpoint = RpcEndpoint(URL, 31337, METER, 1)
    endpoint._web3.provider = provider
    return endpoint


def endpoint_that_answers(result: Any) -> RpcEndpoint:
    return endpoint_that_asks(FakeEndpoint(result))


def topic_of(name: str) -> str:
    return str(METER._contract.events[name]().topic)


def test_block__whole_block__is_read() -> None:
    header = endpoint_that_answers(BLOCK).block("latest")

    assert (header.number, header.timestamp, header.base_fee) == (5, 6, 7)
    assert header.hash == BLOCK["hash"]


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in BLOCK.items() if key != name}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        [BLOCK],
        "a block",
        5,
        {},
        *(without(name) for name in BLOCK),
        *(BLOCK | {name: None} for name in BLOCK),
        BLOCK | {"hash": "0x11"},
        BLOCK | {"number": hex(2**64)},
        BLOCK | {"timestamp": "soon"},
        RecursionError("maximum recursion depth exceeded while decoding a JSON array"),
        AttributeError("no such thing"),
    ],
    ids=lambda answer: str(answer)[:40],
)
def test_block__no_block_at_all__chain_error(answer: Any) -> None:
    with pytest.raises(ChainError):
        endpoint_that_answers(answer).block("latest")
    with pytest.raises(ChainError):
        endpoint_that_answers(answer).block(5)


def test_block__another_number_or_hash_than_asked_for__chain_error() -> None:
    endpoint = endpoint_that_answers(BLOCK)

    with pytest.raises(ChainError, match="asked for block 6"):
        endpoint.block(6)
    with pytest.raises(ChainError, match="asked for block 0x1111"):
        endpoint.block(HASH)
    assert endpoint.block(BLOCK["hash"]).number == 5


def test_block__fields_do_not_hash_to_it__a_lie() -> None:
    with pytest.raises(LyingEndpointError, match="block 5 hashes to 0x"):
        endpoint_that_answers(BLOCK | {"gasUsed": "0x1"}).block("latest")


def test_block__unknown_fork__an_error_that_names_the_field_and_no_lie() -> None:
    with pytest.raises(ChainError, match="witnessRoot") as raised:
        endpoint_that_answers(BLOCK | {"gasUsed": "0x1", "witnessRoot": HASH}).block("latest")

    assert not isinstance(raised.value, LyingEndpointError)


def test_receipt__mined__is_read() -> None:
    receipt = endpoint_that_answers(RECEIPT).transaction_receipt(bytes(32))

    assert receipt is not None
    assert (receipt.block_number, receipt.succeeded, receipt.rejected) == (5, True, ())


@pytest.mark.parametrize(
    "answer",
    [
        RECEIPT | {"blockNumber": None},
        RECEIPT | {"blockHash": None},
        RECEIPT | {"gasUsed": None},
        RECEIPT | {"logs": None},
        {key: value for key, value in RECEIPT.items() if key != "status"},
        [],
        "mined",
    ],
    ids=lambda answer: str(answer)[:40],
)
def test_receipt__half_of_one__chain_error(answer: Any) -> None:
    with pytest.raises(ChainError):
        endpoint_that_answers(answer).transaction_receipt(bytes(32))


@pytest.mark.parametrize(
    "call",
    [
        lambda endpoint: endpoint.require_chain(),
        lambda endpoint: endpoint.account(ADDRESS, HEADER),
        lambda endpoint: endpoint.words((1,), HEADER),
        lambda endpoint: endpoint.simulate(ADDRESS, b""),
        lambda endpoint: endpoint.priority_fee_wei(),
        lambda endpoint: endpoint.logs_of(HEADER),
        lambda endpoint: endpoint.block_receipts(HEADER),
    ],
)
@pytest.mark.parametrize("answer", [None, [], [5], {}, "0x", "0xzz"], ids=str)
def test_ask__answer_of_another_kind__chain_error(
    call: Callable[[RpcEndpoint], Any], answer: Any
) -> None:
    with pytest.raises(ChainError):
        call(endpoint_that_answers(answer))


def test_receipts__of_an_unknown_type__an_error_and_no_lie() -> None:
    deposit = RECEIPT | {"type": "0x7e", "cumulativeGasUsed": "0x1", "logsBloom": "0x" + 512 * "0"}

    with pytest.raises(ChainError, match="of the type 0x7e") as raised:
        endpoint_that_answers([deposit]).block_receipts(HEADER)

    assert not isinstance(raised.value, LyingEndpointError)


def test_event__short_data__error() -> None:
    log = LOG | {"topics": [topic_of("BalancePositive"), HASH, HASH, HASH]}

    with pytest.raises(AnswerError, match="not a log entry of this contract"):
        METER.event(log)


def test_event__of_another_contract__none() -> None:
    assert METER.event(LOG | {"topics": [HASH]}) is None
    assert METER.event(LOG | {"topics": []}) is None


@pytest.mark.parametrize("name", ["blockNumber", "blockHash", "logIndex", "data", "address"])
def test_content__log_entry_that_lacks_a_field__names_it(name: str) -> None:
    log = LOG | {"topics": []}
    assert content(log) == content(dict(log))

    with pytest.raises(AnswerError, match=name):
        content({key: value for key, value in log.items() if key != name})


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError(
            f"HTTPSConnectionPool(host='node.example', port=443): Max retries exceeded with url: "
            f"/v3/{SECRET}?key={SECRET}key (Caused by a reset)"
        ),
        requests.HTTPError(f"401 Client Error: Unauthorized for url: {URL}"),
        ValueError(f"project {SECRET} has no credit"),
    ],
)
def test_ask__error_with_the_address_in_it__host_only(error: Exception) -> None:
    with capture_logs() as logs, pytest.raises(ChainError) as raised:
        endpoint_that_answers(error).block("latest")

    assert SECRET not in str(raised.value)
    assert SECRET not in str(logs)
    assert str(raised.value).startswith("https://node.example:8545 ")


class FlakyEndpoint(BaseProvider):
    """Fails so often before each answer."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures, self.asked = failures, 0

    def make_request(self, method: Any, params: Any) -> Any:  # noqa: ARG002  the interface
        self.asked += 1
        if self.asked % (self.failures + 1):
            raise requests.ConnectionError("the connection broke")
        return {"jsonrpc": "2.0", "id": 1, "result": BLOCK}


def test_ask__each_call_fails_once__each_is_tried_again_by_itself() -> None:
    endpoint = FlakyEndpoint(1)
    chain = endpoint_that_asks(endpoint)

    assert [chain.block("latest").number for _ in range(5)] == [5] * 5
    assert endpoint.asked == 10, "a budget for each call, and none for the step"


def test_ask__endpoint_keeps_failing__given_up_after_the_fifth_try() -> None:
    endpoint = FlakyEndpoint(10**9)
    with pytest.raises(ChainError, match="cannot be reached"):
        endpoint_that_asks(endpoint).block("latest")

    assert endpoint.asked == 5


class RefusingEndpoint(BaseProvider):
    """Answers so often with this error before it answers with the block."""

    def __init__(self, error: Any, times: int = 10**9) -> None:
        super().__init__()
        self._error, self._left, self.asked = error, times, 0

    def make_request(self, method: Any, params: Any) -> Any:  # noqa: ARG002  the interface
        self.asked += 1
        if self._left == 0:
            return {"jsonrpc": "2.0", "id": 1, "result": BLOCK}
        self._left -= 1
        return {"jsonrpc": "2.0", "id": 1, "error": self._error}


@pytest.mark.parametrize(
    "error",
    [
        {"code": -32005, "message": "rate limit exceeded"},
        {"code": 429, "message": "come again"},
        {"code": -32000, "message": "header not found"},
        {"code": -32001, "message": "Resource not found"},
        {"code": -32602, "message": "BlockOutOfRangeError: block height is 4 but requested was 5"},
    ],
)
def test_ask__what_may_pass__tried_again_until_it_has(error: Any) -> None:
    assert endpoint_that_asks(RefusingEndpoint(error, times=6)).block(5).number == 5


def test_ask__refusal_that_will_stay__not_tried_again() -> None:
    provider = RefusingEndpoint({"code": -32601, "message": "the method does not exist"})

    with pytest.raises(RefusedCallError, match="does not exist"):
        endpoint_that_asks(provider).block(5)

    assert provider.asked == 1


@pytest.mark.parametrize("letters", ["a" * 10**6, "://" * 10**6, "url: " * 10**6, "é" * 10**6])
def test_ask__error_text_of_a_million_letters__cut(letters: str) -> None:
    for call in (
        lambda endpoint: endpoint.block(5),
        lambda endpoint: endpoint.simulate(ADDRESS, b""),
        lambda endpoint: endpoint.broadcast(b"\x02"),
        lambda endpoint: endpoint.transaction_receipt(bytes(32)),
    ):
        provider = RefusingEndpoint({"code": 3, "message": "execution reverted: " + letters})
        with pytest.raises(ChainError) as raised:
            call(endpoint_that_asks(provider))
        assert len(str(raised.value)) < 500
