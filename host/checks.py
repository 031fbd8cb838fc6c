"""What `check` of a program finds out, and how it says it: one shape for all of them.

A step looks at one thing and changes nothing. What fails is said with what to do about it, and the
steps that rest on it are said to be not looked at; every other step goes on, so that one run names
all that is missing. A step that raises what is no `PlainError` is a defect of ours.
"""

from __future__ import annotations

import os
import pwd
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

import typer

from host.errors import HostError, PlainError
from host.foreign_text import harmless
from host.log import silence_logs

WIDTH = 80
"""Columns: what a terminal has at least."""

SHOWN = 2_000
"""Characters of one finding."""


class Mark(StrEnum):
    """The verdict on one thing, as it begins a line."""

    OK = "ok"
    NOTE = "note"
    MISSING = "MISSING"
    UNSEEN = "not seen"


class MissingError(HostError):
    """Something that the program needs and that is not so; the message says what to do."""


class NoteError(HostError):
    """Something that stops nothing, and that whoever runs the program should know."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line of the report."""

    mark: Mark
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One look: returns what it found, one text or several, or raises a PlainError. It is made only
    if the steps in `needs` found nothing missing."""

    what: str
    look: Callable[[], str | Sequence[CheckLine]]
    needs: tuple[str, ...] = ()


def run_steps(steps: Sequence[CheckStep]) -> Iterator[CheckLine]:
    """Make each step whose needs are met, and yield what it finds."""
    failed: set[str] = set()
    for step in steps:
        wanting = [need for need in step.needs if need in failed]
        if wanting:
            failed.add(step.what)
            yield CheckLine(Mark.UNSEEN, step.what, f"needs: {', '.join(wanting)}")
            continue
        try:
            found = step.look()
        except NoteError as error:
            yield CheckLine(Mark.NOTE, step.what, str(error))
        except PlainError as error:
            failed.add(step.what)
            yield CheckLine(Mark.MISSING, step.what, str(error))
        else:
            if isinstance(found, str):
                found = [CheckLine(Mark.OK, step.what, found)]
            if any(one.mark is Mark.MISSING for one in found):
                failed.add(step.what)
            yield from found


def print_findings(findings: Iterator[CheckLine], say: Callable[[str], None]) -> int:
    """Say each finding and a last word; returns the exit status, 0 or 1."""
    missing = 0
    for one in findings:
        missing += one.mark is Mark.MISSING
        for line in lines_of(one):
            say(line)
    if missing:
        say(f"{missing} {'thing is' if missing == 1 else 'things are'} missing.")
        return 1
    say("Nothing is missing.")
    return 0


def lines_of(one: CheckLine) -> list[str]:
    """A finding in lines of WIDTH columns; words that are longer stay whole."""
    return textwrap.wrap(
        harmless(f"{one.what}: {one.text}", SHOWN),
        WIDTH,
        initial_indent=f"{one.mark.value:<9}",
        subsequent_indent=" " * 11,
        break_long_words=False,
        break_on_hyphens=False,
    )


def check_as(user: str | None, steps: Callable[[], Sequence[CheckStep]]) -> NoReturn:
    """The whole command: look with a user's rights, say what was found, and end the program."""
    silence_logs()
    if user is not None:
        become(user)
    raise typer.Exit(print_findings(run_steps(steps()), typer.echo))


def become(user: str) -> None:
    """Go on as that user, for good; raises MissingError unless we are root and there is one."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise MissingError(f"--user {user}: there is no such user on this machine") from None
    if entry.pw_uid == os.geteuid():
        return
    if os.geteuid() != 0:
        raise MissingError(f"--user {user}: only root can check with another user's rights")
    os.initgroups(entry.pw_name, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def who_looks() -> str:
    """Step: with whose rights all this is found; raises NoteError for root's, which say little."""
    if os.geteuid() == 0:
        raise NoteError(
            "root, who may read and write everything. If another user runs the program, "
            "check as that user: --user NAME"
        )
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"number {os.geteuid()}"
