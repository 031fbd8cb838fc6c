"""One endpoint that is busy, refuses, or talks nonsense."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import stamina

from audit.errors import EndpointError, RefusedError
from audit.rpc import ATTEMPTS, BATCH, Endpoint

SECRET = "https://user:hunter2@node.example/v3/0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_waiting() -> Any:
    with stamina.set_testing(True, attempts=ATTEMPTS):
        yield


@dataclass
class Answer:
    content: bytes
    status_code: int = 200


def endpoint(answer: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    def post(_self: Any, _url: str, **arguments: Any) -> Answer:
        found = answer(arguments["json"])
        return found if isinstance(found, Answer) else Answer(json.dumps(found).encode())

    monkeypatch.setattr(requests.Session, "post", post)
    return Endpoint(SECRET)


def echo(asked: Any) -> Any:
    """Each call's first parameter."""
    if isinstance(asked, list):
        return [echo(one) for one in reversed(asked)]
    return {"jsonrpc": "2.0", "id": asked["id"], "result": asked["params"][0]}


def test_batch__more_calls_than_fit__in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    node = endpoint(echo, monkeypatch)
    calls = [("echo", (number,)) for number in range(2 * BATCH + 5)]
    assert node.batch(calls) == list(range(2 * BATCH + 5))
    assert node.requests_made == 3


def test_batch__node_takes_few_at_a_time__halved_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def few(asked: Any) -> Any:
        if isinstance(asked, list) and len(asked) > 3:
            return {"jsonrpc": "2.0", "id": None, "error": {"message": "batch too large"}}
        return echo(asked)

    node = endpoint(few, monkeypatch)
    assert node.batch([("echo", (number,)) for number in range(10)]) == list(range(10))


def test_call__busy_then_free__answered(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = [Answer(b"", 429), Answer(b"", 503)]
    node = endpoint(lambda asked: busy.pop() if busy else echo(asked), monkeypatch)
    assert node.call("echo", "0x1") == "0x1"


def test_call__always_busy__given_up_without_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    node = endpoint(lambda _: Answer(b"", 429), monkeypatch)
    with pytest.raises(EndpointError, match="429") as caught:
        node.call("echo", 1)
    assert node.requests_made == ATTEMPTS
    assert "hunter2" not in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)


def test_call__unreachable__given_up_without_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> Any:
        raise requests.ConnectionError(f"cannot reach {SECRET}")

    with pytest.raises(EndpointError, match="cannot be reached") as caught:
        endpoint(fail, monkeypatch).call("echo", 1)
    assert "hunter2" not in str(caught.value)


def test_call__error_of_the_node__refused_with_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "block range"}}
    with pytest.raises(RefusedError, match="eth_getLogs is refused: block range"):
        endpoint(lambda _: answer, monkeypatch).call("eth_getLogs", {})


@pytest.mark.parametrize("answer", [Answer(b"<html>"), [1], {"jsonrpc": "2.0"}, "text"])
def test_call__nonsense__endpoint_error(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EndpointError):
        endpoint(lambda _: answer, monkeypatch).call("echo", 1)
