"""What the demo is set up with: tariff, the oracle's limits, and the amounts that follow.

Amounts are such that the story takes about a minute. PRICE is a round figure in wei; nothing
depends on it but the gas share of a settlement.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from protocol.records import NO_CAP, LevelRate, Tariff
from protocol.sample import MAX_RPM
from protocol.tariff import highest_charge

PRICE = 10**14

SAMPLES_FOLDER = "samples"
"""Where the oracle publishes, under the folder of a run."""

GRACE_SECONDS = 3600
EVIDENCE_SECONDS = 86_400
PENALTY = 10**16
BOND = 5 * PENALTY

LEASE_SECONDS = 3
STROKE_SECONDS = 1
SETTLEMENT_SECONDS = 6
SAMPLE_AGE_SECONDS = 2
RESERVE_MS = (SAMPLE_AGE_SECONDS + LEASE_SECONDS + STROKE_SECONDS + SETTLEMENT_SECONDS) * 1000
"""What the oracle holds back: the most that drilling can cost in this time."""

NO_DEADLINE = 2**256 - 1
UNBOUND = ((NO_CAP, NO_CAP), NO_DEADLINE)
"""The end of `open_rental`'s arguments: no caps, and no deadline."""

STEADY = Tariff(
    (
        LevelRate(2 * PRICE, PRICE // 10, 3000),
        LevelRate(4 * PRICE, PRICE // 5, 1200),
        LevelRate(8 * PRICE, PRICE // 2, 700),
    ),
    standing_price_per_second=PRICE // 50,
    least_reserve=PRICE,
)
"""For the three presets of the simulated spindle."""

RECORDED = Tariff(
    (
        LevelRate(6 * PRICE, PRICE // 10, MAX_RPM),
        LevelRate(7 * PRICE, PRICE // 10, MAX_RPM),
        LevelRate(8 * PRICE, PRICE // 10, MAX_RPM),
    ),
    standing_price_per_second=PRICE // 50,
    least_reserve=PRICE,
)
"""For a trace, whose levels and speeds are its own: whatever it holds, the story keeps its pace."""


Sections = dict[str, dict[str, object]]
"""A settings file, by section and name."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """What the scripted customers pay in, in wei."""

    reserve: int
    first: int
    top_up: int
    second: int


def amounts(tariff: Tariff) -> Amounts:
    """Enough for the strokes of the story above the reserve, and not for more."""

    def cost(*strokes: tuple[int, int]) -> int:
        return sum(tariff.levels[n - 1].price_per_second * seconds for n, seconds in strokes)

    reserve = highest_charge(tariff, RESERVE_MS)
    return Amounts(
        reserve=reserve,
        first=reserve + cost((1, 4), (2, 4), (3, 6)),
        top_up=reserve + cost((3, 8)),
        second=reserve + cost((3, 24)),
    )


def deployment_plan(tariff: Tariff, oracle_key: str) -> str:
    """The TOML that `ape run deploy` takes."""
    lines = [
        f'asset = "0x{"00" * 20}"',
        f"grace_period_seconds = {GRACE_SECONDS}",
        f"evidence_period_seconds = {EVIDENCE_SECONDS}",
        f"penalty = {PENALTY}",
        f"bond = {BOND}",
        f'oracle_key = "{oracle_key}"',
        'drills = ["Pillar drill 1", "Pillar drill 2"]',
        "[tariff]",
        f"standing_price_per_second = {tariff.standing_price_per_second}",
        f"least_reserve = {tariff.least_reserve}",
    ]
    for rate in tariff.levels:
        lines += [
            "[[tariff.levels]]",
            f"price_per_second = {rate.price_per_second}",
            f"price_per_1000_revolutions = {rate.price_per_1000_revolutions}",
            f"max_rpm = {rate.max_rpm}",
        ]
    return "\n".join(lines) + "\n"


def message_key_file(folder: Path, drill: int) -> Path:
    """Where the key is that a drill's bridge shares with the oracle."""
    return folder / f"message-{drill}.key"


def eager_sections(
    folder: Path, *, drills: Sequence[int], rpc_url: str, broker_port: int, record: Path
) -> Sections:
    """Settings of an edge box with short leases and eager settlements, to be seen in a minute."""
    return {
        **oracle_sections(
            folder, drills=drills, rpc_url=rpc_url, broker_port=broker_port, record=record
        ),
        "publication": {"folder": str(folder / SAMPLES_FOLDER), "period_seconds": 1},
        "settlement": {"least_interval_seconds": 2, "longest_interval_seconds": 10},
        "lease": {
            "seconds": LEASE_SECONDS,
            "longest_stroke_seconds": STROKE_SECONDS,
            "settlement_seconds": SETTLEMENT_SECONDS,
            "warning_runway_seconds": 5,
            "sample_age_seconds": SAMPLE_AGE_SECONDS,
        },
    }


def oracle_sections(
    folder: Path, *, drills: Sequence[int], rpc_url: str, broker_port: int, record: Path
) -> Sections:
    """What every edge box must be told; the rest has defaults."""
    return {
        "oracle": {"number": 1, "drills": [*drills]},
        "chain": {
            "rpc_urls": [rpc_url],
            "quorum": 1,
            "deployment": str(record),
        },
        "broker": {"host": "127.0.0.1", "port": broker_port},
        "keys": {
            f"{key}_{what}": str(folder / f"{key}.{ending}")
            for key in ("signing", "gas")
            for what, ending in (("keystore", "json"), ("password_file", "password"))
        },
        "message_keys": {str(drill): str(message_key_file(folder, drill)) for drill in drills},
        "journal": {"url": f"sqlite:///{folder}/journal.sqlite"},
    }


def as_toml(sections: Sections) -> str:
    """Sections of names with numbers, texts and lists of them."""
    lines: list[str] = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"
