"""Several calls in one request, at nodes that take no batches and at nodes that are only busy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import stamina
from closing_server import ClosingServer
from structlog.testing import capture_logs

from chain.contract import DrillMeter
from chain.endpoint import RpcEndpoint
from chain.errors import ChainError
from chain.node import LATER_ATTEMPTS
from protocol.headers import header_hash

pytestmark = pytest.mark.integration

WORDS = ("parentHash", "sha3Uncles", "stateRoot", "transactionsRoot", "receiptsRoot", "mixHash")
NUMBERS = ("difficulty", "gasLimit", "gasUsed", "timestamp")
LOOKS = 3
SECRET = "0123456789abcdef"

Answer = tuple[str, Any]
"""The status of a response, and its content."""


def block(number: str) -> dict[str, Any]:
    fields = dict.fromkeys(WORDS, "0x" + "11" * 32) | dict.fromkeys(NUMBERS, "0x1")
    fields |= {"miner": "0x" + "22" * 20, "logsBloom": "0x" + "00" * 256, "extraData": "0x"}
    fields |= {"nonce": "0x" + "00" * 8, "number": number}
    return {**fields, "hash": header_hash(fields)}


def honest(asked: Any) -> Any:
    if isinstance(asked, list):
        return [honest(one) for one in asked]
    return {"jsonrpc": "2.0", "id": asked["id"], "result": block(asked["params"][0])}


def refusing(code: int, message: str) -> Answer:
    error = {"code": code, "message": message}
    return "200 OK", {"jsonrpc": "2.0", "id": None, "error": error}


class Node:
    """Answers batches as told and single calls honestly; counts both."""

    def __init__(self, to_batch: Callable[[int, Any], Answer]) -> None:
        self._to_batch, self.batches, self.calls = to_batch, 0, 0

    def respond(self, body: bytes) -> bytes:
        asked = json.loads(body)
        if isinstance(asked, list):
            self.batches += 1
            status, content = self._to_batch(self.batches, asked)
        else:
            self.calls += 1
            status, content = "200 OK", honest(asked)
        text = json.dumps(content).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        return head.encode() + text


@contextmanager
def serving(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[RpcEndpoint]:
    # The node writes the head of its answer itself.
    monkeypatch.setattr("closing_server.response", lambda body: body)
    with ClosingServer(lambda _connection: None, node.respond) as server:
        url = f"{server.url}/{SECRET}"
        yield RpcEndpoint(url, 31337, DrillMeter("0x" + "dd" * 20), 60)


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """As many tries as ever, one right after the other."""
    with stamina.set_testing(True, attempts=LATER_ATTEMPTS, cap=True):
        yield


def looked(node: Node, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Look for blocks several times; what the log says of it."""
    with serving(node, monkeypatch) as endpoint, capture_logs() as logs:
        for _ in range(LOOKS):
            assert [one.number for one in endpoint.blocks([5, 6, 7])] == [5, 6, 7]
    assert SECRET not in str(logs)
    return [dict(one) for one in logs if "one call at a time" in one["event"]]


BUSY = {
    "429": ("429 Too Many Requests", "slower"),
    "503": ("503 Service Unavailable", ""),
    "408": ("408 Request Timeout", ""),
    "rate limit": refusing(-32005, "rate limit exceeded, batch of 3"),
    "quota": refusing(-32600, "compute units per second exceeded"),
}


@pytest.mark.parametrize("how", BUSY)
def test_blocks__node_is_busy__the_same_batch_later_and_batches_stay(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def to_batch(number: int, asked: Any) -> Answer:
        return BUSY[how] if number == 1 else ("200 OK", honest(asked))

    node = Node(to_batch)

    assert looked(node, monkeypatch) == []
    assert (node.batches, node.calls) == (1 + LOOKS, 0)


@pytest.mark.parametrize("how", BUSY)
def test_blocks__node_stays_busy__given_up_without_a_single_call(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node(lambda _number, _asked: BUSY[how])

    with serving(node, monkeypatch) as endpoint, pytest.raises(ChainError):
        endpoint.blocks([5, 6, 7])
    assert node.calls == 0
    assert 1 < node.batches <= LATER_ATTEMPTS


@pytest.mark.parametrize(
    "refusal",
    [
        ("400 Bad Request", "no"),
        ("405 Method Not Allowed", ""),
        ("413 Content Too Large", ""),
        ("501 Not Implemented", ""),
        refusing(-32600, "invalid request"),
        refusing(-32000, "Batch requests are not supported"),
    ],
    ids=str,
)
def test_blocks__node_says_that_it_takes_no_batches__one_by_one_from_then_on_and_logged_once(
    refusal: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node(lambda _number, _asked: refusal)

    (said,) = looked(node, monkeypatch)

    assert (node.batches, node.calls) == (1, 3 * LOOKS)
    assert said["endpoint"].startswith("http://127.0.0.1:")
    assert said["reason"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("500 Internal Server Error", ""),
        ("403 Forbidden", ""),
        refusing(-32603, "internal error"),
        ("200 OK", []),
        ("200 OK", [5, "x", None]),
        ("200 OK", "text"),
    ],
    ids=str,
)
def test_blocks__something_else_is_wrong_with_a_batch__one_by_one_this_time(
    wrong: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node(lambda number, asked: wrong if number == 1 else ("200 OK", honest(asked)))

    assert looked(node, monkeypatch) == []
    assert (node.batches, node.calls) == (LOOKS, 3)
