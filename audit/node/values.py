"""What a node's answer holds, as `protocol` reads it, with the audit's error for what is wrong.

`protocol` knows neither endpoints nor audits: it raises AnswerError, which ends an audit like any
other nonsense that an endpoint answers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from audit.errors import EndpointError
from protocol import answers, headers, receipt_trie, state_proof
from protocol.errors import AnswerError, ProofError, StrangeHeaderError

ZERO_ADDRESS = "0x" + "00" * 20

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _of_endpoint(read: Callable[_P, _T]) -> Callable[_P, _T]:
    """The same, raising EndpointError for AnswerError."""

    @wraps(read)
    def reading(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return read(*args, **kwargs)
        except AnswerError as error:
            raise EndpointError(str(error)) from error

    return reading


def header_asked_for(found: object, asked: int | str) -> headers.Header:
    """As `protocol.headers` reads it; raises EndpointError also where it proves not to be that.

    A header with fields of the chain's own is given unproven.
    """
    try:
        try:
            return headers.header_asked_for(found, asked)
        except StrangeHeaderError:
            header = headers.header_of(found)
            headers.require_asked(header, asked)
            return header
    except (AnswerError, ProofError) as error:
        raise EndpointError(str(error)) from error


quantity = _of_endpoint(answers.quantity)
data = _of_endpoint(answers.data)
record = _of_endpoint(answers.record)
listing = _of_endpoint(answers.listing)
hexadecimal = answers.hexadecimal
header_of = _of_endpoint(headers.header_of)
header_rlp = _of_endpoint(headers.header_rlp)
receipt_nodes = _of_endpoint(receipt_trie.receipt_nodes)
proven_account = _of_endpoint(state_proof.proven_account)
proven_words = _of_endpoint(state_proof.proven_words)
