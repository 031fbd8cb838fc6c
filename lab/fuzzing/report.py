"""What was done how often, what never, and whether that will do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lab.fuzzing import reasons
from lab.fuzzing.campaign import FuzzOutcome
from lab.fuzzing.game import NONE, GameTally
from lab.fuzzing.notes import NOTES
from lab.fuzzing.op_orders import TYPES
from lab.fuzzing.world import compiled_meter

ENOUGH = 50_000
"""Calls from which on nothing may be idle."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What has to happen at least once."""

    operations: frozenset[str]
    events: frozenset[str]
    reasons: frozenset[str]
    rejections: frozenset[str]
    situations: frozenset[str]


def expected() -> Expected:
    """All that the contract can do, out of its interface and its sources."""
    compiled, interface = compiled_meter()
    writing = {
        entry["name"]
        for entry in compiled.abi
        if entry["type"] == "function" and entry["stateMutability"] in ("nonpayable", "payable")
    }
    return Expected(
        frozenset(writing) | {f"{kind} by order" for kind in TYPES},
        frozenset(interface.events),
        frozenset(reasons.reverts() - set(reasons.UNREACHABLE)),
        frozenset(reasons.rejections()),
        frozenset(NOTES),
    )


def reverts_by_reason(tally: GameTally) -> Counter[str]:
    """All operations together, and the views."""
    total = Counter(tally.views)
    for counts in tally.reverts.values():
        total.update(counts)
    return total


def idle(tally: GameTally, wanted: Expected) -> list[str]:
    """What never happened, or happened and is not known to the sources."""
    met = reverts_by_reason(tally)
    missing = [
        ("operation never went through", wanted.operations - set(tally.done)),
        ("event never seen", wanted.events - set(tally.events)),
        ("revert reason never met", wanted.reasons - set(met)),
        ("rejection reason never met", wanted.rejections - set(tally.rejections)),
        ("situation never met", wanted.situations - set(tally.notes)),
    ]
    return [f"{what}: {name}" for what, names in missing for name in sorted(names)]


def as_json(
    outcome: FuzzOutcome, campaign_seed: int, seconds: float, lacking: list[str]
) -> dict[str, Any]:
    """The whole result."""
    tally = outcome.tally
    operations = sorted(set(tally.done) | set(tally.reverts))
    failure = outcome.failure
    return {
        "seed": campaign_seed,
        "calls": tally.calls,
        "rounds": outcome.rounds,
        "seconds": round(seconds, 1),
        "operations": {
            name: {
                "succeeded": tally.done[name],
                "reverted": _sorted(tally.reverts.get(name, {})),
            }
            for name in operations
        },
        "reverts": _sorted(reverts_by_reason(tally)),
        "rejected_readings": _sorted(tally.rejections),
        "events": _sorted(tally.events),
        "situations": _sorted(tally.notes),
        "checks": _sorted(tally.checks),
        "around_the_contract": _sorted(tally.mischief),
        "not_reachable": reasons.UNREACHABLE,
        "idle": lacking,
        "failure": failure
        and {
            "error": failure.error,
            "operations": list(failure.story),
            "replay": failure.replay,
        },
    }


def _sorted(counts: dict[str, int] | Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def lines(result: dict[str, Any]) -> Iterable[str]:
    """The result for people."""
    yield f"{'operation':34} {'succeeded':>10} {'reverted':>10}"
    for name, counts in result["operations"].items():
        yield f"{name:34} {counts['succeeded']:>10} {sum(counts['reverted'].values()):>10}"
    for title, key in (
        ("reverts by reason", "reverts"),
        ("readings rejected by reason", "rejected_readings"),
        ("events", "events"),
        ("situations", "situations"),
        ("checks", "checks"),
        ("around the contract", "around_the_contract"),
    ):
        yield ""
        yield title
        for name, count in result[key].items():
            yield f"  {count:>10}  {name}"
    yield ""
    succeeded = sum(c["succeeded"] for c in result["operations"].values())
    yield (
        f"seed {result['seed']}: {result['calls']} calls in {result['seconds']} s, "
        f"{100 * succeeded // max(result['calls'], 1)} % of them went through; "
        f"{NONE} is a revert without a reason"
    )
