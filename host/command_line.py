"""A command line whose every error is one line: what was wrong, and what to do.

`OneLineGroup` and `OneLineCommand` are given to typer as `cls`. They add `--version`, and end with

    0     done; a command may have statuses of its own for what it found, such as 1
    2     it could not be done: bad input, something that refuses us, output that nobody takes
    130   interrupted

unless an error names another status. An error that nobody foresaw is a defect of ours: its
traceback comes before the line, so that it can be mended.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from host.errors import PlainError
from host.exit_status import COULD_NOT
from host.foreign_text import complain, harmless
from host.log import configure_logs
from host.start import STDOUT
from protocol.errors import ProtocolError

SettingsFile = Annotated[Path, typer.Option("--settings", help="The settings, a TOML file.")]
CheckUser = Annotated[
    str | None,
    typer.Option("--user", help="Check with the rights of this user, who is to run it."),
]
"""What `run` and `check` of every program take."""

PACKAGE = "smart-drill"
INTERRUPTED = 130

_OF_OUTPUT = (errno.ENOSPC, errno.EPIPE, errno.EBADF, errno.EIO)

UsageError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)
"""ClickException, be it click's or that of the copy that newer versions of typer bring."""


class OneLineGroup(TyperGroup):
    """A program with subcommands."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(_version_option())

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Read the command line, do it, and end the program."""
        return _plainly(super().main, self.name, *arguments, **options)


class OneLineCommand(TyperCommand):
    """A program that does one thing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(_version_option())

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Read the command line, do it, and end the program."""
        return _plainly(super().main, self.name, *arguments, **options)


def program_version() -> str:
    """The version of the installed package."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "not installed"


def _version_option() -> Any:
    """`--version` as typer makes an option: of a command that has nothing else."""
    program = typer.Typer(add_completion=False)
    program.command()(_version)
    return typer.main.get_command(program).params[0]


def _tell_version(context: typer.Context, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        typer.echo(f"{context.command.name} {program_version()}")
        raise typer.Exit


def _version(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_tell_version,
            is_eager=True,
            expose_value=False,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    pass


def _plainly(
    main: Callable[..., Any],
    name: str | None,
    args: Any = None,
    prog_name: str | None = None,
    **options: Any,
) -> Any:
    if not options.pop("standalone_mode", True):
        return main(args, prog_name, standalone_mode=False, **options)
    program = name or prog_name or "smart-drill"
    configure_logs(warnings_only=True)
    sys.exit(_run(program, lambda: main(args, program, standalone_mode=False, **options)))


def _run(program: str, call: Callable[[], Any]) -> int:
    """Call, and flush what was printed; returns the exit status."""
    try:
        with _flushed():
            found = call()
        status = found if isinstance(found, int) else 0
        text = "interrupted" if status == INTERRUPTED else ""
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  each is told, and ends us
        text, status = _told(program, error)
    if text:
        complain(program, " ".join(text.split()))
    return status


def _show(text: str) -> None:
    """Lines on stderr; where it takes nothing, there is nobody left to tell that."""
    with contextlib.suppress(OSError):
        for line in text.splitlines():
            sys.stderr.write(f"{harmless(line)}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def _flushed() -> Iterator[None]:
    """Leave nothing for Python to print at its end, where it could fail once more."""
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  no path of anybody's
                os.dup2(nowhere.fileno(), STDOUT)
            raise


def _told(program: str, error: BaseException) -> tuple[str, int]:
    """What an error says, and the exit status; text is empty where all is said."""
    match error:
        case PlainError() | ProtocolError():
            return str(error), getattr(error, "exit_status", COULD_NOT)
        case UsageError():
            return _told_usage(program, error), COULD_NOT
        case KeyboardInterrupt() | typer.Abort():
            return "interrupted", INTERRUPTED
        case OSError():
            return _told_system(error), COULD_NOT
    _show("".join(traceback.format_exception(error)))
    return f"a defect: {type(error).__name__}: {error}", COULD_NOT


def _told_system(error: OSError) -> str:
    """What the operating system refuses."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename}: {reason}"
    return f"output cannot be written: {reason}" if error.errno in _OF_OUTPUT else reason


def _told_usage(program: str, error: Any) -> str:
    """A command line that cannot be meant; help that was asked for by saying nothing is whole."""
    if type(error).__name__ == "NoArgsIsHelpError":
        _show(error.format_message() + "\n")
        return ""
    context = getattr(error, "ctx", None)
    path = program if context is None else context.command_path
    return f"{error.format_message().removesuffix('.')}; see {path} --help"
