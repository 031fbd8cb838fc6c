"""For how long each rental's own settlement has waited: due, signed or sent, and not mined.

Only one transaction is under way at a time, so a settlement may wait unsigned behind another one.
Each rental is held to its own wait, never to that of the batch before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chain.chain_clock import Moment
from chain.views import ChainView


@dataclass
class Dues:
    """Since when a settlement of each rental has been due, by the clock that nobody sets. That is
    forgotten with the process; of what was signed the outbox knows since when."""

    _since_ms: dict[int, int] = field(default_factory=dict)

    def note(self, due: Iterable[int], moment: Moment) -> None:
        """Keep since when the rentals are due that still are, and begin with the others."""
        self._since_ms = {one: self._since_ms.get(one, moment.monotonic_ms) for one in due}

    def waited_ms(self, rental: int, view: ChainView | None, moment: Moment) -> int:
        """For how long a settlement of the rental has waited; 0 while none does."""
        due_ms = moment.monotonic_ms - self._since_ms.get(rental, moment.monotonic_ms)
        signed_ms = None if view is None else view.waiting.get(rental)
        return max(due_ms, 0 if signed_ms is None else moment.now_ms - signed_ms)
