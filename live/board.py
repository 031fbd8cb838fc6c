"""The newest of what each drill and its oracle say: pure, without a socket or a clock.

Only four retained topics are taken, parsed and written anew, so that nothing leaves that is no
message of the protocol; events and raw samples never come here. What the page believes
it checks itself: signatures and proofs are passed on, not judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from protocol.errors import MessageError
from protocol.messages import (
    Channel,
    LogMessage,
    ReadingMessage,
    StatusMessage,
    parse_command,
    parse_message,
    parse_topic,
)
from protocol.records import Domain

CHANNELS = (Channel.READING, Channel.LOG, Channel.STATUS, Channel.LEASE)


@dataclass(frozen=True, slots=True)
class Update:
    """One message of one drill, as JSON text."""

    drill: int
    channel: Channel
    text: str


@dataclass
class Board:
    """What was last said on each channel of the drills that are known here."""

    domain: Domain
    drills: frozenset[int]
    refused: int = 0
    _newest: dict[tuple[int, Channel], Update] = field(default_factory=dict)

    def take(self, topic: str, payload: bytes) -> Update | None:
        """Keep a message; None, and counted, when it is none of this deployment's and drills'.

        An empty payload clears a retained topic and is forgotten with it.
        """
        try:
            drill, channel = self._served(topic)
            if not payload:
                self._newest.pop((drill, channel), None)
                return None
            update = Update(drill, channel, self._text(drill, channel, payload))
        except MessageError:
            self.refused += 1
            return None
        self._newest[drill, channel] = update
        return update

    def _served(self, topic: str) -> tuple[int, Channel]:
        drill, channel = parse_topic(topic)
        if drill not in self.drills or channel not in CHANNELS:
            raise MessageError(f"not served here: {topic[:80]}")
        return drill, channel

    def _text(self, drill: int, channel: Channel, payload: bytes) -> str:
        if channel is Channel.LEASE:
            return parse_command(drill, payload).to_json().decode()
        if channel is Channel.STATUS:
            return parse_message(StatusMessage, drill, payload).to_json().decode()
        if channel is Channel.LOG:
            return parse_message(LogMessage, drill, payload).to_json().decode()
        reading = parse_message(ReadingMessage, drill, payload)
        here = (self.domain.chain_id, self.domain.contract.lower())
        if (reading.chain_id, reading.contract.lower()) != here:
            raise MessageError("a reading of another deployment")
        return reading.to_json().decode()

    def newest(self, drill: int, channel: Channel) -> Update | None:
        """The last message, or None while there was none."""
        return self._newest.get((drill, channel))

    def everything(self, drills: Iterable[int]) -> list[Update]:
        """The last messages about these drills, in a fixed order."""
        wanted = set(drills)
        return [self._newest[key] for key in sorted(self._newest) if key[0] in wanted]
