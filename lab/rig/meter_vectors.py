"""The shared vectors of the meter: samples, and the registers that they make at chosen sizes.

Both meters, the oracle's and the auditor's, must reproduce them. Expected values come from a third:
the plain loop of `lab.rig.bill` over exact fractions, which gets only the samples that count. Those
are picked here by docs/protocol.md section 5, sample by sample.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from lab.rig import bill
from protocol.records import Registers
from protocol.sample import ControllerFault, Sample

NOW_MS = 1_790_000_000_000
STEADY = (3_000, 1_200, 700)


@dataclass(frozen=True, slots=True)
class VectorRow:
    """A sample, `at` ms after the first; the odometer in active ms of level 1."""

    at: int
    on: bool = True
    level: int = 1
    rpm: int = 1_000
    sequence: int = 0
    odometer_ms: int = 0


def run(start: int, count: int, step: int = 100, **fields: Any) -> list[VectorRow]:
    """Rows at a steady pace."""
    return [VectorRow(start + step * number, **fields) for number in range(count)]


def numbered(rows: Sequence[VectorRow]) -> list[VectorRow]:
    """Rows with sequences that follow one another, where they have none."""
    return [
        row if row.sequence else replace(row, sequence=10 + place) for place, row in enumerate(rows)
    ]


REST = VectorRow(0, on=False, rpm=0)
CASES: dict[str, tuple[list[VectorRow], tuple[int, int, int]]] = {
    # Why, and then the samples and the highest rpm by level.
    "nothing": ([], STEADY),
    "a stroke at each level": (
        [
            REST,
            *run(1_000, 11, level=1, rpm=2_500),
            VectorRow(2_100, on=False, rpm=2_400),
            *run(3_000, 21, level=2, rpm=799),
            VectorRow(5_100, on=False, level=2, rpm=700),
            *run(6_000, 7, level=3, rpm=451),
            VectorRow(6_650, on=False, level=3),
        ],
        STEADY,
    ),
    "a trigger held over from before is nobody's": (
        [*run(0, 6), VectorRow(600, on=False), *run(700, 6, level=2, rpm=600)],
        STEADY,
    ),
    "the motor never off": (run(0, 9), STEADY),
    "a coasting spindle": (
        [
            REST,
            *run(100, 3, rpm=3_000),
            *[VectorRow(400 + 100 * n, on=False, rpm=2_500 - 500 * n) for n in range(6)],
        ],
        STEADY,
    ),
    "levels changed at speed are clipped": (
        [
            REST,
            *run(100, 4, level=1, rpm=3_000),
            *run(500, 4, level=3, rpm=3_000),
            *run(900, 4, level=2, rpm=1_201),
            VectorRow(1_300, on=False, level=2),
        ],
        STEADY,
    ),
    "a level that may not turn": (
        [REST, *run(100, 5, level=2, rpm=1_000), VectorRow(600, on=False)],
        (3_000, 0, 700),
    ),
    "gaps, the longest step and one ms more": (
        [
            REST,
            *run(100, 3),
            VectorRow(500, odometer_ms=400),
            VectorRow(701, odometer_ms=601),
            *run(5_000, 3, odometer_ms=900),
            VectorRow(5_300, on=False, odometer_ms=1_200),
            VectorRow(9_000, on=False, odometer_ms=1_200),
            VectorRow(9_900, on=False, odometer_ms=1_500),
            VectorRow(10_000, odometer_ms=1_500),
            VectorRow(10_100, on=False, odometer_ms=1_600),
        ],
        STEADY,
    ),
    "repeated and out of order": (
        [
            VectorRow(0, on=False, sequence=20),
            VectorRow(100, sequence=21),
            VectorRow(200, sequence=22),
            VectorRow(200, sequence=22),
            VectorRow(150, sequence=21, level=3),
            VectorRow(300, sequence=23, level=2),
            VectorRow(400, sequence=30, level=2),
            VectorRow(450, sequence=29, level=3),
            VectorRow(500, on=False, sequence=31),
        ],
        STEADY,
    ),
    "two of one time": (
        [
            REST,
            VectorRow(100),
            VectorRow(100, level=2),
            VectorRow(200, level=2),
            VectorRow(200, on=False),
            VectorRow(300),
        ],
        STEADY,
    ),
    "a clock set back, and past where it was": (
        [
            REST,
            *run(100, 3),
            *run(50, 2, level=2),
            VectorRow(290, level=3),
            VectorRow(350),
            VectorRow(400, on=False),
        ],
        STEADY,
    ),
    "a clock set ahead, and back again": (
        [
            REST,
            *run(100, 3),
            VectorRow(3_600_000, level=2),
            *run(400, 3),
            VectorRow(3_600_100, on=False),
        ],
        STEADY,
    ),
    "turns that only add up over many steps": (
        [
            REST,
            *run(7, 50, step=7, rpm=1),
            *run(357, 50, step=13, level=2, rpm=3),
            VectorRow(1_007),
        ],
        STEADY,
    ),
    "numbers as large as they get": (
        [
            VectorRow(0, on=False, sequence=2**63 - 4),
            VectorRow(200, sequence=2**63 - 3, rpm=10**6),
            VectorRow(400, sequence=2**63 - 2, rpm=10**6),
            VectorRow(600, on=False, sequence=2**63 - 1, odometer_ms=2**64 - 1),
        ],
        (2**20 - 1,) * 3,
    ),
}


def _sample(row: VectorRow) -> Sample:
    return Sample(
        sequence=row.sequence,
        time_ms=NOW_MS + row.at,
        drill=1,
        level=row.level,
        motor_on=row.on,
        trigger=row.on,
        inhibited=False,
        fault_flags=ControllerFault.NONE,
        rpm=row.rpm,
        torque_mnm=0,
        current_ma=0,
        temperature_mc=20_000,
        rental=7,
        odometer=Registers(active_ms_1=row.odometer_ms),
    )


def _bytes(row: VectorRow) -> bytes:
    """By hand, as the table in docs has it."""
    flags = 0x20 | (3 if row.on else 0)
    head = struct.pack(">QQIBBH", row.sequence, NOW_MS + row.at, 1, row.level, flags, 0)
    return head + struct.pack(">IiiiQ6Q", row.rpm, 0, 0, 20_000, 7, row.odometer_ms, 0, 0, 0, 0, 0)


def counted(rows: Sequence[VectorRow]) -> Iterator[VectorRow]:
    """Those that count: from the first with the motor off, none whose sequence goes back behind one
    that counted."""
    newest: VectorRow | None = None
    for row in rows:
        if newest is None and row.on:
            continue
        if newest is not None and row.sequence <= newest.sequence:
            continue
        newest = row
        yield row


def _gaps(rows: Sequence[VectorRow]) -> list[dict[str, str]]:
    """Silences after which something is missing: the motor was on, or the odometer has moved."""
    return [
        {
            "after_sequence": str(a.sequence),
            "before_sequence": str(b.sequence),
            "missed_active_ms_1": str(b.odometer_ms - a.odometer_ms),
        }
        for a, b in pairwise(rows)
        if not 0 <= b.at - a.at <= bill.LONGEST_STEP_MS and (a.on or a.odometer_ms != b.odometer_ms)
    ]


def meter() -> dict[str, Any]:
    """Every case, with its registers after each few samples and at the end."""
    cases = []
    for why, (plain, max_rpm) in CASES.items():
        rows = numbered(plain)
        terms = bill.EventTerms(0, 0, tuple((0, 0, highest) for highest in max_rpm), 0)
        sizes = sorted({0, 1, len(rows) // 3, len(rows) // 2, max(0, len(rows) - 1), len(rows)})
        at_sizes = []
        for size in (size for size in sizes if size <= len(rows)):
            samples = [_sample(row) for row in counted(rows[:size])]
            seconds, turns, _ = bill.meter(samples, terms)
            values = [*(int(1_000 * second) for second in seconds), *map(int, turns)]
            registers = dict(zip(bill.NAMES, map(str, values), strict=True))
            at_sizes.append({"size": size, "registers": registers})
        cases.append(
            {
                "why": why,
                "max_rpm": [str(highest) for highest in max_rpm],
                "samples": ["0x" + _bytes(row).hex() for row in rows],
                "at": at_sizes,
                "gaps": _gaps(list(counted(rows))),
            }
        )
    return {"cases": cases}
