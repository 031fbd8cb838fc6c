"""Why a broker ended a connection, and how long to wait before the next one.

A broker lets a client id in once: who connects with it a second time ends the first connection, and
two programs that both connect again at once do so for ever. With MQTT 5 a broker can say that the
session was taken over (mosquitto 2.0.11 does not). Otherwise it shows by connections that are
accepted, ended by the broker soon afterwards, and accepted again. Pure: times come with each call,
seconds of any steady clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FIRST_SECONDS = 1
LONGEST_SECONDS = 30
"""Between two attempts where another client seems to have the id: rare enough to spare the log and
the other one, and short enough that a box is back soon after its double is gone."""

SHORT_SECONDS = 2 * LONGEST_SECONDS
"""A connection that lasts longer was not ended by a double, which stays away for half as long."""

SUSPICIOUS = 3
"""This many short connections in a row cannot be an accident."""

TAKEN_OVER = 0x8E
"""MQTT 5, 3.14.2.1: session taken over."""

Version = Literal["3.1.1", "5"]


@dataclass(slots=True)
class Sessions:
    """The connections of one client id, one after another."""

    client_id: str
    _since: float | None = None
    _short: int = 0

    def connected(self, now: float) -> None:
        """The broker has accepted a connection."""
        self._since = now

    def unreachable(self) -> None:
        """A connection could not be made: what ended the one before was the broker's going."""
        self._short = 0

    def ended(self, now: float, code: int, reason: str) -> tuple[str, int]:
        """A connection has ended with this MQTT reason code, which is called `reason`; returns what
        to say about it, and for how many seconds to stay away."""
        since, self._since = self._since, None
        if since is None or now - since > SHORT_SECONDS:
            self._short = 0
        else:
            self._short += 1
        pause = min(FIRST_SECONDS * 2 ** max(self._short - 1, 0), LONGEST_SECONDS)
        if code == TAKEN_OVER:
            return f"another client with the id {self.client_id} has connected: {reason}", pause
        if self._short < SUSPICIOUS:
            return reason, FIRST_SECONDS
        return (
            f"{reason}, {self._short} times in a row soon after it was accepted: it seems that "
            f"another client has the id {self.client_id}, as with copied settings or certificates",
            pause,
        )
