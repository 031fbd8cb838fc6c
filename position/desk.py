"""What the commands of `drill-position` share: options, who does it, and what they work on."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from host.clock import SystemClock
from host.errors import SettingsError
from position.looking import Person
from position.places import PlaceFile
from position.records import Records
from position.settings import PositionSettings, load_position_settings

SettingsFile = Annotated[Path, typer.Option("--settings", help="The settings, a TOML file.")]
Drill = Annotated[int, typer.Option(min=1, max=2**32 - 1, help="The drill's number.")]
Who = Annotated[str, typer.Option(help="Who does it: a name that the customer will see.")]
Role = Annotated[str, typer.Option(help="In what role.")]
Why = Annotated[str, typer.Option(help="Why, in a line that the customer will see.")]
Since = Annotated[str | None, typer.Option(help="From this time on, as in 2026-11-30T08:00:00Z.")]
Until = Annotated[str | None, typer.Option(help="Up to this time.")]

LONGEST_WORD = 200


@dataclass(frozen=True, slots=True)
class PositionDesk:
    """What a command works on."""

    settings: PositionSettings
    records: Records
    places: PlaceFile
    now_ms: int


@contextmanager
def open_desk(path: Path, drill: int | None = None) -> Iterator[PositionDesk]:
    """Settings and files, for a drill that is among them. Raises SettingsError for another one, and
    for a user whose files the running program could not write."""
    settings = load_position_settings(path)
    known = [one.number for one in settings.drills]
    if drill is not None and drill not in known:
        raise SettingsError(f"drill {drill} is not in settings {path}, which name {known}")
    _require_owner(settings.folder)
    records = Records(settings.folder)
    try:
        places = PlaceFile(settings.folder)
        try:
            yield PositionDesk(settings, records, places, SystemClock().now_ms())
        finally:
            places.close()
    finally:
        records.close()


def person(who: str, role: str, why: str) -> Person:
    """Somebody by what they say of themselves; raises SettingsError for what is no line of text."""
    for name, text in (("who", who), ("role", role), ("why", why)):
        if not text.strip() or len(text) > LONGEST_WORD or not text.isprintable():
            raise SettingsError(f"--{name} is one line of 1 .. {LONGEST_WORD} characters")
    return Person(who.strip(), role.strip(), why.strip())


def _require_owner(folder: Path) -> None:
    try:
        owner = folder.stat().st_uid
    except OSError as error:
        raise SettingsError(f"folder {folder}: {error.strerror}") from error
    if owner != os.geteuid():
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = str(owner)
        raise SettingsError(
            f"folder {folder} is {name}'s; type: runuser -u {name} -- drill-position"
        )
