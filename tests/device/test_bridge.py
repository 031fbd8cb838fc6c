"""Spool, publisher and bridge, with a fake port and a fake broker."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from device_builders import (
    DRILL,
    MESSAGE_KEY,
    NONCE,
    NOW_MS,
    FakeBroker,
    FakePort,
    lease_message,
    make_lease,
    make_sample,
)

from device.bridge.bridge import Bridge, Now, last_will
from device.bridge.history import UNREPORTED
from device.bridge.link import Link
from device.bridge.publisher import FIRST_RESEND_MS, WINDOW_SAMPLES, SpoolPublisher
from device.bridge.session import Session
from device.bridge.spool import Spool
from device.errors import ControllerReplacedError, PortError, SpoolError
from host.mqtt_client import Incoming
from protocol.messages import (
    Channel,
    EventMessage,
    InhibitMessage,
    JournalledMessage,
    StatusMessage,
    decode_samples,
    parse_message,
    topic,
)
from protocol.sample import encode_sample
from protocol.sealing import seal
from protocol.serial.frames import Decoder, Frame, FrameType, encode_frame
from protocol.serial.payloads import (
    Ack,
    ControllerState,
    Hello,
    Status,
    pack_hello,
    pack_samples,
    pack_status,
    parse_ack,
    parse_lease,
)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool", DRILL, 10_000)
    yield spool
    spool.close()


def sequences(payload: bytes | None) -> list[int]:
    assert payload is not None
    return [sample.sequence for sample in decode_samples(DRILL, payload).samples]


def oldest(payload: bytes | None) -> int:
    assert payload is not None
    return decode_samples(DRILL, payload).oldest


def put(spool: Spool, *numbers: int, oldest: int = 1) -> None:
    spool.put([make_sample(number) for number in numbers], oldest)


def test_put__reopened_without_closing_cleanly__has_the_samples(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 100)
    put(spool, 1, 2, 3)
    copy = tmp_path / "copy"
    for suffix in ("", "-wal"):  # what a loss of power would leave
        Path(f"{copy}{suffix}").write_bytes(Path(f"{tmp_path / 'spool'}{suffix}").read_bytes())
    spool.close()
    after = Spool(copy, DRILL, 100)
    assert [sequence for sequence, _ in after.pending(0, 10)] == [1, 2, 3]
    after.close()


def test_put__same_samples_twice__changes_nothing(spool: Spool) -> None:
    put(spool, 1, 2)
    before = spool.pending(0, 10)
    put(spool, 1, 2)
    assert spool.pending(0, 10) == before


def test_forget__journalled_samples__go_and_never_come_back(spool: Spool) -> None:
    put(spool, 1, 2, 3)
    spool.forget(2)
    put(spool, 1, 2, 3, 4)
    put(spool, 1, 2)
    assert [sequence for sequence, _ in spool.pending(0, 10)] == [3, 4]


def test_forget__more_than_there_is__keeps_what_is_still_to_come(spool: Spool) -> None:
    put(spool, 1)
    spool.forget(2**62)
    put(spool, 2)
    assert [sequence for sequence, _ in spool.pending(0, 10)] == [2]


def test_put__spool_full__stores_nothing_and_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 2)
    put(spool, 1, 2)
    with pytest.raises(SpoolError, match="full, 2 samples"):
        put(spool, 3)
    assert len(spool.pending(0, 10)) == 2
    spool.close()


def test_put__sequence_that_went_back__is_an_error_and_loses_nothing(spool: Spool) -> None:
    put(spool, 10, 11)
    for sequence in (1, 2):
        with pytest.raises(ControllerReplacedError, match="from 1 again, sample 11 was here"):
            spool.put([make_sample(sequence, time_ms=NOW_MS + 60_000 + sequence)], 1)
    assert len(spool.pending(0, 10)) == 2


def test_put__sequence_beyond_the_store__is_refused(spool: Spool) -> None:
    with pytest.raises(SpoolError, match="over 2"):
        spool.put([make_sample(2**63, time_ms=NOW_MS)], 1)


def test_spool__of_another_drill_or_in_use__is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 100)
    with pytest.raises(SpoolError, match="in use"):
        Spool(tmp_path / "spool", DRILL, 100)
    spool.close()
    with pytest.raises(SpoolError, match="spool of drill 7"):
        Spool(tmp_path / "spool", 8, 100)


def test_spool__no_database__is_refused(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"not a database" * 100)
    with pytest.raises(SpoolError, match="not a database"):
        Spool(tmp_path / "spool", DRILL, 100)


def test_next__samples_wait__go_out_in_order_64_at_a_time(spool: Spool) -> None:
    put(spool, *range(1, 101))
    publisher = SpoolPublisher(spool)
    assert sequences(publisher.next(0, NONCE)) == list(range(1, 65))
    assert sequences(publisher.next(0, NONCE)) == list(range(65, 101))
    assert publisher.next(0, NONCE) is None


def test_next__hole_that_may_be_filled__is_waited_for(spool: Spool) -> None:
    put(spool, 1, 2, 4)
    publisher = SpoolPublisher(spool)
    assert sequences(publisher.next(0, NONCE)) == [1, 2]
    assert publisher.next(0, NONCE) is None
    put(spool, 3)
    assert sequences(publisher.next(0, NONCE)) == [3, 4]


def test_next__hole_that_will_stay__is_passed(spool: Spool) -> None:
    put(spool, 1, 5, oldest=5)
    assert sequences(SpoolPublisher(spool).next(0, NONCE)) == [1, 5]


def test_next__samples_are_held__oldest_says_since_which(spool: Spool) -> None:
    put(spool, *range(11, 151), oldest=11)
    publisher = SpoolPublisher(spool)
    assert [oldest(publisher.next(0, NONCE)) for _ in range(3)] == [11, 11, 11]
    publisher.journalled(20, 10, resend=True)
    assert oldest(publisher.next(10, NONCE)) == 21


def test_next__hole_that_will_stay__oldest_rises_when_what_is_before_it_is_safe(
    spool: Spool,
) -> None:
    put(spool, 1, 5, oldest=5)
    publisher = SpoolPublisher(spool)
    assert oldest(publisher.next(0, NONCE)) == 1
    publisher.journalled(1, 10, resend=True)
    again = publisher.next(10, NONCE)
    assert (oldest(again), sequences(again)) == (5, [5])


def test_next__oracle_lost_its_journal__oldest_is_not_above_what_goes_out(spool: Spool) -> None:
    put(spool, *range(1, 6))
    publisher = SpoolPublisher(spool)
    publisher.next(0, NONCE)
    publisher.journalled(3, 10, resend=False)
    publisher.journalled(0, 20, resend=True)  # what it has journalled is not yet deleted
    again = publisher.next(20, NONCE)
    assert (oldest(again), sequences(again)) == (1, [1, 2, 3, 4, 5])


def test_journalled__nothing_comes__everything_goes_again_after_a_while(spool: Spool) -> None:
    put(spool, 1, 2)
    publisher = SpoolPublisher(spool)
    publisher.next(0, NONCE)
    publisher.journalled(1, 100, resend=False)
    assert publisher.next(FIRST_RESEND_MS + 99, NONCE) is None
    assert sequences(publisher.next(FIRST_RESEND_MS + 100, NONCE)) == [2]
    assert publisher.next(2 * FIRST_RESEND_MS + 100, NONCE) is None
    assert sequences(publisher.next(3 * FIRST_RESEND_MS + 100, NONCE)) == [2]


def test_journalled__resend__sends_what_follows_at_once(spool: Spool) -> None:
    put(spool, *range(1, 6))
    publisher = SpoolPublisher(spool)
    publisher.next(0, NONCE)
    publisher.journalled(2, 10, resend=True)
    assert sequences(publisher.next(10, NONCE)) == [3, 4, 5]
    publisher.journalled(2, 20, resend=True)  # the same request, repeated
    assert publisher.next(20, NONCE) is None


def test_journalled__resend_from_before__sends_what_there_still_is(spool: Spool) -> None:
    put(spool, *range(1, 6))
    publisher = SpoolPublisher(spool)
    publisher.next(0, NONCE)
    publisher.journalled(3, 10, resend=False)
    put(spool, 6)
    publisher.journalled(0, 20, resend=True)
    assert sequences(publisher.next(20, NONCE)) == [4, 5, 6]


def test_journalled__samples_that_never_were__is_refused(spool: Spool) -> None:
    put(spool, 1)
    assert not SpoolPublisher(spool).journalled(2, 0, resend=False)
    assert spool.journalled == 0


def test_next__oracle_is_silent__stops_at_the_window(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 10_000)
    put(spool, *range(1, WINDOW_SAMPLES + 200))
    publisher = SpoolPublisher(spool)
    sent = 0
    while (payload := publisher.next(0, NONCE)) is not None:
        sent += len(sequences(payload))
    assert sent == WINDOW_SAMPLES
    spool.close()


class Rig:
    """A bridge between a fake port and a fake broker."""

    def __init__(self, spool: Spool) -> None:
        self.port, self.broker, self.session = FakePort(), FakeBroker(), Session(DRILL)
        self.spool = spool
        link = Link(self.session, ["port"], lambda _: self.port)
        self.bridge = Bridge(DRILL, MESSAGE_KEY, link, spool, self.broker)
        self.now_ms = 0
        self._number = 0

    def step(self, ms: int = 10) -> None:
        self.now_ms += ms
        self.bridge.step(Now(self.now_ms, NOW_MS + self.now_ms))

    def says(self, kind: FrameType, payload: bytes) -> int:
        self.port.incoming += encode_frame(Frame(kind, self._number, payload))
        self._number += 1
        return self._number - 1

    def samples(self, *numbers: int, oldest: int = 1) -> int:
        encoded = [encode_sample(make_sample(number)) for number in numbers]
        return self.says(FrameType.SAMPLE, pack_samples(oldest, encoded))

    def status(
        self, state: ControllerState, reason: str = "", refused: int = 0, lost: int = 0
    ) -> None:
        status = Status(DRILL, NONCE, state, NOW_MS, 0, lost, 0, refused, reason)
        self.says(FrameType.STATUS, pack_status(status))

    def message(self, channel: Channel, payload: bytes, drill: int = DRILL) -> None:
        self.broker.inbox.append(Incoming(topic(drill, channel), payload))

    def journalled(self, word: JournalledMessage) -> None:
        name = topic(DRILL, Channel.JOURNALLED)
        self.message(Channel.JOURNALLED, seal(MESSAGE_KEY, name, word.to_json()))

    def written(self, kind: FrameType) -> list[Frame]:
        found = [f for f in Decoder().feed(self.port.written) if f.type is kind]
        self.port.written = b""
        return found


@pytest.fixture
def rig(spool: Spool) -> Rig:
    rig = Rig(spool)
    rig.step()
    return rig


def test_step__sample__is_spooled_acknowledged_and_published_in_one_pass(rig: Rig) -> None:
    number = rig.samples(1, 2)
    rig.step()
    assert [sequence for sequence, _ in rig.spool.pending(0, 9)] == [1, 2]
    acks = [parse_ack(frame.payload) for frame in rig.written(FrameType.ACK)]
    assert acks == [Ack(number, 2, "")]
    assert [sequences(payload) for payload in rig.broker.on(Channel.SAMPLE)] == [[1, 2]]


def test_step__spool_fails__acknowledges_nothing_and_inhibits(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise SpoolError("disk full")

    monkeypatch.setattr(rig.spool, "put", fail)
    rig.samples(1)
    rig.step()
    written = Decoder().feed(rig.port.written)
    assert FrameType.ACK not in {frame.type for frame in written}
    assert [f.payload[8:] for f in written if f.type is FrameType.INHIBIT] == [
        b"spool not writable"
    ]
    rig.port.written = b""
    rig.message(Channel.LEASE, lease_message(make_lease(NOW_MS)).to_json())
    rig.step()
    assert rig.written(FrameType.LEASE) == []


def test_step__controller_counts_again__is_said_once_and_no_lease_goes_to_it(rig: Rig) -> None:
    rig.samples(1, 2, 3)
    rig.step()
    rig.written(FrameType.ACK)
    with structlog.testing.capture_logs() as logs:
        for sequence in range(1, 60):
            newer = encode_sample(make_sample(sequence % 4 + 1, NOW_MS + 60_000 + sequence))
            if sequence % 4 != 3:
                rig.says(FrameType.SAMPLE, pack_samples(1, [newer]))
            lease = lease_message(make_lease(NOW_MS + sequence)).to_json()
            rig.message(Channel.LEASE, lease)
            rig.step()
        rig.status(ControllerState.LOCKED)
        rig.step()
    written = Decoder().feed(rig.port.written)
    assert {f.type for f in written} <= {FrameType.INHIBIT, FrameType.CLOCK}
    said = [entry["event"] for entry in logs if entry["event"] != "locked"]
    assert said == ["controller replaced", "lease held back"]
    status = parse_message(StatusMessage, DRILL, rig.broker.on(Channel.STATUS)[-1])
    assert "from 2 again, sample 3 was here already; see drill-bridge" in status.reason


def test_step__stored_sample_damaged__inhibits_and_tells_the_number(rig: Rig) -> None:
    rig.broker.connected = False
    rig.samples(1, 2, 3)
    rig.step()
    rig.spool._db.execute("UPDATE sample SET data = zeroblob(92) WHERE sequence = 2")
    rig.broker.connected = True
    with structlog.testing.capture_logs() as logs:
        rig.step()
        rig.status(ControllerState.READY)
        for number in range(4, 8):
            rig.samples(number)
            rig.step(1_000)
    assert [sequences(payload) for payload in rig.broker.on(Channel.SAMPLE)] == [[1]]
    assert [entry["event"] for entry in logs].count("no starts because of the spool") == 1
    status = parse_message(StatusMessage, DRILL, rig.broker.on(Channel.STATUS)[-1])
    assert status.reason == "stored sample 2 is damaged: see drill-bridge drop-damaged"
    (inhibit,) = {f.payload for f in rig.written(FrameType.INHIBIT)}
    assert inhibit[8:].decode() == status.reason


def test_step__lease__goes_to_the_line_in_the_same_pass(rig: Rig) -> None:
    message = lease_message(make_lease(NOW_MS))
    rig.message(Channel.LEASE, message.to_json())
    rig.step()
    (frame,) = rig.written(FrameType.LEASE)
    lease, signature = parse_lease(frame.payload)
    assert lease == message.lease()
    assert "0x" + signature.hex() == message.signature


def test_step__samples__go_out_with_what_the_controller_wants_answered(rig: Rig) -> None:
    rig.samples(1)
    rig.step()
    rig.status(ControllerState.LOCKED)
    rig.samples(2)
    rig.step()
    rig.says(FrameType.HELLO, pack_hello(Hello(DRILL, 3, 9)))
    rig.samples(3)
    rig.step()
    sent = [decode_samples(DRILL, payload) for payload in rig.broker.on(Channel.SAMPLE)]
    assert [(one.samples[-1].sequence, one.nonce) for one in sent] == [(1, 0), (2, NONCE), (3, 9)]


def test_step__expired_retained_lease__is_harmless(rig: Rig) -> None:
    rig.message(Channel.LEASE, lease_message(make_lease(NOW_MS - 60_000)).to_json())
    rig.step()
    assert rig.written(FrameType.LEASE) == []


def test_step__inhibit__goes_to_the_line(rig: Rig) -> None:
    inhibit = InhibitMessage(drill=DRILL, rental=1, reason="exhausted", time_ms=NOW_MS)
    rig.message(Channel.LEASE, inhibit.to_json())
    rig.step()
    assert [f.payload for f in rig.written(FrameType.INHIBIT)] == [bytes(7) + b"\1exhausted"]


NOTHING_YET = JournalledMessage(drill=DRILL, sequence=0, resend=False).to_json()


def sealed(payload: bytes) -> bytes:
    return seal(MESSAGE_KEY, topic(DRILL, Channel.JOURNALLED), payload)


@pytest.mark.parametrize(
    ("channel", "payload", "drill"),
    [
        (Channel.LEASE, lease_message(make_lease()).to_json(), 8),
        (Channel.LEASE, lease_message(make_lease(drill=8)).to_json(), DRILL),
        (Channel.LEASE, b"{", DRILL),
        (Channel.LEASE, b"x" * 10_000, DRILL),
        (Channel.JOURNALLED, sealed(b'{"drill":7,"sequence":-1,"resend":false}'), DRILL),
        (Channel.JOURNALLED, sealed(b'{"drill":7,"sequence":99,"resend":false}'), DRILL),
        (Channel.JOURNALLED, NOTHING_YET, DRILL),
        (Channel.JOURNALLED, NOTHING_YET + bytes(32), DRILL),
        (Channel.JOURNALLED, seal(bytes(32), topic(DRILL, Channel.JOURNALLED), NOTHING_YET), DRILL),
        (Channel.JOURNALLED, seal(MESSAGE_KEY, topic(8, Channel.JOURNALLED), NOTHING_YET), DRILL),
        (Channel.STATUS, b"{}", DRILL),
    ],
)
def test_step__bad_message__is_refused_and_counted(
    rig: Rig, channel: Channel, payload: bytes, drill: int
) -> None:
    rig.message(channel, payload, drill)
    rig.step()
    assert rig.bridge.refused_messages == 1
    assert rig.written(FrameType.LEASE) == []


def test_step__broker_away__keeps_samples_and_sends_them_all_when_it_is_back(rig: Rig) -> None:
    rig.samples(1)
    rig.step()
    rig.broker.connected = False
    rig.broker.sent.clear()
    rig.samples(2)
    rig.step()
    assert rig.broker.sent == []
    rig.broker.connected, rig.broker.connections = True, 2
    rig.step()
    assert [sequences(payload) for payload in rig.broker.on(Channel.SAMPLE)] == [[1, 2]]


def test_step__journalled__ends_the_resending(rig: Rig) -> None:
    rig.samples(1)
    rig.step()
    word = JournalledMessage(drill=DRILL, sequence=1, resend=False)
    rig.journalled(word)
    rig.step(60_000)
    assert len(rig.broker.on(Channel.SAMPLE)) == 1
    assert rig.spool.journalled == 1


def test_step__forged_word_that_all_is_journalled__deletes_nothing(rig: Rig) -> None:
    rig.samples(1, 2)
    rig.step()
    word = JournalledMessage(drill=DRILL, sequence=2, resend=False)
    rig.message(Channel.JOURNALLED, word.to_json())
    rig.step()
    rig.samples(3)
    rig.step()
    assert rig.bridge.refused_messages == 1
    assert [sequence for sequence, _ in rig.spool.pending(0, 9)] == [1, 2, 3]


def test_step__old_word_is_replayed__changes_nothing(rig: Rig) -> None:
    rig.samples(1, 2)
    rig.step()
    for sequence in (1, 2, 1):
        rig.journalled(JournalledMessage(drill=DRILL, sequence=sequence, resend=False))
        rig.step()
    assert rig.spool.journalled == 2
    assert len(rig.broker.on(Channel.SAMPLE)) == 1


def test_step__many_bad_messages__are_counted_and_do_not_fill_the_log(rig: Rig) -> None:
    with structlog.testing.capture_logs() as logs:
        for _ in range(1_000):
            rig.message(Channel.JOURNALLED, b"forged")
        rig.step()
    assert rig.bridge.refused_messages == 1_000
    assert len([entry for entry in logs if entry["event"] == "message refused"]) == 21


def statuses(rig: Rig) -> list[StatusMessage]:
    return [parse_message(StatusMessage, DRILL, p) for p in rig.broker.on(Channel.STATUS)]


def events(rig: Rig) -> list[tuple[str, str]]:
    found = [parse_message(EventMessage, DRILL, p) for p in rig.broker.on(Channel.EVENT)]
    return [(event.event, event.reason) for event in found]


def test_step__controller_changes_state__status_is_retained_and_events_are_told(rig: Rig) -> None:
    for state, reason in [
        (ControllerState.LOCKED, "no lease"),
        (ControllerState.READY, ""),
        (ControllerState.RUNNING, ""),
        (ControllerState.COASTING, "lease expired"),
        (ControllerState.LOCKED, "lease expired"),
        (ControllerState.FAULT, "emergency stop"),
    ]:
        rig.status(state, reason)
        rig.step()
    assert [status.state for status in statuses(rig)][1:] == [
        "LOCKED",
        "READY",
        "RUNNING",
        "COASTING",
        "LOCKED",
        "FAULT",
    ]
    assert all(retain for name, _, retain in rig.broker.sent if name.endswith("status"))
    assert events(rig) == [
        ("locked", "no lease"),
        ("unlocked", ""),
        ("started", ""),
        ("stopped", "lease expired"),
        ("locked", "lease expired"),
        ("fault", "emergency stop"),
    ]


def test_step__several_statuses_at_once__no_lock_and_no_unlock_is_passed_over(rig: Rig) -> None:
    for state, reason in [
        (ControllerState.LOCKED, "no lease"),
        (ControllerState.READY, ""),
        (ControllerState.LOCKED, "lease expired"),
        (ControllerState.RUNNING, ""),
    ]:
        rig.status(state, reason)
    rig.step()
    assert events(rig) == [
        ("locked", "no lease"),
        ("unlocked", ""),
        ("locked", "lease expired"),
        ("unlocked", UNREPORTED),
        ("started", ""),
    ]


def test_step__refused_start_and_lost_samples__are_told(rig: Rig) -> None:
    rig.status(ControllerState.LOCKED, "no lease")
    rig.step()
    rig.status(ControllerState.LOCKED, "no lease", refused=1, lost=3)
    rig.step()
    assert events(rig)[1:] == [
        ("start_refused", "no lease"),
        ("samples_lost", "3 samples: the controller's ring was full"),
    ]


def test_step__controller_falls_silent__status_says_link_down(rig: Rig) -> None:
    rig.status(ControllerState.READY)
    rig.step()
    rig.step(4_000)
    assert (statuses(rig)[-1].link_up, statuses(rig)[-1].state) == (False, "UNKNOWN")
    assert statuses(rig)[-1].reason == "the controller is silent"


def test_step__nothing_changes__status_is_repeated_every_five_seconds(rig: Rig) -> None:
    before = len(statuses(rig))
    for _ in range(100):
        rig.step(100)
    assert len(statuses(rig)) - before == 2


def test_step__no_port__status_says_why(spool: Spool) -> None:
    def missing(_: str) -> FakePort:
        raise PortError("/dev/none: cannot open")

    broker = FakeBroker()
    bridge = Bridge(DRILL, MESSAGE_KEY, Link(Session(DRILL), ["/dev/none"], missing), spool, broker)
    bridge.step(Now(0, NOW_MS))
    (status,) = [parse_message(StatusMessage, DRILL, p) for p in broker.on(Channel.STATUS)]
    assert (status.online, status.link_up, status.reason) == (True, False, "/dev/none: cannot open")


def test_farewell_and_last_will__say_offline(rig: Rig) -> None:
    for payload in (rig.bridge.farewell(Now(1, NOW_MS)), last_will(DRILL, NOW_MS)):
        status = parse_message(StatusMessage, DRILL, payload)
        assert (status.online, status.link_up, status.state) == (False, False, "UNKNOWN")


def test_pending__damaged_database__is_a_spool_error(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(spool, 1)
    spool._db.execute("UPDATE sample SET data = x'00'")
    assert SpoolPublisher(spool).next(0, NONCE) is None
    assert "stored sample 1 is damaged" in spool.trouble
    spool._db.execute("DROP TABLE sample")
    with pytest.raises(SpoolError, match="no such table"):
        spool.pending(0, 1)
    assert issubclass(sqlite3.OperationalError, sqlite3.Error)


def test_next__told_to_gather__a_message_waits_for_more_and_not_for_ever(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 1_000)
    publisher = SpoolPublisher(spool, gather_ms=400)
    spool.put([make_sample(1)], 1)
    assert publisher.next(1_000, NONCE) is None
    spool.put([make_sample(number) for number in (2, 3, 4)], 1)
    assert publisher.next(1_399, NONCE) is None

    payload = publisher.next(1_400, NONCE)

    assert payload is not None
    assert [one.sequence for one in decode_samples(DRILL, payload).samples] == [1, 2, 3, 4]
    spool.put([make_sample(5)], 1)
    assert publisher.next(1_500, NONCE) is None, "the next one waits anew"
    spool.close()


def test_step__spool_lives_on_its_reserve__samples_acknowledged_and_starts_inhibited(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Spool, "trouble", "disk full")
    rig.samples(1)
    rig.step()
    written = Decoder().feed(rig.port.written)
    assert FrameType.ACK in {frame.type for frame in written}
    assert [one.payload[8:] for one in written if one.type is FrameType.INHIBIT] == [b"disk full"]
    rig.port.written = b""
    rig.message(Channel.LEASE, lease_message(make_lease(NOW_MS)).to_json())
    rig.step()
    assert rig.written(FrameType.LEASE) == [], "leases are held back until there is room"
