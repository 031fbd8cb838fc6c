"""JSON-RPC over HTTP: single calls and batches, with bounded retries and clear errors.

Answers are plain JSON; what they should be is checked by whoever asks (`audit.values`).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
import stamina

from audit.errors import EndpointError, RefusedError

Call = tuple[str, Sequence[Any]]

ATTEMPTS = 5
"""Of one request, when the connection fails or the node is too busy; about ten seconds in all."""

BATCH = 100
"""Calls in one request. Public endpoints commonly allow that many."""

TIMEOUT_SECONDS = 60.0
BUSY = (429, 500, 502, 503, 504)


class BusyError(Exception):
    """The endpoint asks to come again."""


TRANSIENT = (requests.ConnectionError, requests.Timeout, BusyError)


class Endpoint:
    """One endpoint. `requests_made` counts what was asked of it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.place = f"{parts.scheme}://{parts.netloc.rsplit('@', maxsplit=1)[-1]}"
        self.requests_made = 0
        self._url = url
        self._session = requests.Session()
        self._numbers = itertools.count(1)
        self._batch = BATCH

    def call(self, method: str, *parameters: Any) -> Any:
        """The result of one call; raises RefusedError or EndpointError."""
        return _result(method, self._post(self._envelope(method, parameters)))

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results in the order of the calls; raises as `call` does.

        Asked in as many requests as the endpoint needs: one that refuses a batch gets half.
        """
        results: list[Any] = []
        while len(results) < len(calls):
            part = calls[len(results) : len(results) + self._batch]
            if len(part) == 1:
                results.append(self.call(part[0][0], *part[0][1]))
                continue
            answers = self._batched(part)
            if answers is None:
                self._batch = max(1, len(part) // 2)
            else:
                results += answers
        return results

    def _batched(self, calls: Sequence[Call]) -> list[Any] | None:
        """The results, or None when the endpoint does not take a batch of this size."""
        envelopes = [self._envelope(method, parameters) for method, parameters in calls]
        try:
            answers = self._post(envelopes)
        except RefusedError:
            return None
        if not isinstance(answers, list):
            return None
        by_number = {a.get("id"): a for a in answers if isinstance(a, dict)}
        if any(envelope["id"] not in by_number for envelope in envelopes):
            return None
        return [_result(str(e["method"]), by_number[e["id"]]) for e in envelopes]

    def _envelope(self, method: str, parameters: Sequence[Any]) -> dict[str, Any]:
        number = next(self._numbers)
        return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(parameters)}

    def _post(self, content: Any) -> Any:
        try:
            for attempt in stamina.retry_context(
                on=TRANSIENT, attempts=ATTEMPTS, wait_initial=0.2, wait_max=5.0
            ):
                with attempt:
                    return self._post_once(content)
        except (requests.RequestException, BusyError) as error:
            # The error's own text may hold the whole address, and that a key.
            kind = error if isinstance(error, BusyError) else type(error).__name__
            raise EndpointError(f"{self.place} cannot be reached: {kind}") from None
        raise AssertionError("a retry context returns or raises")

    def _post_once(self, content: Any) -> Any:
        self.requests_made += 1
        answer = self._session.post(self._url, json=content, timeout=TIMEOUT_SECONDS)
        if answer.status_code in BUSY:
            raise BusyError(f"it answers with status {answer.status_code}")
        if answer.status_code >= 400:
            raise RefusedError(f"{self.place} answers with status {answer.status_code}")
        try:
            return json.loads(answer.content)
        except ValueError:
            raise EndpointError(f"{self.place} answers something that is not JSON") from None


def _result(method: str, answer: Any) -> Any:
    if not isinstance(answer, dict):
        raise EndpointError(f"{method}: the answer is no JSON-RPC")
    if answer.get("error") is not None:
        error = answer["error"]
        text = error.get("message") if isinstance(error, dict) else error
        raise RefusedError(f"{method} is refused: {str(text)[:200]}")
    if "result" not in answer:
        raise EndpointError(f"{method}: the answer has no result")
    return answer["result"]
