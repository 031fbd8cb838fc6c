"""Commands of `drill-position` about fences and about what is kept: fence, export, erase."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from host.errors import SettingsError
from host.text_files import read_text
from position import privacy
from position.desk import (
    Drill,
    PositionDesk,
    SettingsFile,
    Since,
    Until,
    Who,
    Why,
    open_desk,
    person,
)
from position.fence import Fence, circle_of, polygon_of
from position.looking import Person, entry_of, require_role
from position.places import KeptPlace
from position.privacy import ALWAYS_MS, Period, moment_ms
from position.records import GroundKind, RecordKind


def fence(  # noqa: PLR0917  typer calls it by keyword
    settings: SettingsFile,
    drill: Drill,
    who: Who,
    why: Why,
    rental: Annotated[
        int | None, typer.Option(min=1, help="The fence is this rental's, not the site's.")
    ] = None,
    circle: Annotated[str | None, typer.Option(help="LATITUDE,LONGITUDE,METRES.")] = None,
    polygon: Annotated[Path | None, typer.Option(help="A GeoJSON file with a polygon.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the fence away.")] = False,
) -> None:
    """Set the fence of a drill's site, or of its rental, which goes before it; or clear it."""
    by, shape = person(who, "fence", why), _shape(circle, polygon, clear=clear)
    number = rental or 0
    with open_desk(settings, drill) as desk:
        if shape is not None:
            desk.places.set_fence(drill, number, shape)
        elif not desk.places.clear_fence(drill, number):
            raise SettingsError(f"drill {drill} has no such fence")
        what = RecordKind.FENCED if shape is not None else RecordKind.UNFENCED
        entry = entry_of(desk.places, drill, desk.now_ms, what, by)
        desk.records.note(replace(entry, rental=number), ends=GroundKind.ALARM)


def export_record(  # noqa: PLR0917  typer calls it by keyword
    settings: SettingsFile,
    drill: Drill,
    rental: Annotated[int | None, typer.Option(min=1, help="Of this rental only.")] = None,
    since: Since = None,
    until: Until = None,
    places: Annotated[
        bool, typer.Option("--places", help="With the places kept; counts as a look.")
    ] = False,
    who: Annotated[str | None, typer.Option(help="With --places: who exports.")] = None,
    role: Annotated[str | None, typer.Option(help="With --places: in what role.")] = None,
    why: Annotated[str | None, typer.Option(help="With --places: why.")] = None,
) -> None:
    """Print a drill's record as JSON, for the customer: what it did, and who looked and why."""
    period, by = _period(since, until, rental), None
    if places:
        if who is None or role is None or why is None:
            raise SettingsError("--places needs --who, --role and --why")
        by = person(who, role, why)
    with open_desk(settings, drill) as desk:
        kept = None if by is None else _kept(desk, drill, period, by)
        found = privacy.export(desk.records, desk.settings.privacy, drill, period, kept)
    typer.echo(json.dumps(found, indent=1))


def erase_places(  # noqa: PLR0917  typer calls it by keyword
    settings: SettingsFile,
    drill: Drill,
    who: Who,
    why: Why,
    rental: Annotated[int | None, typer.Option(min=1, help="With this rental's fence.")] = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Erase a drill's places and movements for good; who looked stays until its retention is over.

    Without --since and --until all of them; with --rental also that rental's fence.
    """
    by, period = person(who, "erasure", why), _period(since, until, rental)
    with open_desk(settings, drill) as desk:
        entry = entry_of(desk.places, drill, desk.now_ms, RecordKind.ERASED, by)
        kept, entries = privacy.erase(desk.records, desk.places, drill, period)
        desk.records.note(replace(entry, rental=rental or entry.rental))
    typer.echo(f"erased {kept} places and {entries} entries of drill {drill}")


def _shape(circle: str | None, polygon: Path | None, *, clear: bool) -> Fence | None:
    """The fence that the options name, None to clear it; raises SettingsError, PlaceError."""
    if [circle is not None, polygon is not None, clear].count(True) != 1:
        raise SettingsError("give one of --circle, --polygon and --clear")
    if circle is not None:
        return circle_of(circle)
    return None if polygon is None else polygon_of(read_text(polygon, "fence"))


def _period(since: str | None, until: str | None, rental: int | None) -> Period:
    first, last = ALWAYS_MS
    return Period(
        first if since is None else moment_ms(since),
        last if until is None else moment_ms(until),
        rental,
    )


def _kept(desk: PositionDesk, drill: int, period: Period, by: Person) -> list[KeptPlace]:
    """The places that were kept, once it is on record that somebody is given them."""
    require_role(by, desk.settings.privacy.roles)
    desk.records.note(entry_of(desk.places, drill, desk.now_ms, RecordKind.EXPORTED, by))
    return desk.places.kept(drill, period.since_ms, period.until_ms)
