"""Keys that came into force after the last audited block: what they sign is not ours to judge.

The node's word for them is enough. The worst that a lie does here is that a reading counts as
unchecked and not as wrong, or the other way round; neither is clean.
"""

from __future__ import annotations

from collections.abc import Callable

from audit.node.decode import DecodeError, decode, signature_hash
from audit.node.fetch import ContractEndpoint
from audit.node.values import hexadecimal
from protocol.headers import Header

Point = tuple[int, int]
LaterKeys = Callable[[], dict[str, Point | None]]
"""Asks when it is needed: each key's address, and its point where it is of P-256."""

_KINDS = ("OracleRegistered", "OracleRotated", "KeyEnrolled")


def later_keys(chain: ContractEndpoint, last: Header) -> dict[str, Point | None]:
    """Keys that events between the last audited block and the newest name; raises EndpointError."""
    newest, first = chain.header("latest").number, last.number + 1
    topics = [hexadecimal(signature_hash(kind, "event")) for kind in _KINDS]
    found: dict[str, Point | None] = {}
    while first <= newest:
        window = chain.window(first, newest, [topics])
        for log in window.logs:
            try:
                event = decode(log, 0)
            except DecodeError:
                continue  # it names no key
            key, args = event.args["key"], event.args
            point = (args["x"], args["y"]) if event.name == "KeyEnrolled" else found.get(key)
            found[key] = point
        first = window.last + 1
    return found
