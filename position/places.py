"""The one file with coordinates in it: fences, and places for as long as there is a ground.

It lies in a folder of its own, marked as one that no backup needs (CACHEDIR.TAG), and everything in
it is deleted at the end of its retention. A site's fence stays until it is cleared.
Source of the tag: the Cache Directory Tagging Specification, which tar, borg and restic follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.schema import Execute, Schema, SchemaStep
from position.database import PositionFile
from position.errors import RecordsError
from position.fence import Fence, fence_of_text, fence_text
from position.fix import FixQuality, Place

TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n# Coordinates: keep this folder out of backups.\n"
)


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """Where a drill was while there was a ground to keep it: `kept_ms` is Unix ms by the box's
    clock, `time_ms` by the receiver's."""

    drill: int
    kept_ms: int
    time_ms: int
    place: Place
    accuracy_mm: int
    quality: FixQuality


@dataclass(frozen=True, slots=True)
class DrillFence:
    """A fence in force; `rental` is 0 for that of a site. Each time one is set, it is given a new
    number."""

    number: int
    rental: int
    fence: Fence


def _make(execute: Execute) -> None:
    execute(
        "CREATE TABLE fence (number INTEGER PRIMARY KEY AUTOINCREMENT, drill INTEGER NOT NULL,"
        " of_rental INTEGER NOT NULL, rental INTEGER NOT NULL, shape TEXT NOT NULL,"
        " UNIQUE (drill, of_rental))"
    )
    execute(
        "CREATE TABLE place (number INTEGER PRIMARY KEY AUTOINCREMENT, drill INTEGER NOT NULL,"
        " kept_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL, latitude_e7 INTEGER NOT NULL,"
        " longitude_e7 INTEGER NOT NULL, accuracy_mm INTEGER NOT NULL, quality TEXT NOT NULL)"
    )


SCHEMA = Schema("places", 1, (SchemaStep(1, "0.1.0", "fences and places", _make),))


_PLACES = (
    "SELECT drill, kept_ms, time_ms, latitude_e7, longitude_e7, accuracy_mm, quality FROM place"
)


class PlaceFile(PositionFile):
    """The file `places/places.sqlite` in a folder."""

    def __init__(self, folder: Path) -> None:
        inner = folder / "places"
        try:
            inner.mkdir(mode=0o700, exist_ok=True)
            (inner / "CACHEDIR.TAG").write_text(TAG, "ascii")
        except OSError as error:
            raise RecordsError(f"{inner}: {error.strerror}") from error
        super().__init__(inner / "places.sqlite", SCHEMA)

    def set_fence(self, drill: int, rental: int, fence: Fence) -> None:
        """Put a fence around a drill: its site's (`rental` 0), or a rental's, which goes before it
        and takes the place of another rental's."""
        with self.changing() as database:
            database.execute(
                "INSERT OR REPLACE INTO fence (drill, of_rental, rental, shape)"
                " VALUES (?, ?, ?, ?)",
                (drill, rental != 0, rental, fence_text(fence)),
            )

    def clear_fence(self, drill: int, rental: int) -> bool:
        """Take a fence away; returns whether it was there."""
        count = self._delete("DELETE FROM fence WHERE drill = ? AND rental = ?", (drill, rental))
        return count > 0

    def fence(self, drill: int) -> DrillFence | None:
        """The fence in force: the rental's, else the site's."""
        query = (
            "SELECT number, rental, shape FROM fence WHERE drill = ?"
            " ORDER BY of_rental DESC LIMIT 1"
        )
        with self.reading() as database:
            row = database.execute(query, (drill,)).fetchone()
        return None if row is None else DrillFence(row[0], row[1], fence_of_text(row[2]))

    def keep(self, kept: KeptPlace) -> None:
        """Keep a place."""
        with self.changing() as database:
            database.execute(
                "INSERT INTO place (drill, kept_ms, time_ms, latitude_e7, longitude_e7,"
                " accuracy_mm, quality) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    kept.drill,
                    kept.kept_ms,
                    kept.time_ms,
                    kept.place.latitude_e7,
                    kept.place.longitude_e7,
                    kept.accuracy_mm,
                    kept.quality,
                ),
            )

    def kept(self, drill: int, since_ms: int, until_ms: int) -> list[KeptPlace]:
        """The places that were kept in that time of the box's clock, oldest first."""
        query = f"{_PLACES} WHERE drill = ? AND kept_ms BETWEEN ? AND ? ORDER BY number"
        with self.reading() as database:
            rows = database.execute(query, (drill, since_ms, until_ms)).fetchall()
        return [_kept(row) for row in rows]

    def newest(self, drill: int) -> KeptPlace | None:
        """The newest place that was kept."""
        query = f"{_PLACES} WHERE drill = ? ORDER BY number DESC LIMIT 1"
        with self.reading() as database:
            row = database.execute(query, (drill,)).fetchone()
        return None if row is None else _kept(row)

    def erase(self, drill: int, since_ms: int, until_ms: int) -> int:
        """Delete the places of that time of the box's clock; returns how many."""
        query = "DELETE FROM place WHERE drill = ? AND kept_ms BETWEEN ? AND ?"
        return self._delete(query, (drill, since_ms, until_ms))

    def expire(self, before_ms: int) -> int:
        """Delete the places from before a time of the box's clock; returns how many."""
        return self._delete("DELETE FROM place WHERE kept_ms < ?", (before_ms,))

    def _delete(self, query: str, values: Sequence[object]) -> int:
        with self.changing() as database:
            count = database.execute(query, values).rowcount
        if count:
            self.compact()
        return count


def _kept(row: tuple[Any, ...]) -> KeptPlace:
    drill, kept_ms, time_ms, latitude_e7, longitude_e7, accuracy_mm, quality = row
    place = Place(latitude_e7, longitude_e7)
    return KeptPlace(drill, kept_ms, time_ms, place, accuracy_mm, FixQuality(quality))
