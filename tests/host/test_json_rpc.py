"""One endpoint that is busy, refuses, or talks nonsense."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import stamina

from host.errors import HostError, NonsenseError, RefusedError, RpcError, UnreachableError
from host.json_rpc import BATCH, PATIENT, JsonRpc

ATTEMPTS = PATIENT.attempts

SECRET = "https://user:hunter2@node.example/v3/0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_waiting() -> Any:
    with stamina.set_testing(True, attempts=ATTEMPTS):
        yield


@dataclass
class Answer:
    content: bytes
    status_code: int = 200


def endpoint(answer: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> JsonRpc:
    def post(_self: Any, _url: str, **arguments: Any) -> Answer:
        found = answer(arguments["json"])
        return found if isinstance(found, Answer) else Answer(json.dumps(found).encode())

    monkeypatch.setattr(requests.Session, "post", post)
    return JsonRpc(SECRET)


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
    with pytest.raises(UnreachableError, match="429") as caught:
        node.call("echo", 1)
    assert node.requests_made == ATTEMPTS
    assert "hunter2" not in str(caught.value)
    assert "0123456789abcdef" not in str(caught.value)


def test_call__unreachable__given_up_without_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> Any:
        raise requests.ConnectionError(f"cannot reach {SECRET}")

    with pytest.raises(UnreachableError, match="cannot be reached") as caught:
        endpoint(fail, monkeypatch).call("echo", 1)
    assert "hunter2" not in str(caught.value)


def test_call__error_of_the_node__refused_with_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "block range"}}
    with pytest.raises(RefusedError, match="eth_getLogs is refused: block range"):
        endpoint(lambda _: answer, monkeypatch).call("eth_getLogs", {})


@pytest.mark.parametrize("answer", [Answer(b"<html>"), [1], {"jsonrpc": "2.0"}, "text"])
def test_call__nonsense__said_so(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NonsenseError):
        endpoint(lambda _: answer, monkeypatch).call("echo", 1)


def error(code: Any, message: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}


BUSY = [
    error(-32005, "daily request count exceeded, request rate limited"),
    error(429, "slow down"),
    error(-32000, "Too Many Requests"),
    error(-32005, "limit exceeded"),
    error(-32000, "header not found"),
    error(-32000, "Your app has exceeded its compute units per second capacity. Retry in 100 ms."),
]


@pytest.mark.parametrize("answer", BUSY)
def test_call__too_many_requests_at_status_200__asked_again(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = [answer] * 3
    node = endpoint(lambda asked: busy.pop() if busy else echo(asked), monkeypatch)
    assert node.call("echo", "0x1") == "0x1"
    assert node.requests_made == 4


def test_call__always_too_many_requests__given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    node = endpoint(lambda _: BUSY[0], monkeypatch)
    with pytest.raises(UnreachableError, match=r"https://node.example is too busy for echo: daily"):
        node.call("echo", 1)
    assert node.requests_made == ATTEMPTS


TOO_WIDE = [
    error(-32005, "query returned more than 10000 results"),
    error(-32600, "You can make eth_getLogs requests with up to a 10 block range."),
    error(-32000, "block range is too large"),
    error(-32602, "Log response size exceeded."),
]


@pytest.mark.parametrize("answer", TOO_WIDE)
def test_call__range_is_too_wide__refused_at_once(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = endpoint(lambda _: answer, monkeypatch)
    with pytest.raises(RefusedError):
        node.call("eth_getLogs", {})
    assert node.requests_made == 1


def test_batch__some_calls_too_many__only_these_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_for: list[list[int]] = []

    def every_third(asked: Any) -> Any:
        if isinstance(asked, dict):
            return echo(asked)
        asked_for.append([one["params"][0] for one in asked])
        busy = asked[::3] if len(asked_for) == 1 else []
        return [{**BUSY[0], "id": one["id"]} if one in busy else echo(one) for one in asked]

    node = endpoint(every_third, monkeypatch)
    assert node.batch([("echo", (number,)) for number in range(10)]) == list(range(10))
    assert asked_for == [list(range(10)), [0, 3, 6, 9]]


NUMBERS = [[], {}, "1", 1.0, None, True]


@pytest.mark.parametrize("number", NUMBERS)
def test_batch__answers_with_numbers_that_are_none__asked_one_by_one(
    number: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strange(asked: Any) -> Any:
        return (
            [{**echo(one), "id": number} for one in asked] if type(asked) is list else echo(asked)
        )

    node = endpoint(strange, monkeypatch)
    assert node.batch([("echo", (one,)) for one in range(3)]) == [0, 1, 2]


STRANGE = [7, None, [], {}, "\x1b[2J\x1b[HClean", "\ud800", "x" * 1_000_000, "\u202eabc", SECRET]


@pytest.mark.parametrize("message", STRANGE)
def test_call__strange_error__one_short_line_that_does_nothing_to_a_terminal(
    message: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = endpoint(lambda _: error(message, message), monkeypatch)
    with pytest.raises(RpcError) as caught:
        node.call("echo", 1)
    told = str(caught.value)
    assert told.isprintable()
    assert told.startswith("https://node.example: echo is refused: ")
    assert len(told) < 400
    assert "hunter2" not in told
    assert "0123456789" not in told


PLACES = ["http://[::1", "http://", "ftp://host/x", "host", "http://host:99999/", "", "//x"]


@pytest.mark.parametrize("url", PLACES)
def test_json_rpc__no_address__said_so(url: str) -> None:
    with pytest.raises(HostError, match=re.escape("looks like https://host/path")):
        JsonRpc(url)
