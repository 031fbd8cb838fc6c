"""The first steps of every program: before anything else of ours, or of others, is loaded.

Loading what a program needs takes a second or more. An interrupt in that time ends it at once, as
it ends any program that has nothing to put in order yet, and not with the traceback of an import.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module

from host.extras import told_as_missing
from host.foreign_text import complain

STDOUT, STDERR = 1, 2
NOT_INSTALLED = 2
"""Exit status of a program whose packages are not all there; the same as for wrong settings."""


def start(program: str, module: str, command: str, *, extra: str) -> None:
    """Load `module` and call its `command`, which reads the command line and ends the program.

    `extra` is the one of smart-drill that brings the packages which the program needs.
    """
    open_standard_files()
    try:
        _load_and_call(program, module, command, extra)
    finally:
        _give_up_errors()


def _load_and_call(program: str, module: str, command: str, extra: str) -> None:
    handler = signal.getsignal(signal.SIGINT)
    interruptible = handler is signal.default_int_handler  # else whoever started us ignores it
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        called = getattr(import_module(module), command)
    except ModuleNotFoundError as error:
        complain(program, told_as_missing(error, extra))
        sys.exit(NOT_INSTALLED)
    if interruptible:
        signal.signal(signal.SIGINT, handler)
    try:
        called()
    finally:
        if interruptible:  # nor a traceback of what Python does at its end
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _give_up_errors() -> None:
    """Drop what stderr has not taken by our end: Python would try once more, fail, and end with a
    status of its own."""
    try:
        sys.stderr.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  no path of anybody's
            os.dup2(nowhere.fileno(), STDERR)


def open_standard_files() -> None:
    """Stand in for standard files that are closed: the next file opened would take their place, and
    get what is meant for them. Output to a closed one fails; for errors there is nobody to tell."""
    for number in (0, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR if number == STDERR else os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = open(STDOUT, "w", closefd=False)  # noqa: SIM115  for as long as we run
    if sys.stderr is None:
        sys.stderr = open(STDERR, "w", closefd=False)  # noqa: SIM115  for as long as we run
