"""An audit on a terminal: progress, interrupts that stop it in order, errors in one line."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from audit.errors import AuditError, InterruptedAuditError
from audit.order import AuditWatcher
from host.exit_status import COULD_NOT, SIGNALS
from host.foreign_text import complain
from protocol.errors import RecordError


@contextmanager
def watching() -> Iterator[AuditWatcher]:
    """A watcher with a progress bar on a terminal; the first signal stops the audit in order."""
    stopped: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)
        # The next one ends it at once.
        for one, handler in before.items():
            signal.signal(one, handler)

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, *SIGNALS)}
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    try:
        with Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as bar:
            task = bar.add_task("blocks", total=None)

            def progress(first: int, now: int, last: int) -> None:
                text = f"block {now:,} of {last:,}"
                done = now - first + 1
                bar.update(task, description=text, total=last - first + 1, completed=done)

            yield AuditWatcher(
                progress, lambda: bool(stopped), lambda text: complain("drill-audit", text)
            )
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def one_line_errors(goes_on: str) -> Iterator[None]:
    """Say what went wrong and end with status 2; `goes_on`: how an interrupted command does."""
    try:
        yield
    except InterruptedAuditError as error:
        complain("drill-audit", f"{error}; {goes_on}")
        raise typer.Exit(COULD_NOT) from error
    except (AuditError, RecordError) as error:
        complain("drill-audit", error)
        raise typer.Exit(COULD_NOT) from error
