"""Prepaid drilling, from the first refused pull of the trigger to the withdrawn refund.

The demo is the story; here it is told once, in processes of its own, and its summary is read.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lab.rig import plan
from lab.rig.services import ROOT
from protocol.messages import MAX_SAMPLES_PER_MESSAGE

pytestmark = pytest.mark.e2e

TOLD_SECONDS = 800
"""Starting up included; on idle cores it takes 70."""

KEYS = {
    "rentals",
    "seconds_deposit_to_unlock",
    "seconds_exhausted_to_locked",
    "overrun",
    "samples",
    "settlements",
    "locked_at_zero",
    "unlocked_after_top_up",
    "solvent",
    "audit",
    "ok",
}


def demo(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start the demo, with its logs in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", "lab.rig.demo", "--folder", str(folder), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def leftovers(folder: Path) -> list[str]:
    """Processes whose command line names the folder."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended while we looked
        if str(folder) in line:
            lines.append(line)
    return lines


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    folder = tmp_path_factory.mktemp("d")
    summary = folder / "summary.json"
    with demo(folder, "--json", str(summary)) as process:
        output, _ = process.communicate(timeout=TOLD_SECONDS)
    assert process.returncode == 0, output
    return json.loads(summary.read_text()), output, folder


def test_demo__played_to_the_end__everything_happened(
    told: tuple[dict[str, Any], str, Path],
) -> None:
    summary, output, folder = told
    assert summary.keys() == KEYS
    assert summary["ok"] is True
    assert summary["solvent"] is True
    assert summary["locked_at_zero"] is True
    assert summary["unlocked_after_top_up"] is True
    assert "All of it happened, and every bill agrees." in output
    assert leftovers(folder) == []


def test_demo__bills__are_what_the_samples_come_to(
    told: tuple[dict[str, Any], str, Path],
) -> None:
    rentals = told[0]["rentals"]
    assert [rental["drill"] for rental in rentals] == [1, 2]
    for rental in rentals:
        assert rental["charge"] == rental["recomputed"] > 0
        assert rental["refund"] == rental["funded"] - rental["charge"] > 0
        assert all(value > 0 for value in rental["registers"].values())


def test_demo__audit_at_the_end__is_clean_with_every_sample(
    told: tuple[dict[str, Any], str, Path],
) -> None:
    summary, output, folder = told
    audit = summary["audit"]
    assert (audit["status"], audit["difference"], audit["not_all"]) == (0, 0, 0)
    assert audit["signatures"] == audit["readings"] == summary["settlements"]
    assert audit["roots"] >= audit["readings"]
    assert 0 < audit["samples"] <= summary["samples"]
    assert "Clean: chain and samples of this range were checked" in output
    assert "Clean" in (folder / "audit.html").read_text()


def test_demo__use_beyond_the_funds__stays_within_the_reserve(
    told: tuple[dict[str, Any], str, Path],
) -> None:
    assert 0 < told[0]["overrun"] <= plan.amounts(plan.STEADY).reserve


def test_demo__times_and_counts__are_there(told: tuple[dict[str, Any], str, Path]) -> None:
    summary = told[0]
    assert summary["seconds_deposit_to_unlock"] > 0
    assert summary["seconds_exhausted_to_locked"] > 0
    assert summary["settlements"] >= 6
    assert summary["samples"] > 3 * MAX_SAMPLES_PER_MESSAGE


def test_demo__interrupted__stops_everything_and_says_where_the_logs_are(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "broker" in line:
                break
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
        process.send_signal(signal.SIGTERM)  # an impatient second one changes nothing
        output, _ = process.communicate(timeout=TOLD_SECONDS)
    assert process.returncode == 130
    assert f"The logs are in {tmp_path}/logs" in output
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trace", "none.csv"], "--trace and --columns belong together"),
        (["--columns", "rpm=a"], "--trace and --columns belong together"),
        (["--trace", "none.csv", "--columns", "rpm=a,torque=b"], "none.csv"),
        (["--sample-period-ms", "5"], "needs --trace"),
        (["--web", "--json", "x.json"], "--web plays no story"),
        (["--sample-period-ms", "x"], "invalid int value"),
    ],
)
def test_demo__bad_options__are_refused_before_anything_starts(
    tmp_path: Path, options: list[str], message: str
) -> None:
    with demo(tmp_path, *options) as process:
        output, _ = process.communicate(timeout=TOLD_SECONDS)
    assert process.returncode == 2
    assert message in output
    assert list(tmp_path.iterdir()) == []
