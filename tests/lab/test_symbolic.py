"""The machinery of the symbolic checks: that nothing but a proof counts as one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from lab.symbolic import __main__ as command
from lab.symbolic import prove as proving
from lab.symbolic.breaks import (
    BREAKS,
    QUICK_BREAKS,
    Break,
    broken_copy,
    require_break_for_each,
)
from lab.symbolic.build import CHECKS, Check
from lab.symbolic.errors import SymbolicError
from lab.symbolic.prove import ProofResult, ProofVerdict, judge, prove
from lab.symbolic.quick import QUICK
from lab.symbolic.tools import Tools

CHECK = Check("Accounts", "check_deposit", "check_deposit(uint256)", "money is kept", "")
PROOF: dict[str, Any] = {
    "name": CHECK.signature,
    "exitcode": 0,
    "num_models": 0,
    "models": [],
    "num_paths": [5, 2, 0],
    "time": [1.25, 1.0, 0.25],
    "num_bounded_loops": 0,
}
NAMES = {
    name
    for path in CHECKS.glob("*.sol")
    for name in re.findall(r"function (check_\w+)", path.read_text(encoding="ascii"))
}


def report(*results: dict[str, Any]) -> str:
    return json.dumps({"exitcode": 0, "test_results": {"Accounts.sol:Accounts": list(results)}})


def test_judge__report_of_a_proof__proven() -> None:
    result = judge(CHECK, report(PROOF), 0, "passed")
    assert result == ProofResult(CHECK, ProofVerdict.PROVEN, 1.2, 5, 2, "passed")


@pytest.mark.parametrize(
    ("differing", "verdict"),
    [
        ({"exitcode": 1, "num_models": 1}, ProofVerdict.REFUTED),
        ({"exitcode": 2}, ProofVerdict.TIMED_OUT),
        ({"exitcode": 3, "num_paths": [5, 2, 1]}, ProofVerdict.STUCK),
        ({"exitcode": 4, "num_paths": [5, 0, 0]}, ProofVerdict.VACUOUS),
        ({"exitcode": 5}, ProofVerdict.ERROR),
        ({"exitcode": 127}, ProofVerdict.ERROR),
        ({"exitcode": None}, ProofVerdict.ERROR),
        ({"num_bounded_loops": 1}, ProofVerdict.INCOMPLETE),
        ({"num_bounded_loops": None}, ProofVerdict.INCOMPLETE),
        ({"num_paths": [5, 0, 0]}, ProofVerdict.ERROR),
        ({"num_paths": [5, 2, 1]}, ProofVerdict.ERROR),
        ({"num_paths": None}, ProofVerdict.ERROR),
        ({"num_models": 1}, ProofVerdict.ERROR),
        ({"num_models": None}, ProofVerdict.ERROR),
        ({"name": "check_deposit(uint8)"}, ProofVerdict.ERROR),
    ],
)
def test_judge__any_other_report__not_proven(
    differing: dict[str, Any], verdict: ProofVerdict
) -> None:
    assert judge(CHECK, report(PROOF | differing), 0, "").verdict is verdict


@pytest.mark.parametrize(
    "answer", ["", "{", "[]", "{}", '{"test_results": {}}', report(), report(PROOF, PROOF)]
)
def test_judge__not_one_result__error(answer: str) -> None:
    assert judge(CHECK, answer, 0, "").verdict is ProofVerdict.ERROR


def test_judge__halmos_failed_all_the_same__error() -> None:
    assert judge(CHECK, report(PROOF), 1, "").verdict is ProofVerdict.ERROR


def test_prove__takes_too_long__timed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = tmp_path / "python"
    sleeper.write_text("#!/bin/sh\necho begun\nsleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(proving, "CHECK_SECONDS", 0.5)
    result = prove(Tools(sleeper, sleeper, sleeper, "/bin:/usr/bin"), tmp_path, CHECK)
    assert (result.verdict, result.output) == (ProofVerdict.TIMED_OUT, "begun\n")


def test_prove__report_of_an_earlier_check_lies_there__not_read(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(report(PROOF))
    silent = Path("/bin/true")
    assert prove(Tools(silent, silent, silent, ""), tmp_path, CHECK).verdict is ProofVerdict.ERROR


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command over checks that come out as told, without halmos."""

    def run(*verdicts: ProofVerdict, **options: Any) -> int:
        outcomes = iter(verdicts)
        checks = [
            Check("Accounts", name, f"{name}()", "", "") for name in sorted(NAMES)[: len(verdicts)]
        ]
        monkeypatch.setattr(command, "find_tools", lambda: None)
        monkeypatch.setattr(command, "build_checks", lambda *_: checks)
        monkeypatch.setattr(command, "place_drill_meter", lambda *_: None)
        monkeypatch.setattr(
            command, "compile_drill_meter", lambda _: SimpleNamespace(bytecode="0x")
        )
        monkeypatch.setattr(
            command,
            "prove",
            lambda _t, _f, check: ProofResult(check, next(outcomes), 1.0, 5, 2, ""),
        )
        with pytest.raises(typer.Exit) as exit_:
            command.main(**options)
        return exit_.value.exit_code

    return run


def test_command__all_proven__passes(run: Callable[..., int]) -> None:
    assert run(ProofVerdict.PROVEN, ProofVerdict.PROVEN) == 0


@pytest.mark.parametrize("verdict", [v for v in ProofVerdict if v is not ProofVerdict.PROVEN])
def test_command__one_not_proven__fails(run: Callable[..., int], verdict: ProofVerdict) -> None:
    assert run(ProofVerdict.PROVEN, verdict, ProofVerdict.PROVEN) == 1


def test_command__no_check_of_that_name__fails(run: Callable[..., int]) -> None:
    assert run(only="no such check") == 1


def test_breaks__of_each_check__one_that_can_be_planted(tmp_path: Path) -> None:
    require_break_for_each(NAMES)
    for number, planted in enumerate(BREAKS):
        broken_copy(tmp_path / str(number), planted)


def test_require_break_for_each__check_without_one__names_it() -> None:
    with pytest.raises(SymbolicError, match="check_new"):
        require_break_for_each([*NAMES, "check_new"])


def test_broken_copy__text_is_gone__says_which(tmp_path: Path) -> None:
    planted = Break("check_access", "a bug", "contracts/modules/vault.vy", "no such text", "")
    with pytest.raises(SymbolicError, match="0 times 'no such text'"):
        broken_copy(tmp_path, planted)


def test_quick__names__are_checks() -> None:
    assert QUICK <= NAMES
    assert {planted.check for planted in QUICK_BREAKS} <= NAMES
