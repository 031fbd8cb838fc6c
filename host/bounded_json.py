"""JSON whose lists and objects are nested no deeper than anything that is asked for."""

from __future__ import annotations

import json
import re
from typing import Any

from host.errors import AnswerTooLargeError, NonsenseError

DEEPEST = 32
"""Lists and objects within each other. A batch of blocks with access lists has seven."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Never goes back: each byte is looked at once, also where a string has no end."""

_NOT_A_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def require_shallow(content: bytes) -> None:
    """Raise AnswerTooLargeError for JSON that is nested deeper than DEEPEST; in linear time.

    Up to twice DEEPEST may pass, where there is little of it.
    """
    if content.count(b"[") + content.count(b"{") <= DEEPEST:
        return
    brackets = _STRING.sub(b"", content).translate(None, _NOT_A_BRACKET)
    for _ in range(DEEPEST):
        if not brackets:
            return
        # Takes out what has nothing within it: one level.
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets.count(b"[") + brackets.count(b"{") > DEEPEST:
        raise AnswerTooLargeError(f"nested deeper than {DEEPEST} lists or objects")


def parse_json(content: bytes) -> Any:
    """The value; raises NonsenseError for what is not JSON, AnswerTooLargeError where too deep."""
    require_shallow(content)
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise NonsenseError("something that is not JSON") from None
