"""Every reason that the contract can give, read out of its sources, so that none goes unmet."""

from __future__ import annotations

import io
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path

from lab.rig.contract import SOURCES

REVERTING = frozenset({"_require"})
REJECTING = frozenset({"_reject"})
_SNEKMATE = Path(sysconfig.get_path("purelib")) / "snekmate"
SNEKMATE = ("auth/ownable.vy", "auth/ownable_2step.vy", "utils/pausable.vy")

UNREACHABLE = {
    "vault: asset is not a contract": "the constructor only",
    "rentals: grace period under an hour": "the constructor only",
    "rentals: grace period over 30 days": "the constructor only",
    "disputes: evidence period under a day": "the constructor only",
    "disputes: evidence period over 90 days": "the constructor only",
    "disputes: penalty exceeds 2**96 - 1": "the constructor only",
    "ownable: new owner is the zero address": "of a function that DrillMeter does not export",
}
"""Reasons that no call can meet, and why."""


def reverts() -> set[str]:
    """The reasons of `assert`, `raise` and `_require`, of our sources and of what they export."""
    sources = [*SOURCES.rglob("*.vy"), *(_SNEKMATE / name for name in SNEKMATE)]
    return {reason for source in sources for reason in _strings(source, REVERTING, asserts=True)}


def rejections() -> set[str]:
    """The reasons that readings are rejected for: in calls of `_reject`, and in settlement.vy."""
    sources = SOURCES.rglob("*.vy")
    found = {reason for source in sources for reason in _strings(source, REJECTING)}
    settlement = (SOURCES / "modules" / "settlement.vy").read_text("ascii")
    tokens = tokenize.generate_tokens(io.StringIO(settlement).readline)
    texts = {token.string for token in tokens if token.type == tokenize.STRING}
    return found | {text.strip('"') for text in texts if not text.startswith('"""')} - {""}


def _strings(source: Path, functions: frozenset[str], *, asserts: bool = False) -> Iterator[str]:
    """The string literals in calls of `functions`, and of assert and raise statements."""
    depth = 0
    in_call_since: int | None = None
    in_assert = False
    calling = False
    for token in tokenize.generate_tokens(io.StringIO(source.read_text("ascii")).readline):
        if token.type == tokenize.NEWLINE:
            in_assert = False
        elif token.type == tokenize.NAME and asserts and token.string in ("assert", "raise"):
            in_assert = True
        elif token.string == "(":
            depth += 1
            if calling and in_call_since is None:
                in_call_since = depth
        elif token.string == ")":
            if in_call_since == depth:
                in_call_since = None
            depth -= 1
        elif token.type == tokenize.STRING and (in_assert or in_call_since is not None):
            yield token.string.strip("\"'")
        calling = token.type == tokenize.NAME and token.string in functions
