"""What a statement shows beside money: its course, and the reading behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eth_utils.address import to_checksum_address

from audit.amounts import duration
from audit.bill.bill_words import Words
from audit.bill.bill_writer import Writer, date, date_ms
from audit.bill.course import Course, CourseSource
from audit.bill.rental_story import Point, SettledReading
from audit.books.arithmetic import HOUR_MS
from audit.document.document import Block, Cell, Facts, Note, Written
from audit.document.plot import Axis, Curve, Pair, Plot, amount_axis, highest, time_axis
from protocol.records import Registers

MINUTE_MS = 60_000


def course_blocks(writer: Writer) -> Iterator[Block]:
    """Plots of usage and balance; nothing where only the opening is known."""
    bill, words = writer.bill, writer.words
    points = bill.course.points
    if len(points) < 2:
        return
    last_ms = max(points[-1].time_ms, *(end for _, end in bill.course.unknown), 0)
    across = time_axis(points[0].time_ms, last_ms)
    along = words.along.format(_dates(points[0].time_ms, last_ms))
    drawn = _drawn_from(bill.course, words)
    from_readings = bill.course.source is not CourseSource.SAMPLES
    levels = tuple(
        _curve(name, [(one.time_ms, one.active_ms[level]) for one in points], from_readings)
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
    title, unknown = words.usage_plot.format(unit=unit_name), bill.course.unknown
    yield Plot(title, drawn, words.usage_told.format(told), along, across, up, levels, unknown)
    balance = (_curve("", list(_balance(points)), from_readings),)
    unit = bill.asset.unit
    first, last = (writer.units(one.balance) for one in (points[0], points[-1]))
    told = words.balance_told.format(first=first, last=last, unit=unit)
    up = amount_axis(highest(balance), lambda value: writer.units(value, 0))
    title = words.balance_plot.format(unit=unit)
    yield Plot(title, "", told, along, across, up, balance, unknown)


def _curve(name: str, points: list[Pair], dotted: bool) -> Curve:
    return Curve(name, tuple(points), tuple(points) if dotted else ())


def _balance(points: Sequence[Point]) -> Iterator[Pair]:
    """What is paid in comes at once; usage goes down bit by bit."""
    for before, one in zip((points[0], *points), points, strict=False):
        if one.balance > before.balance:
            yield one.time_ms, before.balance
        yield one.time_ms, one.balance


def _drawn_from(course: Course, words: Words) -> str:
    """What the plots are drawn from, and what their shades mean."""
    count = words.style.whole(course.count)
    told = [words.drawn_from[course.source.value].format(count)]
    if course.unknown:
        told.append(words.shaded)
    return " ".join(told)


def _dates(first_ms: int, last_ms: int) -> str:
    """The day, or from which to which."""
    days = [date(time_ms // 1000).partition(" ")[0] for time_ms in (first_ms, last_ms)]
    return "/".join(dict.fromkeys(days))


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


def _signature(writer: Writer, reading: SettledReading) -> Iterator[tuple[str, Written]]:
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
