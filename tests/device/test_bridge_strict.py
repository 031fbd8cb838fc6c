"""A bridge in strict mode: what its witness has not found proven never reaches the line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from device_builders import (
    DRILL,
    MESSAGE_KEY,
    NOW_MS,
    FakeBroker,
    FakePort,
    lease_message,
    make_lease,
)

from device.bridge.bridge import Bridge, Now
from device.bridge.link import Link
from device.bridge.session import Session
from device.bridge.spool import Spool
from device.bridge.witness import LeaseVerdict, Witness
from host.mqtt_client import Incoming
from protocol.messages import Channel, InhibitMessage, LeaseMessage, topic
from protocol.serial.frames import Decoder, FrameType


class FakeWitness(Witness):
    """Judges when told to."""

    def __init__(self) -> None:
        self.proofs: list[bytes] = []
        self.submitted: list[LeaseMessage] = []
        self.said: list[LeaseVerdict] = []

    def learn(self, proof: bytes) -> None:
        self.proofs.append(proof)

    def submit(self, message: LeaseMessage) -> None:
        self.submitted.append(message)

    def verdicts(self) -> list[LeaseVerdict]:
        said, self.said = self.said, []
        return said


class Desk:
    """A strict bridge with its world."""

    def __init__(self, spool: Spool, witness: Witness | None) -> None:
        self.port, self.broker, session = FakePort(), FakeBroker(), Session(DRILL)
        link = Link(session, ["port"], lambda _: self.port)
        self.bridge = Bridge(DRILL, MESSAGE_KEY, link, spool, self.broker, witness=witness)
        self.now_ms = 0

    def step(self, channel: Channel | None = None, payload: bytes = b"", ms: int = 10) -> None:
        if channel is not None:
            self.broker.inbox.append(Incoming(topic(DRILL, channel), payload))
        self.now_ms += ms
        self.bridge.step(Now(self.now_ms, NOW_MS + self.now_ms))

    def commands(self) -> list[FrameType]:
        """The leases and inhibits on the line, each once."""
        frames = {frame.number: frame.type for frame in Decoder().feed(self.port.written)}
        wanted = (FrameType.LEASE, FrameType.INHIBIT)
        return [kind for kind in frames.values() if kind in wanted]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool", DRILL, 100)
    yield made
    made.close()


MESSAGE = lease_message(make_lease())
LEASE = MESSAGE.to_json()
INHIBIT = InhibitMessage(drill=DRILL, rental=1, reason="credit exhausted", time_ms=NOW_MS).to_json()


def test_step__lease_not_judged_yet__nothing_on_the_line(spool: Spool) -> None:
    witness = FakeWitness()
    desk = Desk(spool, witness)
    desk.step(Channel.PROOF, b"proof")
    desk.step(Channel.LEASE, LEASE)
    desk.step()

    assert witness.proofs == [b"proof"]
    assert witness.submitted == [MESSAGE]
    assert desk.commands() == []


def test_step__found_proven__lease_on_the_line(spool: Spool) -> None:
    witness = FakeWitness()
    desk = Desk(spool, witness)
    desk.step(Channel.LEASE, LEASE)
    witness.said = [LeaseVerdict(witness.submitted[0])]
    desk.step()

    assert desk.commands() == [FrameType.LEASE]


def test_step__not_proven__nothing_on_the_line_and_the_reason_once(spool: Spool) -> None:
    witness = FakeWitness()
    desk = Desk(spool, witness)
    for _ in range(2):
        desk.step(Channel.LEASE, LEASE)
        witness.said = [LeaseVerdict(witness.submitted[-1], "strict: another chain")]
        desk.step()

    assert desk.commands() == []
    (event,) = [payload for payload in desk.broker.on(Channel.EVENT) if b"strict" in payload]
    assert b"lease_refused" in event
    assert b"another chain" in event


def test_step__inhibit_comes_before_the_verdict__lease_stays_away(spool: Spool) -> None:
    witness = FakeWitness()
    desk = Desk(spool, witness)
    desk.step(Channel.LEASE, LEASE)
    desk.step(Channel.LEASE, INHIBIT)
    witness.said = [LeaseVerdict(witness.submitted[0])]
    desk.step()

    assert desk.commands() == [FrameType.INHIBIT]


def test_step__verdict_on_an_older_lease__does_not_count_for_the_newer(spool: Spool) -> None:
    witness = FakeWitness()
    desk = Desk(spool, witness)
    desk.step(Channel.LEASE, LEASE)
    desk.step(Channel.LEASE, lease_message(make_lease(NOW_MS + 1)).to_json())
    witness.said = [LeaseVerdict(witness.submitted[0])]
    desk.step()

    assert desk.commands() == []


def test_step__verdict_after_the_lease_expired__lease_stays_away(spool: Spool) -> None:
    witness = FakeWitness()
    desk = Desk(spool, witness)
    desk.step(Channel.LEASE, LEASE)
    witness.said = [LeaseVerdict(witness.submitted[0])]
    desk.step(ms=6_000)

    assert desk.commands() == []


def test_step__proof_without_strict_mode__refused_and_leases_go_through(spool: Spool) -> None:
    desk = Desk(spool, None)
    desk.step(Channel.PROOF, b"proof")
    desk.step(Channel.LEASE, LEASE)

    assert desk.bridge.refused_messages == 1
    assert desk.commands() == [FrameType.LEASE]
