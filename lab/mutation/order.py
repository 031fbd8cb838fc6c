"""Which tests a mutant meets, and in which order: the killers of its neighbours, then quick ones.

A test that calls no function of the contract from which the changed one can be reached is left
out. This can only spare mutants, never kill one too many.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from lab.mutation.mutants import Mutant

Place = tuple[str, str]
"""A file and a function in it, "" for all of them."""


@dataclass
class MutantOrder:
    """What is known of the tests.

    `baseline` is what each takes (s); `calls` how often it calls which external function, beyond
    what every test does to set up; `reaching` from which external functions a function is reached.
    """

    baseline: Mapping[str, float]
    calls: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    reaching: Mapping[Place, Set[str]] = field(default_factory=dict)
    killers: dict[Place, list[str]] = field(default_factory=dict)

    def learn(self, mutant: Mutant, test: str) -> None:
        """A test has killed a mutant."""
        for place in (mutant.file, mutant.function), (mutant.file, ""):
            known = self.killers.setdefault(place, [])
            if test in known:
                known.remove(test)
            known.insert(0, test)

    def of(self, mutant: Mutant) -> list[str]:
        """The tests that a mutant meets, first to last."""
        keys = {test: (3.0, seconds) for test, seconds in self.baseline.items()}
        for rank, place in (2.0, (mutant.file, "")), (1.0, (mutant.file, mutant.function)):
            for i, test in enumerate(self.killers.get(place, ())):
                # A slow test goes first only where nothing else has killed.
                keys[test] = (rank, i + self.baseline[test])
        reaching = self.reaching.get((mutant.file, mutant.function))
        return sorted((test for test in keys if self._meets(test, reaching)), key=keys.__getitem__)

    def _meets(self, test: str, reaching: Set[str] | None) -> bool:
        """Whether a test may notice; one that is not known to call anything may always."""
        calls = self.calls.get(test)
        if reaching is None or not calls:
            return True
        return any(calls.get(function, 0) > 0 for function in reaching)
