"""The demo's summary says what did not happen, and is not ok then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.rig.audit import Audited
from lab.rig.bill import SampleBill
from lab.rig.story import StoryProgress, coins
from lab.rig.summary import RentalSummary, Summary

CLEAN = Audited(
    status=0,
    verdict="Clean.",
    events=20,
    readings=4,
    signatures=4,
    views=9,
    samples=10,
    roots=4,
    not_all=0,
    gaps=0,
    difference=0,
    findings=(),
)
BILL = SampleBill({"active_ms_1": 1}, charge=30, log_size=5, log_root=bytes(32), gaps=0)
ACCOUNT = RentalSummary(
    drill=1,
    funded=100,
    charge=30,
    owed=30,
    refund=70,
    registers={f"{what}_{n}": 1 for what in ("active_ms", "revolutions") for n in (1, 2, 3)},
    recomputed=BILL,
    exhausted_at_ms=5_000,
    overrun=7,
    differences=[],
)
GOOD = Summary(
    accounts=[ACCOUNT, replace(ACCOUNT, drill=2, overrun=0, exhausted_at_ms=None)],
    progress=[
        StoryProgress(
            1,
            facts={"locked at balance 0": True, "unlocked after the top-up": True},
            deposited_at=1.0,
            unlocked_at=2.5,
            locked_at_ms=6_500,
            done=True,
        ),
        StoryProgress(2, done=True),
    ],
    settlements=4,
    samples=10,
    rejected=0,
    solvent=True,
    complaints=[],
    audited=CLEAN,
)


def test_as_json__all_well__has_every_key_of_the_story() -> None:
    told = GOOD.as_json()
    assert told.pop("rentals")[0] == {
        "drill": 1,
        "funded": 100,
        "charge": 30,
        "recomputed": 30,
        "owed": 30,
        "refund": 70,
        "registers": ACCOUNT.registers,
    }
    assert told.pop("audit")["samples"] == 10
    assert told == {
        "seconds_deposit_to_unlock": 1.5,
        "seconds_exhausted_to_locked": 1.5,
        "overrun": 7,
        "samples": 10,
        "settlements": 4,
        "locked_at_zero": True,
        "unlocked_after_top_up": True,
        "solvent": True,
        "ok": True,
    }


def test_ok__any_complaint__is_false_and_told() -> None:
    bad = replace(GOOD, complaints=["drill 1: refund on the chain 1, recomputed 2"])
    assert not bad.ok
    assert bad.as_json()["ok"] is False
    assert "NOT AS TOLD: drill 1: refund on the chain 1, recomputed 2" in bad.as_text()
    assert "The demo failed." in bad.as_text()


@pytest.mark.parametrize(
    "change",
    [{"status": 1}, {"status": 2}, {"difference": 1}, {"not_all": 1}, {"samples": 0}],
)
def test_clean__anything_not_as_it_should_be__is_false(change: dict[str, int]) -> None:
    assert CLEAN.clean
    assert not replace(CLEAN, **change).clean  # type: ignore[arg-type]


def test_as_json__story_broken_off__has_no_times_and_no_facts() -> None:
    told = replace(GOOD, accounts=[], progress=[StoryProgress(1), StoryProgress(2)]).as_json()
    assert told["seconds_deposit_to_unlock"] is None
    assert told["seconds_exhausted_to_locked"] is None
    assert told["locked_at_zero"] is False
    assert told["unlocked_after_top_up"] is False
    assert told["rentals"] == []


def test_coins__wei__is_shown_to_the_millionth() -> None:
    assert coins(1_234_567_890_000_000_000) == "1.234567"
    assert coins(0) == "0.000000"
    assert coins(-(5 * 10**17)) == "-0.500000"
