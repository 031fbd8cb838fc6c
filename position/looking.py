"""Who may look where a drill is: a role that the settings name, while there is a ground.

Every look is on the record before anything is shown, and so is every one that is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from position.errors import RefusedLookError
from position.places import KeptPlace, PlaceFile
from position.records import GroundKind, RecordEntry, RecordKind, Records


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who does something, in what role, and why; each is one line of text."""

    who: str
    role: str
    why: str


def entry_of(
    places: PlaceFile, drill: int, now_ms: int, what: RecordKind, by: Person
) -> RecordEntry:
    """The entry about what somebody does now, with the rental of the fence in force."""
    fence = places.fence(drill)
    rental = 0 if fence is None else fence.rental
    return RecordEntry(drill, rental, now_ms, what, by.who, by.role, by.why)


def require_role(by: Person, roles: tuple[str, ...]) -> None:
    """Raise RefusedLookError for somebody whose role may not look at all."""
    if by.role not in roles:
        raise RefusedLookError(
            f"role {by.role!r} may not look where a drill is; privacy.roles names {list(roles)}"
        )


def require_ground(drill: int, grounds: Mapping[GroundKind, int]) -> None:
    """Raise RefusedLookError while there is no ground to look."""
    if not grounds:
        raise RefusedLookError(
            f"there is no ground to look where drill {drill} is: it has not left its fence, is not "
            "reported stolen, and nobody has been sent to fetch it (see fetch)"
        )


def look(
    records: Records,
    places: PlaceFile,
    drill: int,
    by: Person,
    *,
    now_ms: int,
    roles: tuple[str, ...],
) -> KeptPlace | None:
    """Record that somebody looks, then return the newest place that was kept; None if there is
    none. Raises RefusedLookError, which is recorded too, when they may not."""
    try:
        require_role(by, roles)
        require_ground(drill, records.grounds(drill))
    except RefusedLookError:
        records.note(entry_of(places, drill, now_ms, RecordKind.REFUSED, by))
        raise
    records.note(entry_of(places, drill, now_ms, RecordKind.LOOKED, by))
    return places.newest(drill)
