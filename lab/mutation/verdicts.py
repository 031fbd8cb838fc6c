"""What became of each mutant, kept in a file so that a run can be stopped and go on.

A run takes hours, so what it found can also be kept with the sources, packed: `packed_record`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Fate(StrEnum):
    """What can become of a mutant."""

    INVALID = "does not compile"
    SAME = "the same program"
    TWIN = "the same program as another mutant"
    OPTIMISED = "the same program once optimised"
    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


DISTINCT = (Fate.KILLED, Fate.TIMED_OUT, Fate.SURVIVED)
"""Those of which each is a program of its own that the tests had to tell from the original."""

COMPILING = (Fate.SAME, Fate.TWIN, Fate.OPTIMISED, *DISTINCT)


@dataclass(frozen=True, slots=True)
class MutantVerdict:
    """The fate of one mutant.

    `digest` is of its code with the optimiser off ("" if there is none); `by` the test that failed
    first, or what the compiler said; `tests` a hash of the tests that were asked.
    """

    key: str
    fate: Fate
    digest: str = ""
    by: str = ""
    tests: str = ""
    seconds: float = 0.0


def packed_record(file: Path) -> bytes:
    """A record's lines for keeping, the same bytes each time."""
    return gzip.compress(file.read_bytes(), mtime=0)


class MutationRecord:
    """The verdicts of one state of the sources, in the order in which they were reached.

    A file that is not there yet begins with what is in `packed`, if that is there.
    """

    def __init__(self, file: Path, packed: Path | None = None) -> None:
        self._file = file
        self.verdicts: dict[str, MutantVerdict] = {}
        self.first: dict[str, str] = {}
        if not file.exists() and packed is not None and packed.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(gzip.decompress(packed.read_bytes()))
        for verdict in self._read():
            self._note(verdict)

    def _read(self) -> Iterator[MutantVerdict]:
        if not self._file.exists():
            return
        for line in self._file.read_text("utf-8").splitlines(keepends=True):
            # A run that was killed may have left half a line.
            if line.endswith("}\n"):
                found = json.loads(line)
                yield MutantVerdict(**found | {"fate": Fate(found["fate"])})

    def _note(self, verdict: MutantVerdict) -> None:
        self.verdicts[verdict.key] = verdict
        if verdict.digest:
            self.first.setdefault(verdict.digest, verdict.key)

    def add(self, verdict: MutantVerdict) -> MutantVerdict:
        """Keep a verdict; two forks may have come upon the same program at the same time."""
        if verdict.fate in DISTINCT and self.first.get(verdict.digest, verdict.key) != verdict.key:
            verdict = MutantVerdict(verdict.key, Fate.TWIN, verdict.digest, verdict.by)
        self._note(verdict)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(verdict)) + "\n")
        return verdict

    def settled(self, key: str, tests: str, *, explained: bool) -> bool:
        """Whether a mutant needs no judging: a survivor does when the tests have changed, unless it
        is the same contract in other words, which no test can tell."""
        verdict = self.verdicts.get(key)
        if verdict is None:
            return False
        if verdict.fate is Fate.SURVIVED and explained:
            return True
        return verdict.fate not in (Fate.SURVIVED, Fate.TIMED_OUT) or verdict.tests == tests
