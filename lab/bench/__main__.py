"""`scripts/bench SUBJECT [--json FILE]`: print a table, and write the figures for programs."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lab.bench.audit import AIM_SECONDS, as_table, measure_audit
from lab.bench.condition.table import condition_figures
from lab.bench.figures import Figures, measure
from lab.bench.gas import AIMS, TRANSACTION_GAS_CAP
from lab.bench.ingest import (
    INGEST_HEADING,
    SAMPLES_PER_MESSAGE,
    IngestFigure,
    ingest_row,
    measure_ingest,
)
from lab.bench.install import install_table, measure_install
from lab.bench.keys import keys_table, measure_keys
from lab.bench.latency import latency_table, measure_latency
from lab.bench.peers import measure_peers, peers_table
from lab.bench.soak import as_json, measure_soak, soak_text

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

JsonFile = Annotated[Path | None, typer.Option("--json")]


@app.callback()
def bench() -> None:
    """Measure anew what the documentation claims."""


@app.command()
def gas(json_file: JsonFile = None) -> None:
    """Gas of settling and of every function, from receipts on anvil; code size."""
    figures = measure()
    show(figures)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1) + "\n", encoding="ascii")


@app.command()
def peers(json_file: JsonFile = None) -> None:
    """Gas of an hour with a record for every minute, here and on contracts of others."""
    figures = measure_peers()
    typer.echo(peers_table(figures))
    if json_file is not None:
        json_file.write_text(
            json.dumps([asdict(figure) for figure in figures], indent=1) + "\n", encoding="ascii"
        )


@app.command()
def audit(json_file: JsonFile = None) -> None:
    """Time and memory of audits with 10 thousand to a million samples, against anvil."""
    figures = measure_audit()
    typer.echo(as_table(figures))
    typer.echo(f"aim: {figures[-1].settlements:,} settlements, samples included: {AIM_SECONDS:g} s")
    if json_file is not None:
        json_file.write_text(
            json.dumps([asdict(figure) for figure in figures], indent=1) + "\n", encoding="ascii"
        )


@app.command()
def edge(
    json_file: JsonFile = None,
    *,
    drills: Annotated[str, typer.Option()] = "100,300,1000,1500,2000",
    seconds: Annotated[int, typer.Option(min=2)] = 20,
    oracles: Annotated[int, typer.Option(min=1)] = 1,
    rounds: Annotated[int, typer.Option(min=2)] = 20,
    only_latency: Annotated[bool, typer.Option()] = False,
    only_load: Annotated[bool, typer.Option()] = False,
) -> None:
    """What an edge box takes in, meters, journals and signs, up to where it falls behind; and how
    long a drill takes to unlock and to lock."""
    found: dict[str, object] = {}
    if not only_latency:
        found["load"] = [asdict(one) for one in _load(drills, seconds, oracles)]
    if not only_load:
        latency = measure_latency(rounds, lambda text: typer.echo(text, err=True))
        typer.echo(latency_table(latency))
        found["latency"] = asdict(latency)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n", encoding="ascii")


@app.command()
def condition(
    json_file: JsonFile = None,
    *,
    seeds: Annotated[int, typer.Option(min=1)] = 100,
    processes: Annotated[int, typer.Option(min=1)] = 2,
    labelled: Annotated[Path | None, typer.Option()] = None,
    traces: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """How well wear is told: simulated lives, AI4I 2020; or a folder of recordings alone. Exit
    status 2 when a recording cannot be read."""
    figures = condition_figures(seeds, processes, labelled, traces, typer.echo)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1) + "\n", encoding="ascii")
    raise typer.Exit(2 if figures.get("refused") else 0)


@app.command()
def install(json_file: JsonFile = None) -> None:
    """Packages and megabytes of each role's installation, from its lock file."""
    figures = measure_install()
    typer.echo(install_table(figures))
    if json_file is not None:
        json_file.write_text(
            json.dumps([asdict(figure) for figure in figures], indent=1) + "\n", encoding="ascii"
        )


@app.command()
def keys(
    json_file: JsonFile = None,
    *,
    signatures: Annotated[int, typer.Option(min=20)] = 500,
) -> None:
    """How fast each kind of signing key signs, and how many drills a box with it can serve."""
    figures = measure_keys(signatures)
    typer.echo(keys_table(figures))
    if json_file is not None:
        json_file.write_text(
            json.dumps([asdict(figure) for figure in figures], indent=1) + "\n", encoding="ascii"
        )


@app.command()
def soak(
    json_file: JsonFile = None,
    *,
    samples: Annotated[int, typer.Option(min=1_000)] = 1_000_000,
    drills: Annotated[int, typer.Option(min=1, max=1_500)] = 400,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Many samples through broker, oracle, chain and audit: none lost, none twice, no drift. Exit
    status 1 when something differs."""
    begun = time.monotonic()

    def say(text: str) -> None:
        typer.echo(f"{time.monotonic() - begun:7.1f}  {text}", err=True)

    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        figure = measure_soak(Path(name), samples, drills, seed, say)
    typer.echo(soak_text(figure))
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(figure), indent=1) + "\n", encoding="ascii")
    raise typer.Exit(int(not figure.clean))


def _load(drills: str, seconds: int, oracles: int) -> list[IngestFigure]:
    figures = []
    typer.echo(INGEST_HEADING)
    for size in (int(one) for one in drills.split(",")):
        figures.append(measure_ingest(size, SAMPLES_PER_MESSAGE, seconds, oracles))
        typer.echo(ingest_row(figures[-1]))
        if figures[-1].behind:
            break
    return figures


def show(figures: Figures) -> None:
    """Print the tables of docs/gas.md."""
    used, size = figures["gas"], figures["bytes"]
    table("operation", {name: (used["settling"][name], aim) for name, aim in AIMS.items()}, "aim")
    table("at most", {"largest_batch": (used["largest_batch"], TRANSACTION_GAS_CAP)}, "cap")
    table("function", {name: (amount,) for name, amount in used["functions"].items()})
    parts = ("runtime", "immutables", "deployed")
    table("code", {name: (size[name],) for name in parts} | {"limit": (size["limit"],)})
    largest = sorted(size["functions"].items(), key=lambda entry: -entry[1])
    table("bytes of", {name: (amount,) for name, amount in largest})


def table(title: str, rows: dict[str, tuple[int, ...]], last: str = "") -> None:
    """Print names with a number or two each, as Markdown that can be read in a terminal."""
    heads = ["", *([last] if last else [])]
    typer.echo(f"\n| {title:<42} |" + "".join(f"{head:>11} |" for head in heads))
    typer.echo(f"|{'-' * 44}|" + f"{'-' * 11}:|" * len(heads))
    for name, numbers in rows.items():
        label = f"`{name}`"
        typer.echo(f"| {label:<42} |" + "".join(f"{number:>11,} |" for number in numbers))


if __name__ == "__main__":
    app()
