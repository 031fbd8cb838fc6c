"""Numbered schemas: how a database of a former release becomes one of this release.

Each version of a schema has a number, and each step makes one version of the one before. The
database says in its table `schema_step` which step was its last, and which release brought that; so
a release that finds a newer one can say what to install. A database from before that table says its
number in a way of its own.

The steps that are due are made in one transaction together with the note of it, by whoever holds
the database's lock: it is of the old version or of the new one, whenever power fails. Numbered
steps serve a journal on two kinds of server and a spool alike, and add no package to a box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from host.errors import SchemaError

Execute = Callable[[str], Any]
"""Executes one statement within the caller's transaction, and returns a cursor over its rows."""

TABLE = "schema_step"

ADVICE = "see docs/upgrading.md"


@dataclass(frozen=True, slots=True)
class SchemaStep:
    """One step: makes version `number` of the version before, as `what` says, with statements that
    SQLite and PostgreSQL understand. `release` is the first one that knows it."""

    number: int
    release: str
    what: str
    make: Callable[[Execute], None]


@dataclass(frozen=True, slots=True)
class Written:
    """What a database says of itself: its version, and the release that brought that; empty where
    none is noted."""

    version: int
    release: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """All versions that a release can work with or bring up to date: those from `oldest` on, with
    the steps that follow it in order."""

    name: str
    oldest: int
    steps: Sequence[SchemaStep]

    @property
    def newest(self) -> int:
        """The version that this release writes."""
        return self.steps[-1].number

    def due(self, found: Written, place: str) -> tuple[SchemaStep, ...]:
        """The steps that lead from `found` to the newest version, none if it is that.

        Raises SchemaError for a newer version, or one before `oldest`; `place` names the database.
        """
        if found.version > self.newest:
            needed = f"release {found.release} or newer" if found.release else "a newer release"
            raise SchemaError(
                f"{self.name} {place} is of version {found.version}, this release knows versions "
                f"up to {self.newest}; nothing was changed. Install {needed}, or "
                f"put back the copy that the upgrade made: {ADVICE}"
            )
        if found.version < self.oldest:
            raise SchemaError(
                f"{self.name} {place} is of version {found.version}, this release takes over "
                f"versions from {self.oldest} on; nothing was changed. Let the release that wrote "
                f"it finish what is in it first: {ADVICE}"
            )
        return tuple(step for step in self.steps if step.number > found.version)

    def create(self, execute: Execute) -> None:
        """Note in a new database that it is of the newest version."""
        make_table(execute)
        _note(execute, self.steps[-1])


def upgrade(steps: Sequence[SchemaStep], execute: Execute) -> None:
    """Make the steps that are due, and note each."""
    for step in steps:
        step.make(execute)
        _note(execute, step)


def last_step(execute: Execute) -> Written:
    """What the table `schema_step` says; it must be there."""
    query = f"SELECT number, release FROM {TABLE} ORDER BY number DESC LIMIT 1"  # noqa: S608
    number, release = execute(query).fetchone()
    return Written(int(number), str(release))


def make_table(execute: Execute) -> None:
    """Make the table `schema_step`: the first step of each schema."""
    columns = "number BIGINT NOT NULL PRIMARY KEY, release TEXT NOT NULL"
    execute(f"CREATE TABLE {TABLE} ({columns})")


def said(steps: Sequence[SchemaStep]) -> str:
    """The steps in words."""
    return "; ".join(f"{step.number}: {step.what}" for step in steps)


def _note(execute: Execute, step: SchemaStep) -> None:
    execute(f"INSERT INTO {TABLE} VALUES ({step.number}, '{step.release}')")  # noqa: S608
