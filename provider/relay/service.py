"""The relay's HTTP: one question, one answer, and nothing that is not bounded.

    POST /orders      an order as `protocol/orders.py` has it as JSON: 202 taken, 200 known, 400
                      malformed, 409 another order of that nonce, 413 too large, 422 refused with
                      the contract's reason, 429 over a limit, 503 the chain cannot be asked
    GET /orders/7     what has become of it: `state` waiting, done or failed, and `transaction`
    GET /health       who pays, for which forwarder, and how much of the day's gas is left
    GET /metrics      counters, for Prometheus

It listens on this machine; what serves the page to the world passes `/relay/` on to it.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog

from chain.errors import ChainError
from protocol.errors import ProtocolError
from protocol.orders import MAX_ORDER_BYTES, parse_order
from provider.errors import ProviderError
from provider.relay.counter import RelayAnswer, RelayCounter

SECONDS = 10
"""How long a question may take to arrive."""

MOST_DIGITS = 9
"""Of a length; Python reads no number of thousands of digits."""

MOST_AT_A_TIME = 32
"""Questions; the next ones are hung up on."""

log = structlog.get_logger()


class RelayServer(ThreadingHTTPServer):
    """Listens as soon as it is made; raises ProviderError when the port is not to be had."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, place: tuple[str, int], counter: RelayCounter, about: dict[str, Any]
    ) -> None:
        self.counter, self.about = counter, about
        self._places = threading.Semaphore(MOST_AT_A_TIME)
        try:
            super().__init__(place, RelayHandler)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ProviderError(f"cannot listen on {place[0]} port {place[1]}: {reason}") from error

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, if there is a place for one."""
        if not self._places.acquire(blocking=False):
            self.counter.counts["hung up"] += 1
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The same, and give the place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  as called
        """Whoever asks may go away in the middle; anything else is a defect of ours."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self.counter.counts["gone away"] += 1
        else:
            log.error("question not answered", address=client_address[0], exc_info=error)


class RelayHandler(BaseHTTPRequestHandler):
    """One question."""

    server: RelayServer
    timeout = SECONDS
    protocol_version = "HTTP/1.0"  # one question a connection
    server_version, sys_version = "drill-provider-relay", ""

    def do_POST(self) -> None:
        """Take an order."""
        if self.path != "/orders":
            self._say(RelayAnswer(404, error="orders are posted to /orders"))
            return
        length = self.headers.get("content-length", "")
        if not length.isdecimal():
            self._say(RelayAnswer(411, error="content-length: must be a number"))
            return
        if len(length) > MOST_DIGITS or int(length) > MAX_ORDER_BYTES:
            self._say(RelayAnswer(413, error=f"an order has at most {MAX_ORDER_BYTES} bytes"))
            return
        payload = self.rfile.read(int(length))
        try:
            signed = parse_order(payload)
        except ProtocolError as error:
            self._say(RelayAnswer(400, error=str(error)))
            return
        self._say(self.server.counter.take(signed))

    def do_GET(self) -> None:
        """Tell what is known."""
        counter = self.server.counter
        number = self.path.removeprefix("/orders/")
        if number != self.path and number.isdecimal() and len(number) < 19:
            self._say(counter.answer(int(number)))
        elif self.path == "/health":
            self._send(200, {**self.server.about, "gas_left_today": counter.gas_left()})
        elif self.path == "/metrics":
            self._metrics(counter)
        else:
            self._say(RelayAnswer(404, error="there is /orders/NUMBER, /health and /metrics"))

    def _metrics(self, counter: RelayCounter) -> None:
        lines = [f"drill_relay_gas_left_today {counter.gas_left()}"]
        for name, count in sorted(dict(counter.counts).items()):
            lines.append(f'drill_relay_total{{what="{name}"}} {count}')
        self._write(200, "text/plain; version=0.0.4", ("\n".join(lines) + "\n").encode())

    def _say(self, answer: RelayAnswer) -> None:
        self._send(answer.status, answer.fields())

    def _send(self, status: int, fields: dict[str, Any]) -> None:
        self._write(status, "application/json", json.dumps(fields).encode())

    def _write(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.send_header("x-content-type-options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as http.server names it
        """Nothing: what matters is logged where it happens."""


def carry_on(counter: RelayCounter, stopping: threading.Event, pause_seconds: float) -> None:
    """Look after the orders taken until told to stop."""
    trouble = ""
    while not stopping.wait(pause_seconds):
        try:
            counter.step()
        except ChainError as error:
            if str(error) != trouble:
                trouble = str(error)
                log.warning("orders wait", reason=trouble)
        else:
            trouble = ""
