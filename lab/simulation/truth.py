"""What really happened: recorded where it happens, and used by nothing that is tested."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.simulation.chance import PromiseBroken
from protocol.messages import (
    Channel,
    LeaseMessage,
    ReadingMessage,
    parse_command,
    parse_message,
    parse_topic,
)
from protocol.records import Lease, Reading
from protocol.sample import Sample, decode_sample


@dataclass
class TrueStroke:
    """The motor had power, from and to a time in Unix ms by the drill's clock. Begun at `began_ms`,
    and the controller switched on at `powered_ms`, by the true time."""

    drill: int
    lease: Lease
    from_time_ms: int
    began_ms: int
    powered_ms: int
    to_time_ms: int = 0


@dataclass(frozen=True, slots=True)
class Issued:
    """A lease that left the box."""

    message: LeaseMessage
    true_ms: int
    box_ms: int


@dataclass
class WorldTruth:
    """The record of one world."""

    produced: dict[int, dict[int, Sample]] = field(default_factory=dict)
    """By drill and sequence: what the controller made durable and queued."""

    owners: dict[int, dict[int, int]] = field(default_factory=dict)
    """By drill and sequence: the rental under whose lease the motor had power as the sample was
    made, or had last set the spindle turning; 0 at standstill."""

    made: dict[int, dict[int, int]] = field(default_factory=dict)
    """By drill and sequence: when the sample was made, true Unix ms."""

    raw: dict[int, dict[int, bytes]] = field(default_factory=dict)
    lost: dict[int, set[int]] = field(default_factory=dict)
    """What a controller still had when it lost power; the bridge may or may not have it."""

    strokes: list[TrueStroke] = field(default_factory=list)
    issued: dict[Lease, Issued] = field(default_factory=dict)
    readings: dict[int, dict[int, Reading]] = field(default_factory=dict)
    """By rental's number and `until`: what left the box under a signature."""

    first_signed: dict[tuple[int, int], int] = field(default_factory=dict)
    """When the box believed it was as that reading first left it, Unix ms."""

    splits: list[list[int]] = field(default_factory=list)
    """When no two endpoints told the same, as [from, to] in true ms."""

    set_clocks: list[tuple[int, int]] = field(default_factory=list)
    """When the box's clock was set, true ms, and by how much."""

    def sample(self, drill: int, sequence: int, encoded: bytes) -> None:
        """A controller queues a sample."""
        known = self.raw.setdefault(drill, {})
        if known.setdefault(sequence, encoded) != encoded:
            raise PromiseBroken(f"drill {drill} used sequence {sequence} for two samples")
        self.produced.setdefault(drill, {})[sequence] = decode_sample(encoded)

    def published(self, topic: str, payload: bytes, true_ms: int, box_ms: int) -> None:
        """The oracle publishes something, whether or not it arrives."""
        drill, channel = parse_topic(topic)
        if channel is Channel.LEASE:
            command = parse_command(drill, payload)
            if isinstance(command, LeaseMessage):
                self.issued[command.lease()] = Issued(command, true_ms, box_ms)
        elif channel is Channel.READING:
            self.signed(parse_message(ReadingMessage, drill, payload).reading(), box_ms)

    def signed(self, reading: Reading, box_ms: int) -> None:
        """A signature over this reading has left the box."""
        self.first_signed.setdefault((reading.rental, reading.until), box_ms)
        known = self.readings.setdefault(reading.rental, {})
        if known.setdefault(reading.until, reading) != reading:
            raise PromiseBroken(
                f"rental {reading.rental}: two readings until {reading.until} are signed: "
                f"{known[reading.until]} and {reading}"
            )
