"""The serial link of a bridge: a session on a port that may vanish and come back.

Several ports may be given, one of which leads to the drill. Which one it is says the controller:
each is opened in turn and listened to, and nothing is sent before the right controller was heard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from device.bridge.port import Port
from device.bridge.session import SILENCE_MS, SampleFrame, Session
from device.errors import PortError

_log = structlog.get_logger()

FIRST_DELAY_MS = 100
LONGEST_DELAY_MS = 2_000
"""Between attempts to open a port the delay doubles from the first to the longest."""

ELSEWHERE_MS = 5_000
"""A port among several that leads to another drill is left to that drill's bridge for so long."""


@dataclass(slots=True)
class _Place:
    """One port: when to try it next, and what was wrong with it."""

    name: str
    next_ms: int | None = None
    delay_ms: int = FIRST_DELAY_MS
    reason: str = ""


class Link:
    """Reads, writes and reopens; what was heard and is to be sent is the session's business.

    `down_reason` says why the link is not up. A port that leads to another drill is closed and
    tried again later: a name may come to mean another device.
    """

    def __init__(
        self, session: Session, ports: Sequence[str], open_port: Callable[[str], Port]
    ) -> None:
        """`open_port` is called with a port's name for each attempt and raises PortError while it
        cannot be had."""
        self.session = session
        self.down_reason = "port not opened yet"
        self._answers = False
        self._said = ""
        self._open_port = open_port
        self._places = [_Place(name) for name in ports]
        self._at = self._places[0]
        self._port: Port | None = None
        self._heard_ms = 0

    def fileno(self) -> int | None:
        """What to wait on, None while the port is closed."""
        return self._port.fileno() if self._port else None

    def read(self, now_ms: int) -> list[SampleFrame]:
        """Open a port when it is time to; return the samples that arrived."""
        if self._port is None:
            self._try_to_open(now_ms)
        if self._port is None:
            return []
        try:
            frames = self.session.receive(self._port.read(), now_ms)
        except PortError as error:
            self._lost(str(error), now_ms)
            return []
        if self.session.wrong_drill is not None:
            self._lost(self._wrong_drill(), now_ms, ELSEWHERE_MS)
        elif self.session.up(now_ms):
            self._answered(now_ms)
        else:
            self._silent(now_ms)
        return frames

    def write(self, now_ms: int, time_ms: int) -> None:
        """Send what is due."""
        if self._port is None or (self._several and not self.session.up(now_ms)):
            return
        try:
            data = self.session.due(now_ms, time_ms)
            if data:
                self._port.write(data)
        except PortError as error:
            self._lost(str(error), now_ms)

    def up(self, now_ms: int) -> bool:
        """Whether the right controller answers at the open port."""
        return self._port is not None and self.session.up(now_ms)

    def close(self) -> None:
        """Close the port."""
        if self._port is not None:
            self._port.close()
            self._port = None

    @property
    def _several(self) -> bool:
        return len(self._places) > 1

    def _try_to_open(self, now_ms: int) -> None:
        """The one that has waited longest, if any is due."""
        due = [one for one in self._places if one.next_ms is None or one.next_ms <= now_ms]
        if not due:
            return
        self._at = min(due, key=lambda one: -1 if one.next_ms is None else one.next_ms)
        try:
            self._port = self._open_port(self._at.name)
        except PortError as error:
            self._lost(str(error), now_ms)
            return
        self._heard_ms = now_ms
        self.session.opened()

    def _answered(self, now_ms: int) -> None:
        """The controller was heard of: what was wrong is over."""
        self._heard_ms = now_ms
        if not self._answers:
            _log.info("controller answers", drill=self.session.drill, port=self._at.name)
        self._answers, self._said = True, ""
        self._at.reason, self._at.delay_ms = "", FIRST_DELAY_MS

    def _silent(self, now_ms: int) -> None:
        """The port is open, and the right controller is not heard; said once for each reason."""
        reason = self.session.unheard
        lasting = now_ms - self._heard_ms > SILENCE_MS
        if lasting and self._several:  # perhaps the drill is at another one now
            self._lost(f"{self._at.name}: {reason}", now_ms, LONGEST_DELAY_MS)
            return
        if lasting and reason != self._said:
            _log.warning("controller not heard", port=self._at.name, reason=reason)
            self._said, self._at.reason, self._answers = reason, "", False
        self.down_reason = self._why() or reason

    def _why(self) -> str:
        """What is wrong with each port, as far as is known."""
        return "; ".join(one.reason for one in self._places if one.reason)

    def _wrong_drill(self) -> str:
        at = f"{self._at.name}" if self._several else "the port"
        return f"{at} leads to drill {self.session.wrong_drill}, not {self.session.drill}"

    def _lost(self, reason: str, now_ms: int, elsewhere_ms: int = 0) -> None:
        """Close the port and try again later; among several it may take longer."""
        self.close()
        at = self._at
        if reason != at.reason:
            _log.warning("port closed", reason=reason)
            at.reason, self._answers = reason, False
        self.down_reason = self._why()
        at.next_ms = now_ms + (elsewhere_ms if elsewhere_ms and self._several else at.delay_ms)
        at.delay_ms = min(2 * at.delay_ms, LONGEST_DELAY_MS)
