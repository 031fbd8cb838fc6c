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

from lab.symbolic.build import Check
from lab.symbolic.tools import Tools

ENGINE = Path(__file__).with_name("engine.py")

SOLVER_SECONDS = 1800
"""For one path's question to the solver; generous, for a machine that has other things to do."""

CHECK_SECONDS = 7200
"""For a check with all its paths."""

LOOP_BOUND = 66
"""Above the 64 rounds of the contract's longest loop. A path that needs more is reported."""

OPTIONS = (
    *("--storage-layout", "generic", "--solver", "yices", "--solver-threads", "1"),
    *("--solver-timeout-assertion", f"{SOLVER_SECONDS}s", "--loop", str(LOOP_BOUND)),
    # A counterexample settles it. A panic in a check is a failure, and not just a revert.
    *("--cache-solver", "--early-exit", "--panic-error-codes", "*"),
    # There is little cyclic garbage; without the search for it, it takes two thirds of the time.
    *("--disable-gc", "--no-status"),
)


class ProofVerdict(Enum):
    """What came of a check."""

    PROVEN = "proven"
    REFUTED = "refuted"
    TIMED_OUT = "timed out"
    STUCK = "stuck"
    VACUOUS = "all paths reverted"
    INCOMPLETE = "paths cut off at the loop bound"
    ERROR = "error"


_BY_EXIT_CODE = {
    0: ProofVerdict.PROVEN,
    1: ProofVerdict.REFUTED,
    2: ProofVerdict.TIMED_OUT,
    3: ProofVerdict.STUCK,
    4: ProofVerdict.VACUOUS,
}


@dataclass(frozen=True, slots=True)
class ProofResult:
    """A check's verdict; `paths` followed, `completed` those without a revert, halmos' `output`."""

    check: Check
    verdict: ProofVerdict
    seconds: float
    paths: int
    completed: int
    output: str


def prove(tools: Tools, folder: Path, check: Check) -> ProofResult:
    """Run one check on the artefacts in `folder`."""
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    command = [str(tools.python), str(ENGINE), "--root", str(folder), *OPTIONS]
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
            return ProofResult(check, ProofVerdict.TIMED_OUT, float(CHECK_SECONDS), 0, 0, output)
    answer = report.read_text(encoding="utf-8") if report.exists() else ""
    return judge(check, answer, process.returncode, output)


def judge(check: Check, answer: str, exit_code: int, output: str) -> ProofResult:
    """The verdict in halmos' JSON report `answer`, empty when it wrote none, and its exit code.

    Whatever is not the report of a proof, of this check and none besides, is something else.
    """
    error = ProofResult(check, ProofVerdict.ERROR, 0.0, 0, 0, output)
    try:
        groups: dict[str, list[dict[str, Any]]] = json.loads(answer)["test_results"]
        found = [result for group in groups.values() for result in group]
    except (ValueError, KeyError, TypeError, AttributeError):
        return error
    if len(found) != 1 or found[0].get("name") != check.signature:
        return error
    result = found[0]
    paths, completed, stuck = result.get("num_paths") or (0, 0, 0)
    seconds = (result.get("time") or [0.0])[0]
    verdict = _BY_EXIT_CODE.get(result.get("exitcode", -1), ProofVerdict.ERROR)
    if verdict is ProofVerdict.PROVEN:
        if result.get("num_bounded_loops") != 0:
            verdict = ProofVerdict.INCOMPLETE
        elif exit_code != 0 or stuck or completed < 1 or result.get("num_models") != 0:
            verdict = ProofVerdict.ERROR
    return ProofResult(check, verdict, round(seconds, 1), paths, completed, output)
