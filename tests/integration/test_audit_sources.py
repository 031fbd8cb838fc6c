"""Published files from a web server that is busy, endless, slow, or sends the auditor away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stamina

from audit.errors import SourceError
from audit.samples import sources
from audit.samples.sources import ATTEMPTS, REDIRECTS, Web, open_source
from lab.rig.services import HOST, free_port

pytestmark = pytest.mark.integration

Behave = Callable[[Any], None]


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS):
        yield


@pytest.fixture
def serve() -> Iterator[Callable[[Behave], str]]:
    """Starts a server that treats every GET as told; its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(behave: Behave) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                behave(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        server = ThreadingHTTPServer((HOST, 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://{HOST}:{server.server_port}/samples"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def answer(handler: Any, status: int, content: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def test_fetch__there_and_not_there__content_and_none(serve: Callable[[Behave], str]) -> None:
    def behave(handler: Any) -> None:
        known = handler.path == "/samples/a/b.bin"
        answer(handler, 200 if known else 404, b"abc" if known else b"<html>no</html>")

    source = open_source(serve(behave) + "/")
    assert source.fetch(("a", "b.bin"), 3) == b"abc"
    assert source.fetch(("a", "c.bin"), 3) is None


@pytest.mark.parametrize(
    "content",
    [b"[" * 4096, b"{" * 4096, b'"[' * 4096, bytes(range(256)) * 99],
    ids=["arrays", "objects", "strings", "every-byte"],
)
def test_fetch__bytes_that_look_like_brackets__had(
    serve: Callable[[Behave], str], content: bytes
) -> None:
    """Samples are bytes, and nothing is nested in them."""
    source = open_source(serve(lambda handler: answer(handler, 200, content)))
    assert source.fetch(("a", "b.bin"), len(content)) == content


def test_fetch__busy_then_free__had(serve: Callable[[Behave], str]) -> None:
    busy = [503, 429]

    def behave(handler: Any) -> None:
        answer(handler, busy.pop() if busy else 200, b"abc")

    assert Web(serve(behave)).fetch(("x",), 3) == b"abc"


def test_fetch__always_busy__given_up(serve: Callable[[Behave], str]) -> None:
    source = Web(serve(lambda handler: answer(handler, 503)))
    with pytest.raises(SourceError, match="x cannot be fetched: it answers with status 503"):
        source.fetch(("x",), 3)
    assert source.requests_made == ATTEMPTS


def test_fetch__nobody_listens__said_without_the_password() -> None:
    source = Web(f"http://user:hunter2@{HOST}:{free_port()}/samples")
    with pytest.raises(SourceError, match="cannot be fetched: ConnectionError") as caught:
        source.fetch(("x",), 3)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("status", [401, 403, 500, 304])
def test_fetch__refused__is_not_taken_for_nothing_published(
    serve: Callable[[Behave], str], status: int
) -> None:
    with pytest.raises(SourceError, match=str(status)):
        Web(serve(lambda handler: answer(handler, status))).fetch(("x",), 3)


def test_fetch__endless_answer__cut_off(serve: Callable[[Behave], str]) -> None:
    sent = []

    def behave(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(bytes(65_536))
                sent.append(1)
        except OSError:
            pass

    with pytest.raises(SourceError, match="more than the 1000 bytes"):
        Web(serve(behave)).fetch(("x",), 1_000)
    assert len(sent) < 1_000


def test_fetch__trickles__given_up(
    serve: Callable[[Behave], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LONGEST_SECONDS", 0.3)
    done = threading.Event()

    def behave(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not done.wait(0.05):
            handler.wfile.write(b"x")

    try:
        with pytest.raises(SourceError, match="cannot be fetched: Timeout"):
            Web(serve(behave)).fetch(("x",), 1_000)
    finally:
        done.set()


def test_fetch__redirected_on_the_same_server__followed(serve: Callable[[Behave], str]) -> None:
    def behave(handler: Any) -> None:
        if handler.path.startswith("/samples"):
            return answer(handler, 302, Location="/elsewhere/x")
        return answer(handler, 200, b"abc")

    assert Web(serve(behave)).fetch(("x",), 3) == b"abc"


def test_fetch__redirected_to_another_server__refused(serve: Callable[[Behave], str]) -> None:
    asked: list[str] = []
    inner = serve(lambda handler: asked.append(handler.path))
    source = Web(serve(lambda handler: answer(handler, 302, Location=f"{inner}/x")))
    with pytest.raises(SourceError, match="to another server"):
        source.fetch(("x",), 3)
    assert not asked


@pytest.mark.parametrize("target", ["http://[::1", "//[", "http://host:port/", "\\\\["])
def test_fetch__redirected_to_what_is_no_address__refused(
    serve: Callable[[Behave], str], target: str
) -> None:
    source = Web(serve(lambda handler: answer(handler, 302, Location=target)))
    with pytest.raises(SourceError, match=r"to another server|more than 3 times"):
        source.fetch(("x",), 3)


def test_fetch__redirected_in_circles__given_up(serve: Callable[[Behave], str]) -> None:
    source = Web(serve(lambda handler: answer(handler, 302, Location=handler.path)))
    with pytest.raises(SourceError, match="more than 3 times"):
        source.fetch(("x",), 3)
    assert source.requests_made == REDIRECTS + 1


def test_fetch__packed__refused(serve: Callable[[Behave], str]) -> None:
    source = Web(serve(lambda handler: answer(handler, 200, b"x", Content_Encoding="gzip")))
    with pytest.raises(SourceError, match="ContentDecodingError"):
        source.fetch(("x",), 3)
