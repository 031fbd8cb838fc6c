"""Whatever an endpoint answers, the oracle gets a value or a ChainError, and no log a secret."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import requests
from web3.providers import BaseProvider

from oracle.chain import Web3Chain
from oracle.errors import ChainError
from oracle.views import Header
from protocol.deployment import Deployment

HASH = "0x" + "11" * 32
ADDRESS = "0x" + "dd" * 20
DEPLOYMENT = Deployment(
    chain_id=31337,
    contract=ADDRESS,
    asset="0x" + "00" * 20,
    block_number=0,
    block_hash=HASH,
    grace_period_seconds=3600,
    provider=ADDRESS,
    compiler="",
    bytecode_sha256="",
)
HEADER = Header(1, bytes(32), bytes(32), 1)
BLOCK = {
    "number": "0x5",
    "hash": HASH,
    "parentHash": HASH,
    "timestamp": "0x6",
    "baseFeePerGas": "0x7",
}
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
SECRET = "0123456789abcdef"
URL = f"https://user:{SECRET}user@node.example:8545/v3/{SECRET}?key={SECRET}key"


class FakeEndpoint(BaseProvider):
    """Answers every call with the same result, or by raising."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    def make_request(self, method: Any, params: Any) -> Any:  # noqa: ARG002  the interface
        if isinstance(self.result, Exception):
            raise self.result
        return {"jsonrpc": "2.0", "id": 1, "result": self.result}


def chain_that_answers(result: Any) -> Web3Chain:
    chain = Web3Chain(URL, DEPLOYMENT, 1)
    chain._web3.provider = FakeEndpoint(result)
    return chain


def topic_of(name: str) -> str:
    chain = chain_that_answers(None)
    return str(chain._contract.events[name]().topic)


def test_head__whole_block__is_read() -> None:
    header = chain_that_answers(BLOCK).head()

    assert (header.number, header.timestamp, header.base_fee_wei) == (5, 6, 7)
    assert header.hash == bytes.fromhex(HASH[2:])


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
        *(without(name) for name in ("number", "hash", "parentHash", "timestamp")),
        *(BLOCK | {name: None} for name in BLOCK),
        BLOCK | {"hash": "0x11"},
        BLOCK | {"number": hex(2**64)},
        BLOCK | {"timestamp": "soon"},
        RecursionError("maximum recursion depth exceeded while decoding a JSON array"),
        AttributeError("no such thing"),
    ],
    ids=lambda answer: str(answer)[:40],
)
def test_head__no_block_at_all__chain_error(answer: Any) -> None:
    with pytest.raises(ChainError):
        chain_that_answers(answer).head()
    with pytest.raises(ChainError):
        chain_that_answers(answer).header(5)


def test_receipt__mined__is_read() -> None:
    receipt = chain_that_answers(RECEIPT).receipt(bytes(32))

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
        chain_that_answers(answer).receipt(bytes(32))


@pytest.mark.parametrize(
    "call",
    [
        lambda chain: chain.nonce(ADDRESS),
        lambda chain: chain.gas_money_wei(ADDRESS),
        lambda chain: chain.simulate(ADDRESS, b""),
        lambda chain: chain.priority_fee_wei(),
        lambda chain: chain.rental(1, HEADER),
        lambda chain: chain.drill(1, HEADER),
        lambda chain: chain.tariff(1, HEADER),
        lambda chain: chain.oracle(1, HEADER),
        lambda chain: chain.events_of(HEADER),
    ],
)
@pytest.mark.parametrize("answer", [None, [5], {}, "0x", "0xzz"], ids=str)
def test_ask__answer_of_another_kind__chain_error_or_nothing(
    call: Callable[[Web3Chain], Any], answer: Any
) -> None:
    with contextlib.suppress(ChainError):
        assert call(chain_that_answers(answer)) in (None, [])


def test_events_of__short_data__chain_error() -> None:
    log = LOG | {"topics": [topic_of("BalancePositive"), HASH, HASH, HASH]}

    with pytest.raises(ChainError):
        chain_that_answers([log]).events_of(HEADER)


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
    with pytest.raises(ChainError) as raised:
        chain_that_answers(error).head()

    assert SECRET not in str(raised.value)
    assert str(raised.value).startswith("https://node.example:8545 ")
