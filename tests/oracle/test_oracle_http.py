"""What `drill-http` keeps, whom it answers, and what its settings refuse; without a socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from host.errors import SettingsError
from live.answers import site
from live.board import Board
from live.feed import QUEUE_UPDATES, Feed, TooManyStreamsError
from live.guard import ADDRESSES, Guard, Rate, security_headers
from live.settings import load_http_settings
from protocol.deployment import Deployment
from protocol.messages import Channel
from protocol.records import Domain

CONTRACT = "0x" + "5F" * 20
DOMAIN = Domain(31337, CONTRACT)

READING = {
    "chain_id": 31337,
    "contract": CONTRACT.lower(),
    "drill": 1,
    "oracle": 1,
    "rental": 4,
    "until": 1_790_000_000_000,
    **{f"active_ms_{n}": n for n in (1, 2, 3)},
    **{f"revolutions_{n}": n for n in (1, 2, 3)},
    "log_size": 12,
    "log_root": "0x" + "ab" * 32,
    "signature": "0x" + "cd" * 65,
    "charge": "12",
    "balance": "100",
    "headroom": "-4",
    "runway_seconds": 0,
    "settled_until": 0,
    "settled_charge": "0",
    "warning": "none",
}


def payload(**change: object) -> bytes:
    return json.dumps({**READING, **change}).encode()


@pytest.fixture
def board() -> Board:
    return Board(DOMAIN, frozenset({1, 2}))


def test_take__reading_of_ours__is_the_newest(board: Board) -> None:
    board.take("drill/1/reading", payload(until=5))
    update = board.take("drill/1/reading", payload())
    assert update is not None
    assert json.loads(update.text) == READING
    assert board.newest(1, Channel.READING) == update
    assert board.everything({1, 2}) == [update]
    assert board.everything({2}) == []


def test_take__samples_with_their_proof__are_passed_on(board: Board) -> None:
    log = {
        "drill": 1,
        "rental": 4,
        "log_size": 12,
        "peaks": "0x" + "ab" * 64,
        "samples": "0x" + "00" * 96,
    }
    update = board.take("drill/1/log", json.dumps(log).encode())
    assert update is not None
    assert json.loads(update.text) == log
    assert board.newest(1, Channel.LOG) == update


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        (
            "drill/1/log",
            b'{"drill": 1, "rental": 4, "log_size": 1, "peaks": "0x", "samples": "0x"}',
        ),
        ("drill/3/reading", payload(drill=3)),
        ("drill/1/position", b"52.5,13.4"),
        ("drill/1/sample", b"SD"),
        ("drill/1/event", b"{}"),
        ("drill/1/reading", payload(chain_id=1)),
        ("drill/1/reading", payload(contract="0x" + "00" * 20)),
        ("drill/1/reading", payload(drill=2)),
        ("drill/1/reading", payload(position="52.5,13.4")),
        ("drill/1/reading", b"{" * 9000),
        ("drill/1/status", b'{"drill": 1}'),
        ("other/1/reading", payload()),
    ],
)
def test_take__what_is_not_served__is_counted_and_not_kept(
    board: Board, topic: str, message: bytes
) -> None:
    assert board.take(topic, message) is None
    assert board.refused == 1
    assert board.everything({1, 2, 3}) == []


def test_take__empty_payload__forgets_what_was_there(board: Board) -> None:
    board.take("drill/1/reading", payload())
    assert board.take("drill/1/reading", b"") is None
    assert board.newest(1, Channel.READING) is None
    assert board.refused == 0


def test_listening__more_than_allowed__is_refused_until_one_ends(board: Board) -> None:
    feed = Feed(board, None, streams=3, streams_per_address=2)
    with feed.listening("a", [1]), feed.listening("a", [1]):
        with pytest.raises(TooManyStreamsError, match="one address"), feed.listening("a", [1]):
            pass
        with (
            feed.listening("b", [1]),
            pytest.raises(TooManyStreamsError, match="all 3"),
            feed.listening("c", [1]),
        ):
            pass
    with feed.listening("a", [1]), feed.listening("a", [1]):
        pass


def test_tell__listener_too_slow__its_stream_ends(board: Board) -> None:
    feed = Feed(board, None, streams=3, streams_per_address=2)
    with feed.listening("a", [1]) as listener, feed.listening("b", [2]) as other:
        for _ in range(QUEUE_UPDATES + 1):
            feed.tell("drill/1/reading", payload())
        assert listener.queue.get_nowait() is None
        assert listener.queue.empty()
        assert other.queue.empty()


def test_rate__burst_used_up__refills_with_time() -> None:
    rate = Rate(per_second=2, burst=3)
    assert [rate.allows("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert rate.allows("b", 0.0)
    assert not rate.allows("a", 0.4)
    assert rate.allows("a", 0.6)
    assert not rate.allows("a", 0.6)


def test_rate__many_addresses__memory_is_bounded() -> None:
    rate = Rate(per_second=1, burst=1)
    for number in range(ADDRESSES + 50):
        rate.allows(str(number), 0.0)
    assert len(rate._left) == ADDRESSES


async def _answered(scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"in"})


def ask(
    method: str = "GET", path: str = "/", host: str = "localhost:8080", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request through the guard to an application that always answers 200."""
    guard = Guard(
        _answered,
        names=("localhost", "[::1]"),
        rate=Rate(1, 5),
        headers=security_headers("http://chain:8545"),
        clock=lambda: 0.0,
    )
    raw = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "client": ("10.0.0.1", 1),
        "headers": [(k.encode(), v.encode()) for k, v in raw.items()],
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    # A coroutine that never waits needs no event loop.
    coroutine = guard(scope, None, send)  # type: ignore[arg-type]
    with pytest.raises(StopIteration):
        coroutine.send(None)  # type: ignore[attr-defined]
    start, body = sent
    found = {k.decode(): v.decode() for k, v in start["headers"]}
    return start["status"], found, body["body"]


def test_guard__ordinary_question__is_answered_with_a_strict_policy() -> None:
    status, headers, body = ask()
    assert (status, body) == (200, b"in")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self' http://chain:8545;" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("question", "status", "word"),
    [
        ({"host": "evil.example"}, 421, "evil.example"),
        ({"host": ""}, 421, "not the server"),
        ({"host": "localhost.evil.example:8080"}, 421, "not the server"),
        ({"method": "POST"}, 405, "read-only"),
        ({"method": "TRACE"}, 405, "read-only"),
        ({"path": "/" + "a" * 3000}, 414, "2048"),
        ({"content_length": "5"}, 413, "no body"),
        ({"transfer_encoding": "chunked"}, 413, "no body"),
    ],
)
def test_guard__what_is_refused__says_why_in_a_sentence(
    question: dict[str, str], status: int, word: str
) -> None:
    found, headers, body = ask(**question)
    assert found == status
    assert word in json.loads(body)["error"]
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_guard__address_of_version_6__is_a_name_like_others() -> None:
    assert ask(host="[::1]:8080")[0] == 200


SETTINGS = """
deployment = "deployment.json"
[page]
rpc_url = "http://user:word@127.0.0.1:8545/key"
[broker]
host = "127.0.0.1"
[[drills]]
number = 1
name = "Pillar drill 1"
levels = ["light", "medium", "heavy"]
"""


def settings_file(folder: Path, text: str) -> Path:
    file = folder / "http.toml"
    file.write_text(text)
    return file


def test_load_http_settings__good_file__has_the_origin_without_its_key(tmp_path: Path) -> None:
    settings = load_http_settings(settings_file(tmp_path, SETTINGS))
    assert settings.page.rpc_origin == "http://127.0.0.1:8545"
    assert settings.drills[0].levels == ("light", "medium", "heavy")


def test_load_http_settings__environment__goes_above_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRILL_HTTP_LISTEN__PORT", "9000")
    assert load_http_settings(settings_file(tmp_path, SETTINGS)).listen.port == 9000


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('rpc_url = "http://', 'rpc_url = "ftp://', "page.rpc_url"),
        ("/key", "/key; script-src *", "page.rpc_url"),
        ("number = 1", "number = 0", "drills.0.number"),
        ('name = "Pillar drill 1"', 'name = ""', "drills.0.name"),
        ("[page]", "password = 1\n[page]", "password"),
        ("[[drills]]", '[[drills]]\nnumber = 1\nname = "b"\n[[drills]]', "listed twice"),
    ],
)
def test_load_http_settings__bad_value__is_named(
    tmp_path: Path, old: str, new: str, word: str
) -> None:
    with pytest.raises(SettingsError, match=word):
        load_http_settings(settings_file(tmp_path, SETTINGS.replace(old, new, 1)))


def test_site__settings_and_record__hold_nothing_else(tmp_path: Path) -> None:
    settings = load_http_settings(settings_file(tmp_path, SETTINGS))
    record = Deployment(
        chain_id=31337,
        contract=CONTRACT,
        asset="0x" + "00" * 20,
        block_number=7,
        block_hash="0x" + "00" * 32,
        grace_period_seconds=3600,
        provider=CONTRACT,
        compiler="vyper",
        bytecode_sha256="",
    )
    told = site(settings, record).model_dump()
    assert told["contract"] == CONTRACT
    assert told["drills"][0]["name"] == "Pillar drill 1"
    assert "broker" not in json.dumps(told)
