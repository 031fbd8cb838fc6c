"""A serial line between a controller and its bridge, in the hands of somebody who may keep leases
back and play them, with a clock to match, to a controller that has lost power since.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from device.errors import PortError
from lab.simulation.chance import EventTally, Fuse, SeededDice
from protocol.serial.frames import Decoder, Frame, FrameType, encode_frame
from protocol.serial.payloads import pack_clock, parse_lease

PLAYED = 2**31
"""Numbers of the frames that whoever holds the line makes up."""

BUFFER_BYTES = 4_096
"""What a line holds that nobody reads."""


@dataclass
class Noise:
    """What happens on the wire now, as probabilities of each write."""

    flipped: float = 0.0
    cut_short: float = 0.0
    lost: float = 0.0
    repeated: float = 0.0
    garbage: float = 0.0


@dataclass(eq=False)
class SimLine:
    """Two directions of bytes."""

    dice: SeededDice
    tally: EventTally
    noise: Noise = field(default_factory=Noise)
    plugged: bool = True
    up: bytearray = field(default_factory=bytearray)
    down: bytearray = field(default_factory=bytearray)
    withholding: bool = False
    withheld: list[bytes] = field(default_factory=list)
    """Payloads of the leases that were kept back, oldest first."""

    def carry(self, way: bytearray, data: bytes) -> None:
        """Write bytes at one end."""
        if not data:
            return
        if not self.plugged:
            return
        if self.withholding and way is self.down:
            data = self._without_leases(data)
        way += self._mangle(data)
        del way[:-BUFFER_BYTES]

    def _without_leases(self, data: bytes) -> bytes:
        passed = b""
        for frame in Decoder().feed(data):
            if frame.type is FrameType.LEASE:
                self.withheld.append(frame.payload)
            else:
                passed += encode_frame(frame)
        return passed

    def play(self) -> None:
        """Give the controller all that was kept back, newest first, each at its own time."""
        for number, payload in enumerate(reversed(self.withheld)):
            lease, _signature = parse_lease(payload)
            clock = Frame(FrameType.CLOCK, PLAYED + 2 * number, pack_clock(lease.issued_at))
            played = Frame(FrameType.LEASE, PLAYED + 2 * number + 1, payload)
            self.down += encode_frame(clock) + encode_frame(played)
        self.withheld.clear()

    def _mangle(self, data: bytes) -> bytes:
        noise, hits = self.noise, self.dice.hits
        if hits(noise.lost):
            self.tally.faults["serial frames lost"] += 1
            frames = data.split(b"\0")
            del frames[self.dice.randrange(len(frames))]
            data = b"\0".join(frames)
        if hits(noise.repeated):
            self.tally.faults["serial frames repeated"] += 1
            frames = data.split(b"\0")
            frames.insert(0, frames[self.dice.randrange(len(frames))])
            data = b"\0".join(frames)
        if hits(noise.flipped) and data:
            self.tally.faults["serial noise"] += 1
            damaged = bytearray(data)
            for _ in range(self.dice.randrange(1, 4)):
                damaged[self.dice.randrange(len(damaged))] ^= 1 << self.dice.randrange(8)
            data = bytes(damaged)
        if hits(noise.cut_short):
            self.tally.faults["serial frame cut short"] += 1
            data = data[: self.dice.randrange(len(data) + 1)]
        if hits(noise.garbage):
            self.tally.faults["serial garbage"] += 1
            data = self.dice.randbytes(self.dice.randrange(1, 40)) + data
        return data

    def unplug(self) -> None:
        """Pull it out; what was on it is gone."""
        self.plugged = False
        self.up.clear()
        self.down.clear()


@dataclass(eq=False)
class SimPort:
    """The bridge's end, as it was opened."""

    line: SimLine
    fuse: Fuse

    def fileno(self) -> int:
        """Nobody waits for it here."""
        return -1

    def read(self) -> bytes:
        """What has arrived."""
        self.fuse.touch("serial read")
        self._require()
        data = bytes(self.line.up)
        self.line.up.clear()
        return data

    def write(self, data: bytes) -> None:
        """To the controller."""
        self.fuse.touch("serial write")
        self._require()
        self.line.carry(self.line.down, data)

    def close(self) -> None:
        """Nothing to do."""

    def _require(self) -> None:
        if not self.line.plugged:
            raise PortError("simulated: unplugged")


def open_port(line: SimLine, fuse: Fuse) -> SimPort:
    """Open it; raises PortError while it is unplugged."""
    fuse.touch("serial open")
    if not line.plugged:
        raise PortError("simulated: no such port")
    return SimPort(line, fuse)
