"""The figures of a campaign: a table by source, JSON for programs, a page for people."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from lab.mutation.mutants import Candidates, Mutant
from lab.mutation.verdicts import COMPILING, DISTINCT, Fate, MutantVerdict

AIM = 0.9
"""The share of the distinct mutants that the tests have to kill."""

EXPLAINED = Path(__file__).with_name("explained.toml")
_Z = 1.959964
"""Of the normal distribution, for 95 %."""


@dataclass(frozen=True, slots=True)
class MutationFigures:
    """What became of the mutants of one source, or of all."""

    raw: int
    judged: int
    compiling: int
    distinct: int
    killed: int
    timed_out: int
    survived: int

    @property
    def rate(self) -> float:
        """The share that was killed; a time-out counts, as its limit is so far off."""
        return (self.killed + self.timed_out) / self.distinct if self.distinct else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the rate (Wilson), for a random sample."""
        n, p = self.distinct, self.rate
        if n == 0:
            return 0.0, 1.0
        middle = p + _Z**2 / (2 * n)
        reach = _Z * sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return (middle - reach) / (1 + _Z**2 / n), (middle + reach) / (1 + _Z**2 / n)

    def as_json(self) -> dict[str, Any]:
        """For programs; the rate in per cent."""
        return {
            "raw": self.raw,
            "judged": self.judged,
            "compiling": self.compiling,
            "distinct": self.distinct,
            "killed": self.killed,
            "timed_out": self.timed_out,
            "survived": self.survived,
            "rate_percent": round(100 * self.rate, 2),
        }


def figures(
    found: Candidates, judged: Sequence[Mutant], verdicts: Mapping[str, MutantVerdict]
) -> dict[str, MutationFigures]:
    """The figures of each source, and of all under ""."""
    by_file: dict[str, Counter[Fate]] = {file: Counter() for file in found.raw}
    for mutant in judged:
        verdict = verdicts.get(mutant.key)
        if verdict is not None:
            by_file[mutant.file][verdict.fate] += 1
    table = {file: _figures(found.raw[file], fates) for file, fates in by_file.items()}
    total = sum(by_file.values(), Counter[Fate]())
    return {**table, "": _figures(sum(found.raw.values()), total)}


def _figures(raw: int, fates: Counter[Fate]) -> MutationFigures:
    return MutationFigures(
        raw=raw,
        judged=fates.total(),
        compiling=sum(fates[fate] for fate in COMPILING),
        distinct=sum(fates[fate] for fate in DISTINCT),
        killed=fates[Fate.KILLED],
        timed_out=fates[Fate.TIMED_OUT],
        survived=fates[Fate.SURVIVED],
    )


def survivors(judged: Sequence[Mutant], verdicts: Mapping[str, MutantVerdict]) -> list[Mutant]:
    """Those that no test has told from the original, in the order of the sources."""
    left = [m for m in judged if m.key in verdicts and verdicts[m.key].fate is Fate.SURVIVED]
    return sorted(left, key=lambda m: (m.file, m.line, m.becomes))


def explanations(file: Path = EXPLAINED) -> dict[str, str]:
    """Why a survivor is not a hole in the tests, by its name."""
    groups = tomllib.loads(file.read_text("ascii")).get("because", [])
    return {name: group["why"].strip() for group in groups for name in group["mutants"]}


def unexplained(left: Sequence[Mutant], why: Mapping[str, str]) -> list[Mutant]:
    """The survivors that nobody has explained."""
    return [mutant for mutant in left if mutant.name not in why]


def table(rows: Mapping[str, MutationFigures]) -> str:
    """The figures as text."""
    heads = ("raw", "judged", "compile", "distinct", "killed", "timed out", "survived", "rate")
    lines = [f"{'source':<28}" + "".join(f"{head:>10}" for head in heads)]
    for file, f in rows.items():
        numbers = (
            f.raw, f.judged, f.compiling, f.distinct, f.killed, f.timed_out, f.survived
        )  # fmt: skip
        cells = "".join(f"{number:>10,}" for number in numbers)
        lines.append(f"{file or 'all':<28}{cells}{100 * f.rate:>8.1f} %")
    return "\n".join(lines)


def _how_far(total: MutationFigures, candidates: int) -> str:
    if total.judged == candidates:
        return f"All {candidates:,} mutants that Vyper can parse are judged."
    low, high = total.interval
    return (
        f"Judged so far: {total.judged:,} of {candidates:,} mutants that Vyper can parse, in\n"
        f"random order. Killed: **{100 * total.rate:.1f} %** of the {total.distinct:,} distinct\n"
        f"ones; the 95 % interval for all of them is {100 * low:.1f} to {100 * high:.1f} %."
    )


def page(
    rows: Mapping[str, MutationFigures],
    left: Sequence[Mutant],
    why: Mapping[str, str],
    candidates: int,
) -> str:
    """The generated part of docs/mutation.md: the figures, and every survivor with its reason."""
    lines = [
        _how_far(rows[""], candidates),
        "",
        "| source | raw | compiling | distinct | killed | timed out | survived | killed |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for file, f in rows.items():
        cells = f"{f.raw:,} | {f.compiling:,} | {f.distinct:,} | {f.killed:,} | {f.timed_out:,}"
        name = f"`{file}`" if file else "**all**"
        lines.append(f"| {name} | {cells} | {f.survived:,} | {100 * f.rate:.1f} % |")
    reasons: dict[str, list[Mutant]] = {}
    for mutant in left:
        reasons.setdefault(why.get(mutant.name, "Not explained yet."), []).append(mutant)
    for reason, mutants in sorted(reasons.items(), key=lambda entry: -len(entry[1])):
        lines += ["", f"### {len(mutants)} left: {reason}", "", "```text"]
        lines += [mutant.name for mutant in mutants] + ["```"]
    return "\n".join(lines) + "\n"
