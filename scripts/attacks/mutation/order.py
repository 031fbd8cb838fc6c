"""Which tests a mutant meets first: those that killed its neighbours, then the quick ones."""

from __future__ import annotations

from dataclasses import dataclass, field

from attacks.mutation.mutants import Mutant


@dataclass
class Order:
    """Which tests go first: those that killed in the same function, then in the same file."""

    baseline: dict[str, float]
    killers: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def learn(self, mutant: Mutant, test: str) -> None:
        for place in (mutant.file, mutant.function), (mutant.file, ""):
            known = self.killers.setdefault(place, [])
            if test in known:
                known.remove(test)
            known.insert(0, test)

    def of(self, mutant: Mutant) -> dict[str, tuple[float, float]]:
        """A sort key for each test."""
        keys = {test: (3.0, seconds) for test, seconds in self.baseline.items()}
        for rank, place in (2.0, (mutant.file, "")), (1.0, (mutant.file, mutant.function)):
            for i, test in enumerate(self.killers.get(place, ())):
                # A slow test goes first only where nothing else has killed.
                keys[test] = (rank, i + self.baseline[test])
        return keys
