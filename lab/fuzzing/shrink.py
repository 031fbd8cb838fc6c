"""A failing plan made short: operations left out, bytes brought to 0, as long as it still fails.

Hypothesis would do it byte by byte and knows nothing of operations; this takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Plan = tuple[bytes, ...]
TRIES = 3_000
"""The most plans that are played on the way."""


def shorten(plan: Sequence[bytes], fails: Callable[[Plan], bool]) -> Plan:
    """The shortest plan found; `plan` itself fails."""
    tries = 0
    best = tuple(plan)

    def better(candidate: Plan) -> bool:
        nonlocal tries, best
        if candidate == best or tries >= TRIES:
            return False
        tries += 1
        if not fails(candidate):
            return False
        best = candidate
        return True

    chunk = max(len(best) // 2, 1)
    while chunk:
        at = 0
        while at < len(best):
            if not better(best[:at] + best[at + chunk :]):
                at += chunk
        chunk //= 2
    for at in range(len(best)):
        for index in range(len(best[at])):
            raw = best[at]
            simpler = raw[:index] + b"\0" + raw[index + 1 :]
            better((*best[:at], simpler, *best[at + 1 :]))
    return best
