"""Calls of one JSON-RPC node: tried again where that may help, in the form that it takes, with one
clear error for whatever goes wrong and no secret in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests
import stamina
import structlog
from web3 import HTTPProvider, Web3
from web3.exceptions import BlockNotFound, ContractLogicError, Web3RPCError
from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint

from chain.errors import (
    CallRevertedError,
    ChainError,
    LaterError,
    LyingEndpointError,
    RefusedCallError,
)
from host.bounded_http import bounded_session, place_of
from host.errors import AnswerTooLargeError
from host.foreign_text import LONGEST, harmless, without_secrets
from host.json_rpc import BUSY_STATUS, error_text, is_worth_another_try
from protocol.errors import AnswerError, ProofError

ATTEMPTS, ATTEMPTS_SECONDS = 5, 5.0
"""A call that fails is tried again, five times in all and for five seconds, so one that times out
twice. After that the step gives up and the next one asks again. A look at the chain takes dozens of
calls and needs all of them: with 30 % failing and two tries of each, hardly one look succeeded."""

LATER_ATTEMPTS = 10
"""So often is asked what may be there a moment later. Behind one address may be several nodes, of
which half do not have the newest block yet: one call in a thousand fails then."""

BUSY_STATUSES = (408, *(status for status in BUSY_STATUS if status != 500))
"""With one of these a batch is tried again. Some servers say 500 to whatever they cannot read."""

NO_BATCH_STATUS = (400, 405, 413, 415, 422, 501)
NO_BATCH_CODES = (-32700, -32600, -32601, -32602)
"""That a node cannot read a batch, as a status and as a code of JSON-RPC."""

TRANSPORT_ERRORS = (requests.RequestException, OSError)
WORTH_ANOTHER_TRY = (*TRANSPORT_ERRORS, json.JSONDecodeError)

log = structlog.get_logger()

_T = TypeVar("_T")


class ChainNode:
    """One node. Not for several threads at a time."""

    def __init__(
        self, rpc_url: str, timeout_seconds: float, provider: JSONBaseProvider | None = None
    ) -> None:
        """`provider` carries the calls instead of HTTP, in a simulation."""
        provider = provider or HTTPProvider(
            rpc_url,
            request_kwargs={"timeout": timeout_seconds},
            session=bounded_session(),
            exception_retry_configuration=None,
        )
        self._web3 = Web3(provider)
        self._secret_url, self.place = rpc_url, place_of(rpc_url)
        self._form: dict[str, int] = {}
        self._batches = True

    def _call(self, method: str, *parameters: Any) -> Any:
        """The result of a call as plain JSON."""
        try:
            answer: Any = self._web3.provider.make_request(RPCEndpoint(method), list(parameters))
        except requests.HTTPError as error:
            if error.response is None or error.response.status_code in (408, *BUSY_STATUS):
                raise
            text = f"status {error.response.status_code}: {error.response.text[:LONGEST]}"
            raise self._refused(method, text) from None
        return self._result(method, answer)

    def _calls(self, method: str, several: list[list[Any]]) -> list[Any]:
        """The results of one method for several lists of parameters, in one request if the node
        takes several."""
        answers = self._batch(method, several) if self._batches else None
        if answers is None:
            return [self._call(method, *one) for one in several]
        return [self._result(method, answer) for answer in answers]

    def _batch(self, method: str, several: list[list[Any]]) -> list[Any] | None:
        """The answers to calls in one request, or None where each has to be asked by itself: this
        time, when something else is wrong, and from now on when the node says that it takes none.

        A node that is busy is asked no oftener for that: it raises what is tried again later.
        """
        provider: Any = self._web3.provider
        try:
            answers = provider.make_batch_request([(RPCEndpoint(method), one) for one in several])
        except requests.HTTPError as error:
            status = None if error.response is None else error.response.status_code
            if status is None or status in BUSY_STATUSES:
                raise
            if status in NO_BATCH_STATUS:
                self._end_batches(f"status {status}")
            return None
        except (AttributeError, KeyError, TypeError, NotImplementedError):
            return None  # a list of what is no answer
        if isinstance(answers, list):
            return answers if len(answers) == len(several) else None
        refusal = answers.get("error") if isinstance(answers, Mapping) else None
        if is_worth_another_try(refusal):
            raise LaterError(f"{self.place} refuses {method}: {self._clean(error_text(refusal))}")
        if _says_no_batches(refusal):
            self._end_batches(self._clean(error_text(refusal)))
        return None

    def _end_batches(self, reason: str) -> None:
        self._batches = False
        log.info("endpoint takes one call at a time", endpoint=self.place, reason=reason)

    def _result(self, method: str, answer: Any) -> Any:
        if not isinstance(answer, Mapping):
            raise AnswerError("not a JSON-RPC answer")
        error = answer.get("error")
        if error is None:
            return answer.get("result")
        if is_worth_another_try(error):
            raise LaterError(f"{self.place} refuses {method}: {self._clean(error_text(error))}")
        raise self._refused(method, error_text(error))

    def _refused(self, method: str, text: str) -> RefusedCallError:
        reason = self._clean(text)
        return RefusedCallError(f"{self.place} refuses {method}: {reason}", reason)

    def _either(self, method: str, forms: list[list[Any]], read: Callable[[Any], _T]) -> _T:
        """What `read` makes of the first form of a call that the node takes. Some take a block only
        by number and some only by hash; the form that worked comes first the next time.

        `read` raises LaterError for an answer about another block.
        """
        known = self._form.get(method, 0)
        failed: ChainError | None = None
        for place in [known, *(one for one in range(len(forms)) if one != known)]:
            try:
                found = read(self._call(method, *forms[place]))
            except (RefusedCallError, LaterError) as error:
                # What may come a moment later is worth more than a refusal.
                if failed is None or isinstance(error, LaterError):
                    failed = error
                continue
            self._form[method] = place
            return found
        raise failed or AssertionError("a call has a form")

    def _ask(self, call: Callable[[], _T]) -> _T:
        """Make one call, tried again when the connection fails or the node is not ready for it, and
        turn its answer into values.

        Raises ChainError for whatever goes wrong: no answer may end the oracle.
        """
        try:
            for attempt in stamina.retry_context(
                on=_worth_another_try(),
                attempts=LATER_ATTEMPTS,
                timeout=ATTEMPTS_SECONDS,
                wait_initial=0.1,
                wait_max=0.5,
            ):
                with attempt:
                    return call()
        except ContractLogicError as error:
            reason = harmless(error.message, LONGEST)
            raise CallRevertedError(f"the contract refuses: {reason}") from error
        except TRANSPORT_ERRORS as error:
            raise ChainError(f"{self.place} cannot be reached: {self._brief(error)}") from error
        except BlockNotFound as error:
            raise ChainError(f"{self.place}: {self._brief(error)}") from error
        except AnswerTooLargeError as error:
            raise ChainError(f"{self.place} gives an answer {error}") from None
        except ChainError:
            raise
        except ProofError as error:
            raise LyingEndpointError(f"{self.place}: {self._clean(str(error))}") from error
        except Exception as error:
            raise ChainError(f"{self.place} answers {self._brief(error)}") from error
        raise AssertionError("a retry context returns or raises")

    def _brief(self, error: BaseException) -> str:
        return self._clean(f"{type(error).__name__}: {error}")

    def _clean(self, text: str) -> str:
        return without_secrets(text, self._secret_url)


def _says_no_batches(error: object) -> bool:
    """Whether a node's error for a whole batch is about its being one."""
    code = error.get("code") if isinstance(error, Mapping) else None
    return code in NO_BATCH_CODES or "batch" in error_text(error).lower()


def _worth_another_try() -> Callable[[Exception], bool]:
    """Whether a call is tried again after an error, for one call."""
    failures = 0

    def decide(error: Exception) -> bool:
        nonlocal failures
        if isinstance(error, LaterError):
            return True
        if isinstance(error, Web3RPCError):
            response = error.rpc_response
            return response is not None and is_worth_another_try(response.get("error"))
        failures += 1
        return isinstance(error, WORTH_ANOTHER_TRY) and failures < ATTEMPTS

    return decide
