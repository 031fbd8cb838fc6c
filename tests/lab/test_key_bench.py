"""What docs/key-bench.json says of signing keys, in the guide's table, and what follows from it."""

from __future__ import annotations

import json

import pytest

from lab.bench.keys import KeyFigure, keys_table, measure_keys
from lab.rig.services import ROOT

COMMITTED = ROOT / "docs" / "key-bench.json"
GUIDE = ROOT / "docs" / "operating-an-edge-box.md"


def test_keys_table__committed_figures__stand_in_the_guide() -> None:
    figures = [KeyFigure(**one) for one in json.loads(COMMITTED.read_text("ascii"))]
    assert keys_table(figures) in GUIDE.read_text("utf-8")


def test_key_figure__a_tenth_of_a_second__nine_signatures_and_six_drills() -> None:
    figure = KeyFigure("a device", False, 105_000, 110_000)
    assert (figure.per_second, figure.drills, figure.settled_per_second) == (9, 6, 609)


@pytest.mark.integration
def test_measure_keys__here__each_kind_and_devices_slower_than_their_own_time() -> None:
    figures = measure_keys(20)

    kinds = [one.key for one in figures if one.measured]
    assert kinds == [
        "keystore, secp256k1",
        "SoftHSM2, secp256k1",
        "SoftHSM2, P-256",
        "swtpm, P-256",
    ]
    assert all(0 < one.median_us <= one.slow_us for one in figures)
    assert [one.median_us > 1000 * int(one.key.split()[3]) for one in figures[4:]] == [True] * 5
