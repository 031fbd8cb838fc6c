"""Every error of a command line is one line with its status, and only a defect has a traceback."""

from __future__ import annotations

import errno
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from host.command_line import OneLineCommand, OneLineGroup
from host.errors import PlainError
from protocol.errors import RecordError


class LockedError(PlainError):
    exit_status = 3


def outcome(error: BaseException | None = None, status: int | None = None) -> Any:
    """What a program ends with whose command `do` raises `error` or exits with `status`."""
    app = typer.Typer(name="drill-test", cls=OneLineGroup, no_args_is_help=True)

    @app.callback()
    def group() -> None:
        pass

    @app.command("do")
    def do(number: Annotated[int, typer.Option()] = 1) -> None:
        typer.echo("began")
        if error is not None:
            raise error
        raise typer.Exit(status or 0)

    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    ("error", "line", "status"),
    [
        (PlainError("the file is not there"), "the file is not there", 2),
        (LockedError("PIN refused"), "PIN refused", 3),
        (RecordError("chain_id: too large"), "chain_id: too large", 2),
        (PlainError("one\ntwo\n  three"), "one two three", 2),
        (PlainError("\x1b[2JClean \u202e!"), "\\x1b[2JClean \\u202e!", 2),
        (KeyboardInterrupt(), "interrupted", 130),
        (typer.Abort(), "interrupted", 130),
        (OSError(errno.ENOSPC, "No space left"), "output cannot be written: No space left", 2),
        (OSError(errno.EACCES, "Permission denied", "/f"), "/f: Permission denied", 2),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files", 2),
        (TimeoutError("timed out"), "timed out", 2),
    ],
)
def test_main__error_of_each_kind__one_line_and_its_status(
    error: BaseException, line: str, status: int
) -> None:
    result = outcome(error)("do")

    assert result.stderr == f"drill-test: {line}\n"
    assert result.exit_code == status
    assert result.stdout == "began\n"


def test_main__defect__traceback_then_the_line_and_status_2() -> None:
    result = outcome(KeyError("surprise"))("do")

    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("drill-test: a defect: KeyError: 'surprise'\n")


@pytest.mark.parametrize("status", [0, 1, 2])
def test_main__command_with_a_status_of_its_own__kept(status: int) -> None:
    assert outcome(status=status)("do").exit_code == status


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["undo"], "No such command 'undo'"),
        (["do", "--numbr", "1"], "--numbr"),
        (["do", "--number", "one"], "'--number'"),
        (["do", "extra"], "extra"),
    ],
)
def test_main__command_line_that_cannot_be_meant__one_line_and_status_2(
    arguments: list[str], complaint: str
) -> None:
    result = outcome()(*arguments)

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert complaint in result.stderr
    assert "--help" in result.stderr


def test_main__nothing_asked__help_and_status_2() -> None:
    result = outcome()()

    assert result.exit_code == 2
    assert "Usage: drill-test" in result.stdout + result.stderr


def test_main__version__name_and_version_and_nothing_done() -> None:
    app = typer.Typer()

    @app.command("drill-alone", cls=OneLineCommand)
    def alone(needed: Annotated[str, typer.Option()]) -> None:
        raise AssertionError(needed)

    for program, name in ((outcome()("--version"), "drill-test"), (None, "drill-alone")):
        result = program or CliRunner().invoke(app, ["--version"])
        assert result.exit_code == 0
        assert result.stdout.split()[0] == name
        assert result.stdout.split()[1][0].isdigit()
