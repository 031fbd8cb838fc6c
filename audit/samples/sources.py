"""Where published files come from: a folder or a web server, asked for one named file at a time.

What is returned is believed in nothing; `audit.samples.published` and the roots on the chain judge
it. Here it only has a bounded size, comes in bounded time, and from where it was asked for: names
cannot leave the folder, and a server cannot send the auditor to another host.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import requests
import stamina

from audit.errors import SourceError
from host.bounded_http import bounded_session, place_of
from host.errors import AnswerTooLargeError, HostError
from host.json_rpc import BUSY_STATUS, BusyError
from protocol.publication import BUNDLE_BYTES

ATTEMPTS = 4
"""Of one file, when the connection fails or the server is too busy; a few seconds in all."""

CONNECT_SECONDS = 10.0
"""Until a server must have accepted a connection."""

LONGEST_SECONDS = 120.0
"""For one file, however steadily it trickles in: a bundle at 3 KB/s. No further attempt is begun
after it."""

REDIRECTS = 3
NOT_THERE = (404, 410)

_NAME = re.compile(r"[0-9a-zA-Z][0-9a-zA-Z._-]{0,199}")
_TRANSIENT = (requests.ConnectionError, requests.Timeout, BusyError)


class SampleSource(Protocol):
    """Published files by name."""

    @property
    def place(self) -> str:
        """Where it is, for people, without secrets."""

    def fetch(self, names: Sequence[str], most: int) -> bytes | None:
        """The content of a file, or None if there is none; `names` are folders and a file.

        Raises SourceError when it cannot be had or has more than `most` bytes.
        """


def open_source(text: str) -> SampleSource:
    """The source that a command line names; raises SourceError for anything else."""
    if text.startswith(("http://", "https://")):
        return Web(text)
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text):
        scheme, _, _ = text.partition(":")
        raise SourceError(f"{scheme}: samples are read from a folder or http(s)")
    return Folder(Path(text))


def require_names(names: Sequence[str]) -> Sequence[str]:
    """The names, if none of them can mean another place; raises SourceError."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise SourceError(f"{name[:200]!r} is not the name of a published file")
    return names


class Folder:
    """A local folder, such as a mirror's or an oracle's own."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise SourceError(f"{root} is not a folder")
        self._root = root.resolve()
        self.place = str(root)

    def fetch(self, names: Sequence[str], most: int) -> bytes | None:
        """As in `SampleSource`."""
        path = self._root.joinpath(*require_names(names))
        try:
            if not path.resolve().is_relative_to(self._root):
                raise SourceError(f"{path} leads out of {self._root}")
            # Not blocking: opening a named pipe would wait for its other end.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise SourceError(f"{path} is not a file")
                content = file.read(most + 1)
        except (FileNotFoundError, NotADirectoryError):
            if not self._root.is_dir():
                raise SourceError(f"{self._root} is no longer there") from None
            return None
        except (OSError, RuntimeError) as error:  # links in a circle are a RuntimeError
            raise SourceError(f"{path} cannot be read: {error}") from error
        return _bounded(content, most, str(path))


class Web:
    """A web server or object store below an http(s) address. `requests_made` counts."""

    def __init__(self, url: str) -> None:
        try:
            host, parts = place_of(url), urlsplit(url)
        except HostError:
            host, parts = "", urlsplit("")
        if not host or parts.query or parts.fragment:
            raise SourceError("samples are below an address such as https://host/folder")
        self.place = host + parts.path
        self.requests_made = 0
        self._root = url.rstrip("/") + "/"
        self._session = bounded_session(2 * BUNDLE_BYTES, json=False)
        # Packed content could unpack to any size, and samples hardly pack.
        self._session.headers["Accept-Encoding"] = "identity"

    def fetch(self, names: Sequence[str], most: int) -> bytes | None:
        """As in `SampleSource`."""
        path = "/".join(require_names(names))
        try:
            for attempt in stamina.retry_context(
                on=_TRANSIENT,
                attempts=ATTEMPTS,
                timeout=LONGEST_SECONDS,
                wait_initial=0.2,
                wait_max=5.0,
            ):
                with attempt:
                    return self._follow(path, most)
        except (requests.RequestException, BusyError) as error:
            # The error's own text may hold the whole address, and that a password.
            kind = error if isinstance(error, BusyError) else type(error).__name__
            raise SourceError(f"{self.place}: {path} cannot be fetched: {kind}") from None
        except AnswerTooLargeError:
            raise SourceError(_too_large(f"{self.place}: {path}", most)) from None
        raise AssertionError("a retry context returns or raises")

    def _follow(self, path: str, most: int) -> bytes | None:
        """Ask, and go where the same server redirects to."""
        url = self._root + path
        for _ in range(REDIRECTS + 1):
            self.requests_made += 1
            answer = self._session.get(
                url, allow_redirects=False, timeout=(CONNECT_SECONDS, LONGEST_SECONDS)
            )
            if not answer.is_redirect:
                return self._content(answer, path, most)
            try:
                url = urljoin(url, answer.headers["Location"])
                elsewhere = _origin(url) != _origin(self._root)
            except ValueError:
                elsewhere = True
            if elsewhere:
                raise SourceError(f"{self.place}: {path} is redirected to another server")
        raise SourceError(f"{self.place}: {path} is redirected more than {REDIRECTS} times")

    def _content(self, answer: requests.Response, path: str, most: int) -> bytes | None:
        if answer.status_code in NOT_THERE:
            return None
        if answer.status_code in BUSY_STATUS:
            raise BusyError(f"it answers with status {answer.status_code}")
        if answer.status_code != 200:
            raise SourceError(f"{self.place}: {path} is answered with status {answer.status_code}")
        return _bounded(answer.content, most, f"{self.place}: {path}")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _bounded(content: bytes, most: int, what: str) -> bytes:
    if len(content) > most:
        raise SourceError(_too_large(what, most))
    return content


def _too_large(what: str, most: int) -> str:
    return f"{what} has more than the {most} bytes that it may have"
