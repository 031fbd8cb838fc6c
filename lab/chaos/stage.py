"""What goes on as a process is killed: the stage of its rental, and what the oracle is at."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from enum import StrEnum
from typing import Any

from lab.chaos.yard import ChaosYard
from lab.rig.errors import RigError


class ChaosStage(StrEnum):
    """A rental's, by what was done to it last."""

    OPENING = "opening"
    DRILLING = "drilling"
    CLOSING = "closing"


def stage_of(stage: ChaosStage, yard: ChaosYard, said: Sequence[Mapping[str, Any]]) -> str:
    """In words; `said` is the log of the oracle since its last start."""
    if stage is not ChaosStage.DRILLING:
        return stage
    if not any(one.get("event") == "rental taken up" for one in said):
        return "oracle catching up"
    settling = "a settlement on its way" if _settling(yard) else "nothing to settle"
    return f"motor {'on' if _running(yard) else 'off'}, {settling}"


def _settling(yard: ChaosYard) -> bool:
    """Whether a batch is signed and not final."""
    file = f"file:{yard.folder}/journal.sqlite?mode=ro"
    with closing(sqlite3.connect(file, uri=True)) as connection:
        query = "SELECT count(*) FROM batch WHERE state = 'open'"
        return bool(connection.execute(query).fetchone()[0])


def _running(yard: ChaosYard) -> bool:
    """Whether a motor has power."""
    for controller in yard.controllers.values():
        try:
            if controller.state().get("motor_on"):
                return True
        except RigError:
            continue  # it was killed a moment ago
    return False
