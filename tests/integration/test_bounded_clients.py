"""Every program's client of a chain, asked of a server that does it harm: the same tests for all.

A client gets through it with its program's own error, of one line that names the endpoint without
the secret in its address; and neither memory nor time without end go into it.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from closing_server import CLOSINGS, ClosingServer

from audit.errors import EndpointError
from audit.node.fetch import ContractEndpoint
from audit.node.rpc import Endpoint
from chain.contract import DrillMeter
from chain.endpoint import RpcEndpoint
from chain.errors import ChainError
from device.bridge.rpc import WitnessNode
from device.errors import WitnessError
from host.bounded_http import LARGEST_ANSWER, place_of
from host.json_rpc import Patience
from lab.rig.services import HOST
from provider.errors import NodeError
from provider.node import ProviderNode, http_transport, open_node

pytestmark = pytest.mark.integration

SECRET = "/v3/secret-key-of-the-plan"
METER = "0x" + "dd" * 20
TIMEOUT_SECONDS = 0.5
SOON_SECONDS = 60
"""What never ends takes for ever."""


def _audit(url: str) -> object:
    patience = Patience(TIMEOUT_SECONDS, attempts=3, seconds=2, wait_initial=0.01)
    return ContractEndpoint(Endpoint(url, patience), METER).header("latest")


def _bridge(url: str) -> object:
    return WitnessNode(url, 31337, TIMEOUT_SECONDS).header("latest")


def _oracle(url: str) -> object:
    return RpcEndpoint(url, 31337, DrillMeter(METER), TIMEOUT_SECONDS).block("latest")


def _provider(url: str) -> object:
    transport = http_transport(url, TIMEOUT_SECONDS)
    return ProviderNode(transport, place_of(url), pause_seconds=0.01).head()


CLIENTS: dict[str, tuple[Callable[[str], object], type[Exception]]] = {
    "audit": (_audit, EndpointError),
    "bridge": (_bridge, WitnessError),
    "oracle": (_oracle, ChainError),
    "provider": (_provider, NodeError),
}


@dataclass
class Hostile:
    """Treats each request as told. `sent` counts the bytes of all answers, `asked` requests."""

    behave: Callable[[Hostile, Any], None]
    sent: int = 0
    asked: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Hostile:
        hostile = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                hostile.asked += 1
                self.close_connection = True
                try:
                    hostile.behave(hostile, self)
                except OSError:
                    return  # the client has gone: what it should do

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._http = ThreadingHTTPServer((HOST, 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def place(self) -> str:
        return f"http://{HOST}:{self._http.server_port}"

    def send(self, handler: Any, content: bytes) -> None:
        handler.wfile.write(content)
        self.sent += len(content)

    def for_ever(self, handler: Any, part: bytes, pause_seconds: float = 0) -> None:
        while not self.over.wait(pause_seconds) if pause_seconds else not self.over.is_set():
            self.send(handler, part)


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode()


def saying(body: bytes, *lines: str, status: str = "200 OK") -> Callable[[Hostile, Any], None]:
    def behave(hostile: Hostile, handler: Any) -> None:
        length = f"Content-Length: {len(body)}"
        hostile.send(handler, head(length, *lines, status=status) + body)

    return behave


def for_ever(begin: bytes, part: bytes, pause_seconds: float = 0) -> Callable[[Hostile, Any], None]:
    def behave(hostile: Hostile, handler: Any) -> None:
        hostile.send(handler, begin)
        hostile.for_ever(handler, part, pause_seconds)

    return behave


def rpc(result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()


def failing(message: Any, code: Any = -32000) -> bytes:
    error = {"code": code, "message": message}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode()


CHUNKED = "Transfer-Encoding: chunked"
MEGABYTE = b" " * 1_000_000
ENDLESS = {
    "body": for_ever(head("Connection: close"), MEGABYTE),
    "body in chunks": for_ever(head(CHUNKED), b"f4240\r\n" + MEGABYTE + b"\r\n"),
    "body, with a length": for_ever(head("Content-Length: 3000000000"), MEGABYTE),
    "length of a chunk": for_ever(head(CHUNKED), b"0" * 1_000_000),
    "tiny chunks": for_ever(head(CHUNKED), b"1\r\nx\r\n" * 10_000),
    "end of the chunks": for_ever(head(CHUNKED) + b"0\r\n", b"x: y\r\n" * 100_000),
    "head": for_ever(head()[:-2], b"x: y\r\n" * 100_000),
    "line of the head": for_ever(head()[:-2], b"x" * 1_000_000),
    "answers before the answer": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000),
    "packed body": for_ever(
        head("Connection: close", "Content-Encoding: gzip"), gzip.compress(bytes(10_000_000))
    ),
}
DRIPPING = {
    "body": for_ever(head("Connection: close"), b" ", 0.05),
    "body in chunks": for_ever(head(CHUNKED), b"1\r\n \r\n", 0.05),
    "head": for_ever(head()[:-2], b"x", 0.05),
    "lines of the head": for_ever(head()[:-2], b"x: y\r\n", 0.05),
    "answers before the answer": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
    "end of the chunks": for_ever(head(CHUNKED) + b"0\r\n", b"x: y\r\n", 0.05),
    "nothing": for_ever(b"", b"", 0.05),
}
WRONG = {
    "brackets": saying(b"[" * 200_000),
    "brackets in a result": saying(rpc("?").replace(b'"?"', b"[" * 90_000 + b"]" * 90_000)),
    "objects in an error": saying(
        failing("?").replace(b'"?"', b'{"a":' * 50_000 + b"1" + b"}" * 50_000)
    ),
    "no JSON": saying(b"<html>{}</html>"),
    "not UTF-8": saying(b'"\xff\xfe"'),
    "a list": saying(b"[1]"),
    "text": saying(b'"text"'),
    "a number that is too long": saying(b"1" * 10_000),
    "not a number": saying(b"NaN"),
    "no result": saying(b'{"jsonrpc": "2.0", "id": 1}'),
    "text for a block": saying(rpc("block")),
    "lists for fields": saying(rpc({"hash": [[]], "number": [[]]})),
    "half a character": saying(rpc({"number": "\ud800", "hash": "\ud800"})),
    "half a character in an error": saying(failing("\ud800")),
    "escapes in an error": saying(failing("\x1b[2J\x1b[HClean: nothing was found.\n\r")),
    "a million letters": saying(failing("x" * 1_000_000)),
    "a million letters in a field": saying(rpc({"number": "\x1b" * 1_000_000})),
    "letters from right to left": saying(failing("\u202eabc")),
    "the secret": saying(failing(f"POST https://host{SECRET} failed")),
    "an error that is none": saying(failing([[], {}], [])),
    "packed as nobody asked": saying(b"x", "Content-Encoding: br"),
    "packed twice": saying(gzip.compress(gzip.compress(rpc(1))), "Content-Encoding: gzip, gzip"),
    "damaged": saying(b"\x1f\x8b\x08" + bytes(50), "Content-Encoding: gzip"),
    "broken off": saying(gzip.compress(rpc(1))[:-9], "Content-Encoding: gzip"),
    "a bomb": saying(gzip.compress(bytes(200_000_000), 1), "Content-Encoding: gzip"),
    "no status": lambda hostile, handler: hostile.send(handler, b"x\r\n\r\n"),
    "a status that is none": saying(b"", status="abc \x1b[2J"),
    "escapes in a status": saying(b"", status="599 \x1b[2J"),
    "hung up": lambda _hostile, _handler: None,
    "no such page": saying(b"", status="404 Not Found"),
    "busy": saying(b"", status="503 Busy"),
    "a cookie": saying(b"", "Set-Cookie: " + "=" * 60_000),
}


def _harmed(client: str, behave: Callable[[Hostile, Any], None]) -> tuple[str, Hostile]:
    """What the client says at the end, and who harmed it."""
    ask, wrong = CLIENTS[client]
    with Hostile(behave) as hostile:
        began = time.monotonic()
        with pytest.raises(wrong) as caught:
            ask(hostile.place + SECRET)
        assert time.monotonic() - began < SOON_SECONDS
    told = str(caught.value)
    assert hostile.place in told
    assert "secret" not in told
    return told, hostile


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("what", WRONG)
def test_client__wrong_answer__one_harmless_line(client: str, what: str) -> None:
    told, hostile = _harmed(client, WRONG[what])
    assert told.isprintable()
    assert len(told) < 800
    assert hostile.asked <= 6


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("what", ENDLESS)
def test_client__answer_without_end__not_read_beyond_the_cap(client: str, what: str) -> None:
    tracemalloc.start()
    try:
        _told, hostile = _harmed(client, ENDLESS[what])
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Where the sending is slower than the time of a call, it is asked again, each time to the cap.
    assert hostile.sent < hostile.asked * 2 * LARGEST_ANSWER
    assert most < 6 * LARGEST_ANSWER


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("what", DRIPPING)
def test_client__answer_that_drips__given_up(client: str, what: str) -> None:
    told, _hostile = _harmed(client, DRIPPING[what])
    assert told.isprintable()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", ["301 a", "302 a", "303 a", "307 a", "308 a"])
def test_client__sent_elsewhere__not_followed(client: str, status: str) -> None:
    with Hostile(saying(rpc("0x1"))) as other:
        _told, hostile = _harmed(client, saying(b"", f"Location: {other.place}/x", status=status))
        assert hostile.asked >= 1
        assert other.asked == 0


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "target",
    ["http://[::1", "\x1b[2J", "/" * 60_000, ""],
    ids=["half an address", "an escape", "without end", "nothing"],
)
def test_client__sent_to_what_is_no_address__said_so(client: str, target: str) -> None:
    told, _hostile = _harmed(client, saying(b"", f"Location: {target}", status="307 Go"))
    assert told.isprintable()


@pytest.fixture(scope="module")
def block() -> dict[str, Any]:
    """An honest block, as short as one can be."""
    from protocol.headers import header_hash  # noqa: PLC0415

    words = ("parentHash", "sha3Uncles", "stateRoot", "transactionsRoot", "receiptsRoot", "mixHash")
    numbers = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp")
    fields = dict.fromkeys(words, "0x" + "11" * 32) | dict.fromkeys(numbers, "0x1")
    fields |= {"miner": "0x" + "22" * 20, "logsBloom": "0x" + "00" * 256, "extraData": "0x"}
    fields["nonce"] = "0x" + "00" * 8
    return {**fields, "hash": header_hash(fields)}


@pytest.mark.parametrize("client", CLIENTS)
def test_client__honest_packed_answer_after_another__read(
    client: str, block: dict[str, Any]
) -> None:
    def honest(hostile: Hostile, handler: Any) -> None:
        assert handler.headers["Accept-Encoding"] == "gzip"
        # The bridge asks for the chain first.
        answer = "0x7a69" if client == "bridge" and hostile.asked == 1 else block
        saying(gzip.compress(rpc(answer)), "Content-Encoding: gzip")(hostile, handler)

    with Hostile(honest) as hostile:
        found: Any = CLIENTS[client][0](hostile.place)
    assert found.hash == block["hash"]


def _asking(client: str, url: str) -> Callable[[], object]:
    """Asks for the newest block's hash again and again; of its own accord it tries once only."""
    if client == "audit":
        chain = ContractEndpoint(Endpoint(url, Patience(SOON_SECONDS, attempts=1)), METER)
        return lambda: chain.header("latest").hash
    if client == "bridge":
        node = WitnessNode(url, 31337, SOON_SECONDS)
        return lambda: node.header("latest").hash
    if client == "oracle":
        endpoint = RpcEndpoint(url, 31337, DrillMeter(METER), SOON_SECONDS)
        return lambda: endpoint.block("latest").hash
    provider = open_node(url)
    return lambda: provider.head().hash


@pytest.mark.parametrize("when", CLOSINGS)
@pytest.mark.parametrize("client", CLIENTS)
def test_client__kept_connection_closed__asked_on_a_new_one(
    client: str, when: str, block: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chain.node.ATTEMPTS", 1)
    monkeypatch.setattr("provider.node.TRIES", 1)

    def answer(body: bytes) -> bytes:
        asked = json.loads(body)
        found = "0x7a69" if asked["method"] == "eth_chainId" else block
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": found}).encode()

    with ClosingServer(CLOSINGS[when], answer) as server:
        ask = _asking(client, server.url)
        assert [ask() for _ in range(4)] == [block["hash"]] * 4


@pytest.fixture(autouse=True)
def _no_waiting_for_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tries are five seconds long; here two seconds show the same."""
    monkeypatch.setattr("chain.node.ATTEMPTS_SECONDS", 2.0)
