"""What a capped rental owes is what the shared vectors say, in every figure that a view shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from contracts.builders import SIMPLE, Yard

from lab.rig.plan import NO_DEADLINE

VECTORS = Path(__file__).parents[1] / "vectors"
CASES = json.loads((VECTORS / "caps.json").read_text("ascii"))["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(c.values()))
def test_settle__capped_rental__owes_what_the_vectors_say(yard: Yard, case: dict[str, str]) -> None:
    """One unit an active millisecond, so the charge is the level's active time."""
    told = {name: int(value) for name, value in case.items()}
    tariff = yard.publish(SIMPLE)
    drill = yard.list_drill(tariff=tariff)
    yard.deposit(told["funded"])
    caps = (told["per_rental"], told["per_hour"])
    opened = yard.meter.transact(
        yard.customer, "open_rental", drill, tariff, told["funded"], caps, NO_DEADLINE
    )
    rental, opened_ms = int(opened.result), yard.now_ms
    yard.chain.advance(told["elapsed_ms"] // 1000 + 1)

    yard.use(rental, opened_ms + told["elapsed_ms"], active_ms_1=told["charge"])

    assert yard.call("charge", rental) == told["charge"]
    assert yard.call("earned", rental) == told["owed"]
    assert yard.call("balance_of", rental) == told["balance"]
    assert tuple(yard.call("caps", rental).values()) == caps
