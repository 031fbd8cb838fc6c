"""docs/gas.json against the contract as it is: gas on a real node, bytes from the compiler.

On a node and not in memory, because pyrevm keeps slots warm from one transaction to the next.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from lab.bench.figures import COMMITTED, committed, differences, measure
from lab.bench.gas import AIMS, TRANSACTION_GAS_CAP

pytestmark = pytest.mark.integration

UPDATE = "if that is meant: scripts/bench gas --json docs/gas.json, and its tables into docs/gas.md"
ROW = re.compile(r"^\| `([\w.()]+)` \|(?:[^|]*\|)??\s*([\d,]+) \|", re.MULTILINE)


def leaves(figures: dict[str, Any]) -> dict[str, int]:
    """Figures by their last name; a function's bytes by its name and ()."""
    gas, size = figures["gas"], figures["bytes"]
    return (
        gas["settling"]
        | {"largest_batch": gas["largest_batch"]}
        | gas["functions"]
        | {name: amount for name, amount in size.items() if name != "functions"}
        | {name if "(" in name else f"{name}()": n for name, n in size["functions"].items()}
    )


def test_figures__measured_anew__are_as_committed():
    moved = differences(committed(), measure())
    assert not moved, f"{moved}; {UPDATE}"


def test_figures__in_the_page__are_those_of_the_file():
    rows = {
        name: int(number.replace(",", ""))
        for name, number in ROW.findall(COMMITTED.with_suffix(".md").read_text("utf-8"))
    }
    known = leaves(committed())
    wrong = {name: number for name, number in rows.items() if known.get(name) != number}
    assert not wrong, f"{wrong}; {UPDATE}"
    gas = committed()["gas"]
    assert {*gas["settling"], "largest_batch", *gas["functions"], "deployed"} <= set(rows)


def test_figures__committed__keep_the_limits():
    figures = committed()
    size = figures["bytes"]
    assert size["deployed"] == size["runtime"] + size["immutables"] <= size["limit"] == 24_576
    assert sum(size["functions"].values()) == size["runtime"]
    assert figures["gas"]["largest_batch"] <= TRANSACTION_GAS_CAP == 2**24
    assert set(figures["gas"]["settling"]) == set(AIMS)


@pytest.mark.parametrize(
    ("path", "change", "moved"),
    [
        (("gas", "functions", "open_rental"), 602, False),
        (("gas", "functions", "open_rental"), 2_100, True),
        (("gas", "functions", "dispute"), -2_100, True),
        (("gas", "settling", "settle_64"), 100, True),
        (("gas", "largest_batch"), -27_000, False),
        (("gas", "largest_batch"), 28_000, True),
        (("bytes", "deployed"), 1, True),
        (("bytes", "functions", "rentals._open"), -1, True),
    ],
)
def test_differences__around_the_tolerance__are_told(path, change, moved):
    old, new = committed(), committed()
    place = new
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] += change
    found = differences(old, new)
    assert [line.split(":")[0] for line in found] == ([".".join(path)] if moved else [])


def test_differences__a_function_has_come_or_gone__are_told():
    old, new = committed(), committed()
    new["bytes"]["functions"]["rentals._new"] = 1
    del new["gas"]["functions"]["settle"]
    assert differences(old, new) == [
        "bytes.functions.rentals._new: None -> 1",
        f"gas.functions.settle: {old['gas']['functions']['settle']} -> None",
    ]
