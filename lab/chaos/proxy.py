"""Two proxies that inject faults: one knows HTTP, for RPC; one passes bytes, for MQTT."""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lab.rig.services import HOST, free_port

FAULTS = ("429", "500", "garbage", "partial", "cut", "delay", "lost answer")
DELAY_SECONDS = 1.5


class RpcProxy:
    """In front of a node; `failing` is the share of calls that something happens to."""

    def __init__(self, target_port: int, seed: int) -> None:
        self.failing, self.faults, self.calls = 0.0, Counter[str](), 0
        self._dice, self._target = random.Random(seed), target_port  # noqa: S311
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> RpcProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """What the oracle is told."""
        return f"http://{HOST}:{self.port}"

    def _draw(self) -> str:
        with self._lock:
            self.calls += 1
            if self._dice.random() >= self.failing:
                return ""
            fault = self._dice.choice(FAULTS)
            self.faults[f"rpc {fault}"] += 1
            return fault

    def _forward(self, body: bytes) -> bytes:
        connection = http.client.HTTPConnection(HOST, self._target, timeout=10)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fault = proxy._draw()
                if fault == "delay":
                    time.sleep(DELAY_SECONDS)
                if fault == "cut":
                    self.close_connection = True
                    return
                if fault in ("429", "500"):
                    self._answer(int(fault), b"try again later")
                    return
                if fault == "garbage":
                    self._answer(200, b'{"jsonrpc": "2.0", "id": 1, "result": <html>')
                    return
                try:
                    found = proxy._forward(body)
                except OSError:
                    self.close_connection = True
                    return
                if fault == "lost answer":
                    self.close_connection = True
                    return
                self._answer(200, found, cut=fault == "partial")

            def _answer(self, status: int, content: bytes, *, cut: bool = False) -> None:
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content[: len(content) // 2] if cut else content)
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Silent."""

        return Handler


class TcpProxy:
    """In front of a broker: passes bytes, until it cuts every connection."""

    def __init__(self, target_port: int) -> None:
        self.port, self._target = free_port(), target_port
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server((HOST, self.port))
        self.delay_seconds = 0.0

    def __enter__(self) -> TcpProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Every connection ends here and now, in the middle of whatever was on it."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection((HOST, self._target), 5)
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self._pairs.append((client, server))
                for here, there in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(here, there), daemon=True).start()

    def _pump(self, here: socket.socket, there: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := here.recv(65_536):
                if self.delay_seconds:
                    time.sleep(self.delay_seconds)
                there.sendall(data)
        for end in (here, there):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
