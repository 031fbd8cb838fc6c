"""JSON-RPC over HTTP: single calls and batches, with bounded answers, retries and time.

Answers are plain JSON; what they should be is checked by whoever asks (`protocol.answers`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import stamina

from host.bounded_http import LARGEST_ANSWER, bounded_session, place_of
from host.bounded_json import parse_json
from host.errors import AnswerTooLargeError, NonsenseError, RefusedError, UnreachableError
from host.foreign_text import LONGEST, harmless, without_secrets

stamina.instrumentation.set_on_retry_hooks(())
"""Of no program's retries are errors written out: their text may hold an endpoint's whole address,
and that a key. What is given up is said, without it."""

Call = tuple[str, Sequence[Any]]

BATCH = 100
"""Calls in one request. Public endpoints commonly allow that many."""

BUSY_STATUS = (429, 500, 502, 503, 504)

_RATE = re.compile(
    r"rate.?limit|too many requests|compute units|throughput|request (?:count|limit)"
    r"|(?:per|a) (?:second|minute|day)|quota|overloaded|try again (?:later|in)",
    re.IGNORECASE,
)
_TOO_MUCH = re.compile(
    r"range|results?|response size|too (?:large|wide|many blocks)|more than", re.IGNORECASE
)
"""An answer would be too large: asking again changes nothing, asking for less does."""

_BEHIND = re.compile(
    r"(?:header|hash|block|resource) not found|unknown (?:block|header)"
    r"|(?:not|cannot|could not) find (?:the )?(?:block|header)|block.{0,20}out ?of ?range",
    re.IGNORECASE,
)
"""What a load balancer's slower node says of a block that a faster one has named."""

LIMIT_EXCEEDED = -32005
"""Of EIP-1474. Some send it for too many requests, others for too large a range of blocks."""

RATE_CODES = (429, -32029, -32097)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller waits: for one answer, in s, and how often and how long it tries.

    No new try begins later than `seconds` after the first.
    """

    timeout_seconds: float = 60.0
    attempts: int = 6
    seconds: float = 90.0
    wait_initial: float = 0.2
    wait_max: float = 5.0


PATIENT = Patience()


class BusyError(Exception):
    """The endpoint asks to come again."""


class _LaterError(Exception):
    """An error of a call that may be gone when it is asked again; `error` is the node's."""

    def __init__(self, error: object) -> None:
        super().__init__()
        self.error = error


_TRANSIENT = (requests.ConnectionError, requests.Timeout, BusyError, _LaterError)


def error_text(error: object) -> str:
    """The text of a node's error object, harmless."""
    return harmless(error.get("message") if isinstance(error, Mapping) else error)


def is_rate_limit(error: object) -> bool:
    """Whether a node's error object says that it is asked too often."""
    code = error.get("code") if isinstance(error, Mapping) else None
    return code in RATE_CODES or _RATE.search(error_text(error)) is not None


def is_worth_another_try(error: object) -> bool:
    """The same, and what a node may do or know a moment later."""
    text = error_text(error)
    code = error.get("code") if isinstance(error, Mapping) else None
    unclear = code == LIMIT_EXCEEDED and _TOO_MUCH.search(text) is None
    return unclear or is_rate_limit(error) or _BEHIND.search(text) is not None


class JsonRpc:
    """One endpoint, not for several threads at a time. `requests_made` counts what was asked.

    Every method raises UnreachableError, RefusedError or NonsenseError.
    """

    def __init__(
        self, url: str, patience: Patience = PATIENT, largest: int = LARGEST_ANSWER
    ) -> None:
        """`largest` is the most bytes of an answer; raises HostError for what is not an address."""
        self.place = place_of(url)
        self.requests_made = 0
        self._url, self._patience = url, patience
        self._session = bounded_session(largest)
        self._numbers = itertools.count(1)
        self._batch = BATCH

    def call(self, method: str, *parameters: Any) -> Any:
        """The result of one call."""
        envelope = self._envelope(method, parameters)

        def once() -> Any:
            answer = self._post(envelope)
            if not isinstance(answer, Mapping):
                raise NonsenseError(f"{self.place}: {method}: the answer is not JSON-RPC")
            return self._result(method, answer)

        return self._patiently(method, once)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results in the order of the calls.

        Asked in as many requests as the endpoint needs: one that refuses a batch gets half, and
        calls that it has no time for are asked once more by themselves.
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
        found: dict[int, Any] = {}

        def once() -> bool:
            """Ask what is not answered yet; False when the batch is not taken."""
            left = [place for place in range(len(calls)) if place not in found]
            envelopes = [self._envelope(*calls[place]) for place in left]
            try:
                answers = self._post(envelopes)
            except RefusedError:
                return False
            if isinstance(answers, Mapping) and is_rate_limit(answers.get("error")):
                raise _LaterError(answers["error"])
            numbered = _by_number(answers)
            if any(envelope["id"] not in numbered for envelope in envelopes):
                return False
            later: object = None
            for place, envelope in zip(left, envelopes, strict=True):
                try:
                    found[place] = self._result(calls[place][0], numbered[envelope["id"]])
                except _LaterError as error:
                    later = error
            if isinstance(later, _LaterError):
                raise later
            return True

        taken = self._patiently(calls[0][0], once)
        return [found[place] for place in range(len(calls))] if taken else None

    def _envelope(self, method: str, parameters: Sequence[Any]) -> dict[str, Any]:
        number = next(self._numbers)
        return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(parameters)}

    def _patiently(self, method: str, once: Any) -> Any:
        """What `once` gives, asked again while that may help."""
        patience = self._patience
        try:
            for attempt in stamina.retry_context(
                on=_TRANSIENT,
                attempts=patience.attempts,
                timeout=patience.seconds,
                wait_initial=patience.wait_initial,
                wait_max=patience.wait_max,
                wait_jitter=patience.wait_initial,
            ):
                with attempt:
                    return once()
        except _LaterError as later:
            text = self._clean(error_text(later.error))
            if is_rate_limit(later.error):
                told = f"{self.place} is too busy for {method}: {text}"
                raise UnreachableError(told) from None
            told = f"{self.place}: {method} is refused: {text}"
            raise RefusedError(told, later.error) from None
        except BusyError as error:
            raise UnreachableError(f"{self.place} cannot be reached: {error}") from None
        except requests.RequestException as error:
            # The error's own text may hold the whole address, and that a key.
            kind = type(error).__name__
            raise UnreachableError(f"{self.place} cannot be reached: {kind}") from None
        except AnswerTooLargeError as error:
            raise NonsenseError(f"{self.place} gives an answer {error}") from None
        raise AssertionError("a retry context returns or raises")

    def _post(self, content: Any) -> Any:
        """The parsed answer of one request; an error of the whole of it raises."""
        self.requests_made += 1
        timeout = self._patience.timeout_seconds
        answer = self._session.post(self._url, json=content, timeout=timeout)
        status = answer.status_code
        if status in BUSY_STATUS:
            raise BusyError(f"it answers with status {status}")
        if 300 <= status < 400:
            raise NonsenseError(f"{self.place} sends elsewhere (status {status}): not followed")
        if status >= 400:
            raise RefusedError(f"{self.place} answers with status {status}")
        try:
            return parse_json(answer.content)
        except NonsenseError as error:
            raise NonsenseError(f"{self.place} answers {error}") from None

    def _result(self, method: str, answer: Mapping[str, Any]) -> Any:
        error = answer.get("error")
        if error is not None:
            if is_worth_another_try(error):
                raise _LaterError(error)
            text = self._clean(error_text(error))
            raise RefusedError(f"{self.place}: {method} is refused: {text}", error)
        if "result" not in answer:
            raise NonsenseError(f"{self.place}: {method}: the answer has no result")
        return answer["result"]

    def _clean(self, text: str) -> str:
        return without_secrets(text, self._url, LONGEST)


def _by_number(answers: Any) -> dict[int, Mapping[str, Any]]:
    """The answers of a batch by their number; what has none that could be ours is left out."""
    if not isinstance(answers, list):
        return {}
    return {
        answer["id"]: answer
        for answer in answers
        if isinstance(answer, Mapping) and type(answer.get("id")) is int
    }
