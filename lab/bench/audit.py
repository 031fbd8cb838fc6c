"""How fast an audit is: settlements fetched, confirmed, replayed and compared, against anvil, and
the samples behind them followed from root to root, out of a folder.

One process with anvil beside it. A settlement is one reading over some hundred new samples; they
come 64 to a transaction, from four boxes. Seconds are those of the whole command, from the start of
its process to the report and with the fetching of logs; CPU seconds leave out anvil and whatever
else the machine is doing.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from web3 import HTTPProvider, Web3

from lab.rig.errors import RigError
from lab.rig.history import furnish
from lab.rig.services import ROOT, Anvil
from lab.rig.yard import COIN, Yard

SIZES = (100, 1_000, 10_000)
"""Settlements; a hundred times as many samples."""

STROKES = (58, 58, 58)
"""Samples of a stroke at most: a hundred in all with those at rest, on the average."""

AT_ONCE = 64
ROUND_SECONDS = 600
AIM_SECONDS = 60.0
"""For 10,000 settlements and a million samples, on two cores that have nothing else to do."""


@dataclass(frozen=True, slots=True)
class AuditFigure:
    """One audit."""

    settlements: int
    samples: int
    events: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    requests: int
    difference: int


def measure_audit() -> list[AuditFigure]:
    """Audit histories of growing length on one chain, each to the block where it has grown to."""
    with tempfile.TemporaryDirectory() as folder, Anvil(Path(folder)) as anvil:
        samples = Path(folder) / "samples"
        samples.mkdir()
        yard = Yard(Web3(HTTPProvider(anvil.url)), samples=samples)
        yard.strokes = STROKES
        furnish(yard, drills=AT_ONCE)
        rentals = [
            yard.open(yard.customers[place % len(yard.customers)], COIN) for place in range(AT_ONCE)
        ]
        figures, settled = [], 0
        for size in SIZES:
            while settled < size:
                part = rentals[: min(AT_ONCE, size - settled)]
                yard.use(part, ROUND_SECONDS)
                settled += len(part)
            figures.append(_audit(anvil.url, yard.contract.address, size, Path(folder), samples))
        figures.append(_audit(anvil.url, yard.contract.address, settled, Path(folder), None))
        return figures


def _audit(url: str, contract: str, size: int, folder: Path, samples: Path | None) -> AuditFigure:
    """Run the command in a process of its own; raises RigError when it finds anything."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "lab.bench.audit", url, contract, str(report)]
    command += [str(samples)] if samples else []
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode != 0:
        raise RigError(
            f"the audit of {size} settlements ends with {done.returncode}: {done.stderr}"
        )
    content = json.loads(report.read_text(encoding="utf-8"))
    if content["scope"]["readings"] != size:
        raise RigError(f"{content['scope']['readings']} settlements were audited, not {size}")
    return AuditFigure(
        settlements=size,
        samples=content["scope"]["samples"]["samples"] if samples else 0,
        events=content["scope"]["events"],
        seconds=round(seconds, 2),
        cpu_seconds=round(float(done.stdout.split()[-2]), 2),
        peak_mib=round(int(done.stdout.split()[-1]) / 1024, 1),
        requests=content["scope"]["requests"],
        difference=int(content["difference"]),
    )


def as_table(figures: list[AuditFigure]) -> str:
    """The figures for people."""
    rows = [asdict(figure) for figure in figures]
    lines = ["".join(f"{name:>13}" for name in rows[0])]
    lines += ["".join(f"{number:>13,}" for number in row.values()) for row in rows]
    return "\n".join(lines)


def main(url: str, contract: str, report: str, *samples: str) -> int:
    """Audit, and print the process's CPU seconds and its peak memory in KiB as the last words."""
    # Only the process that is measured holds the auditor.
    from typer.testing import CliRunner  # noqa: PLC0415

    from audit.cli import app  # noqa: PLC0415

    arguments = ["run", "--rpc", url, "--contract", contract, "--json", report]
    arguments += [word for folder in samples for word in ("--samples", folder)]
    done = CliRunner().invoke(app, arguments)
    print(done.output[-2000:], file=sys.stderr)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss)
    return done.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
