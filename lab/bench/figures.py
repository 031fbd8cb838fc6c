"""All that docs/gas.json holds: measured anew, and compared with what is committed."""

from __future__ import annotations

import json
from typing import Any

from lab.bench.functions import measure_functions
from lab.bench.gas import Bench, chain, measure_settling
from lab.bench.largest import measure_largest
from lab.bench.size import CODE_LIMIT, measure_size
from lab.rig.services import ROOT

COMMITTED = ROOT / "docs" / "gas.json"

GAS_TOLERANCE_PER_MILLE = 5
"""Half a percent. Times, keys and addresses are fixed, so the same contract measures the same to
the unit; this leaves room for another build of anvil, and none for a storage access more in a call:
its 2,100 gas are over half a percent of every call but a batch."""

Figures = dict[str, Any]


def measure() -> Figures:
    """Gas of settling, of each function and of the largest batch; bytes of code."""
    with chain() as web3:
        bench = Bench(web3)
        settling = measure_settling(bench)
        functions = measure_functions(bench)
    with chain() as web3:
        largest = measure_largest(Bench(web3))
    size = measure_size()
    return {
        "gas": {"settling": settling, "largest_batch": largest, "functions": functions},
        "bytes": {
            "limit": CODE_LIMIT,
            "deployed": size.deployed,
            "runtime": size.runtime,
            "immutables": size.immutables,
            "functions": size.functions,
        },
    }


def committed() -> Figures:
    """What docs/gas.json says."""
    figures: Figures = json.loads(COMMITTED.read_text("ascii"))
    return figures


def differences(old: Figures, new: Figures, path: str = "") -> list[str]:
    """What has moved by more than it may: gas by the tolerance, bytes at all."""
    found = []
    for key in sorted({*old, *new}):
        name = f"{path}{key}"
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, f"{name}.")
        elif before is None or after is None:
            found.append(f"{name}: {before} -> {after}")
        else:
            allowed = before * GAS_TOLERANCE_PER_MILLE // 1000 if name.startswith("gas.") else 0
            if abs(after - before) > allowed:
                found.append(f"{name}: {before:,} -> {after:,}")
    return found
