"""What is kept without a coordinate: where each drill is against its fence, and who did what.

An entry is one line of a drill's record: that it entered or left, that somebody looked, reported it
stolen or sent somebody to fetch it. A customer is shown all of them for the time of their rental.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from host.schema import Execute, Schema, SchemaStep
from position.database import PositionFile
from position.fix import FixQuality
from position.watch import FixTrouble, Where


class RecordKind(StrEnum):
    """What an entry is about."""

    INSIDE = "found inside"
    OUTSIDE = "found outside"
    ENTERED = "entered"
    LEFT = "left"
    LOOKED = "looked"
    REFUSED = "look refused"
    EXPORTED = "exported with places"
    STOLEN = "reported stolen"
    NOT_STOLEN = "report of theft withdrawn"
    FETCH = "to be fetched"
    FETCHED = "no longer to be fetched"
    FENCED = "fence set"
    UNFENCED = "fence cleared"
    ERASED = "places erased"


MOVEMENTS = (RecordKind.INSIDE, RecordKind.OUTSIDE, RecordKind.ENTERED, RecordKind.LEFT)
"""What a drill did, as opposed to what somebody did about it."""


class GroundKind(StrEnum):
    """Why the exact place may be kept and looked at, for as long as it lasts."""

    ALARM = "fence alarm"
    THEFT = "report of theft"
    FETCH = "to be fetched"


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One line of a drill's record. `rental` is that of the fence in force, 0 without one; `who`,
    `role` and `why` are empty for what the drill did. Unix ms by the box's clock."""

    drill: int
    rental: int
    time_ms: int
    what: RecordKind
    who: str = ""
    role: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a drill is against the fence of that number (None without one), as the running program
    last wrote it. `fix_ms` is the receiver's time of the newest fix that counted, None before there
    was one; `heard_ms` when it was heard by the clock that nobody sets, of the start of the machine
    that `boot` names."""

    drill: int
    fence: int | None
    where: Where
    since_ms: int | None
    fix_ms: int | None
    heard_ms: int
    late_ms: int
    boot: str
    quality: FixQuality
    accuracy_mm: int | None
    trouble: FixTrouble | None


def _make(execute: Execute) -> None:
    execute(
        "CREATE TABLE standing (drill INTEGER PRIMARY KEY, fence INTEGER, place TEXT NOT NULL,"
        " since_ms INTEGER, fix_ms INTEGER, heard_ms INTEGER NOT NULL, late_ms INTEGER NOT NULL,"
        " boot TEXT NOT NULL,"
        " quality TEXT NOT NULL, accuracy_mm INTEGER, trouble TEXT)"
    )
    execute(
        "CREATE TABLE entry (number INTEGER PRIMARY KEY AUTOINCREMENT, drill INTEGER NOT NULL,"
        " rental INTEGER NOT NULL, time_ms INTEGER NOT NULL, what TEXT NOT NULL,"
        " who TEXT NOT NULL, role TEXT NOT NULL, why TEXT NOT NULL)"
    )
    execute(
        "CREATE TABLE ground (drill INTEGER NOT NULL, kind TEXT NOT NULL,"
        " since_ms INTEGER NOT NULL, PRIMARY KEY (drill, kind))"
    )


SCHEMA = Schema("records", 1, (SchemaStep(1, "0.1.0", "standing, entries, grounds", _make),))


class Records(PositionFile):
    """The file `records.sqlite` in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "records.sqlite", SCHEMA)

    def stand(self, standing: Standing) -> None:
        """Put down where a drill is."""
        with self.changing() as database:
            database.execute(
                "INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    standing.drill,
                    standing.fence,
                    standing.where,
                    standing.since_ms,
                    standing.fix_ms,
                    standing.heard_ms,
                    standing.late_ms,
                    standing.boot,
                    standing.quality,
                    standing.accuracy_mm,
                    standing.trouble,
                ),
            )

    def standing(self, drill: int) -> Standing | None:
        """Where a drill is; None before it was watched."""
        with self.reading() as database:
            row = database.execute("SELECT * FROM standing WHERE drill = ?", (drill,)).fetchone()
        if row is None:
            return None
        number, fence, where, since_ms, fix_ms, heard_ms, late_ms, boot = row[:8]
        quality, accuracy_mm, trouble = row[8:]
        return Standing(
            drill=number,
            fence=fence,
            where=Where(where),
            since_ms=since_ms,
            fix_ms=fix_ms,
            heard_ms=heard_ms,
            late_ms=late_ms,
            boot=boot,
            quality=FixQuality(quality),
            accuracy_mm=accuracy_mm,
            trouble=None if trouble is None else FixTrouble(trouble),
        )

    def note(
        self,
        entry: RecordEntry,
        *,
        opens: GroundKind | None = None,
        ends: GroundKind | None = None,
    ) -> None:
        """Add an entry, durably, with the ground that begins or ends by it."""
        fields = (entry.drill, entry.rental, entry.time_ms, entry.what)
        with self.changing() as database:
            database.execute(
                "INSERT INTO entry (drill, rental, time_ms, what, who, role, why)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*fields, entry.who, entry.role, entry.why),
            )
            if ends is not None:
                database.execute(
                    "DELETE FROM ground WHERE drill = ? AND kind = ?", (entry.drill, ends)
                )
            if opens is not None:
                database.execute(
                    "INSERT OR IGNORE INTO ground VALUES (?, ?, ?)",
                    (entry.drill, opens, entry.time_ms),
                )

    def grounds(self, drill: int) -> dict[GroundKind, int]:
        """The grounds that there are, and since when (Unix ms)."""
        query = "SELECT kind, since_ms FROM ground WHERE drill = ? ORDER BY since_ms"
        with self.reading() as database:
            rows = database.execute(query, (drill,)).fetchall()
        return {GroundKind(kind): since_ms for kind, since_ms in rows}

    def entries(self, drill: int, since_ms: int, until_ms: int) -> list[RecordEntry]:
        """A drill's entries of a time, oldest first; both ends count."""
        query = (
            "SELECT drill, rental, time_ms, what, who, role, why FROM entry"
            " WHERE drill = ? AND time_ms BETWEEN ? AND ? ORDER BY number"
        )
        with self.reading() as database:
            rows = database.execute(query, (drill, since_ms, until_ms)).fetchall()
        return [
            RecordEntry(number, rental, time_ms, RecordKind(what), who, role, why)
            for number, rental, time_ms, what, who, role, why in rows
        ]

    def erase_movements(self, drill: int, since_ms: int, until_ms: int) -> int:
        """Delete what the drill did in that time, not who looked; returns how many entries."""
        marks = ", ".join("?" for _ in MOVEMENTS)
        query = (
            f"DELETE FROM entry WHERE what IN ({marks})"  # noqa: S608
            " AND drill = ? AND time_ms BETWEEN ? AND ?"
        )
        return self._delete(query, (*MOVEMENTS, drill, since_ms, until_ms))

    def expire(self, before_ms: int) -> int:
        """Delete the entries from before a time; returns how many."""
        return self._delete("DELETE FROM entry WHERE time_ms < ?", (before_ms,))

    def _delete(self, query: str, values: Sequence[object]) -> int:
        with self.changing() as database:
            count = database.execute(query, values).rowcount
        if count:
            self.compact()
        return count
