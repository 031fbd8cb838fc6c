"""The dice of a seed, the tally of what happened, and fuses: where a process dies."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256


class Killed(BaseException):
    """The process is gone, in the middle of whatever it did; nobody may catch it but the world."""


class PromiseBroken(AssertionError):  # noqa: N818  it is what happened to the promise
    """A promise does not hold."""


def derive(seed: int, *names: object) -> int:
    """Another seed, of this one and names."""
    text = " ".join(map(str, (seed, *names)))
    return int.from_bytes(sha256(text.encode()).digest()[:6], "big")


class SeededDice(random.Random):
    """Chance, by seed."""

    def hits(self, probability: float) -> bool:
        """Whether something of that probability happens now."""
        return probability > 0 and self.random() < probability


@dataclass
class EventTally:
    """How often what happened."""

    faults: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    rentals: int = 0
    worlds: int = 0
    simulated_ms: int = 0
    deepest: int = 0

    def add(self, other: EventTally) -> None:
        """Add another tally."""
        self.faults += other.faults
        self.seen += other.seen
        self.rentals += other.rentals
        self.worlds += other.worlds
        self.simulated_ms += other.simulated_ms
        self.deepest = max(self.deepest, other.deepest)


@dataclass
class Fuse:
    """Kills its process at the n-th touch of the world, once it is lit."""

    process: str
    tally: EventTally
    left: int | None = None

    def touch(self, place: str) -> None:
        """The process touches the world here; raises Killed when this was its last touch."""
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.left = None
            self.tally.faults[f"{self.process} killed in mid-step"] += 1
            self.tally.seen[f"killed at {self.process}: {place}"] += 1
            raise Killed(f"{self.process} at {place}")
