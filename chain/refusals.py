"""What a node's refusal of a transaction means: pure decisions on its text.

No two kinds of node say it alike: "already known", "AlreadyKnown", "ALREADY_EXISTS", "known
transaction: 0x...". So letter case and everything but letters and digits are left out first.
"""

from __future__ import annotations

import re

LONGEST = 300
"""Characters that are looked at; what a node means stands at the beginning."""

_LEFT_OUT = re.compile(r"0x[0-9a-f]+|[^a-z0-9]")
"""Hashes as well, in which any digits may stand."""

_TAKEN = (
    "alreadyknown",
    "alreadyexists",
    "alreadyimported",
    "alreadyinmempool",
    "alreadyinpool",
    "alreadyinthepool",
    "alreadyinqueue",
    "knowntransaction",
    "duplicatetransaction",
)
_MINED = ("noncetoolow", "nonceistoolow", "oldnonce")
_TYPE = (
    "transactiontype",
    "txtype",
    "typenotsupported",
    "type2",
    "typedtransaction",
    "invalidtype",
    "unsupportedtype",
    "1559",
    "expectedinputlist",
)


def has_it(reason: str) -> bool:
    """Whether the node refuses a transaction because it has it: in its pool, or mined.

    A nonce that is too low may be another transaction's as well; the account's nonce at the newest
    block tells, and a refusal would say no more.
    """
    letters = _letters(reason)
    return any(word in letters for word in (*_TAKEN, *_MINED)) and not wants_legacy(reason)


def wants_legacy(reason: str) -> bool:
    """Whether the node refuses a transaction for being of type 2, with a base fee (EIP-1559)."""
    letters = _letters(reason)
    return any(word in letters for word in _TYPE)


def _letters(text: str) -> str:
    return _LEFT_OUT.sub("", text[:LONGEST].lower())
