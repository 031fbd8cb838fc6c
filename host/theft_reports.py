"""Reports of theft, as one program leaves them for another: an empty file for each drill, named by
its number, in a folder that says nothing else.

Whoever may write the folder can inhibit the next start of these drills, and nothing more.
"""

from __future__ import annotations

import os
from pathlib import Path

from host.errors import FileError

MOST_ENTRIES = 10_000
"""In the folder; more than a box has drills by far."""


def reported_stolen(folder: Path) -> frozenset[int]:
    """The drills that are reported stolen. Raises FileError when the folder cannot be read, or
    holds more than it could; names that are no drill's number are none of ours."""
    found = set()
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if count >= MOST_ENTRIES:
                    raise FileError(f"theft reports {folder}: there are over {MOST_ENTRIES} files")
                if entry.name.isascii() and entry.name.isdigit():
                    found.add(int(entry.name))
    except OSError as error:
        raise FileError(f"theft reports {folder}: {error.strerror}") from error
    return frozenset(found)


def report_stolen(folder: Path, drill: int) -> None:
    """Leave a report, durably; again changes nothing. Raises FileError."""
    try:
        (folder / str(drill)).touch(mode=0o644)
        _sync(folder)
    except OSError as error:
        raise FileError(f"theft report {folder / str(drill)}: {error.strerror}") from error


def withdraw_report(folder: Path, drill: int) -> None:
    """Take a report away, durably; where there is none nothing changes. Raises FileError."""
    try:
        (folder / str(drill)).unlink(missing_ok=True)
        _sync(folder)
    except OSError as error:
        raise FileError(f"theft report {folder / str(drill)}: {error.strerror}") from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
