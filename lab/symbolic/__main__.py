"""`scripts/symbolic`: prove every check, and say of each what came of it."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from lab.rig.contract import DEPLOYED, SOURCES, Optimiser, compile_drill_meter
from lab.rig.services import ROOT
from lab.symbolic.breaks import (
    BREAKS,
    QUICK_BREAKS,
    Break,
    broken_copy,
    require_break_for_each,
)
from lab.symbolic.build import CHECKS, Check, build_checks, compile_copy, place_drill_meter
from lab.symbolic.errors import SymbolicError
from lab.symbolic.prove import ProofResult, ProofVerdict, prove
from lab.symbolic.quick import QUICK
from lab.symbolic.tools import Tools, find_tools

JsonFile = Annotated[Path | None, typer.Option("--json")]
Only = Annotated[str, typer.Option()]
Quick = Annotated[bool, typer.Option("--quick")]
SelfTest = Annotated[bool, typer.Option("--self-test")]
Setting = Annotated[Optimiser, typer.Option()]


def main(
    json_file: JsonFile = None,
    only: Only = "",
    quick: Quick = False,
    self_test: SelfTest = False,
    optimiser: Setting = DEPLOYED,
) -> None:
    """Prove on the compiled bytecode what the functions that move money do, for all inputs."""
    try:
        with tempfile.TemporaryDirectory(prefix="symbolic-") as name:
            folder = Path(name)
            tools = find_tools()
            checks = build_checks(tools, folder)
            if self_test:
                require_break_for_each(check.name for check in checks)
                planted = [b for b in (QUICK_BREAKS if quick else BREAKS) if only in b.check]
                records = _find_planted(tools, folder, checks, planted)
            else:
                chosen = [c for c in checks if only in c.name and (not quick or c.name in QUICK)]
                place_drill_meter(folder, compile_drill_meter(optimiser).bytecode)
                records = _prove_all(tools, folder, chosen)
            found = []
            for record in records:
                found.append(record)
                if json_file is not None:
                    # After each one: a run that is cut short leaves what it has found.
                    json_file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    except SymbolicError as error:
        print(f"symbolic: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    good = sum(record["good"] for record in found)
    print(f"{good} passed, {len(found) - good} failed")
    raise typer.Exit(0 if found and good == len(found) else 1)


def _prove_all(tools: Tools, folder: Path, checks: Iterable[Check]) -> Iterator[dict[str, Any]]:
    for check in checks:
        result = prove(tools, folder, check)
        good = result.verdict is ProofVerdict.PROVEN
        _show(result, good)
        yield {**_record(result), "good": good}


def _find_planted(
    tools: Tools, folder: Path, checks: list[Check], breaks: Iterable[Break]
) -> Iterator[dict[str, Any]]:
    """Each break must be refuted by its check; a check that still proves it is blind."""
    by_name = {check.name: check for check in checks}
    for planted in breaks:
        with tempfile.TemporaryDirectory(prefix="symbolic-broken-") as name:
            copy = Path(name)
            broken_copy(copy, planted)
            run = folder
            if planted.file.endswith(".sol"):
                run = copy / "run"
                build_checks(tools, run, copy / CHECKS.relative_to(ROOT))
            place_drill_meter(run, compile_copy(copy / SOURCES.relative_to(ROOT)))
            result = prove(tools, run, by_name[planted.check])
        good = result.verdict is ProofVerdict.REFUTED
        print(f"planted: {planted.what}")
        _show(result, good)
        yield {**_record(result), "planted": planted.what, "good": good}


def _show(result: ProofResult, good: bool) -> None:
    check = result.check
    print(
        f"{result.verdict.value:<10} {check.name:<58} {result.paths:>5} paths "
        f"{result.seconds:>6.1f} s",
        flush=True,
    )
    if not good:
        print(result.output, flush=True)


def _record(result: ProofResult) -> dict[str, Any]:
    check = result.check
    return {
        "check": check.name,
        "contract": check.contract,
        "proves": check.notice,
        "bound": check.bound,
        "verdict": result.verdict.value,
        "seconds": result.seconds,
        "paths": result.paths,
        "completed_paths": result.completed,
    }


if __name__ == "__main__":
    typer.run(main)
