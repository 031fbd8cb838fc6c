"""A command whose exit status can be relied on: a status that means something is never an accident.

Where 1 says "looked, and found something", no crash, closed pipe, full disk or signal may end with
1, as Python's own way would; all of these end with COULD_NOT and one line on stderr.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from host.extras import told_as_missing
from host.foreign_text import complain
from host.start import open_standard_files

COULD_NOT = 2
"""Exit status of a command that could not do what it was asked."""

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""What ends a program from outside; SIGINT raises KeyboardInterrupt by itself."""


_INTERRUPTED = 130
"""What typer makes of KeyboardInterrupt."""


class _SignalledError(BaseException):
    """Raised where the program is when a signal comes."""


def run_command(program: str, load: Callable[[], Any], *, extra: str) -> None:
    """Run a typer application to its end and exit with the status that it gave itself.

    `load` imports it, so that whatever goes wrong in that counts too. Statuses above COULD_NOT, and
    any that it did not give by raising typer.Exit, become COULD_NOT. `extra` is the one of
    smart-drill that brings the packages which it needs.
    """
    open_standard_files()
    status = _status(program, load, extra)
    if not _flushed():
        status = COULD_NOT
    sys.exit(status)


def _status(program: str, load: Callable[[], Any], extra: str) -> int:
    def signalled(number: int, _frame: FrameType | None) -> None:
        raise _SignalledError(signal.Signals(number).name)

    try:
        for number in SIGNALS:
            signal.signal(number, signalled)
        try:
            app = load()
        except ModuleNotFoundError as error:
            complain(program, told_as_missing(error, extra))
            return COULD_NOT
        return _own_status(app)
    except _SignalledError as error:
        complain(program, f"ended by {error}")
    except KeyboardInterrupt:
        complain(program, "interrupted")
    except BrokenPipeError:
        pass  # whoever read the output has gone, and with a pager that is how it ends
    except SystemExit as ended:
        # How typer and rich end when their output is closed; its own statuses do not come this way.
        if ended.code == 0:
            return 0
    except BaseException as error:  # noqa: BLE001  a crash of any kind must not look like a finding
        complain(program, _told(error))
    return COULD_NOT


def _own_status(app: Any) -> int:
    """What the application ends with by itself, wrong usage included."""
    from typer import rich_utils  # noqa: PLC0415  within reach of the errors that are handled

    try:
        status = app(standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        rich_utils.rich_format_error(error)  # type: ignore[arg-type]  # it is of click's kind
        return COULD_NOT
    if status is None:
        return 0
    if status == _INTERRUPTED:
        raise KeyboardInterrupt
    return status if status in (0, 1) else COULD_NOT


def _told(error: BaseException) -> str:
    """A crash in one line, with the place where it was."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    kind = type(error).__name__
    return f"failed with {kind} at {place}: {error}" if str(error) else f"failed with {kind}"


def _flushed() -> bool:
    """Whether all output has arrived; what cannot is dropped, or Python would change the status."""
    arrived = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            arrived = False
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
    return arrived
