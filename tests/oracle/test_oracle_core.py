"""The edge side's step, over a real journal in a file and fakes for the rest of the world."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from oracle_box import DOMAIN, LIMITS, SIGNER, Box, build, ended, fresh, last_reading, view_of
from oracle_builders import (
    EVIDENCE,
    MESSAGE_KEYS,
    NONCE,
    NOW_MS,
    FakeBroker,
    FakeClock,
    make_rental,
    make_sample,
)

from chain.views import DrillView
from host.mqtt_client import Incoming
from oracle.errors import JournalError
from oracle.journal.journal import Journal, Received
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit
from protocol.merkle import Frontier
from protocol.messages import Channel, ReadingMessage, StatusMessage, encode_samples, topic
from protocol.sample import SAMPLE_BYTES, decode_sample
from protocol.sealing import seal
from protocol.typed_data import batch_digest, recover_signer


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    store, clock, broker = Store(f"sqlite:///{tmp_path}/j.sqlite"), FakeClock(), FakeBroker()
    yield Box(store, clock, broker, build(store, clock, broker))
    store.close()


def test_step__samples_arrive__journalled_before_they_are_acknowledged(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable: list[int] = []
    add = Journal.add_samples

    def watch(journal: Journal, received: Received) -> None:
        acknowledged = [one["sequence"] for one in box.broker.of("journalled")]
        assert max(acknowledged, default=0) <= len(durable)
        add(journal, received)
        durable.extend(one.sample.sequence for one in received.accepted)

    monkeypatch.setattr(Journal, "add_samples", watch)
    box.run(5, None)

    assert box.broker.of("journalled")[-1] == {"drill": 1, "sequence": 5, "resend": False}
    assert durable == [1, 2, 3, 4, 5]


def test_step__message_twice_within_one_step__journalled_once_and_nothing_is_late(box: Box) -> None:
    sample = make_sample(1, box.clock.ms)
    box.broker.give(sample)
    box.broker.give(sample)
    box.core.step(None)

    with box.store.read() as connection:
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608
            for table in ("sample", "late_sample")
        ]
    assert counts == [1, 0]


def test_step__journal_not_writable__no_acknowledgement_and_inhibit_until_it_is(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = view_of()
    box.run(3, view)
    before = box.broker.of("journalled")[-1]["sequence"]

    def fail(*_: object) -> None:
        raise JournalError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add_samples", fail)
        box.run(3, view)
    assert box.broker.of("journalled")[-1]["sequence"] == before
    assert box.broker.of("lease")[-1]["reason"] == Inhibit.JOURNAL

    box.broker.give(*[make_sample(n, NOW_MS + n * 100) for n in range(4, 7)])
    box.run(4, view)
    assert box.broker.of("journalled")[-1]["sequence"] == box.sent
    assert box.broker.of("lease")[-1]["kind"] == "lease"
    journalled = box.core.metering.journal.samples_after(1, 0)
    assert [one.sample.sequence for one in journalled] == [*range(1, box.sent + 1)]


def test_step__commit_is_durable_but_its_answer_is_lost__samples_are_metered_once(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a database server whose connection breaks during COMMIT."""
    view = view_of()
    box.rest()
    box.run(3, view, motor_on=True)
    add = Journal.add_samples

    def lose_the_answer(journal: Journal, received: Received) -> None:
        add(journal, received)
        raise JournalError("connection lost")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add_samples", lose_the_answer)
        box.run(1, view, motor_on=True)
    box.run(3, view, motor_on=True)

    assert box.core.metering.writable
    assert box.broker.of("journalled")[-1]["sequence"] == box.sent
    assert box.core.metering.logs[7].frontier.size == box.sent
    assert box.core.metering.logs[7].meter.registers.active_ms_1 == 600


def test_step__malformed_and_foreign_messages__dropped_and_counted(box: Box) -> None:
    foreign = make_sample(1, NOW_MS, drill=2)
    box.broker.give(foreign)
    box.broker.inbox.append(Incoming("drill/1/sample", b"SDgarbage"))
    box.broker.inbox.append(Incoming("drill/1/status", b"{}"))
    box.broker.inbox.append(Incoming("elsewhere", b""))
    box.broker.inbox.append(replace(box.broker.inbox[0], topic="drill/1/sample"))

    box.run(1, None)

    assert box.core.counters.bad_messages == 5
    assert box.broker.of("journalled")[-1]["sequence"] == 1


SAMPLE_TOPIC = topic(1, Channel.SAMPLE)
ONE_SAMPLE = encode_samples([make_sample(1, NOW_MS)], 1, NONCE)


@pytest.mark.parametrize(
    "payload",
    [
        ONE_SAMPLE,
        ONE_SAMPLE + bytes(32),
        seal(MESSAGE_KEYS[2], SAMPLE_TOPIC, ONE_SAMPLE),
        seal(MESSAGE_KEYS[1], topic(1, Channel.JOURNALLED), ONE_SAMPLE),
    ],
)
def test_step__samples_not_sealed_by_the_bridge__nothing_is_journalled(
    box: Box, payload: bytes
) -> None:
    box.broker.inbox.append(Incoming(SAMPLE_TOPIC, payload))
    box.core.step(None)
    box.clock.ms += 1_000
    box.core.step(None)

    assert box.core.counters.bad_messages == 1
    assert box.core.metering.orders[1].sequence == 0
    assert [*box.core.metering.journal.samples_after(1, 0)] == []


def test_step__old_samples_are_replayed__change_nothing(box: Box) -> None:
    view = view_of(make_rental(opened_at=NOW_MS // 1000))
    box.broker.give(*[make_sample(n, NOW_MS + n * 100, motor_on=True) for n in range(1, 4)])
    replayed = [*box.broker.inbox]
    box.sent, box.clock.ms = 3, NOW_MS + 300
    box.run(20, view, motor_on=True)
    log_before = box.core.metering.logs[7]

    box.broker.inbox += replayed * 5
    box.core.step(fresh(view, box.clock.ms))

    assert box.core.metering.logs[7] == log_before
    assert box.core.metering.orders[1].sequence == 23
    assert box.core.counters.bad_messages == 0


def test_step__bridge_says_that_nothing_older_comes__hole_is_accepted(box: Box) -> None:
    box.run(3, None)
    box.broker.give(make_sample(9, NOW_MS + 900), oldest=9)
    box.clock.ms += 1_000
    box.core.step(None)

    assert box.broker.of("journalled")[-1] == {"drill": 1, "sequence": 9, "resend": False}


def test_step__status_message__is_understood(box: Box) -> None:
    status = StatusMessage(
        drill=1, online=True, link_up=True, state="READY", reason="", sequence=1, time_ms=1
    )
    box.broker.inbox.append(Incoming("drill/1/status", status.to_json()))

    box.core.step(None)

    assert box.core.counters.bad_messages == 0


def test_step__status_and_event_of_nobody__change_no_lease_and_no_receipt(box: Box) -> None:
    box.run(12, view_of())
    before = [*box.broker.published]
    for online in (False, True, False):
        status = StatusMessage(
            drill=1, online=online, link_up=False, state="FAULT", reason="", sequence=99, time_ms=1
        )
        box.broker.inbox.append(Incoming("drill/1/status", status.to_json()))
        box.broker.inbox.append(Incoming("drill/1/event", b'{"event":"gap"}'))
        box.core.step(fresh(view_of(), box.clock.ms))

    assert box.broker.published == before


def test_step__hole_in_the_sequence__asks_to_resend_from_the_last(box: Box) -> None:
    box.run(3, None)
    box.sent += 2
    box.run(1, None)

    assert box.broker.of("journalled")[-1] == {"drill": 1, "sequence": 3, "resend": True}


def test_step__new_connection__asks_for_what_was_missed(box: Box) -> None:
    box.run(2, None)
    box.broker.count += 1
    box.core.step(None)

    assert box.broker.of("journalled")[-1] == {"drill": 1, "sequence": 2, "resend": True}


def test_step__credit__leases_renewed_at_half_life(box: Box) -> None:
    box.run(60, view_of())

    leases = [one for one in box.broker.of("lease") if one["kind"] == "lease"]
    steps = {later["issued_at"] - earlier["issued_at"] for earlier, later in pairwise(leases)}
    assert len(leases) == 3
    assert all(2_400 <= step <= 2_800 for step in steps)


def leases_of(box: Box) -> list[tuple[int, int]]:
    """Nonce and time of each lease so far."""
    told = [one for one in box.broker.of("lease") if one["kind"] == "lease"]
    return [(int(one["nonce"], 16), one["issued_at"]) for one in told]


def test_step__controller_draws_another_nonce__its_lease_answers_it_at_once(box: Box) -> None:
    box.run(5, view_of())
    before = leases_of(box)
    box.broker.nonce = 5
    box.run(3, view_of())
    assert [nonce for nonce, _ in before] == [NONCE]
    ((nonce, issued_at),) = leases_of(box)[1:]
    assert nonce == 5
    assert issued_at - before[0][1] < LIMITS.lease.lease_ms // 2


def test_step__message_of_before_comes_again__the_newer_nonce_stays(box: Box) -> None:
    box.run(5, view_of())
    box.broker.nonce = 5
    box.run(3, view_of())
    box.broker.nonce = NONCE
    box.broker.give(make_sample(1, NOW_MS + 100))
    box.broker.nonce = 5
    box.run(3, view_of())
    assert [nonce for nonce, _ in leases_of(box)] == [NONCE, 5]


def test_step__bridge_that_knows_no_nonce__the_one_before_stays(box: Box) -> None:
    box.run(5, view_of())
    box.broker.nonce = 0
    box.run(3, view_of())
    assert [nonce for nonce, _ in leases_of(box)] == [NONCE]
    assert box.broker.of("lease")[-1]["kind"] == "lease"


def test_step__started_again__no_lease_before_a_nonce_is_heard(box: Box) -> None:
    box.run(5, view_of())
    box.restart()
    box.broker.nonce = 0
    box.run(3, view_of())
    assert box.broker.of("lease")[-1]["reason"] == Inhibit.NO_NONCE
    box.broker.nonce = NONCE
    box.run(3, view_of())
    assert box.broker.of("lease")[-1]["kind"] == "lease"


def test_step__many_drills__each_leased_once_in_half_a_life(box: Box) -> None:
    """A counter shared by all drills once pushed their leases into the future and renewed them
    with every step."""
    drills = tuple(range(1, 101))
    box.core = build(box.store, box.clock, box.broker, drills)
    rentals = {drill: make_rental(rental=drill, drill=drill) for drill in drills}
    view = view_of(
        latest=rentals,
        deep=rentals,
        drills={drill: DrillView(drill, 1, drill, retired=False) for drill in drills},
        evidence={drill: replace(EVIDENCE, rental=drill, drill=drill) for drill in drills},
    )
    for step in range(1, 21):
        box.clock.ms += 100
        for drill in drills:
            box.broker.give(make_sample(step, box.clock.ms, drill=drill))
        box.core.step(fresh(view, box.clock.ms))

    leases = [one for one in box.broker.of("lease") if one["kind"] == "lease"]
    assert len(leases) == len(drills)
    assert max(one["issued_at"] for one in leases) <= box.clock.ms


def test_step__samples_stop__start_is_inhibited(box: Box) -> None:
    view = view_of()
    box.run(5, view)
    box.clock.ms += 5_000
    box.core.step(fresh(view, box.clock.ms))

    assert box.broker.of("lease")[-1]["reason"] == Inhibit.NO_SAMPLES


def test_step__credit_runs_out__inhibited_while_the_motor_still_turns(box: Box) -> None:
    # Reserve of 19 s at 3 a ms is 57,000; 60,000 leave headroom for 3 s at level 1.
    box.rest()
    view = view_of(make_rental(funded=60_000, opened_at=NOW_MS // 1000))
    box.run(20, view, motor_on=True)
    assert box.broker.of("lease")[-1]["kind"] == "lease"

    box.run(15, view, motor_on=True)
    assert box.broker.of("lease")[-1]["reason"] == Inhibit.EXHAUSTED
    assert last_reading(box)["warning"] == "exhausted"


def test_step__drilling__signed_receipt_about_once_a_second(box: Box) -> None:
    box.rest()
    box.run(35, view_of(), motor_on=True, rpm=600)

    readings = box.broker.of("reading")
    assert 3 <= len(readings) <= 5
    message = ReadingMessage.model_validate_json(json.dumps(readings[-1]))
    digest = batch_digest(DOMAIN, [message.reading()])
    assert recover_signer(digest, bytes.fromhex(message.signature[2:])) == SIGNER.address
    assert message.active_ms_1 == (message.until - NOW_MS) - 100
    assert message.charge == str(message.active_ms_1)


def test_step__drilling__samples_under_the_root_come_before_their_reading(box: Box) -> None:
    box.rest()
    box.run(35, view_of(), motor_on=True, rpm=600)

    names = {"drill/1/log", "drill/1/reading"}
    shown = [(name, json.loads(text)) for name, text in box.broker.published if name in names]
    assert [name for name, _ in shown] == ["drill/1/log", "drill/1/reading"] * (len(shown) // 2)
    seen: set[int] = set()
    for (_, log), (_, reading) in zip(shown[::2], shown[1::2], strict=True):
        peaks, raw = bytes.fromhex(log["peaks"][2:]), bytes.fromhex(log["samples"][2:])
        leaves = [raw[i : i + SAMPLE_BYTES] for i in range(0, len(raw), SAMPLE_BYTES)]
        hashes = tuple(peaks[i : i + 32] for i in range(0, len(peaks), 32))
        frontier = Frontier(log["log_size"] - len(leaves), hashes).extend(leaves)
        assert (frontier.size, log["rental"]) == (reading["log_size"], reading["rental"])
        assert "0x" + frontier.root().hex() == reading["log_root"]
        seen |= {decode_sample(leaf).sequence for leaf in leaves}
    assert seen == {*range(1, max(seen) + 1)}  # one after the other, they leave nothing out


def test_step__nothing_changes__no_more_receipts(box: Box) -> None:
    box.run(15, view_of())
    before = len(box.broker.of("reading"))

    box.run(50, view_of())

    assert len(box.broker.of("reading")) == before


def test_step__samples_before_the_rental_is_known__are_counted_when_it_is(box: Box) -> None:
    box.run(10, None)
    box.run(20, None, motor_on=True)
    box.run(12, view_of(make_rental(opened_at=NOW_MS // 1000 + 1)), motor_on=True)

    until = last_reading(box)["until"]
    assert last_reading(box)["active_ms_1"] == until - (NOW_MS + 1100)


def test_step__restart_in_the_middle__same_readings_as_without(box: Box) -> None:
    box.rest()
    view = view_of(make_rental(opened_at=NOW_MS // 1000))
    for _ in range(6):
        box.run(7, view, motor_on=True, rpm=777)
        box.restart()
    box.run(20, view, motor_on=True, rpm=777)

    reading = last_reading(box)
    assert reading["active_ms_1"] == reading["until"] - NOW_MS - 100
    assert reading["revolutions_1"] == 777 * reading["active_ms_1"] // 60_000
    assert reading["log_size"] == (reading["until"] - NOW_MS) // 100 + 1


def test_step__second_sample_of_the_same_ms__no_second_reading_of_that_time(box: Box) -> None:
    """It makes another log of the same time, which must wait for the next ms."""
    box.rest()
    view = view_of()
    box.run(12, view, motor_on=True)
    box.broker.count += 1
    box.core.step(fresh(view, box.clock.ms))
    signed = last_reading(box)
    assert signed["until"] == box.clock.ms

    box.sent += 1
    box.broker.give(make_sample(box.sent, box.clock.ms, motor_on=True))
    box.broker.count += 1
    box.core.step(fresh(view, box.clock.ms))

    roots = {one["log_root"] for one in box.broker.of("reading") if one["until"] == box.clock.ms}
    assert roots == {signed["log_root"]}


def test_step__usage_due__batch_in_the_outbox_once(box: Box) -> None:
    box.rest()
    view = view_of(make_rental(funded=50_000, opened_at=NOW_MS // 1000), gas_price_wei=0)
    box.run(60, view, motor_on=True)

    (batch,) = box.core.outbox.open_batches()
    assert batch.readings[0].rental == 7
    digest = batch_digest(DOMAIN, batch.readings)
    assert recover_signer(digest, batch.signature) == SIGNER.address


def test_step__ended_earlier_than_metered__final_reading_up_to_the_end_only(box: Box) -> None:
    box.rest()
    view = view_of(make_rental(opened_at=NOW_MS // 1000))
    box.run(55, view, motor_on=True, rpm=600)
    assert last_reading(box)["until"] > NOW_MS + 3_000

    box.run(6, ended(NOW_MS + 3_000), motor_on=True, rpm=600)

    (batch,) = box.core.outbox.open_batches()
    (final,) = batch.readings
    assert final.until == NOW_MS + 3_000
    assert final.registers.active_ms_1 == 2_900
    assert final.log_size == 31


def test_step__ended_and_last_samples_missing__waits_for_them(box: Box) -> None:
    box.rest()
    box.run(10, view_of(make_rental(opened_at=NOW_MS // 1000)), motor_on=True)
    view = ended(NOW_MS + 2_000)
    box.clock.ms = NOW_MS + 10_000
    box.core.step(fresh(view, box.clock.ms))
    assert box.core.outbox.open_batches() == []

    missing = [make_sample(n + 1, NOW_MS + n * 100, motor_on=True) for n in range(11, 31)]
    box.broker.give(*missing)
    box.core.step(fresh(view, box.clock.ms))
    box.clock.ms += 1_000
    box.core.step(fresh(view, box.clock.ms))

    (batch,) = box.core.outbox.open_batches()
    assert batch.readings[0].registers.active_ms_1 == 1_900


def test_step__ended_and_drill_gone__final_reading_after_the_wait(box: Box) -> None:
    box.rest()
    box.run(10, view_of(make_rental(opened_at=NOW_MS // 1000)), motor_on=True)
    view = ended(NOW_MS + 2_000)
    box.clock.ms = NOW_MS + 32_001
    box.core.step(fresh(view, box.clock.ms))

    (batch,) = box.core.outbox.open_batches()
    assert batch.readings[0].until == NOW_MS + 2_000
    assert batch.readings[0].registers.active_ms_1 == 900


def test_step__settled_by_a_reading_we_do_not_know__inhibited_and_silent(box: Box) -> None:
    """As after restoring an old backup: the chain is ahead of the journal."""
    box.rest()
    view = view_of(make_rental(until=NOW_MS + 60_000))
    box.run(15, view, motor_on=True)

    assert box.broker.of("lease")[-1]["reason"] == Inhibit.JOURNAL_BEHIND
    assert box.broker.of("reading") == []
    assert box.core.outbox.open_batches() == []


def test_step__rental_vanishes_in_a_reorganisation__inhibited_at_once(box: Box) -> None:
    box.run(10, view_of(), motor_on=True)
    box.run(1, view_of(latest={}, deep={}, evidence={}), motor_on=True)

    assert box.broker.of("lease")[-1]["reason"] == Inhibit.UNCONFIRMED


def test_step__rental_dropped_and_then_the_journal_fails__samples_go_on(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulation: the next sample of that drill ended the daemon."""
    box.run(3, view_of())

    def fail(*_: object) -> None:
        raise JournalError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "know_rentals", fail)
        box.run(2, view_of(latest={}, deep={}, evidence={}))
    box.run(3, view_of())

    assert box.broker.of("journalled")[-1]["sequence"] == box.sent
    assert box.core.metering.logs[7].frontier.size == box.sent


def test_step__number_given_to_another_rental__its_log_starts_anew(box: Box) -> None:
    box.rest()
    box.run(10, view_of(make_rental(opened_at=NOW_MS // 1000)), motor_on=True)
    other = make_rental(opened_at=NOW_MS // 1000, customer="0x" + "e" * 40)
    box.run(3, view_of(other), motor_on=True)
    box.run(20, view_of(other))
    box.run(12, view_of(other), motor_on=True)

    assert box.core.metering.rentals[7].customer == other.customer
    log = box.core.metering.logs[7]
    assert (log.frontier.size, log.meter.registers.active_ms_1) == (34, 1_100)


def test_step__number_given_to_another_rental__its_batch_leaves_the_outbox(box: Box) -> None:
    box.rest()
    view = view_of(make_rental(funded=50_000, opened_at=NOW_MS // 1000), gas_price_wei=0)
    box.run(60, view, motor_on=True)
    assert len(box.core.outbox.open_batches()) == 1

    other = make_rental(opened_at=NOW_MS // 1000, customer="0x" + "e" * 40)
    box.run(1, view_of(other), motor_on=True)

    assert box.core.outbox.open_batches() == []


def test_step__newest_block_shows_another_rental__nothing_is_signed_for_the_number(
    box: Box,
) -> None:
    box.rest()
    rental = make_rental(funded=60_000, opened_at=NOW_MS // 1000)
    other = replace(rental, customer="0x" + "e" * 40)
    box.run(60, view_of(rental, latest={7: other}), motor_on=True)

    assert box.broker.of("reading") == []
    assert box.core.outbox.open_batches() == []


def test_step__gap_while_the_motor_ran__reported_with_its_cost(box: Box) -> None:
    box.rest()
    box.run(5, view_of(), motor_on=True)
    box.clock.ms += 5_000
    box.run(2, view_of(), motor_on=True)

    events = [one for one in box.broker.of("event") if one["event"] == "gap"]
    assert len(events) == 1
    assert "5100 ms" in events[0]["reason"]


def test_step__stroke_beyond_the_longest__reported_once(box: Box) -> None:
    box.rest()
    box.run(10, view_of(), motor_on=True)

    events = [one for one in box.broker.of("event") if one["event"] == "long_stroke"]
    assert [one["reason"] for one in events] == [f"over {LIMITS.lease.stroke_ms} ms"]


def test_step__controller_whose_clock_was_far_ahead__fair_bill_and_leases_again(box: Box) -> None:
    box.rest()
    view = view_of(make_rental(funded=60_000, opened_at=NOW_MS // 1000))
    box.run(10, view, motor_on=True)
    box.sent += 1
    box.broker.give(make_sample(box.sent, NOW_MS + 10**9, motor_on=True))
    box.run(20, view, motor_on=True)
    assert box.broker.of("lease")[-1]["kind"] == "lease"
    assert all(one["until"] <= box.clock.ms for one in box.broker.of("reading"))

    box.run(12, ended(NOW_MS + 3_000), motor_on=True)
    final = last_reading(box)
    assert (final["until"], final["active_ms_1"]) == (NOW_MS + 3_000, 2_800)


def test_stop__running__inhibits(box: Box) -> None:
    box.run(5, view_of())
    box.core.stop()

    assert box.broker.of("lease")[-1]["reason"] == Inhibit.STOPPING


@pytest.mark.parametrize("restart", [False, True])
def test_step__connection_made_again_while_the_drill_is_off__says_the_newest_reading_again(
    box: Box, restart: bool
) -> None:
    box.rest()
    box.run(20, view_of(), motor_on=True, rpm=600)
    box.clock.ms += 2_000
    box.core.step(fresh(view_of(), box.clock.ms))
    said, box.broker.retained = box.broker.retained, {}
    box.clock.ms += 60_000
    if restart:
        box.restart()
    box.broker.count += 1
    for _ in range(30):
        box.clock.ms += 50
        box.core.step(fresh(view_of(), box.clock.ms))
    again = box.broker.retained
    same = {topic(1, Channel.READING)} | ({topic(1, Channel.LOG)} if not restart else set())
    assert {name: again.get(name) for name in same} == {name: said[name] for name in same}
    assert b"no fresh samples" in again[topic(1, Channel.LEASE)]
    count = len(box.broker.of("reading"))
    box.run(0, view_of())
    for _ in range(30):
        box.clock.ms += 100
        box.core.step(fresh(view_of(), box.clock.ms))
    assert len(box.broker.of("reading")) == count
