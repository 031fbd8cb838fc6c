"""A kept connection that the other end closes: asked once more on a new one, and never oftener."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from closing_server import CLOSINGS, ClosingServer, do_nothing, read_whole, request_of, response
from secure_broker import certificates
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util import Timeout

from host.bounded_http import bounded_session, shows_closing
from lab.rig.services import HOST

pytestmark = pytest.mark.integration

SECONDS = 60
"""What no request here takes, but for those that are never answered."""

BODIES = {"short": b"{}", "long": bytes(3_000_000)}


@pytest.fixture(params=["http", "https"])
def tls(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext | None:
    """What the server needs for TLS; whoever asks trusts it."""
    if request.param == "http":
        return None
    certificates("ca", tmp_path)
    certificates("server", tmp_path, HOST)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.crt"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    return context


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with bounded_session() as made:
        yield made


def ask(session: requests.Session, server: ClosingServer, body: bytes = b"{}") -> bytes:
    return session.post(server.url, data=body, timeout=SECONDS).content


def test_shows_closing__ways_that_tls_reports_it__and_no_other_error() -> None:
    gone = ssl.SSLError(ssl.SSLErrorNumber.SSL_ERROR_SYSCALL, "unexpected eof while reading")
    gone.reason = "UNEXPECTED_EOF_WHILE_READING"
    assert shows_closing(gone)
    assert shows_closing(ssl.SSLEOFError())
    assert shows_closing(ConnectionResetError())
    forged = ssl.SSLError(ssl.SSLErrorNumber.SSL_ERROR_SSL, "bad record mac")
    forged.reason = "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"
    assert not shows_closing(forged)
    assert not shows_closing(TimeoutError())


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("when", CLOSINGS)
def test_kept_connection__closed__asked_once_more(
    session: requests.Session, tls: ssl.SSLContext | None, when: str, body: str
) -> None:
    with ClosingServer(CLOSINGS[when], tls=tls) as server:
        assert [ask(session, server, BODIES[body]) for _ in range(6)] == [b"{}"] * 6
        assert server.opened == 6


@pytest.mark.parametrize("part", [1, len(response(b"{}")) - 1])
def test_kept_connection__part_of_an_answer_came__not_asked_again(
    session: requests.Session, tls: ssl.SSLContext | None, part: int
) -> None:
    def answer_a_part(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(response(b"{}")[:part])

    with ClosingServer(answer_a_part, tls=tls) as server:
        ask(session, server)
        with pytest.raises(requests.ConnectionError):
            ask(session, server)
        assert server.opened == 1


def test_new_connection__closed__not_asked_again(
    session: requests.Session, tls: ssl.SSLContext | None
) -> None:
    with ClosingServer(do_nothing, tls=tls) as server:
        server.answers = False
        with pytest.raises(requests.ConnectionError):
            ask(session, server)
        assert server.opened == 1


def test_kept_connection__closed_and_the_new_one_too__given_up(
    session: requests.Session, tls: ssl.SSLContext | None
) -> None:
    with ClosingServer(read_whole, tls=tls) as server:
        ask(session, server)
        server.answers = False
        with pytest.raises(requests.ConnectionError):
            ask(session, server)
        assert server.opened == 2


def test_kept_connection__no_answer_in_time__not_asked_again(session: requests.Session) -> None:
    over = threading.Event()

    def hold(_connection: socket.socket) -> None:
        over.wait()

    with ClosingServer(hold) as server:
        ask(session, server)
        with pytest.raises(requests.Timeout):
            session.post(server.url, data=b"{}", timeout=0.2)
        over.set()
        assert server.opened == 1


@pytest.mark.parametrize(("passed", "left"), [(7.0, [3.0]), (10.0, [])])
def test_kept_connection__closed_late__only_the_time_left_is_used(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch, passed: float, left: list[float]
) -> None:
    given: list[Timeout] = []
    now = [100.0]
    make_request = HTTPConnectionPool._make_request

    def close_late(pool: HTTPConnectionPool, *args: object, **options: Timeout) -> object:
        given.append(options["timeout"])
        if len(given) != 2:
            return make_request(pool, *args, **options)  # type: ignore[arg-type]
        now[0] += passed
        raise ConnectionResetError

    monkeypatch.setattr(HTTPConnectionPool, "_make_request", close_late)
    with ClosingServer(read_whole) as server:
        session.post(server.url, data=b"{}", timeout=10)
        monkeypatch.setattr("host.bounded_http.time.monotonic", lambda: now[0])
        try:
            session.post(server.url, data=b"{}", timeout=10)
        except requests.ConnectionError:
            assert left == []
    assert [timeout.read_timeout for timeout in given[2:]] == left
