"""The command line, `drill-condition`."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Annotated

import structlog
import typer

from condition.book import Book, BookEntry
from condition.journal import JournalFile
from condition.report import status_json, status_text, ticket_json
from condition.sheet import read_sheet
from host.clock import SystemClock
from host.command_line import OneLineGroup
from host.log import configure_logs
from host.stopping import stop_signals

NICENESS = 10
"""Metering comes first: this program gets what processor time is left over."""

PAUSE_SECONDS = 10.0
"""Between two looks for new samples when there were none."""

log = structlog.get_logger()

app = typer.Typer(
    name="drill-condition",
    cls=OneLineGroup,
    help="Tell wear, life used and what needs service, from the journal, which is only read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

JournalOption = Annotated[Path, typer.Option("--journal", help="The oracle's journal, SQLite.")]
BookOption = Annotated[Path, typer.Option("--book", help="The condition book, made if missing.")]
SheetOption = Annotated[
    Path | None, typer.Option("--sheet", help="The drills' data sheet, a TOML file.")
]
Why = Annotated[str, typer.Option("--why", help="The reason, for whoever reads it later.")]
Drill = Annotated[int, typer.Argument(help="The drill's number in the contract.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def run(journal: JournalOption, book: BookOption, sheet: SheetOption = None) -> None:
    """Keep the book up to date until SIGTERM, in small steps and with low priority."""
    configure_logs()
    os.nice(NICENESS)
    with stop_signals() as stop:
        source, kept = JournalFile(journal), Book(book, read_sheet(sheet))
        log.info("condition followed", journal=str(journal), book=str(book))
        while not stop.is_set():
            if not _round(source, kept, stop):
                stop.wait(PAUSE_SECONDS)


@app.command()
def step(journal: JournalOption, book: BookOption, sheet: SheetOption = None) -> None:
    """Take all samples that are there by now, and end."""
    source, kept = JournalFile(journal), Book(book, read_sheet(sheet))
    taken = 0
    while found := _round(source, kept, threading.Event()):
        taken += found
    typer.echo(f"{taken} samples of {len(kept.drills())} drills")


@app.command()
def status(
    book: BookOption,
    sheet: SheetOption = None,
    drill: Annotated[int | None, typer.Option("--drill", help="Only this one.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show each drill's condition."""
    entries = _entries(Book(book, read_sheet(sheet)), drill)
    if as_json:
        typer.echo(json.dumps([status_json(one) for one in entries], indent=1))
    else:
        typer.echo("\n".join(status_text(one) for one in entries) or "no samples yet")


@app.command()
def tickets(
    book: BookOption,
    drill: Annotated[int | None, typer.Option("--drill", help="Only this one.")] = None,
    *,
    closed: Annotated[bool, typer.Option("--closed", help="Closed ones as well.")] = False,
) -> None:
    """Print tickets as JSON."""
    found = [
        ticket_json(entry.drill, ticket)
        for entry in _entries(Book(book, read_sheet(None)), drill)
        for ticket in entry.condition.desk.tickets
        if ticket.open or closed
    ]
    typer.echo(json.dumps(found, indent=1))


@app.command()
def changed(
    journal: JournalOption,
    book: BookOption,
    drill: Drill,
    part: str,
    sheet: SheetOption = None,
) -> None:
    """Record that a part was changed by now: bit, spindle, bearing, brushes or switch.

    The samples that are here by now still count for the old one.
    """
    source, kept = JournalFile(journal), Book(book, read_sheet(sheet))
    while kept.step(source, drill):
        pass
    with kept.change(drill) as entry:
        entry.condition.changed(part, SystemClock().now_ms())
    typer.echo(f"drill {drill}: {part} changed after sample {entry.after}")


@app.command()
def close(book: BookOption, drill: Drill, ticket: int, how: str, why: Why = "") -> None:
    """Close a ticket as `done` or as `false`; a false one teaches, or asks why."""
    with Book(book, read_sheet(None)).change(drill) as entry:
        found = entry.condition.close(ticket, how, SystemClock().now_ms(), why)
    typer.echo(f"drill {drill}: ticket {ticket} ({found.part}) closed as {how}")


def _entries(kept: Book, drill: int | None) -> list[BookEntry]:
    return [kept.read(one) for one in kept.drills() if drill in (None, one)]


def _round(source: JournalFile, kept: Book, stop: threading.Event) -> int:
    """A step of each drill, and a pause as long as each took; returns the samples taken."""
    taken = 0
    for drill in source.drills():
        begun = time.monotonic()
        taken += kept.step(source, drill)
        if stop.wait(time.monotonic() - begun):
            break
    return taken
