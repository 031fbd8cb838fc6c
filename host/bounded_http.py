"""HTTP whose answers have an end: a hostile or broken endpoint fills neither memory nor time.

Bounded are the bytes of an answer as they come, head and framing included, and again unpacked; the
lists within lists of JSON; and the time until the whole answer is there, however it drips. Nobody
is sent anywhere else: a redirect is an answer like any other, and its address is not even read.

Connections are kept for the next request, and whoever is at the other end may close one that is
idle at any time. A request that meets such a closing is asked once more, on a new connection and
within the same time: so everything that is asked here must be such that asking twice does no harm,
as reading is, and sending a signed transaction, which is taken once.
"""

from __future__ import annotations

import io
import ssl
import time
import zlib
from functools import partial
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import requests
import stamina
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.poolmanager import PoolManager
from urllib3.util import Timeout
from urllib3.util.proxy import connection_requires_http_tunnel

from host.bounded_json import require_shallow
from host.errors import AnswerTooLargeError, HostError

LARGEST_ANSWER = 32_000_000
"""Bytes, packed or not. The receipts of a full block are the largest thing that is asked for: a few
megabytes on Ethereum, more on chains with larger blocks."""

FRAMING_BYTES = 8_000_000
"""Bytes beside the body: the head, and the framing of each chunk."""

# By default each retry is logged with its error's text, which holds the address and so perhaps a
# key; and where no log is set up, on stdout.
stamina.instrumentation.set_on_retry_hooks([])

_CHUNK = 65_536
_PACKED = ("gzip", "x-gzip")


def place_of(url: str) -> str:
    """Scheme, host and port: a path, a query or a user's part may hold a key.

    Raises HostError for what is not an address of http(s).
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise HostError("an endpoint's address looks like https://host/path")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class BoundedAdapter(HTTPAdapter):
    """Reads a whole answer within the size and the time that a call may have; and, where answers
    are `json`, within the depth. In other content a bracket is a byte like any other."""

    def __init__(self, largest: int = LARGEST_ANSWER, *, json: bool = True) -> None:
        self._largest, self._json = largest, json
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """As in HTTPAdapter, with connections that read within bounds."""
        super().init_poolmanager(*args, **options)
        self._bind(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """As in HTTPAdapter, with connections that read within bounds."""
        manager = super().proxy_manager_for(proxy, **options)
        self._bind(manager)
        return manager

    def _bind(self, manager: PoolManager) -> None:
        most = self._largest + FRAMING_BYTES
        # What a pool is given beyond its own options goes to each of its connections.
        pools: Any = {"http": partial(_Pool, most=most), "https": partial(_SecurePool, most=most)}
        manager.pool_classes_by_scheme = pools

    def send(  # type: ignore[override]  # the options are passed on as they are
        self, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        """The answer with its body read and unpacked.

        Raises AnswerTooLargeError for one that is larger or deeper than it may be, and
        requests.Timeout for one that is not complete in time: the timeout of requests is for each
        read of the socket.
        """
        seconds = options.get("timeout")
        if isinstance(seconds, tuple):
            seconds = seconds[1]
        deadline = None if seconds is None else time.monotonic() + float(seconds)
        if request.headers.get("Accept-Encoding") != "identity":
            request.headers["Accept-Encoding"] = "gzip"
        response = super().send(request, **{**options, "stream": True})
        try:
            content = self._read(response, deadline, f"no end of the answer within {seconds} s")
            if self._json:
                require_shallow(content)
        except (AnswerTooLargeError, requests.RequestException):
            response.close()
            raise
        response._content = content  # requests has no other way to give a body
        return response

    def _read(self, response: requests.Response, deadline: float | None, late: str) -> bytes:
        unpacker = _unpacker(response)
        content = bytearray()
        try:
            for piece in response.raw.stream(_CHUNK, decode_content=False):
                room = self._largest + 1 - len(content)
                content += piece if unpacker is None else unpacker.decompress(piece, room)
                if len(content) > self._largest:
                    raise AnswerTooLargeError(f"over {self._largest} bytes")
                if deadline is not None and time.monotonic() > deadline:
                    raise requests.Timeout(late)
        except zlib.error as error:
            raise requests.exceptions.ContentDecodingError("damaged gzip") from error
        except HTTPError as error:
            if deadline is not None and time.monotonic() > deadline:
                raise requests.Timeout(late) from error
            raise requests.ConnectionError(type(error).__name__) from error
        if unpacker is not None and content and not unpacker.eof:
            raise requests.exceptions.ContentDecodingError("gzip without its end")
        return bytes(content)


def _unpacker(response: requests.Response) -> Any:
    """What unpacks the answer's body, None for one that is not packed."""
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing in ("identity", ""):
        return None
    asked = response.request.headers.get("Accept-Encoding")
    if packing not in _PACKED or asked != "gzip":
        raise requests.exceptions.ContentDecodingError("compressed in a way that was not asked for")
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


class BoundedSession(requests.Session):
    """A session that follows no redirect, and does not look where one leads."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: whatever the answer says."""


def bounded_session(largest: int = LARGEST_ANSWER, *, json: bool = True) -> requests.Session:
    """A session that reads no answer without end, of at most `largest` bytes; where answers are not
    `json`, their brackets are not counted."""
    session = BoundedSession()
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(largest, json=json))
    return session


class _Heard:
    """How many answers have begun to come on a connection, since it was opened."""

    answers = 0


class _Connection(HTTPConnection):
    """Reads answers of at most `most` bytes, and knows how many there were."""

    def __init__(self, *args: Any, most: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self.heard = _Heard()
        # Called like the class that it stands for.
        self.response_class: Any = partial(_Response, most=most, heard=self.heard)

    def connect(self) -> None:
        """As in HTTPConnection."""
        self.heard.answers = 0
        super().connect()


class _SecureConnection(_Connection, HTTPSConnection):
    """The same with TLS."""


CLOSED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""How it shows that the other end has closed a connection."""


def shows_closing(error: Exception) -> bool:
    """Whether the other end has closed the connection.

    OpenSSL 3.5 reports that it went away while it was written to as an error of the system.
    """
    # An SSLError that Python has made has a reason; one that a library raises may have none.
    reason = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
    return isinstance(error, CLOSED) or reason == "UNEXPECTED_EOF_WHILE_READING"


class _Pool(HTTPConnectionPool):
    """Asks once more where a kept connection has been closed before any of the answer came."""

    ConnectionCls = _Connection

    def _make_request(self, conn: Any, *args: Any, **options: Any) -> Any:
        """As in HTTPConnectionPool, with the two timeouts that requests gives."""
        began, before, timeout = time.monotonic(), conn.heard.answers, options["timeout"]
        try:
            return super()._make_request(conn, *args, **options)
        except (*CLOSED, ssl.SSLError) as error:
            if not shows_closing(error) or before == 0 or conn.heard.answers != before:
                raise  # something else, or it was new, or part of the answer came
            left = None
            if timeout.read_timeout is not None:
                left = timeout.read_timeout - (time.monotonic() - began)
                if left <= 0:
                    raise
        conn.close()
        if connection_requires_http_tunnel(self.proxy, self.proxy_config, self.scheme):
            self._prepare_proxy(conn)
        options["timeout"] = Timeout(connect=timeout.connect_timeout, read=left)
        return super()._make_request(conn, *args, **options)


class _SecurePool(_Pool, HTTPSConnectionPool):
    """The same with TLS."""

    ConnectionCls = _SecureConnection


class _Response(HTTPResponse):
    """Reads at most `most` bytes, head and all, and no longer than the socket's timeout in all."""

    def __init__(self, sock: Any, *args: Any, most: int, heard: _Heard, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        raw: Any = self.fp.detach()
        self.fp = io.BufferedReader(_Measured(sock, raw, most, heard))


class _Measured(io.RawIOBase):
    """The bytes of one answer, until they are too many or too late."""

    def __init__(self, sock: Any, raw: io.RawIOBase, most: int, heard: _Heard) -> None:
        self._seconds = sock.gettimeout()
        self._deadline = None if self._seconds is None else time.monotonic() + self._seconds
        self._sock, self._raw, self._left = sock, raw, most
        self._heard, self._begun = heard, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        # The next request on this connection has its own time.
        self._sock.settimeout(self._seconds)
        self._left -= count or 0
        if count and not self._begun:
            self._begun = True
            self._heard.answers += 1
        if self._left < 0:
            raise AnswerTooLargeError("without end")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
