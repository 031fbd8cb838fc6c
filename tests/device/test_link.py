"""Both ends of the serial line, over a line that loses, and ports that vanish."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterable
from dataclasses import replace

import pytest
import structlog
from device_builders import DRILL, NONCE, NOW_MS, PROVISIONING, make_lease, make_sample, sign_lease

from device.bridge.link import Link
from device.bridge.session import MOST_SENDS, RESEND_MS, SILENCE_MS, SampleFrame, Session
from device.drill.controller import Pull, Release
from device.drill.drill import SimulatedDrill
from device.drill.firmware import MAX_CATCH_UP_MS, Firmware
from device.drill.memory import Memory
from device.drill.spindle import PresetLoads
from device.drill.uplink import RING_SAMPLES, Uplink
from device.errors import NonVolatileError, PortError
from protocol.records import NO_NONCE
from protocol.sample import encode_sample
from protocol.serial.frames import Decoder, Frame, FrameType, encode_frame
from protocol.serial.payloads import (
    VERSION,
    Ack,
    ControllerState,
    Hello,
    Status,
    pack_ack,
    pack_clock,
    pack_hello,
    pack_lease,
    pack_status,
    parse_samples,
    parse_status,
)

STATUS = Status(DRILL, NONCE, ControllerState.LOCKED, 0, 0, 0, 0, 0, "")


def make_drill(
    start_ms: int, memory: Memory | None = None, drawn: Iterable[int] = itertools.repeat(NONCE)
) -> SimulatedDrill:
    nonces = iter(drawn)
    return SimulatedDrill(
        PROVISIONING,
        memory or Memory(),
        PresetLoads(),
        1,
        start_ms,
        draw_nonce=lambda: next(nonces),
    )


class Line:
    """A firmware and a session joined by a line that drops, damages and splits, from a seed."""

    def __init__(self, loss: float = 0.0, seed: int = 1) -> None:
        self.written: list[Memory] = []
        drill = make_drill(0)
        self.memory_fails = False
        self.firmware = Firmware(drill, self._remember)
        self.session = Session(DRILL)
        self.session.opened()
        self.now_ms = 0
        self.spooled: dict[int, SampleFrame] = {}
        self.arrivals: list[int] = []
        self._loss, self._noise = loss, random.Random(seed)  # noqa: S311  line noise

    def lose_power(self) -> None:
        """Off and on: what is not in the memory is gone, and another nonce is drawn."""
        memory = self.written[-1] if self.written else None
        drill = make_drill(self.now_ms, memory, itertools.count(NONCE + 1))
        self.firmware = Firmware(drill, self._remember)

    def _remember(self, memory: Memory) -> None:
        if self.memory_fails:
            raise NonVolatileError("worn out")
        self.written.append(memory)

    def _carry(self, data: bytes) -> bytes:
        if not data or self._noise.random() >= self._loss:
            return data
        cut = self._noise.randrange(len(data))
        return data[:cut] + self._noise.randbytes(self._noise.randrange(20))

    def run(self, ms: int) -> None:
        for _ in range(ms // 10):
            self.now_ms += 10
            self.firmware.run_until(self.now_ms)
            down = self.session.due(self.now_ms, NOW_MS + self.now_ms)
            self.firmware.receive(self._carry(down), self.now_ms)
            up = self._carry(self.firmware.send(self.now_ms))
            for frame in self.session.receive(up, self.now_ms):
                for sample in frame.content.samples:
                    self.spooled[sample.sequence] = frame
                    self.arrivals.append(sample.sequence)
                self.session.acknowledge(frame)

    def unlock(self) -> None:
        """Give a lease, once it is known what it has to answer."""
        while self.session.nonce == NO_NONCE:
            self.run(10)
        issued_at = NOW_MS + self.now_ms
        lease = make_lease(issued_at, issued_at + 30_000, nonce=self.session.nonce)
        self.session.send_lease(lease, sign_lease(lease))


def test_line__clean__links_sets_the_clock_unlocks_and_delivers() -> None:
    line = Line()
    line.run(200)
    line.unlock()
    line.run(50)
    assert line.firmware.drill.controller.state is ControllerState.READY
    assert line.session.status is not None
    assert line.session.status.state is ControllerState.READY
    line.firmware.drill.apply(Pull())
    line.run(2_000)
    newest = line.firmware.drill.memory.sequence
    assert sorted(line.spooled) == list(range(1, newest + 1))
    assert line.firmware.uplink.unacknowledged <= 1
    assert line.session.bad_frames == 0


@pytest.mark.parametrize("seed", range(5))
def test_line__loses_and_damages_a_fifth__delivers_every_sample_in_the_end(seed: int) -> None:
    line = Line(loss=0.2, seed=seed)
    line.run(1_000)
    line.unlock()
    line.run(1_000)
    line.firmware.drill.apply(Pull())
    line.run(20_000)
    line._loss = 0.0
    line.run(3_000)
    newest = line.firmware.drill.memory.sequence
    assert newest > 100
    assert sorted(line.spooled) == list(range(1, newest + 1))
    assert line.session.bad_frames > 0


def test_line__memory_is_written_before_a_sample_leaves() -> None:
    line = Line()
    line.run(1_000)
    assert max(line.spooled) <= line.written[-1].sequence


def test_line__accepted_lease__is_remembered_before_it_is_acknowledged() -> None:
    line = Line()
    line.run(200)
    line.unlock()
    line.run(20)
    assert line.written[-1].newest_issued_at == NOW_MS + 200


def test_line__memory_fails_while_drilling__goes_on_and_locks_at_standstill() -> None:
    line = Line()
    line.run(200)
    line.unlock()
    line.run(50)
    drill = line.firmware.drill
    drill.apply(Pull())
    line.run(500)
    line.memory_fails = True
    line.run(3_000)
    assert drill.controller.motor_on
    assert max(line.spooled) == line.written[-1].sequence < drill.memory.sequence
    drill.apply(Release())
    line.run(3_000)
    assert drill.controller.state is ControllerState.LOCKED
    assert line.session.status is not None
    assert line.session.status.reason == "memory fails: worn out"
    assert drill.apply(Pull()) == "memory fails: worn out"
    drill.apply(Release())
    line.memory_fails = False
    line.run(2_000)
    assert drill.controller.state is ControllerState.READY
    assert sorted(line.spooled) == list(range(1, drill.memory.sequence + 1))


def test_line__memory_fails_for_long__holds_back_no_more_samples_than_the_ring() -> None:
    line = Line()
    line.run(200)
    line.memory_fails = True
    line.run(2_000)
    firmware = line.firmware
    for _ in range(RING_SAMPLES):
        firmware._hold(make_sample(1))
    assert len(firmware._held) == RING_SAMPLES
    assert firmware.uplink.lost_samples > 0


def test_line__memory_fails_as_a_lease_comes__refuses_it_and_stays_locked() -> None:
    line = Line()
    line.run(200)
    line.memory_fails = True
    line.unlock()
    line.run(50)
    (refusal,) = line.session.refusals
    assert refusal.reason == "memory fails: worn out"
    assert line.firmware.drill.controller.state is ControllerState.LOCKED


def test_line__refused_lease__comes_back_with_the_reason() -> None:
    line = Line()
    line.run(200)
    lease = make_lease(NOW_MS)
    line.session.send_lease(lease, bytes(64) + b"\x1b")
    line.run(50)
    (refusal,) = line.session.refusals
    assert refusal.kind is FrameType.LEASE
    assert line.firmware.drill.controller.state is ControllerState.LOCKED


def test_line__firmware_held_up__catches_up_on_its_grid() -> None:
    line = Line()
    line.run(1_000)
    before = line.firmware.drill.memory.sequence
    line.now_ms += 5_000
    line.run(500)
    times = [line.spooled[s].content.samples for s in sorted(line.spooled)]
    stamps = sorted({sample.time_ms for group in times for sample in group})
    assert line.firmware.drill.memory.sequence - before == 6
    assert {b - a for a, b in itertools.pairwise(stamps)} == {1_000}
    assert line.firmware.skipped_ms == 0


def test_run_until__held_up_too_long__skips_and_counts() -> None:
    line = Line()
    line.run(1_000)
    line.now_ms += MAX_CATCH_UP_MS + 5_000
    line.run(10)
    assert line.firmware.skipped_ms == MAX_CATCH_UP_MS + 5_000


def held_up_line() -> Line:
    """A drill that was READY when it was held up until long after its lease had expired."""
    line = Line()
    line.run(200)
    line.unlock()
    line.run(50)
    assert line.firmware.drill.controller.state is ControllerState.READY
    line.now_ms += 60_000
    line.firmware.run_until(line.now_ms)
    return line


def test_run_until__held_up_too_long__the_next_pull_is_judged_by_the_time_that_it_is() -> None:
    drill = held_up_line().firmware.drill
    assert drill.apply(Pull()) == "lease expired"
    assert not drill.controller.motor_on


def test_run_until__held_up_too_long__a_waiting_lease_is_judged_by_the_time_that_it_is() -> None:
    line = held_up_line()
    lease = make_lease(NOW_MS + 1_000)
    payload = pack_lease(lease, sign_lease(lease))
    line.firmware.receive(encode_frame(Frame(FrameType.LEASE, 0, payload)), line.now_ms)
    assert line.firmware.drill.controller.state is ControllerState.LOCKED
    assert line.firmware.drill.controller.lease != lease


def test_run_until__held_up_too_long__a_true_clock_is_taken_as_it_is() -> None:
    line = held_up_line()
    true_ms = NOW_MS + line.now_ms + 100
    clock = encode_frame(Frame(FrameType.CLOCK, 0, pack_clock(true_ms)))
    line.firmware.receive(clock, line.now_ms)
    line.firmware.run_until(line.now_ms + 100)
    assert line.firmware.drill.time_ms == true_ms + 100


def test_receive__clock_before_the_first_step__is_set_to_the_time_on_it() -> None:
    start_ms = 3_410_000  # the machine has been up for an hour
    drill = make_drill(start_ms)
    firmware = Firmware(drill, lambda _: None)
    clock = encode_frame(Frame(FrameType.CLOCK, 0, pack_clock(NOW_MS)))
    firmware.run_until(start_ms + 5)
    firmware.receive(clock, start_ms + 5)
    firmware.run_until(start_ms + 10)
    assert drill.time_ms == NOW_MS + 5


def frames(data: bytes) -> list[Frame]:
    return Decoder().feed(data)


def linked_uplink(samples: int) -> Uplink:
    uplink = Uplink(DRILL, 1)
    uplink.due(0, STATUS)
    uplink.acknowledged(Ack(0, 0, ""), 0)
    for sequence in range(1, samples + 1):
        uplink.add(sequence, encode_sample(make_sample(sequence)))
    return uplink


def test_uplink__nobody_answers__says_hello_and_nothing_else() -> None:
    uplink = Uplink(DRILL, 5)
    uplink.add(5, encode_sample(make_sample(5)))
    sent = [frame for now in range(0, 3_000, 10) for frame in frames(uplink.due(now, STATUS))]
    assert {frame.type for frame in sent} == {FrameType.HELLO}
    assert len(sent) == 6


def test_uplink__window__holds_four_frames_until_acknowledged() -> None:
    uplink = linked_uplink(100)
    first = [f for f in frames(uplink.due(1, STATUS)) if f.type is FrameType.SAMPLE]
    assert [parse_samples(f.payload).samples[0].sequence for f in first] == [1, 9, 17, 25]
    assert uplink.due(2, STATUS) == b""
    uplink.acknowledged(Ack(first[0].number, 8, ""), 3)
    (following,) = frames(uplink.due(3, STATUS))
    content = parse_samples(following.payload)
    assert (content.oldest, content.samples[0].sequence) == (9, 33)


def test_uplink__no_acknowledgement__sends_the_same_samples_again() -> None:
    uplink = linked_uplink(3)
    (_, first) = frames(uplink.due(1, STATUS))
    again = [f for f in frames(uplink.due(501, STATUS)) if f.type is FrameType.SAMPLE]
    assert [f.payload for f in again] == [first.payload]
    uplink.acknowledged(Ack(first.number, 3, ""), 502)  # late, and still good
    assert uplink.unacknowledged == 0


@pytest.mark.parametrize("ack", [Ack(2, 4, ""), Ack(99, 3, ""), Ack(2, 3, "no")])
def test_uplink__acknowledgement_that_does_not_fit__forgets_nothing(ack: Ack) -> None:
    uplink = linked_uplink(3)
    uplink.due(1, STATUS)
    uplink.acknowledged(ack, 2)
    assert uplink.unacknowledged == 3


def test_uplink__ring_overflows__drops_the_oldest_and_counts() -> None:
    uplink = linked_uplink(RING_SAMPLES + 10)
    assert (uplink.unacknowledged, uplink.lost_samples) == (RING_SAMPLES, 10)
    sent = [f for f in frames(uplink.due(1, STATUS)) if f.type is FrameType.SAMPLE]
    assert parse_samples(sent[0].payload).oldest == 11


def test_uplink__nonce_changes__is_said_at_once() -> None:
    uplink = linked_uplink(0)
    assert len(frames(uplink.due(1, STATUS))) == 1
    assert uplink.due(2, STATUS) == b""
    (told,) = frames(uplink.due(3, replace(STATUS, nonce=9)))
    assert parse_status(told.payload).nonce == 9


def test_session__hello_and_status__say_what_to_answer_until_the_port_is_opened_again() -> None:
    session = Session(DRILL)
    assert session.nonce == NO_NONCE
    hello, status = pack_hello(Hello(DRILL, 1, 5)), pack_status(replace(STATUS, nonce=6))
    for kind, payload, nonce in ((FrameType.HELLO, hello, 5), (FrameType.STATUS, status, 6)):
        session.receive(encode_frame(Frame(kind, 0, payload)), 0)
        assert session.nonce == nonce
    session.opened()
    assert session.nonce == NO_NONCE


def test_line__lease_withheld_until_after_a_power_cycle__the_session_hears_why_it_is_refused() -> (
    None
):
    line = Line()
    line.run(200)
    withheld = make_lease(NOW_MS + line.now_ms, nonce=line.session.nonce)
    line.lose_power()
    line.run(200)
    assert line.session.nonce not in (NO_NONCE, withheld.nonce)
    line.session.send_lease(withheld, sign_lease(withheld))
    line.run(50)
    (refusal,) = line.session.refusals
    assert f"answers nonce {withheld.nonce:x}, none of the newest" in refusal.reason
    assert line.firmware.drill.controller.state is ControllerState.LOCKED
    line.unlock()
    line.run(50)
    assert line.firmware.drill.controller.state is ControllerState.READY


def test_uplink__silence__begins_again_with_hello() -> None:
    uplink = linked_uplink(3)
    uplink.due(1, STATUS)
    sent = [frame.type for now in range(10, 4_000, 10) for frame in frames(uplink.due(now, STATUS))]
    assert FrameType.HELLO in sent
    assert sent[-1] is FrameType.HELLO


def test_session__command_without_answer__is_repeated_and_given_up() -> None:
    session = Session(DRILL)
    session.due(0, NOW_MS)
    session.send_inhibit("exhausted")
    sent = [
        frame
        for now in range(0, RESEND_MS * (MOST_SENDS + 10), 10)
        for frame in frames(session.due(now, NOW_MS))
        if frame.type is FrameType.INHIBIT
    ]
    assert len(sent) == MOST_SENDS
    assert len({frame.number for frame in sent}) == 1


def test_session__lease_that_expired_meanwhile__is_not_sent() -> None:
    session = Session(DRILL)
    session.send_lease(make_lease(), sign_lease(make_lease()))
    sent = frames(session.due(0, make_lease().expires_at))
    assert FrameType.LEASE not in {frame.type for frame in sent}


def test_session__inhibit_after_lease__replaces_it() -> None:
    session = Session(DRILL)
    session.send_lease(make_lease(), sign_lease(make_lease()))
    session.send_inhibit("exhausted")
    assert [f.type for f in frames(session.due(0, NOW_MS))] == [FrameType.CLOCK, FrameType.INHIBIT]


def test_session__controller_of_another_drill__gets_no_word_and_counts_as_down() -> None:
    session = Session(DRILL)
    hello = encode_frame(Frame(FrameType.HELLO, 0, pack_hello(Hello(8, 1, NONCE))))
    assert session.receive(hello, 0) == []
    assert session.wrong_drill == 8
    assert not session.up(0)
    assert session.due(0, NOW_MS) == b""


def test_session__frame_for_a_controller_or_stray_ack__changes_nothing() -> None:
    session = Session(DRILL)
    for kind, payload in [(FrameType.CLOCK, bytes(8)), (FrameType.SAMPLE, b"short")]:
        assert session.receive(encode_frame(Frame(kind, 0, payload)), 0) == []
    assert session.bad_frames == 2
    ack = encode_frame(Frame(FrameType.ACK, 0, pack_ack(Ack(77, 0, ""))))
    assert session.receive(ack, 5) == []
    assert session.up(5 + SILENCE_MS)
    assert not session.up(6 + SILENCE_MS)


class FakePort:
    """A port that works until `broken`."""

    def __init__(self) -> None:
        self.incoming = b""
        self.written = b""
        self.broken = False
        self.closed = False

    def fileno(self) -> int:
        return 0

    def read(self) -> bytes:
        if self.broken:
            raise PortError("unplugged")
        data, self.incoming = self.incoming, b""
        return data

    def write(self, data: bytes) -> None:
        if self.broken:
            raise PortError("unplugged")
        self.written += data

    def close(self) -> None:
        self.closed = True


def test_link__port_vanishes_and_returns__reopens_with_growing_delays() -> None:
    ports: list[FakePort] = []
    attempts: list[int] = []
    missing = False
    now = 0

    def open_port(_: str) -> FakePort:
        attempts.append(now)
        if missing:
            raise PortError("no such port")
        ports.append(FakePort())
        return ports[-1]

    link = Link(Session(DRILL), ["port"], open_port)
    link.read(0)
    assert link.fileno() == 0
    ports[0].broken = missing = True
    for now in range(10, 10_000, 10):
        link.read(now)
        link.write(now, NOW_MS)
    assert ports[0].closed
    assert link.down_reason == "no such port"
    waits = [b - a for a, b in itertools.pairwise(attempts)][:6]
    assert waits[:5] == [110, 200, 400, 800, 1_600]
    assert max(waits) == 2_000
    missing = False
    for now in range(10_000, 13_000, 10):
        link.read(now)
        link.write(now, NOW_MS)
    assert len(ports) == 2
    assert FrameType.CLOCK in {frame.type for frame in frames(ports[1].written)}
    hello = Frame(FrameType.HELLO, 0, pack_hello(Hello(DRILL, 1, NONCE)))
    ports[1].incoming = encode_frame(hello)
    link.read(13_000)
    assert link.up(13_000)
    link.read(17_000)
    assert (link.up(17_000), link.down_reason) == (False, "the controller is silent")


def test_link__port_leads_to_another_drill__is_closed_and_tried_again() -> None:
    ports: list[FakePort] = []

    def open_port(_: str) -> FakePort:
        ports.append(FakePort())
        drill = DRILL + 1 if len(ports) == 1 else DRILL
        ports[-1].incoming = encode_frame(
            Frame(FrameType.HELLO, 0, pack_hello(Hello(drill, 1, NONCE)))
        )
        return ports[-1]

    link = Link(Session(DRILL), ["port"], open_port)
    link.read(0)
    link.write(0, NOW_MS)
    assert (ports[0].closed, ports[0].written) == (True, b"")
    assert link.down_reason == "the port leads to drill 8, not 7"
    link.read(200)
    assert link.up(200)


class Desk:
    """Ports by name, each with the controller of a drill or with what else comes from it; a bridge
    that has one open keeps the others off."""

    def __init__(self, **drills: int | bytes) -> None:
        self.at = drills
        self.open: dict[str, FakePort] = {}

    def open_port(self, name: str) -> FakePort:
        port = self.open.get(name)
        if port is not None and not port.closed:
            raise PortError(f"{name}: busy")
        self.open[name] = FakePort()
        return self.open[name]

    def speak(self) -> None:
        """Each controller says hello."""
        for name, port in self.open.items():
            who = self.at[name]
            hello = (
                encode_frame(Frame(FrameType.HELLO, 0, pack_hello(Hello(int(who), 1, NONCE))))
                if isinstance(who, int)
                else who
            )
            port.incoming = b"" if who == 0 else hello

    def run(self, links: list[Link], start: int, ms: int) -> int:
        for now in range(start, start + ms, 50):
            if now % 500 == 0:
                self.speak()
            for link in links:
                link.read(now)
                link.write(now, NOW_MS + now)
        return start + ms


def test_link__two_bridges_with_the_same_swapped_ports__each_finds_its_drill() -> None:
    desk = Desk(usb0=8, usb1=7)
    links = [Link(Session(drill), ["usb0", "usb1"], desk.open_port) for drill in (7, 8)]
    now = desk.run(links, 0, 8_000)
    assert [link.up(now) for link in links] == [True, True]
    desk.at = {"usb0": 7, "usb1": 8}  # and swapped while they run
    now = desk.run(links, now, 20_000)
    assert [link.up(now) for link in links] == [True, True]


def test_link__several_ports__nothing_is_sent_to_another_drill() -> None:
    desk = Desk(usb0=8, usb1=0, usb2=7)
    link = Link(Session(DRILL), ["usb0", "usb1", "usb2"], desk.open_port)
    desk.run([link], 0, 3_000)
    wrong = desk.open["usb0"]
    assert (wrong.closed, wrong.written) == (True, b"")
    now = desk.run([link], 3_000, 5_000)
    assert link.up(now)
    assert desk.open["usb1"].written == b""
    assert FrameType.CLOCK in {frame.type for frame in frames(desk.open["usb2"].written)}


def test_link__several_ports_and_none_is_the_drills__says_of_each_why_once() -> None:
    desk = Desk(usb0=8, usb1=0)
    link = Link(Session(DRILL), ["usb0", "usb1", "gone"], desk.open_port)
    del desk.at["usb1"]
    desk.at |= {"usb1": 0, "gone": 0}
    with structlog.testing.capture_logs() as logs:
        desk.run([link], 0, 40_000)
    assert link.down_reason == (
        "usb0 leads to drill 8, not 7; usb1: the controller is silent; "
        "gone: the controller is silent"
    )
    assert [entry["event"] for entry in logs] == ["port closed"] * 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "the controller is silent"),
        (
            bytes(range(1, 200)),
            "bytes come and no frame among them: has the controller another baud rate?",
        ),
        (
            encode_frame(Frame(FrameType.HELLO, 0, struct.pack(">BIQ", 2, DRILL, 1))),
            f"what comes is refused: the controller speaks version 2, this side {VERSION}",
        ),
        (
            encode_frame(
                Frame(FrameType.HELLO, 0, b"\x09" + pack_hello(Hello(DRILL, 1, NONCE))[1:])
            ),
            f"what comes is refused: the controller speaks version 9, this side {VERSION}",
        ),
    ],
    ids=["silent", "other baud rate", "version before", "other version"],
)
def test_link__controller_not_heard__says_what_comes_instead(line: bytes, reason: str) -> None:
    port = FakePort()
    link = Link(Session(DRILL), ["usb0"], lambda _: port)
    with structlog.testing.capture_logs() as logs:
        for now in range(0, 20_000, 100):
            port.incoming = line
            link.read(now)
    assert link.down_reason == reason
    said = {"event": "controller not heard", "log_level": "warning", "port": "usb0"}
    assert logs == [said | {"reason": reason}]
    hello = encode_frame(Frame(FrameType.HELLO, 0, pack_hello(Hello(DRILL, 1, NONCE))))
    port.incoming = b"\x00" + hello
    link.read(20_000)
    assert link.up(20_000)
