"""An endpoint of real HTTP that sends without end: no memory, no time and no retries go into it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from host import bounded_http
from oracle.chain import RpcEndpoint
from oracle.contract import DrillMeter
from oracle.errors import ChainError

pytestmark = pytest.mark.integration

HOST = "127.0.0.1"
METER = DrillMeter("0x" + "dd" * 20)
BLOCK_BYTES = 1_000_000


@contextmanager
def server(block: bytes, pause_seconds: float, *, chunked: bool) -> Iterator[tuple[str, list[int]]]:
    """Its URL, and how many bytes went out for each request so far."""
    sent: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            name, value = ("Transfer-Encoding", "chunked") if chunked else ("Connection", "close")
            self.send_header(name, value)
            self.end_headers()
            place = len(sent)
            sent.append(0)
            self.close_connection = True
            try:
                while not over.is_set():
                    framed = b"%x\r\n%s\r\n" % (len(block), block) if chunked else block
                    self.wfile.write(framed)
                    sent[place] += len(block)
                    over.wait(pause_seconds)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            """Nothing."""

    over = threading.Event()
    with ThreadingHTTPServer((HOST, 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://{HOST}:{http.server_address[1]}/secret-key-of-the-plan", sent
        finally:
            over.set()
            http.shutdown()
            thread.join()


@pytest.mark.parametrize("chunked", [True, False])
def test_block__body_without_end__not_read_beyond_the_cap_and_not_asked_again(
    *, chunked: bool
) -> None:
    with server(b" " * BLOCK_BYTES, 0, chunked=chunked) as (url, sent):
        with pytest.raises(ChainError) as caught:
            RpcEndpoint(url, 31337, METER, 60).block("latest")
        port = url.rpartition(":")[2].partition("/")[0]
        expected = f"http://{HOST}:{port} gives an answer over {bounded_http.LARGEST_ANSWER} bytes"
        assert str(caught.value) == expected
        # Beyond the cap only what the sockets hold.
        assert len(sent) == 1
        assert sent[0] < bounded_http.LARGEST_ANSWER + 20 * BLOCK_BYTES


def test_block__body_that_drips__given_up_after_the_time_of_a_call() -> None:
    began = time.monotonic()
    with (
        server(b" ", 0.05, chunked=True) as (url, sent),
        pytest.raises(ChainError, match="no end of the answer within"),
    ):
        RpcEndpoint(url, 31337, METER, 0.5).block("latest")

    assert time.monotonic() - began < 15
    assert 1 < len(sent) <= 5
