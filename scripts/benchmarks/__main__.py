"""`scripts/bench SUBJECT [--json FILE]`: print a table, and write the figures for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.gas import AIMS, measure_gas

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

JsonFile = Annotated[Path | None, typer.Option("--json", help="Also write the figures here.")]


@app.callback()
def bench() -> None:
    """Measure anew what the documentation claims."""


@app.command()
def gas(json_file: JsonFile = None) -> None:
    """Gas of settling and opening, from receipts on anvil in steady state."""
    figures = measure_gas()
    typer.echo(f"{'operation':<18}{'gas':>10}{'aim':>10}")
    for name, aim in AIMS.items():
        typer.echo(f"{name:<18}{figures[name]:>10,}{aim:>10,}")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    app()
