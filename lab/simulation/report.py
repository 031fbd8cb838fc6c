"""What a campaign has come to, for programs and for people; and what never happened in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from lab.simulation.campaign import WorldOutcome
from lab.simulation.chance import EventTally
from lab.simulation.node import LIES

ENOUGH = 1_000
"""Rentals from which on nothing may be idle."""

FAULTS = (
    "oracle killed between two steps",
    "oracle killed in mid-step",
    "bridge killed between two steps",
    "bridge killed in mid-step",
    "controller loses power",
    "controller killed in mid-step",
    "power cut of box and drills",
    "rpc time-out",
    "rpc 429",
    "rpc 500",
    "rpc wrong body",
    "rpc connection reset",
    "rpc slow",
    "rpc stale",
    "rpc refuses a transaction",
    "rpc forgets a transaction",
    "rpc split quorum",
    *(f"rpc lie: {lie}" for lie in LIES),
    *(f"reorganisation of {depth}" for depth in range(1, 6)),
    "reorganisation over 5 blocks",
    "transaction gone with its block",
    "chain stands still",
    "slot without a block",
    "blocks leave transactions out",
    "broker restarts and forgets",
    "connection to the broker lost",
    "broker loses a message",
    "broker repeats a message",
    "broker delays and reorders a message",
    "serial noise",
    "serial frame cut short",
    "serial frames lost",
    "serial frames repeated",
    "serial garbage",
    "serial line unplugged",
    "leases withheld and played after a power-up",
    "disk full",
    "disk slow",
    "journal input/output error",
    "spool input/output error",
    "journal commits and says that it did not",
    "controller's memory fails",
    "emergency stop",
    "clock jumps forward",
    "clock jumps back",
)
"""Every kind of fault, as it is counted."""

SEEN = ("leases", "motor started", "opened with caps", "topped up", "readings settled")


def idle(tally: EventTally) -> list[str]:
    """What never happened."""
    lacking = [f"fault never happened: {name}" for name in FAULTS if not tally.faults[name]]
    return lacking + [f"never seen: {name}" for name in SEEN if not tally.seen[name]]


def as_json(
    outcome: WorldOutcome, seed: int, seconds: float, cpu_seconds: float, worlds_before: int = 0
) -> dict[str, Any]:
    """The whole result; `worlds_before` of the campaign were left out."""
    tally, failure = outcome.tally, outcome.failure
    places = Counter({n[10:]: c for n, c in tally.seen.items() if n.startswith("killed at ")})
    seen = Counter({n: c for n, c in tally.seen.items() if not n.startswith("killed at ")})
    return {
        "seed": seed,
        "worlds_before": worlds_before,
        "rentals": tally.rentals,
        "worlds": tally.worlds,
        "simulated_hours": round(tally.simulated_ms / 3_600_000, 2),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "promises_broken": int(failure is not None),
        "faults": _sorted(tally.faults),
        "killed_at": _sorted(places),
        "seen": _sorted(seen),
        "deepest_reorganisation": tally.deepest,
        "idle": idle(tally),
        "failure": failure
        and {
            "seed": failure.seed,
            "error": failure.error,
            "needed": list(failure.needed),
            "story": list(failure.story),
        },
    }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    found = {name: count for name, count in counts.items() if count}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def lines(result: dict[str, Any]) -> Iterable[str]:
    """The result for people."""
    for title, key in (
        ("faults by kind", "faults"),
        ("processes died at", "killed_at"),
        ("what happened", "seen"),
    ):
        yield title
        for name, count in result[key].items():
            yield f"  {count:>10}  {name}"
        yield ""
    yield (
        f"seed {result['seed']}: {result['rentals']} rentals in {result['worlds']} worlds, "
        f"{result['simulated_hours']} simulated hours, {sum(result['faults'].values())} faults, "
        f"{result['promises_broken']} promises broken, "
        f"reorganisations up to {result['deepest_reorganisation']} blocks deep; "
        f"{result['seconds']} s, {result['cpu_seconds']} s of them computing"
    )
