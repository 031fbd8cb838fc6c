"""The course of a rental on its statement: when there was drilling, and what is not known."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from audit_story import CUSTOMER
from bill_builders import CONTRACT, TellingStory
from device_builders import make_sample
from hypothesis import given
from hypothesis import strategies as st

from audit.bill.bill_document import write_document
from audit.bill.bill_english import EN
from audit.bill.bill_german import DE
from audit.bill.course import BalanceTerms, CourseSource, Metered, meter_samples
from audit.bill.rental_story import MOST_POINTS
from audit.bill.statement import Statement
from audit.books.arithmetic import NO_CAP
from audit.document.plot import Plot
from audit.samples.meter import AuditedMeter
from audit.samples.published import Published
from audit.samples.samples import cut
from audit.samples.sources import open_source
from audit.samples.track import SampleTally
from protocol.merkle import Frontier
from protocol.meter_word import pack_meter
from protocol.publication import RentalIdentity, bundle_file, contract_folder
from protocol.records import Domain, Registers
from protocol.sample import SAMPLE_BYTES, encode_sample

DOMAIN = Domain(1, CONTRACT)
Stroke = tuple[int, int, int]
STROKES: tuple[Stroke, ...] = ((5_000, 12_000, 1), (30_000, 42_000, 2), (60_000, 72_000, 3))
"""From when to when after the opening, at which level: 31 seconds of drilling in 80."""

END_MS = 80_000
RPM = 1_200


def sample(sequence: int, time_ms: int, level: int = 0, odometer_ms: int = 0) -> bytes:
    """A sample of drill 1: at a level with the motor on, or at rest."""
    one = make_sample(sequence, time_ms, drill=1)
    on, rpm, odometer = level > 0, RPM if level else 0, Registers(active_ms_1=odometer_ms)
    one = replace(one, level=level or 1, motor_on=on, trigger=on, rpm=rpm, odometer=odometer)
    return encode_sample(one)


def samples_of(opened_ms: int, strokes: tuple[Stroke, ...], end_ms: int = END_MS) -> bytes:
    """What a drill says: every second at rest, every 100 ms while it turns, and as it stops."""
    times = set(range(500, end_ms, 1_000))
    for start, stop, _ in strokes:
        times |= set(range(start, stop + 1, 100))
    content = []
    for sequence, time in enumerate(sorted(times), 1):
        level = next((level for start, stop, level in strokes if start <= time < stop), 0)
        content.append(sample(sequence, opened_ms + time, level))
    return b"".join(content)


class Drilled:
    """A rental with published samples, settled once at the end."""

    def __init__(self, folder: Path, strokes: tuple[Stroke, ...] = STROKES) -> None:
        self.story = story = TellingStory()
        story.furnish()
        story.open()
        self.opened_ms = story.now * 1000
        self.folder = folder
        self.replace(samples_of(self.opened_ms, strokes))

    @property
    def identity(self) -> RentalIdentity:
        return RentalIdentity(1, 1, 1, self.story.books.rentals[1].opened_at, CUSTOMER)

    @property
    def samples(self) -> list[bytes]:
        content = self.content
        return [content[at : at + SAMPLE_BYTES] for at in range(0, len(content), SAMPLE_BYTES)]

    def replace(self, *samples: bytes) -> None:
        """Other samples than those, and what they make."""
        self.content = b"".join(samples)
        self.publish(self.content)
        meter = AuditedMeter((6_000,) * 3)
        meter.take(cut(self.content))
        self.registers = meter.registers

    def publish(self, content: bytes) -> None:
        place = self.folder / contract_folder(DOMAIN) / self.identity.folder()
        place.mkdir(parents=True, exist_ok=True)
        (place / bundle_file(0, sealed=False)).write_bytes(content)

    def settle(self) -> None:
        """The reading of all samples, dated the end."""
        leaves = self.samples
        until = self.opened_ms + END_MS
        self.story.now = until // 1000
        word = pack_meter(until, Registers(*self.registers))
        log = {"log_size": len(leaves), "log_root": "0x" + Frontier().extend(leaves).root().hex()}
        charge = sum(self.registers[:3])
        self.story.tell("UsageSettled", 0, rental=1, until=until, meter=word, charge=charge, **log)

    def end(self) -> None:
        self.story.tell("RentalEnded", 0, rental=1, by=CUSTOMER, ended_at=self.story.now)
        charge = sum(self.registers[:3])
        self.story.close(0, charge, 100_000 - charge)

    def metered(self) -> Metered | None:
        reading = self.story.listener.reading(DOMAIN)
        assert reading is not None
        rates = self.story.books.tariffs[1].levels
        published = Published(open_source(str(self.folder)), DOMAIN)
        return meter_samples(published, self.identity, reading, rates)

    def statement(self) -> Statement:
        return self.story.statement(tally=SampleTally(checked=1), metered=self.metered())


def plots(bill: Statement) -> list[Plot]:
    sections = write_document(bill, EN, "", ()).sections
    return [block for one in sections for block in one.blocks if isinstance(block, Plot)]


def value_at(points: list[tuple[int, int]], time: int) -> float:
    """Where a polyline is at a time."""
    for (x, y), (a, b) in itertools.pairwise(points):
        if x <= time <= a and a > x:
            return y + (b - y) * (time - x) / (a - x)
    raise AssertionError(time)


def drilled_by(time: int, level: int) -> int:
    return sum(max(0, min(time, stop) - start) for start, stop, of in STROKES if of == level)


def test_course__samples_given__steps_as_drilled_in_the_time_it_was_drilled(
    tmp_path: Path,
) -> None:
    drilled = Drilled(tmp_path)
    drilled.settle()
    drilled.end()
    bill = drilled.statement()
    assert bill.course.source is CourseSource.SAMPLES
    assert bill.course.count == len(drilled.content) // SAMPLE_BYTES
    assert not bill.course.unknown
    usage, balance = plots(bill)
    for time in range(0, END_MS, 700):
        for level, curve in enumerate(usage.curves, 1):
            at = value_at(list(curve.points), drilled.opened_ms + time)
            assert abs(at - drilled_by(time, level)) <= 1
        # A unit for each active millisecond.
        used = sum(drilled_by(time, level) for level in (1, 2, 3))
        left = value_at(list(balance.curves[0].points), drilled.opened_ms + time)
        assert abs(left - (100_000 - used)) <= 1
    assert not any(curve.dots for curve in usage.curves)
    assert "Drawn from the" in usage.note
    assert (usage.across.low, usage.across.high) == (
        drilled.opened_ms,
        drilled.opened_ms + END_MS,
    )


def test_course__no_samples__joins_what_settled_with_dots_and_says_so(tmp_path: Path) -> None:
    drilled = Drilled(tmp_path)
    drilled.settle()
    drilled.end()
    bill = drilled.story.statement()
    assert (bill.course.source, bill.course.count) == (CourseSource.NOT_GIVEN, 1)
    usage, _ = plots(bill)
    assert "1 settled readings (dots)" in usage.note
    assert "no samples were given" in usage.note
    assert all(curve.dots == curve.points for curve in usage.curves)


def spoilt(content: bytes) -> bytes:
    return content[:30] + bytes([content[30] ^ 1]) + content[31:]


@pytest.mark.parametrize("given", [spoilt, lambda all_of_it: all_of_it[:-SAMPLE_BYTES]])
def test_course__samples_that_were_not_signed_for__not_drawn(tmp_path: Path, given: object) -> None:
    drilled = Drilled(tmp_path)
    drilled.settle()
    drilled.publish(given(drilled.content))  # type: ignore[operator]
    assert drilled.metered() is None
    bill = drilled.story.statement(tally=SampleTally(unchecked="1 of 2: why"))
    assert bill.course.source is CourseSource.NOT_ALL
    assert "not all samples could be checked" in plots(bill)[0].note


def test_course__registers_not_those_that_were_signed__not_drawn(tmp_path: Path) -> None:
    drilled = Drilled(tmp_path)
    drilled.registers = (drilled.registers[0] + 1, *drilled.registers[1:])
    drilled.settle()
    assert drilled.metered() is None


def test_course__gap_while_the_motor_is_on__shaded_and_flat(tmp_path: Path) -> None:
    drilled = Drilled(tmp_path)
    lost = range(32_000, 38_000)
    times = [fields[1] - drilled.opened_ms for fields in cut(drilled.content)]
    drilled.replace(
        *(one for one, time in zip(drilled.samples, times, strict=True) if time not in lost)
    )
    drilled.settle()
    drilled.end()
    bill = drilled.statement()
    first, last = drilled.opened_ms + 31_900, drilled.opened_ms + 38_000
    assert bill.course.unknown == ((first, last),)
    usage, _ = plots(bill)
    assert usage.unknown == bill.course.unknown
    assert EN.shaded in usage.note
    middle = usage.curves[1].points
    assert value_at(list(middle), first) == value_at(list(middle), last) == 1_900


@pytest.mark.parametrize("ended", [False, True])
def test_course__open_rental__after_the_last_reading_nothing_is_known(
    tmp_path: Path, ended: bool
) -> None:
    drilled = Drilled(tmp_path)
    drilled.settle()
    settled_ms = drilled.story.now * 1000
    drilled.story.now += 50
    if ended:
        drilled.story.tell("RentalEnded", 0, rental=1, by=CUSTOMER, ended_at=drilled.story.now)
    bill = drilled.statement()
    assert bill.course.unknown == ((settled_ms, settled_ms + 50_000),)
    usage, balance = plots(bill)
    assert usage.across.high == settled_ms + 50_000
    for plot in (usage, balance):
        assert all(curve.points[-1][0] == settled_ms for curve in plot.curves)


def test_course__grace_period_over_without_a_last_reading__nothing_can_settle_any_more(
    tmp_path: Path,
) -> None:
    drilled = Drilled(tmp_path)
    drilled.settle()
    drilled.story.tell("RentalEnded", 5, rental=1, by=CUSTOMER, ended_at=drilled.story.now + 5)
    assert drilled.statement().course.unknown
    drilled.story.now += drilled.story.books.terms.grace_period + 1
    assert not drilled.statement().course.unknown


def test_course__topped_up_between_strokes__balance_rises_at_once(tmp_path: Path) -> None:
    drilled = Drilled(tmp_path)
    drilled.story.tell("ToppedUp", 20, rental=1, payer=CUSTOMER, amount=7_000, funded=107_000)
    drilled.settle()
    balance = list(plots(drilled.statement())[1].curves[0].points)
    paid_ms = drilled.opened_ms + 20_000
    assert {y for x, y in balance if x == paid_ms} == {93_000, 100_000}
    assert value_at(balance, paid_ms - 1_000) == 93_000
    assert value_at(balance, paid_ms + 1_000) == 100_000


def test_course__both_languages__drawn_from_and_shades_are_told() -> None:
    for words in (EN, DE):
        assert set(words.drawn_from) == {one.value for one in CourseSource}


def test_balance__caps_and_standing_price__as_the_contract_has_it() -> None:
    rates = ((1_000, 500, 6_000),) * 3
    terms = BalanceTerms(10, rates, 2_000, NO_CAP, NO_CAP, ((10_000, 5_000), (20_000, 50_000)))
    assert terms.balance(10_000, (0, 0, 0), (0, 0, 0)) == 5_000
    assert terms.balance(11_000, (100, 0, 0), (3, 0, 0)) == 5_000 - 2_000 - 100 - 1
    assert terms.balance(19_999, (9_000, 0, 0), (0, 0, 0)) == 0
    assert terms.balance(20_000, (9_000, 0, 0), (0, 0, 0)) == 50_000 - 20_000 - 9_000
    capped = BalanceTerms(10, rates, 0, 700, NO_CAP, ((10_000, 5_000),))
    assert capped.balance(11_000, (1_000, 0, 0), (0, 0, 0)) == 5_000 - 700


@given(st.lists(st.tuples(st.integers(1, 10_000), st.booleans()), max_size=300))
def test_metered__few_points__every_change_is_kept(steps: list[tuple[int, bool]]) -> None:
    found, time, active = Metered(), 0, 0
    seen = [(0, 0)]
    found.see(0, (0,) * 6)
    for step, running in steps:
        time += step
        active += step * running
        seen.append((time, active))
        found.see(time, (active, 0, 0, 0, 0, 0))
    drawn = [(at, registers[0]) for at, registers in found.times]
    assert drawn[-1] == seen[-1]
    if len(drawn) > 1:
        for at, value in seen:
            assert value_at(drawn, at) == pytest.approx(value)


def test_metered__a_million_steps__bounded_and_within_a_pixel() -> None:
    found, count = Metered(), 200_000
    for number in range(count):
        found.see(number * 100, (number // 2 * 100, 0, 0, number, 0, 0))
    assert len(found.times) <= 2 * MOST_POINTS
    assert found.times[-1][0] == (count - 1) * 100
    drawn = [(at, registers[0]) for at, registers in found.times]
    for time in range(0, count * 100 - 100, 700_000):
        assert abs(value_at(drawn, time) - time / 2) <= count * 100 / 1_000


def test_metered__thousands_of_gaps__no_more_than_a_drawing_can_show() -> None:
    # Each is a second after the one before, and the odometer went on meanwhile.
    count = 9 * MOST_POINTS
    content = b"".join(sample(n, n * 1_000, odometer_ms=n * 100) for n in range(1, count))
    meter, found = AuditedMeter((6_000,) * 3), Metered()
    for fields in cut(content):
        found.take(meter, fields)
    assert 0 < len(found.gaps) <= 2 * MOST_POINTS
    assert (found.gaps[0][0], found.gaps[-1][1]) == (1_000, (count - 1) * 1_000)


@pytest.mark.parametrize("ahead_ms", [-45_000, -1_000, 1_000, 45_000])
def test_course__clocks_a_little_apart__all_of_it_is_drawn_by_the_drills(
    tmp_path: Path, ahead_ms: int
) -> None:
    drilled = Drilled(tmp_path)
    drilled.replace(samples_of(drilled.opened_ms + ahead_ms, STROKES))
    drilled.settle()
    drilled.end()
    bill = drilled.statement()
    assert bill.course.source is CourseSource.SAMPLES
    assert bill.course.points[-1].active_ms == (7_000, 12_000, 12_000)
    assert bill.course.points[-1].balance == bill.balance == 69_000
    assert [one.time_ms for one in bill.course.points] == sorted(
        one.time_ms for one in bill.course.points
    )
    usage, balance = plots(bill)
    for plot in (usage, balance):
        for curve in plot.curves:
            assert all(plot.across.low <= x <= plot.across.high for x, _ in curve.points)


def test_course__clock_a_year_ahead__settled_readings_and_the_reason(tmp_path: Path) -> None:
    drilled = Drilled(tmp_path)
    drilled.replace(samples_of(drilled.opened_ms + 365 * 86_400_000, STROKES))
    drilled.settle()
    drilled.end()
    bill = drilled.statement()
    assert bill.course.source is CourseSource.CLOCK
    assert "clock" in plots(bill)[0].note
    assert bill.course.points[-1].active_ms == (7_000, 12_000, 12_000)


def test_metered__clock_set_back__said() -> None:
    meter, found = AuditedMeter((6_000,) * 3), Metered()
    for fields in cut(sample(1, 9_000) + sample(2, 9_100, 1) + sample(3, 4_000, 1)):
        found.take(meter, fields)
    assert found.set_back
