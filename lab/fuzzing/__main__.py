"""`scripts/fuzz`: everybody at random, every call against an independent model."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from lab.fuzzing.campaign import FuzzFailure, new_seed, parse_replay, run, tell
from lab.fuzzing.play import Subject
from lab.fuzzing.report import ENOUGH, as_json, expected, idle, lines
from lab.fuzzing.world import compiled_meter


def main(arguments: list[str]) -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", add_help=False)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--replay", metavar="HEX")
    chosen = parser.parse_args(arguments)
    if chosen.replay is not None:
        return _replay(chosen.replay)
    return _campaign(chosen)


def _replay(text: str) -> int:
    try:
        terms, plan = parse_replay(text)
    except ValueError as error:
        print(f"scripts/fuzz: --replay: {error}", file=sys.stderr)
        return 2
    broken, story = tell(Subject(*compiled_meter()), terms, plan)
    print("\n".join(story))
    print(f"\n{broken or 'nothing is broken'}")
    return int(bool(broken))


def _campaign(chosen: argparse.Namespace) -> int:
    seed = new_seed() if chosen.seed is None else chosen.seed
    print(f"seed {seed}", flush=True)
    begun = said = time.monotonic()
    for outcome in run(chosen.calls, seed, max(chosen.processes, 1)):
        now = time.monotonic()
        if now - said > 30:
            said, calls = now, outcome.tally.calls
            print(f"{calls} calls, {calls / (now - begun):.0f} a second", flush=True)
    lacking = idle(outcome.tally, expected())
    result = as_json(outcome, seed, time.monotonic() - begun, lacking)
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(lines(result)))
    if outcome.failure:
        _say(outcome.failure)
        return 1
    for line in lacking:
        print(line, file=sys.stderr)
    return int(bool(lacking) and outcome.tally.calls >= ENOUGH)


def _say(failure: FuzzFailure) -> None:
    print("\nA promise is broken. The shortest way that was found:", file=sys.stderr)
    for line in failure.story:
        print(f"  {line}", file=sys.stderr)
    print(failure.error, file=sys.stderr)
    print(f"to see it again: scripts/fuzz --replay {failure.replay}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
