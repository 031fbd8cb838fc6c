"""`scripts/fuzz-audit`: a node that lies to the auditor, one field of an answer at a time."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.lying_node.lies import Lie, lies
from lab.lying_node.play import play
from lab.lying_node.truth import HistoryTruth, true_history

SHOWN_FAULTS = 20


def chosen_lies(truth: HistoryTruth, instances: int, dice: random.Random) -> list[Lie]:
    """So many of each kind, those about the hidden settlement first; 0 for all."""
    by_kind: dict[str, list[Lie]] = defaultdict(list)
    for lie in lies(truth):
        by_kind[lie.kind].append(lie)
    found = []
    for same in by_kind.values():
        dice.shuffle(same)
        same.sort(key=lambda lie: f'"{hex(truth.hidden)}"' not in lie.call)
        found += same[: instances or None]
    return found


def attack(
    truths: Sequence[HistoryTruth], instances: int, most: int | None, seed: int
) -> dict[str, Any]:
    """Do it; `faults` of the result should be empty."""
    dice, began = random.Random(seed), time.monotonic()  # noqa: S311
    wanted = [(truth, lie) for truth in truths for lie in chosen_lies(truth, instances, dice)]
    kinds = {(truth.proof, lie.kind) for truth, lie in wanted}
    if most is not None and most < len(wanted):
        wanted = dice.sample(wanted, most)
    tally, faults = Counter[str](), []
    for truth, lie in wanted:
        outcome = play(truth, lie)
        for name in outcome.names or ("nothing: the lie changes nothing that is looked at",):
            tally[name] += 1
        tally[f"exit status {outcome.status}"] += 1
        if outcome.fault:
            faults.append(f"{lie.kind}{' (with proofs)' * truth.proof}: {outcome.fault}: {lie}")
    return {
        "seed": seed,
        "lies": len(wanted),
        "kinds": len(kinds),
        "faults": faults,
        "seconds": round(time.monotonic() - began, 1),
        "found": dict(sorted(tally.items(), key=lambda item: (-item[1], item[0]))),
    }


def main(arguments: list[str]) -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz-audit", add_help=False)
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--lies", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, true_history(Path(folder)) as truths:
        result = attack(truths, chosen.instances, chosen.lies, chosen.seed)
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n")
    for name, count in result["found"].items():
        print(f"  {count:>8}  {name}")
    for fault in result["faults"][:SHOWN_FAULTS]:
        print(f"FAULT: {fault}", file=sys.stderr)
    print(
        f"\nseed {result['seed']}: {result['lies']} lies of {result['kinds']} kinds in "
        f"{result['seconds']} s: {len(result['faults'])} faults"
    )
    return 1 if result["faults"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
