"""`scripts/chaos`: kill the edge's processes for real, while its endpoint and broker misbehave."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lab.chaos.story import ChaosRecord, Story
from lab.chaos.verdict import ChaosVerdict, judge
from lab.chaos.yard import ChaosYard


def main(arguments: list[str]) -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/chaos", add_help=False)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--drills", type=int, default=2)
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - begun:7.1f}  {line}", flush=True)

    with (
        TemporaryDirectory(prefix="chaos-") as folder,
        ChaosYard(Path(folder), chosen.drills, chosen.seed) as yard,
    ):
        say("everything runs")
        try:
            record = Story(yard, chosen.seed, say).tell(chosen.kills, chosen.restarts)
        except BaseException:
            print(yard.oracle.log_end(30), file=sys.stderr)
            raise
        verdict = judge(yard, record)
    result = _as_json(record, verdict, chosen.seed, time.monotonic() - begun)
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    broken = (verdict.lost, verdict.billed_otherwise, verdict.reverted, record.restarts_in_vain)
    return int(any(broken))


def _as_json(
    record: ChaosRecord, verdict: ChaosVerdict, seed: int, seconds: float
) -> dict[str, Any]:
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "kills": record.kills.total(),
        "killed": dict(record.kills),
        "killed_by_stage": {
            stage: dict(by.most_common()) for stage, by in sorted(record.stages.items())
        },
        "rentals": len(record.rentals),
        "faults": dict(record.faults.most_common()),
        "strokes": record.strokes,
        **asdict(verdict),
        "restart_seconds": [round(one, 1) for one in record.restarts_seconds],
        "restart_seconds_with_failing_rpc": [
            round(one, 1) for one in record.restarts_failing_seconds
        ],
        "restarts_in_vain": record.restarts_in_vain,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
