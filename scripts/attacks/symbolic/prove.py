"""Run one check in halmos and say what came of it. Only PROVEN is good."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from attacks.symbolic.build import Check
from attacks.symbolic.tools import Tools

SOLVER_SECONDS = 300
"""For one path's question to the solver."""

CHECK_SECONDS = 900
"""For a check with all its paths."""

LOOP_BOUND = 66
"""Above the 64 rounds of the contract's longest loop. A path that needs more is reported."""

OPTIONS = (
    *("--storage-layout", "generic", "--solver", "yices", "--solver-threads", "1"),
    *("--solver-timeout-assertion", f"{SOLVER_SECONDS}s", "--loop", str(LOOP_BOUND)),
    *("--cache-solver", "--no-status"),
)


class Verdict(Enum):
    """What came of a check."""

    PROVEN = "proven"
    REFUTED = "refuted"
    TIMED_OUT = "timed out"
    STUCK = "stuck"
    VACUOUS = "all paths reverted"
    INCOMPLETE = "paths cut off at the loop bound"
    ERROR = "error"


_BY_EXIT_CODE = {
    0: Verdict.PROVEN,
    1: Verdict.REFUTED,
    2: Verdict.TIMED_OUT,
    3: Verdict.STUCK,
    4: Verdict.VACUOUS,
}


@dataclass(frozen=True, slots=True)
class Result:
    """A check's verdict; `paths` followed, `completed` those without a revert, halmos' `output`."""

    check: Check
    verdict: Verdict
    seconds: float
    paths: int
    completed: int
    output: str


def prove(tools: Tools, folder: Path, check: Check) -> Result:
    """Run one check on the artefacts in `folder`."""
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    engine = Path(__file__).with_name("engine.py")
    command = [str(tools.python), str(engine), "--root", str(folder), *OPTIONS]
    command += ["--contract", check.contract, "--match-test", f"^{check.name}\\("]
    command += ["--json-output", str(report)]
    with subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": tools.path, "NO_COLOR": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=CHECK_SECONDS)
        except subprocess.TimeoutExpired:
            # The solvers are its children.
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return Result(check, Verdict.TIMED_OUT, float(CHECK_SECONDS), 0, 0, output)
    return _result(check, report, output)


def _result(check: Check, report: Path, output: str) -> Result:
    if not report.exists():
        return Result(check, Verdict.ERROR, 0.0, 0, 0, output)
    groups: dict[str, list[dict[str, Any]]] = json.loads(report.read_text())["test_results"]
    results = [result for group in groups.values() for result in group]
    if len(results) != 1 or results[0]["name"] != check.signature:
        return Result(check, Verdict.ERROR, 0.0, 0, 0, output)
    found = results[0]
    verdict = _BY_EXIT_CODE.get(found["exitcode"], Verdict.ERROR)
    if verdict is Verdict.PROVEN and found["num_bounded_loops"] != 0:
        verdict = Verdict.INCOMPLETE
    paths, completed, _stuck = found["num_paths"] or (0, 0, 0)
    seconds = (found["time"] or [0.0])[0]
    return Result(check, verdict, round(seconds, 1), paths, completed, output)
