"""A server that keeps connections, and closes each at its second request, in one way or another."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

from lab.rig.services import HOST

Treatment = Callable[[socket.socket], None]
"""What is done at the second request of a connection, before it is closed."""


def request_of(connection: socket.socket) -> bytes | None:
    """The body of the next request; None when it does not come whole."""
    found = b""
    while b"\r\n\r\n" not in found:
        part = connection.recv(65_536)
        if not part:
            return None
        found += part
    head, _, body = found.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        part = connection.recv(65_536)
        if not part:
            return None
        body += part
    return body


def response(body: bytes) -> bytes:
    """An answer that does not say that the connection is closed after it."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def do_nothing(_connection: socket.socket) -> None:
    """Closed before the next request is made, or while it is."""


def read_a_byte(connection: socket.socket) -> None:
    """What is not read makes the closing a reset, and more of the request may be under way."""
    connection.recv(1)


def read_whole(connection: socket.socket) -> None:
    """The request has been read, and nothing is said."""
    request_of(connection)


def read_whole_and_reset(connection: socket.socket) -> None:
    """The same, and the connection is broken off."""
    request_of(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


CLOSINGS: dict[str, Treatment] = {
    "before the request": do_nothing,
    "in the middle of the request": read_a_byte,
    "after the request": read_whole,
    "after the request, reset": read_whole_and_reset,
}


class ClosingServer:
    """`opened` counts connections. Without `answers`, not even first requests are answered."""

    def __init__(
        self,
        treatment: Treatment,
        answer: Callable[[bytes], bytes] = lambda _body: b"{}",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._treatment, self._answer, self._tls = treatment, answer, tls
        self._listening = socket.create_server((HOST, 0))
        self.url = f"{'https' if tls else 'http'}://{HOST}:{self._listening.getsockname()[1]}"
        self.opened, self.answers = 0, True
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> ClosingServer:
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would not end the waiting for the next connection.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.opened += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                asked = request_of(connection)
                if asked is not None and self.answers:
                    connection.sendall(response(self._answer(asked)))
                    self._treatment(connection)
