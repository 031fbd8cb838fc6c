"""What a statement shows beside money: its course, the reading behind it, what the audit found."""

from __future__ import annotations

from collections.abc import Iterator

from eth_utils.address import to_checksum_address

from audit.amounts import duration
from audit.arithmetic import HOUR_MS
from audit.bill_writer import Writer, date_ms, visible
from audit.document import Block, Cell, Facts, Note, Written
from audit.plot import Axis, Curve, Plot, amount_axis, highest, time_axis
from audit.rental_story import SignedReading
from protocol.records import Registers

MINUTE_MS = 60_000


def course_blocks(writer: Writer) -> Iterator[Block]:
    """Plots of usage and balance; nothing where only the opening is known."""
    bill, words = writer.bill, writer.words
    points = bill.points
    if len(points) < 2:
        return
    across = time_axis(points[0].time_ms, points[-1].time_ms)
    levels = tuple(
        Curve(name, tuple((one.time_ms, one.active_ms[level]) for one in points))
        for level, name in enumerate(words.levels)
    )
    scale, unit_name = next(
        (scale, name)
        for scale, name in zip((1_000, MINUTE_MS, HOUR_MS), words.time_units, strict=True)
        if highest(levels) <= 120 * scale or scale == HOUR_MS
    )
    marks = amount_axis(max(1, -(-highest(levels) // scale)), words.style.whole)
    up = Axis(0, marks.high * scale, tuple((at * scale, text) for at, text in marks.marks))
    times = [duration(curve.points[-1][1], words.style) for curve in levels]
    told = ", ".join(f"{curve.name} {time}" for curve, time in zip(levels, times, strict=True))
    yield Plot(
        words.usage_plot.format(unit=unit_name), words.usage_told.format(told), across, up, levels
    )
    course = []
    for before, one in zip((points[0], *points), points, strict=False):
        # What is paid in comes at once; usage goes down bit by bit.
        if one.balance > before.balance:
            course.append((one.time_ms, before.balance))
        course.append((one.time_ms, one.balance))
    balance = (Curve("", tuple(course)),)
    unit = bill.asset.unit
    first, last = (writer.units(one.balance) for one in (points[0], points[-1]))
    yield Plot(
        words.balance_plot.format(unit=unit),
        words.balance_told.format(first=first, last=last, unit=unit),
        across,
        amount_axis(highest(balance), lambda value: writer.units(value, 0)),
        balance,
    )


def reading_blocks(writer: Writer) -> Iterator[Block]:
    """The last settled reading, with its signature."""
    words, reading = writer.words, writer.bill.reading
    if reading is None:
        yield Note(words.no_reading)
        return
    yield Note(words.reading_note)
    args = reading.settled.args
    names = ("until", *Registers.__slots__)
    registers = zip(names, (reading.meter.until, *reading.meter.registers), strict=True)
    facts: list[tuple[str, Written]] = [("rental", str(writer.bill.rental))]
    for name, value in registers:
        under = f"{date_ms(value, words)} UTC" if name == "until" else ""
        facts.append((name, Cell(str(value), under, mono=True)))
    facts.append(("log_size", Cell(str(args["log_size"]), mono=True)))
    facts.append(("log_root", Cell(args["log_root"], mono=True)))
    yield Facts((*facts, *_signature(writer, reading)))


def _signature(writer: Writer, reading: SignedReading) -> Iterator[tuple[str, Written]]:
    words = writer.words
    settled = reading.settled
    yield words.transaction, writer.transaction(settled)
    key = Cell(to_checksum_address(reading.key), words.oracle_is.format(reading.oracle), mono=True)
    yield words.key, key
    yield words.curve, "P-256" if reading.p256 else "secp256k1"
    if not reading.signature:
        yield words.verified, words.not_seen
        return
    place = words.place_in_batch_is.format(place=reading.position + 1, size=reading.size)
    yield words.place_in_batch, place
    yield words.digest, Cell(reading.digest, mono=True)
    yield words.signature, Cell(reading.signature, mono=True)
    yield words.verified, words.yes if reading.verified else words.no


def findings_blocks(writer: Writer) -> Iterator[Block]:
    """The findings that concern the rental, and how much was looked at."""
    bill, words, scope = writer.bill, writer.words, writer.bill.scope
    whole = words.style.whole
    if not bill.findings:
        yield Note(words.none)
    for finding in bill.findings:
        place = f" ({finding.place})" if finding.place else ""
        text = f"{words.grades[finding.grade.value]}: {finding.name}: {finding.subject}{place}: "
        yield Note(visible(text + finding.text), grave=finding.grade.value == "wrong")
    blocks = scope.last_block - scope.first_block + 1
    compared = (
        words.by_proof.format(whole(scope.slots_proven))
        if scope.slots_proven
        else words.by_views.format(whole(scope.views_compared))
    )
    events = words.events.format(events=whole(scope.events), blocks=whole(blocks))
    signatures = words.signatures.format(
        verified=whole(scope.signatures_verified), readings=whole(scope.readings)
    )
    yield Facts(
        (
            (words.checked, events),
            (words.verified, signatures),
            (words.of, compared),
            (words.samples, _samples(writer)),
        ),
    )


def _samples(writer: Writer) -> str:
    """What came of the rental's published samples."""
    words, tally = writer.words, writer.bill.samples
    if tally is None:
        return words.samples_not
    checked = words.style.whole(tally.checked)
    if tally.unchecked:
        return words.samples_not_all.format(samples=checked, why=tally.unchecked)
    gaps = duration(tally.gap_ms, words.style)
    return words.samples_are.format(samples=checked, gaps=gaps)
