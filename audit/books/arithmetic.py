"""What registers cost and whether they can be, in the auditor's own arithmetic.

Written from docs/contract.md and not from the contract's code or `protocol.tariff`, against which
the shared vectors check it. Integers throughout: amounts in the asset's smallest unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

LAYOUT = ((43, 1), (37, 3), (34, 3))
"""The meter word from its lowest bit: `until`, active ms, revolutions; width and number of each."""

NO_CAP = 2**96 - 1
HOUR_MS = 3_600_000
Rate = tuple[int, int, int]
"""Of one level: price per second, price per 1000 revolutions, highest rpm."""


@dataclass(frozen=True, slots=True)
class MeterWord:
    """A meter word taken apart; levels 1 to 3."""

    until: int
    active_ms: tuple[int, ...]
    revolutions: tuple[int, ...]

    @property
    def registers(self) -> tuple[int, ...]:
        """All six, in the order of the contract's struct."""
        return self.active_ms + self.revolutions


def read_meter(word: int) -> MeterWord:
    """Take a meter word apart."""
    groups: list[tuple[int, ...]] = []
    for width, count in LAYOUT:
        values = []
        for _ in range(count):
            word, value = divmod(word, 1 << width)
            values.append(value)
        groups.append(tuple(values))
    return MeterWord(groups[0][0], groups[1], groups[2])


def charge(meter: MeterWord, opened_at: int, levels: Sequence[Rate], standing: int) -> int:
    """What a meter costs since the rental opened (Unix s), rounded down once."""
    thousandths = standing * (meter.until - opened_at * 1000)
    for (per_second, per_1000_turns, _), active_ms, turns in zip(
        levels, meter.active_ms, meter.revolutions, strict=True
    ):
        thousandths += active_ms * per_second + turns * per_1000_turns
    return thousandths // 1000


def limit(funded: int, per_rental: int, per_hour: int, elapsed_ms: int) -> int:
    """The most that may be owed `elapsed_ms` after the opening; NO_CAP twice for no caps."""
    if per_rental == NO_CAP and per_hour == NO_CAP:
        return funded
    allowed = per_hour + per_hour * elapsed_ms // HOUR_MS
    return min(funded, per_rental, allowed)


def within(settled: MeterWord, claimed: MeterWord, levels: Sequence[Rate]) -> MeterWord:
    """The settled meter cut to what a receipt allows: what it shows and, where it is older, what
    wall clock and highest rpm could have added since. Revolutions are rounded up."""
    since = max(0, settled.until - claimed.until)
    turns = [math.ceil(Fraction(since * highest_rpm, 60_000)) for _, _, highest_rpm in levels]
    return MeterWord(
        settled.until,
        tuple(min(a, b + since) for a, b in zip(settled.active_ms, claimed.active_ms, strict=True)),
        tuple(
            min(a, b + more)
            for a, b, more in zip(settled.revolutions, claimed.revolutions, turns, strict=True)
        ),
    )


def implausible(now: MeterWord, last: MeterWord, levels: Sequence[Rate]) -> str | None:
    """Why `now` cannot have grown out of `last`: the name of a finding, or None.

    Revolutions are floored, so a growth may show up to one more than there was; the totals not.
    """
    grown = [b - a for a, b in zip(last.registers, now.registers, strict=True)]
    if min(grown) < 0:
        return "register-fell"
    if sum(grown[:3]) > now.until - last.until:
        return "active-time-beyond-wall-clock"
    for level, (_, _, highest_rpm) in enumerate(levels):
        in_all = now.revolutions[level] * 60_000 > now.active_ms[level] * highest_rpm
        in_growth = (grown[3 + level] - 1) * 60_000 >= grown[level] * highest_rpm
        if in_all or in_growth:
            return "revolutions-beyond-rpm"
    return None
