"""The parts under attack, without the world around them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from device.bridge.bridge import Bridge, Now
from device.bridge.link import Link
from device.bridge.session import Session
from device.bridge.spool import Spool
from device.drill.drill import SimulatedDrill
from device.drill.firmware import Firmware
from device.drill.memory import Memory
from device.drill.spindle import PresetLoads
from host.mqtt_client import Incoming
from lab.fuzzing.people import signer
from lab.simulation.chain import BOX, named
from lab.simulation.chance import EventTally, Fuse, SeededDice
from lab.simulation.line import SimLine, open_port
from protocol.leases import Provisioning
from protocol.records import Domain, Lease, Registers
from protocol.sample import ControllerFault, Sample, encode_sample
from protocol.serial.frames import Frame, FrameType, encode_frame
from protocol.serial.payloads import (
    Ack,
    ControllerState,
    Hello,
    Status,
    pack_ack,
    pack_clock,
    pack_hello,
    pack_lease,
    pack_samples,
    pack_status,
)

DRILL = 7
KEY = bytes(range(32))
NONCE = 2**127 + 1
DOMAIN = Domain(31_337, "0x" + "ab" * 20)


def a_sample(sequence: int) -> Sample:
    """A sample in good order."""
    return Sample(
        sequence=sequence,
        time_ms=1_800_000_000_000 + 100 * sequence,
        drill=DRILL,
        level=1,
        motor_on=True,
        trigger=True,
        inhibited=False,
        fault_flags=ControllerFault.NONE,
        rpm=2500,
        torque_mnm=998,
        current_ma=2000,
        temperature_mc=22_000,
        rental=3,
        odometer=Registers(1, 2, 3, 4, 5, 6),
    )


@cache
def real_frames() -> tuple[bytes, ...]:
    """One of each kind and of several sizes, without the delimiter."""
    samples = [encode_sample(a_sample(n)) for n in range(1, 9)]
    status = Status(DRILL, NONCE, ControllerState.READY, 10**12, 10**12, 0, 0, 0, "no lease")
    lease = Lease(DRILL, 1, 10**12, 10**12 + 5_000, 42, NONCE)
    frames = [
        Frame(FrameType.HELLO, 0, pack_hello(Hello(DRILL, 1, NONCE))),
        Frame(FrameType.STATUS, 1, pack_status(status)),
        *(Frame(FrameType.SAMPLE, 2, pack_samples(1, samples[:n])) for n in (1, 2, 8)),
        Frame(FrameType.LEASE, 3, pack_lease(lease, bytes(65))),
        Frame(FrameType.INHIBIT, 4, bytes(8) + b"no rental"),
        Frame(FrameType.CLOCK, 5, pack_clock(10**12)),
        Frame(FrameType.ACK, 2**32 - 1, pack_ack(Ack(6, 8, ""))),
    ]
    return tuple(encode_frame(one)[:-1] for one in frames)


def make_firmware() -> Firmware:
    """A controller that trusts one oracle."""
    provisioning = Provisioning(DRILL, named(signer(BOX).address), DOMAIN)
    drill = SimulatedDrill(provisioning, Memory(), PresetLoads(), 1, 0, draw_nonce=lambda: NONCE)
    return Firmware(drill, lambda _: None)


class Inbox:
    """A broker that delivers what it is given, and counts what it is handed."""

    connections = 1
    connected = True

    def __init__(self) -> None:
        self.messages: list[Incoming] = []
        self.published = 0

    def receive(self, limit: int) -> list[Incoming]:  # noqa: ARG002
        """All of it."""
        taken, self.messages = self.messages, []
        return taken

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:  # noqa: ARG002
        """Counted."""
        self.published += 1
        return True


def make_bridge(folder: Path, inbox: Inbox) -> tuple[Bridge, Session, Spool]:
    """A bridge at a silent line."""
    tally = EventTally()
    line, fuse = SimLine(SeededDice(0), tally), Fuse("bridge", tally)
    session, spool = Session(DRILL), Spool(folder / "spool.sqlite", DRILL, 1_000)
    link = Link(session, ["line"], lambda _: open_port(line, fuse))
    return Bridge(DRILL, KEY, link, spool, inbox), session, spool


NOW = Now(1_000, 1_800_000_000_000)
