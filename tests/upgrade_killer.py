"""Upgrades a journal or a spool in one process after another, and kills each a line later.

`python tests/upgrade_killer.py journal|spool FOLDER` leaves a folder for each process, named by the
line that it came to; the last one came to the end.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

from oracle_box import DOMAIN
from upgrade_story import NEXT_JOURNAL, NEXT_SPOOL, former_journal, former_spool

from device.bridge import spool_versions
from host import database_copy, schema
from oracle.journal import upgrade, versions

WATCHED = {
    str(Path(str(module.__file__)))
    for module in (schema, database_copy, upgrade, versions, spool_versions)
} | {str(Path(__file__).with_name("upgrade_story.py"))}


def upgrade_journal(path: Path) -> None:
    upgrade.upgrade(f"sqlite:///{path}", DOMAIN, None, NEXT_JOURNAL)


def upgrade_spool(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        spool_versions.bring_up_to_date(database, path, NEXT_SPOOL)


KINDS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], None]]] = {
    "journal": (former_journal, upgrade_journal),
    "spool": (former_spool, upgrade_spool),
}


def kill_at(number: int) -> Callable[[FrameType, str, Any], Any]:
    """Kills this process before it executes so many lines of what is watched."""
    left = number

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def main(kind: str, folder: Path) -> None:
    make, run = KINDS[kind]
    for number in range(1, 1_000):
        place = folder / f"{number:04}"
        place.mkdir()
        path = make(place)
        child = os.fork()
        if child == 0:
            sys.settrace(kill_at(number))
            run(path)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return
    raise AssertionError("it never came to the end")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
