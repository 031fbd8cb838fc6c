"""HTTP whose answers have an end: a hostile or broken endpoint fills neither memory nor time."""

from __future__ import annotations

import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from host.errors import AnswerTooLargeError

LARGEST_ANSWER = 32_000_000
"""Bytes. The receipts of a full block are the largest thing that is asked for: a few megabytes on
Ethereum, more on chains with larger blocks."""

_CHUNK = 65_536


class BoundedAdapter(HTTPAdapter):
    """Reads a whole answer within the size and the time that a call may have."""

    def send(  # type: ignore[override]  # the options are passed on as they are
        self, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        """The answer with its body read.

        Raises AnswerTooLargeError for a body over LARGEST_ANSWER bytes, and requests.Timeout for
        one that is not complete in time: the timeout of requests is for each read of the socket.
        """
        seconds = options.get("timeout")
        deadline = time.monotonic() + float(seconds) if seconds is not None else None
        response = super().send(request, **{**options, "stream": True})
        try:
            content = _read(response, deadline, f"no end of the answer within {seconds} s")
        except (AnswerTooLargeError, requests.RequestException):
            response.close()
            raise
        response._content = content  # requests has no other way to give a body
        return response


def _read(response: requests.Response, deadline: float | None, late: str) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise AnswerTooLargeError(f"over {LARGEST_ANSWER} bytes")
        if deadline is not None and time.monotonic() > deadline:
            raise requests.Timeout(late)
    return bytes(content)


def bounded_session() -> requests.Session:
    """A session that reads no answer without end."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter())
    return session
