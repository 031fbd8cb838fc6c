"""The drills that are reported stolen on this box, read anew for each decision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog

from host.errors import FileError
from host.theft_reports import reported_stolen

log = structlog.get_logger()


@dataclass
class TheftReports:
    """The folder that `theft_folder` names, as `CorePorts.stolen` wants it. What somebody has
    reported must not be overlooked because it cannot be read: then no drill starts."""

    folder: Path
    _fault: str = ""

    def __call__(self) -> frozenset[int] | None:
        """The drills, None when that cannot be read; the log says so once."""
        try:
            found = reported_stolen(self.folder)
        except FileError as error:
            if str(error) != self._fault:
                self._fault = str(error)
                log.warning("theft reports unreadable", reason=self._fault)
            return None
        self._fault = ""
        return found
