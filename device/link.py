"""The serial link of a bridge: a session on a port that may vanish and come back."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from device.errors import PortError
from device.port import Port
from device.session import SampleFrame, Session

_log = structlog.get_logger()

FIRST_DELAY_MS = 100
LONGEST_DELAY_MS = 2_000
"""Between attempts to open the port the delay doubles from the first to the longest."""


class Link:
    """Reads, writes and reopens; what was heard and is to be sent is the session's business."""

    def __init__(self, session: Session, open_port: Callable[[], Port]) -> None:
        """`open_port` is called for each attempt and raises PortError while there is no port."""
        self.session = session
        self.error = "port not opened yet"
        self._open_port = open_port
        self._port: Port | None = None
        self._delay_ms = FIRST_DELAY_MS
        self._next_attempt_ms: int | None = None

    def fileno(self) -> int | None:
        """What to wait on, None while the port is closed."""
        return self._port.fileno() if self._port else None

    def read(self, now_ms: int) -> list[SampleFrame]:
        """Open the port when it is time to; return the samples that arrived."""
        if self._port is None:
            self._try_to_open(now_ms)
        if self._port is None:
            return []
        try:
            return self.session.receive(self._port.read(), now_ms)
        except PortError as error:
            self._lost(error, now_ms)
            return []

    def write(self, now_ms: int, time_ms: int) -> None:
        """Send what is due."""
        if self._port is None:
            return
        try:
            data = self.session.due(now_ms, time_ms)
            if data:
                self._port.write(data)
        except PortError as error:
            self._lost(error, now_ms)

    def up(self, now_ms: int) -> bool:
        """Whether the right controller answers at the open port."""
        return self._port is not None and self.session.up(now_ms)

    def down_reason(self) -> str:
        """Why the link is not up."""
        if self._port is None:
            return self.error
        if self.session.wrong_drill is not None:
            return f"the port leads to drill {self.session.wrong_drill}, not {self.session.drill}"
        return "the controller is silent"

    def close(self) -> None:
        """Close the port."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def _try_to_open(self, now_ms: int) -> None:
        if self._next_attempt_ms is not None and now_ms < self._next_attempt_ms:
            return
        try:
            self._port = self._open_port()
        except PortError as error:
            self._lost(error, now_ms)
            return
        _log.info("port opened")
        self.error = ""
        self._delay_ms = FIRST_DELAY_MS
        self.session.opened()

    def _lost(self, error: PortError, now_ms: int) -> None:
        self.close()
        if str(error) != self.error:
            _log.warning("port closed", reason=str(error))
            self.error = str(error)
        self._next_attempt_ms = now_ms + self._delay_ms
        self._delay_ms = min(2 * self._delay_ms, LONGEST_DELAY_MS)
