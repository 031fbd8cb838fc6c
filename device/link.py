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
    """Reads, writes and reopens; what was heard and is to be sent is the session's business.

    `down_reason` says why the link is not up. A port that leads to another drill is closed and
    tried again later: a name may come to mean another device.
    """

    def __init__(self, session: Session, open_port: Callable[[], Port]) -> None:
        """`open_port` is called for each attempt and raises PortError while there is no port."""
        self.session = session
        self.down_reason = "port not opened yet"
        self._told: str | None = None
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
            frames = self.session.receive(self._port.read(), now_ms)
        except PortError as error:
            self._lost(error, now_ms)
            return []
        if self.session.wrong_drill is not None:
            self._lost(PortError(self._wrong_drill()), now_ms)
        elif self.session.up(now_ms):
            self._answered()
        else:
            self.down_reason = self._told or "the controller is silent"
        return frames

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
        self.session.opened()

    def _answered(self) -> None:
        """The controller was heard of: what was wrong is over."""
        if self._told != "":
            _log.info("controller answers", drill=self.session.drill)
        self._told = ""
        self._delay_ms = FIRST_DELAY_MS

    def _wrong_drill(self) -> str:
        return f"the port leads to drill {self.session.wrong_drill}, not {self.session.drill}"

    def _lost(self, error: PortError, now_ms: int) -> None:
        self.close()
        self.down_reason = str(error)
        if self.down_reason != self._told:
            _log.warning("port closed", reason=self.down_reason)
            self._told = self.down_reason
        self._next_attempt_ms = now_ms + self._delay_ms
        self._delay_ms = min(2 * self._delay_ms, LONGEST_DELAY_MS)
