"""An operation as hypothesis draws it: a few bytes, out of which every choice is made.

Small bytes mean the plain and honest choice, so that shrinking leaves only the lies that matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

BYTES = 32
"""Of one operation; what is read beyond them is 0."""

Choice = TypeVar("Choice")


class PlanDice:
    """Choices out of bytes, in order."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def byte(self) -> int:
        """0 to 255."""
        at = self._at
        self._at = at + 1
        return self._raw[at] if at < len(self._raw) else 0

    def number(self, width: int = 2) -> int:
        """`width` bytes as a number."""
        number = 0
        for _ in range(width):
            number = number << 8 | self.byte()
        return number

    def below(self, limit: int) -> int:
        """0 to `limit` - 1."""
        return self.byte() % limit

    def pick(self, options: Sequence[Choice]) -> Choice:
        """One of them."""
        return options[self.byte() % len(options)]

    def chance(self, of_256: int) -> bool:
        """True so many times of 256."""
        return self.byte() >= 256 - of_256

    def weighted(self, table: Sequence[Choice]) -> Choice:
        """One of 256 entries."""
        return table[self.byte()]


def table(*weights: tuple[int, Choice]) -> tuple[Choice, ...]:
    """256 entries by their weights; the first takes what the others leave."""
    entries = [choice for weight, choice in weights for _ in range(weight)]
    assert len(entries) <= 256, f"{len(entries)} of 256"
    return (*[weights[0][1]] * (256 - len(entries)), *entries)
