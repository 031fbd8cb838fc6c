"""What Lighthouse makes of the storefront, in Chromium with an empty profile."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from lab.rig.page import PageServer
from lab.rig.page_world import bare_world
from lab.rig.premises import Premises
from lab.rig.services import ROOT, find_program

pytestmark = pytest.mark.integration

LEAST = 95
CATEGORIES = ("performance", "accessibility", "best-practices")
RUNS = 5
"""A machine that is busy with something else only ever lowers the score for performance."""

CHROMIUM = "--headless=new --no-sandbox --disable-gpu --disable-background-networking"
LIGHTHOUSE = ROOT / "web" / "node_modules" / "lighthouse" / "cli" / "index.js"


@dataclass(frozen=True)
class Report:
    """Scores of 0 to 100, and what cost points."""

    scores: dict[str, int]
    faults: list[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with bare_world(tmp_path_factory.mktemp("l"), Account.create().address) as made:
        yield made


def look_at(url: str, file: Path) -> Report:
    """Lighthouse's report; the file has it whole."""
    node, chromium = find_program("node", ROOT / ".venv" / "bin"), find_program("chromium")
    assert node is not None, "Node.js is not installed; run scripts/setup"
    assert chromium is not None, "chromium is not installed; run scripts/setup --with-debian"
    options = [f"--only-categories={','.join(CATEGORIES)}", f"--chrome-flags={CHROMIUM}"]
    output = ["--output=json", f"--output-path={file}", "--quiet", "--no-enable-error-reporting"]
    subprocess.run(
        [node, LIGHTHOUSE, url, "--preset=desktop", *options, *output],
        env={**os.environ, "CHROME_PATH": str(chromium)},
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=True,
    )
    return judged(json.loads(file.read_text()))


def judged(report: dict[str, Any]) -> Report:
    """The scores of a report, and the audits that kept them below 100."""
    categories = [report["categories"][name] for name in CATEGORIES]
    counted = [one["id"] for it in categories for one in it["auditRefs"] if one["weight"] > 0]
    audits = [report["audits"][name] for name in counted]
    faults = [
        f"{one['id']}: {one.get('displayValue') or one['title']}"
        for one in audits
        if one["scoreDisplayMode"] not in {"notApplicable", "manual"} and one["score"] != 1
    ]
    return Report({it["id"]: round(100 * it["score"]) for it in categories}, faults)


def test_page__storefront__is_quick_and_well_made_as_lighthouse_measures(
    endpoint: PageServer, tmp_path: Path
) -> None:
    best = dict.fromkeys(CATEGORIES, 0)
    for run in range(RUNS):
        report = look_at(endpoint.url, tmp_path / f"{run}.json")
        print(f"\nrun {run + 1}: {report.scores} {report.faults}")
        best = {name: max(best[name], score) for name, score in report.scores.items()}
        if min(best.values()) >= LEAST:
            break
    assert min(best.values()) >= LEAST, (best, report.faults)
