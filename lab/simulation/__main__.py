"""`scripts/simulate`: whole rentals with every fault, and every promise after each world."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from lab.simulation.campaign import WorldFailure, WorldOutcome, new_seed, run
from lab.simulation.report import ENOUGH, as_json, lines


def main(arguments: list[str]) -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/simulate", add_help=False)
    parser.add_argument("--rentals", type=int, default=150)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--from-world", type=int, default=0, metavar="W")
    chosen = parser.parse_args(arguments)
    seed = new_seed() if chosen.seed is None else chosen.seed
    print(f"seed {seed}", flush=True)
    begun = said = time.monotonic()

    def result_of(outcome: WorldOutcome, *, complete: bool) -> dict[str, Any]:
        seconds, first = time.monotonic() - begun, chosen.from_world
        result = as_json(outcome, seed, seconds, _computing(), first) | {"complete": complete}
        if chosen.json:
            chosen.json.write_text(json.dumps(result, indent=1) + "\n")
        return result

    for outcome in run(chosen.rentals, seed, max(chosen.processes, 1), chosen.from_world):
        now = time.monotonic()
        if now - said > 30:
            said, rentals = now, outcome.tally.rentals
            worlds = chosen.from_world + outcome.played
            pace = rentals / (now - begun)
            print(f"{rentals} rentals, {pace:.2f} a second, world {worlds} is next", flush=True)
            result_of(outcome, complete=False)
    result = result_of(outcome, complete=True)
    print("\n".join(lines(result)))
    if outcome.failure:
        _say(outcome.failure)
        print(f"the rest: --seed {seed} --from-world {chosen.from_world + outcome.played}")
        return 1
    enough = outcome.tally.rentals >= ENOUGH
    for line in result["idle"] if enough else ():
        print(line, file=sys.stderr)
    return int(bool(result["idle"]) and enough)


def _computing() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _say(failure: WorldFailure) -> None:
    print("\nA promise is broken.", file=sys.stderr)
    for line in failure.story:
        print(f"  {line}", file=sys.stderr)
    print(failure.error, file=sys.stderr)
    print(f"it takes: {', '.join(failure.needed) or 'no fault at all'}", file=sys.stderr)
    print(f"to see it again: scripts/simulate --seed {failure.seed} --rentals 1", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
