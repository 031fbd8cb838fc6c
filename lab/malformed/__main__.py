"""`scripts/fuzz-edge`: malformed frames and messages by the million."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import structlog

from lab.malformed import frames, messages

CRITICAL = 50


def attack(count_frames: int, count_messages: int, seed: int) -> dict[str, Any]:
    """Do it; raises Accepted, or whatever a crash is."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    dice, tally = random.Random(seed), Counter[str]()  # noqa: S311
    begun = time.monotonic()
    senseless = frames.senseless(dice, -(-count_frames // frames.SENSELESS_SHARE) + 1, tally)
    damaged = frames.damaged(dice, count_frames - senseless, tally)
    half = -(-count_messages // 2)
    to_oracle = messages.to_oracle(dice, half, tally)
    to_bridge = messages.to_bridge(dice, half, tally)
    return {
        "seed": seed,
        "frames": senseless + damaged,
        "messages": to_oracle + to_bridge,
        "accepted": 0,
        "crashes": 0,
        "seconds": round(time.monotonic() - begun, 1),
        "kinds": dict(sorted(tally.items(), key=lambda item: (-item[1], item[0]))),
    }


def main(arguments: list[str]) -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz-edge", add_help=False)
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    try:
        result = attack(chosen.frames, chosen.messages, chosen.seed)
    except frames.Accepted as error:
        print(f"seed {chosen.seed}: accepted: {error}", file=sys.stderr)
        return 1
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n")
    for name, count in result["kinds"].items():
        print(f"  {count:>10}  {name}")
    print(
        f"\nseed {result['seed']}: {result['frames']} malformed frames, {result['messages']} "
        f"malformed messages in {result['seconds']} s: 0 crashes, 0 accepted"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
