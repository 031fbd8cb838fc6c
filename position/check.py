"""What `drill-position check` looks at: all that `run` needs, and nothing is changed by it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from host.checks import CheckStep, MissingError, NoteError, who_looks
from host.clock_sync import ADVICE, clock_is_synchronised
from host.theft_reports import reported_stolen
from position.errors import ReceiverError
from position.receivers import open_receiver
from position.settings import PositionSettings, WatchedDrill


def steps(settings: PositionSettings) -> list[CheckStep]:
    """In the order in which they are said."""
    drills = ", ".join(str(one.number) for one in settings.drills)
    return [
        CheckStep("looking as", who_looks),
        CheckStep("settings", lambda: f"watches drill {drills}"),
        CheckStep("purpose", lambda: settings.privacy.purpose),
        CheckStep("folder", lambda: _folder(settings.folder, "folder")),
        CheckStep("theft reports", lambda: _theft(settings.theft_folder)),
        CheckStep("clock", _clock),
        *(
            CheckStep(f"receiver of drill {one.number}", partial(_receiver, one))
            for one in settings.drills
        ),
    ]


def _folder(folder: Path, name: str) -> str:
    if not folder.is_dir():
        raise MissingError(f"{name} {folder}: there is no such folder")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise MissingError(f"{name} {folder} cannot be written by us")
    return str(folder)


def _theft(folder: Path) -> str:
    said = _folder(folder, "theft_folder")
    stolen = ", ".join(map(str, sorted(reported_stolen(folder)))) or "none"
    return f"{said}; reported stolen: {stolen}"


def _clock() -> str:
    kept = clock_is_synchronised()
    if kept is False:
        raise NoteError(f"{ADVICE}. Until then nothing is deleted at the end of its retention")
    return "the kernel does not say whether it is kept in step" if kept is None else "kept in step"


def _receiver(drill: WatchedDrill) -> str:
    try:
        open_receiver(drill.receiver).close()
    except ReceiverError as error:
        raise MissingError(
            f"{error} (it is not a fault if drill-position has a serial line already)"
        ) from error
    return f"{drill.receiver.kind} can be opened"
