"""Nothing an honest box signs can be held against it: no reading contradicts another, whatever
happened between the two."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import role_account
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_box import DOMAIN, SIGNER, Box, build, ended, fresh, receipts, view_of
from oracle_builders import (
    NOW_MS,
    TARIFF,
    FakeBroker,
    FakeClock,
    make_rental,
    make_sample,
)

from chain.views import ChainView, OracleView
from oracle.errors import JournalError
from oracle.journal.journal import Journal
from oracle.journal.signed import Bounds, SignedJournal, can_have_grown, objection
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit
from oracle.meter.meter import highest_rpm
from oracle.signing.pen import Dates, Pen, dates_allowed
from oracle.signing.sign import KeystoreSigner
from protocol.messages import ReadingMessage
from protocol.records import Reading, Registers, RentalState
from protocol.typed_data import batch_digest, recover_signer

ANY_TIME = Dates(2**43, 2**43)


def reading(until: int, active_ms: int = 0, size: int = 1, rental: int = 7) -> Reading:
    return Reading(rental, until, Registers(active_ms_1=active_ms), size, bytes(32))


LOW, HIGH = reading(10, 5), reading(20, 10)
RPM = (6_000, 6_000, 6_000)
LIVE = {7: Bounds(RPM), 8: Bounds(RPM)}
CLOSING = {7: Bounds(RPM, closing=True)}


@pytest.mark.parametrize(
    ("new", "before", "after", "closes", "refused"),
    [
        (reading(30, 10), HIGH, None, False, None),
        (reading(30, 9), HIGH, None, False, "lower"),
        (reading(30, 20), HIGH, None, False, None),
        (reading(30, 21), HIGH, None, False, "faster"),
        (HIGH, HIGH, None, False, None),
        (reading(20, 11), HIGH, None, False, "another"),
        (replace(HIGH, log_size=2), HIGH, None, True, "another"),
        (reading(15, 7), LOW, HIGH, False, "until 20 is signed"),
        (reading(15, 7), LOW, HIGH, True, None),
        (reading(15, 10), LOW, HIGH, True, None),
        (reading(15, 11), replace(LOW, until=5), HIGH, True, "higher"),
        (reading(15, 11), LOW, None, True, "faster"),
        (reading(15, 4), LOW, HIGH, True, "lower"),
        (reading(5, 0), None, LOW, True, None),
        (reading(5, 0), None, None, False, None),
    ],
)
def test_objection__neighbours_in_time__decide(
    new: Reading, before: Reading | None, after: Reading | None, closes: bool, refused: str | None
) -> None:
    found = objection(new, before, after, Bounds(RPM, closing=closes))
    assert found is None if refused is None else refused in (found or "")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{tmp_path}/j.sqlite")) as opened:
        journal = Journal(opened)
        journal.know_rentals([make_rental()])
        journal.signed.require_newest(SIGNER.address)
        yield opened


def test_can_have_grown__revolutions__to_the_unit_that_the_contract_allows() -> None:
    """6,000 rpm are a revolution in ten milliseconds; a begun one counts as whole."""
    first = reading(0)
    for elapsed_ms, most in ((1, 1), (10, 1), (11, 2), (60_000, 6_000)):
        for turned, grown in ((most, True), (most + 1, False)):
            later = Reading(7, elapsed_ms, Registers(revolutions_2=turned), 1, bytes(32))
            assert can_have_grown(later, first, RPM) is grown


def test_admit__until_falls_or_registers_differ__refused_and_not_kept(store: Store) -> None:
    signed = SignedJournal(store)
    assert signed.admit([HIGH], LIVE) == {}
    assert signed.admit([HIGH], LIVE) == {}
    for wrong in (reading(19, 10), reading(20, 11), reading(21, 9), reading(21, 12)):
        assert 7 in signed.admit([wrong], LIVE)
    assert signed.find(7, 19) is None
    assert signed.find(7, 20) == HIGH

    again = SignedJournal(store)
    assert 7 in again.admit([reading(20, 11)], LIVE)


def test_admit__one_of_several_refused__the_others_are_durable(store: Store) -> None:
    Journal(store).know_rentals([make_rental(rental=8)])
    signed = SignedJournal(store)
    signed.admit([HIGH], LIVE)
    both = [reading(30, 0), reading(30, 5, rental=8)]

    assert [*signed.admit(both, LIVE)] == [7]
    assert signed.find(8, 30) == both[1]
    assert signed.find(7, 30) is None


def test_admit__closing_reading_below_later_receipts__fits_between_them(store: Store) -> None:
    signed = SignedJournal(store)
    for one in (LOW, HIGH, reading(40, 20)):
        signed.admit([one], LIVE)

    assert 7 in signed.admit([reading(31, 21)], CLOSING)
    assert 7 in signed.admit([reading(30, 9)], CLOSING)
    assert signed.admit([reading(30, 15)], CLOSING) == {}
    assert 7 in signed.admit([reading(39, 20)], LIVE)


def test_know_rentals__number_of_another_rental__what_was_signed_stays(store: Store) -> None:
    signed = SignedJournal(store)
    signed.admit([HIGH], LIVE)
    other = make_rental(customer="0x" + "e" * 40)

    mark = Journal(store).know_rentals([other])[7]

    assert (mark.until, mark.registers) == (20, HIGH.registers)
    assert signed.find(7, 20) is None, "it would charge a stranger"
    assert 7 in signed.admit([reading(30, 0)], LIVE)


def test_step__hours_of_receipts__those_since_shortly_before_the_settled_reading_are_kept(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.rest()
    box.run(60, view_of(OPEN), motor_on=True)
    settled = receipts(box)[3]
    later = replace(OPEN, until=settled.until, registers=settled.registers)
    shortly_ms = settled.until - receipts(box)[2].until
    monkeypatch.setattr("oracle.journal.signed.KEPT_MS", shortly_ms)
    box.run(2, view_of(later), motor_on=True)
    box.core.metering.checkpoint(7)

    kept = [box.core.metering.journal.signed.find(7, one.until) for one in receipts(box)]
    assert [one is not None for one in kept] == [False, False] + [True] * (len(kept) - 2)


def test_forget_closed__settled_reading_and_later_ones__stay(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.journal.signed.KEPT_MS", 0)
    journal = Journal(store)
    for one in (LOW, HIGH, reading(40, 20)):
        journal.signed.admit([one], LIVE)

    journal.forget_closed(make_rental(state=RentalState.CLOSED, until=20))

    assert [journal.signed.find(7, until) is None for until in (10, 20, 40)] == [True, False, False]


def test_admit__closing_taken_back_and_ended_earlier__signed(store: Store) -> None:
    """A reorganisation took back the closing that was confirmed, and the end lies before it now."""
    journal = Journal(store)
    for one in (LOW, HIGH):
        journal.signed.admit([one], LIVE)
    journal.forget_closed(make_rental(state=RentalState.CLOSED, until=20))

    assert 7 in journal.signed.admit([reading(15, 4)], CLOSING)
    assert journal.signed.admit([reading(15, 7)], CLOSING) == {}


def test_admit__end_before_what_is_forgotten__not_signed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reorganisation took the settlement back, and the end lies before it now."""
    monkeypatch.setattr("oracle.journal.signed.KEPT_MS", 0)
    journal = Journal(store)
    for one in (LOW, HIGH, reading(40, 20)):
        journal.signed.admit([one], LIVE)
    journal.signed.forget_settled(make_rental(until=20))

    assert journal.signed.admit([reading(10, 5, size=2)], CLOSING) == {
        7: "what was signed until 10 is forgotten"
    }
    assert 7 in journal.signed.admit([reading(15, 7)], CLOSING)
    assert journal.signed.admit([reading(30, 15)], CLOSING) == {}


def test_require_newest__journal_restored_from_a_backup__refused_until_a_new_key(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.sqlite"
    with closing(Store(f"sqlite:///{path}")) as opened:
        Journal(opened).know_rentals([make_rental()])
        signed = SignedJournal(opened)
        signed.require_newest(SIGNER.address)
        signed.admit([LOW], LIVE)
    shutil.copy(path, tmp_path / "backup")
    with closing(Store(f"sqlite:///{path}")) as opened:
        SignedJournal(opened).require_newest(SIGNER.address)
        SignedJournal(opened).admit([HIGH], LIVE)
    shutil.copy(tmp_path / "backup", path)

    with closing(Store(f"sqlite:///{path}")) as opened:
        with pytest.raises(JournalError, match="restored from a backup"):
            SignedJournal(opened).require_newest(SIGNER.address)
        other = "0x" + "b" * 40
        SignedJournal(opened).require_newest(other)
        SignedJournal(opened).require_newest(other)


@pytest.mark.parametrize("text", ["", "2 0x{key} 7\n", "{key} 7 more\n", "{key} -7\n"])
def test_require_newest__tally_of_a_newer_release__refused_and_left_alone(
    store: Store, tmp_path: Path, text: str
) -> None:
    tally = tmp_path / "j.sqlite.signed"
    tally.write_text(text.format(key=SIGNER.address))
    before = tally.read_bytes()

    with pytest.raises(JournalError, match=r"if a newer release wrote it, install .* Keep it"):
        SignedJournal(store).require_newest(SIGNER.address)
    assert tally.read_bytes() == before


def test_require_newest__tally_left_behind__refused(store: Store, tmp_path: Path) -> None:
    SignedJournal(store).admit([LOW], LIVE)
    (tmp_path / "j.sqlite.signed").unlink()

    with pytest.raises(JournalError, match=r"j\.sqlite\.signed is missing"):
        SignedJournal(store).require_newest(SIGNER.address)


def test_require_newest__killed_between_commit_and_tally__starts(
    store: Store, tmp_path: Path
) -> None:
    tally = tmp_path / "j.sqlite.signed"
    before = tally.read_bytes()
    SignedJournal(store).admit([LOW], LIVE)
    tally.write_bytes(before)

    SignedJournal(store).require_newest(SIGNER.address)


def test_dates_allowed__box_ahead_of_the_chain__no_later_than_the_newest_block() -> None:
    assert dates_allowed(100_000, 40_000, 60_000) == Dates(100_000, 40_000)
    assert dates_allowed(100_001, 40_000, 60_000) == Dates(40_000, 40_000)
    assert dates_allowed(30_000, 40_000, 60_000) == Dates(30_000, 40_000)


@dataclass
class Watchful:
    """A signer that looks whether what it signs is durable."""

    store: Store
    durable: list[bool] = field(default_factory=list)
    address: str = SIGNER.address

    def sign(self, digest: bytes) -> bytes:
        self.durable.append(SignedJournal(self.store).find(7, 20) == HIGH)
        return SIGNER.sign(digest)


def test_pen__whatever_it_signs__is_durable_before(store: Store) -> None:
    signer = Watchful(store)
    pen = Pen(signer, SignedJournal(store), DOMAIN)

    assert pen.receipts([HIGH], ANY_TIME, LIVE).keys() == {7}
    assert pen.batch([HIGH], ANY_TIME, LIVE)[0] == (HIGH,)
    assert signer.durable == [True, True]


def test_pen__dated_after_what_the_clocks_allow__never_signed(store: Store) -> None:
    signer = Watchful(store)
    pen = Pen(signer, SignedJournal(store), DOMAIN)

    assert pen.receipts([HIGH], Dates(19, 20), LIVE) == {}
    assert pen.batch([HIGH], Dates(19, 20), LIVE) == ((), b"")
    assert pen.batch([HIGH], Dates(20, 19), CLOSING) == ((), b"")
    assert signer.durable == []
    assert pen.batch([HIGH], Dates(0, 20), CLOSING)[0] == (HIGH,)


# --- through the whole edge side ---------------------------------------------------------------


@pytest.fixture
def box(store: Store) -> Box:
    clock, broker = FakeClock(), FakeBroker()
    Journal(store).know_rentals([OPEN])
    return Box(store, clock, broker, build(store, clock, broker))


OPEN = make_rental(opened_at=NOW_MS // 1000)


def test_step__box_clock_ahead_of_the_chain__no_receipt_no_settlement(box: Box) -> None:
    view = view_of(replace(OPEN, funded=60_000))
    box.rest()
    for _ in range(90):
        box.sent += 1
        box.clock.ms += 100
        box.broker.give(make_sample(box.sent, box.clock.ms, motor_on=True))
        behind = fresh(view, box.clock.ms)
        assert behind is not None
        head = replace(behind.head, timestamp=(box.clock.ms - 61_000) // 1000)
        box.core.step(replace(behind, head=head))

    assert box.broker.of("reading") == []
    assert box.core.outbox.open_batches() == []


def test_step__drill_clock_a_little_ahead__receipts_up_to_the_own_clock(box: Box) -> None:
    box.rest()
    for _ in range(30):
        box.sent += 1
        box.clock.ms += 100
        box.broker.give(make_sample(box.sent, box.clock.ms + 950, motor_on=True))
        box.core.step(fresh(view_of(OPEN), box.clock.ms))
        assert all(one["until"] <= box.clock.ms for one in box.broker.of("reading"))

    assert len(box.broker.of("reading")) >= 2


def test_step__number_signed_for_another_rental__no_lease_and_nothing_signed(box: Box) -> None:
    box.rest()
    box.run(20, view_of(OPEN), motor_on=True)
    before = len(box.broker.of("reading"))
    other = replace(OPEN, customer="0x" + "e" * 40, opened_at=box.clock.ms // 1000 + 1)
    box.run(30, view_of(other))

    assert box.broker.of("lease")[-1]["reason"] == Inhibit.SIGNED_MORE
    assert len(box.broker.of("reading")) == before


def test_step__clock_jumped_ahead_and_the_end_lies_before__end_signed_and_nothing_contradicts(
    box: Box,
) -> None:
    """Samples of a second before the jump come to count again when the log is cut at the end."""
    box.rest()
    view = view_of(OPEN)
    box.run(10, view, motor_on=True)
    jump_ms = box.clock.ms + 3_000
    box.sent += 1
    box.broker.give(make_sample(box.sent, jump_ms, motor_on=True))
    box.run(50, view, motor_on=True)
    later = [one for one in box.broker.of("reading") if one["until"] > NOW_MS + 3_000]
    assert later

    box.run(15, ended(NOW_MS + 3_000), motor_on=True)

    (batch,) = box.core.outbox.open_batches()
    assert batch.readings[0].until == NOW_MS + 3_000
    require_consistent(box)


def test_step__new_key__goes_on_where_the_former_one_was(box: Box) -> None:
    box.rest()
    box.run(30, view_of(OPEN), motor_on=True)
    successor = KeystoreSigner(bytes(role_account("stranger").key))
    box.restart(successor)
    rotated = view_of(OPEN, oracle=OracleView(successor.address, revoked=False))
    box.run(30, rotated, motor_on=True)

    require_consistent(box)
    newest = ReadingMessage.model_validate_json(json.dumps(box.broker.of("reading")[-1]))
    digest = batch_digest(DOMAIN, [newest.reading()])
    assert recover_signer(digest, bytes.fromhex(newest.signature[2:])) == successor.address


def test_step__ended__the_last_receipt_is_the_final_reading(box: Box) -> None:
    box.rest()
    box.run(55, view_of(OPEN), motor_on=True)
    box.run(25, ended(NOW_MS + 3_000), motor_on=True)

    last = box.broker.of("reading")[-1]
    assert last["until"] == NOW_MS + 3_000
    assert last["active_ms_1"] == 2_900


def everything_signed(box: Box) -> list[Reading]:
    batches = box.core.outbox.open_batches()
    return receipts(box) + [one for batch in batches for one in batch.readings]


def require_consistent(box: Box) -> None:
    """No two readings of which the later has a lower register, or two of one time that differ; and
    none that can not have grown out of an older one that was signed before."""
    for signed_before, signed_after in pairwise(receipts(box)):
        if signed_after.until > signed_before.until:
            assert can_have_grown(signed_after, signed_before, highest_rpm(TARIFF))
    signed = sorted({one.until: one for one in everything_signed(box)}.values(), key=_until)
    for one in everything_signed(box):
        for other in signed:
            if one.until == other.until:
                assert one == other
            elif one.until > other.until:
                assert one.registers.no_lower_than(other.registers)


def _until(one: Reading) -> int:
    return one.until


@dataclass
class Story:
    """What befalls a box, one deed after another."""

    box: Box
    view: ChainView
    drill_ahead_ms: int = 0
    motor_on: bool = False

    def drill(self, amount: int) -> None:
        for _ in range(amount):
            self.box.sent += 1
            self.box.clock.ms += 100
            self.give(self.box.sent)

    def give(self, number: int) -> None:
        time_ms = max(self.box.clock.ms + self.drill_ahead_ms, 1)
        self.box.broker.give(make_sample(number, time_ms, motor_on=self.motor_on, rpm=600))
        self.box.core.step(fresh(self.view, self.box.clock.ms))

    def switch(self, _amount: int) -> None:
        self.motor_on = not self.motor_on
        self.drill(2)

    def set_drill_clock(self, amount: int) -> None:
        self.drill_ahead_ms = 700 * (amount - 10)

    def set_box_clock(self, amount: int) -> None:
        self.box.clock.ms += 900 * (amount - 10)

    def lose(self, amount: int) -> None:
        """Samples that come again much later, after a hole that the bridge gave up."""
        self.box.sent += amount
        self.drill(1)

    def repeat(self, amount: int) -> None:
        self.give(max(self.box.sent - amount, 1))

    def restart(self, _amount: int) -> None:
        self.box.restart()
        self.box.broker.count += 1

    def end(self, amount: int) -> None:
        """It became known only now that the rental ended a while ago, or never did."""
        ended_ms = max(self.box.clock.ms - 300 * amount, NOW_MS + 1_000)
        self.view = ended(ended_ms) if amount else view_of(OPEN)
        self.drill(12)

    def reorganise(self, amount: int) -> None:
        """The number stands for another customer's rental, opened a while ago or just now."""
        opened_at = self.box.clock.ms // 1000 - amount // 4
        customer = "0x" + f"{amount % 3:x}" * 40
        self.view = view_of(replace(OPEN, customer=customer, opened_at=opened_at))
        self.drill(12)


DEEDS = (
    *(Story.drill, Story.switch, Story.set_drill_clock, Story.set_box_clock, Story.lose),
    *(Story.repeat, Story.restart, Story.end, Story.reorganise),
)


@pytest.mark.campaign
@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 20)), min_size=4, max_size=25))
def test_step__whatever_befalls_a_box__no_two_of_its_readings_contradict(
    deeds: list[tuple[object, int]],
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Store(f"sqlite:///{folder}/j.sqlite")) as opened,
    ):
        clock, broker = FakeClock(), FakeBroker()
        box = Box(opened, clock, broker, build(opened, clock, broker))
        story = Story(box, view_of(OPEN))
        story.drill(1)
        story.switch(0)
        story.drill(12)
        for deed, amount in deeds:
            deed(story, amount)  # type: ignore[operator]
        story.drill(12)
        require_consistent(box)
