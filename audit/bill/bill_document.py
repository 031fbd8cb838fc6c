"""A statement as a page: what stands where, in which words and units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from eth_utils.address import to_checksum_address

from audit.amounts import THOUSANDTHS, Asset, duration, places_for
from audit.bill.bill_evidence import course_blocks, reading_blocks
from audit.bill.bill_findings import findings_blocks
from audit.bill.bill_words import Words
from audit.bill.bill_writer import Writer, date, date_ms
from audit.bill.rental_story import Happening
from audit.bill.statement import Line, Statement, wrong
from audit.books.arithmetic import HOUR_MS
from audit.document.document import (
    Block,
    Cell,
    Commands,
    Document,
    DocumentSection,
    Facts,
    Figures,
    Note,
    Table,
    Written,
)
from audit.findings import Grade


def write_document(
    bill: Statement, words: Words, explorer: str, commands: Sequence[str]
) -> Document:
    """The page. `explorer` is an address with {tx} for a transaction, or empty."""
    bill = replace(bill, asset=_named(bill.asset, words))
    decimals = bill.asset.decimals
    thousandths = [line.thousandths for line in bill.lines]
    amounts = [bill.funded, bill.owed, bill.refund, bill.charge, bill.given_back]
    places = places_for(amounts, decimals)
    sums = [1000 * amount for amount in (bill.charge, bill.limit, bill.owed, bill.given_back)]
    line_places = places_for([*thousandths, *sums], decimals + THOUSANDTHS)
    writer = Writer(bill, words, explorer, places, line_places)
    makers: list[tuple[str, Callable[[Writer], Iterator[Block]]]] = [
        (words.parties, _parties),
        (words.tariff.format(bill.parties.tariff), _tariff),
        (words.usage, _usage),
        (words.payments, _payments),
        (words.disputes, _disputes),
        (words.course, course_blocks),
        (words.reading, reading_blocks),
        (words.findings, findings_blocks),
    ]
    sections = [(heading, list(make(writer))) for heading, make in makers]
    sections.append((words.recompute, [Note(words.recompute_note), Commands(tuple(commands))]))
    kept = [(heading, blocks) for heading, blocks in sections if blocks]
    numbered = tuple(
        DocumentSection(f"{number}  {heading}", blocks)
        for number, (heading, blocks) in enumerate(kept, 1)
    )
    found_in = [heading for heading, _ in kept].index(words.findings) + 1
    label = f" · {writer.label}" if writer.label else ""
    span = words.period.format(date(bill.opened_at), date(bill.closed_at or bill.last_time))
    return Document(
        language=words.code,
        kind=words.statement,
        title=words.rental.format(bill.rental),
        under=f"{words.drill} {bill.parties.drill}{label} · {span}",
        verdict=_verdict(bill, words, found_in),
        figures=_figures(writer),
        sections=numbered,
        footer=words.footer,
        time=bill.last_time,
        page_of=words.page,
    )


def _named(asset: Asset, words: Words) -> Asset:
    """The asset, called in the statement's language what has no name of its own."""
    unit, smallest = (words.units.get(name, name) for name in (asset.unit, asset.smallest))
    return replace(asset, unit=unit, smallest=smallest)


def _verdict(bill: Statement, words: Words, section: int) -> Note:
    bad, block = wrong(bill.findings), words.style.whole(bill.scope.last_block)
    if bad:
        return Note(words.despite.format(count=len(bad), section=section), grave=True)
    if any(finding.grade is Grade.UNCHECKED for finding in bill.findings):
        return Note(words.partly.format(block=block, section=section))
    if bill.findings:
        count = len(bill.findings)
        return Note(words.clean_beside.format(block=block, count=count, section=section))
    return Note(words.clean.format(block=block))


def _figures(writer: Writer) -> Figures:
    bill, words = writer.bill, writer.words
    closed = bill.closed_at > 0
    left = bill.refund if closed else bill.balance
    unit = bill.asset.unit
    shown = ((words.funded, bill.funded), (words.charge, bill.charge), (words.owed, bill.owed))
    money = [(name, Cell(writer.units(amount), unit)) for name, amount in shown]
    money.append((words.refund if closed else words.balance, Cell(writer.units(left), unit)))
    return Figures((*money, (words.state, Cell(words.states[bill.state]))))


def _parties(writer: Writer) -> Iterator[Block]:
    bill, words, parties = writer.bill, writer.words, writer.bill.parties
    asset = bill.asset
    about = words.native if int(asset.address, 16) == 0 else words.erc20
    told = f" ({words.as_node_says})" if asset.told else ""
    facts: list[tuple[str, Written]] = [
        (words.provider, Cell(to_checksum_address(parties.provider), mono=True)),
        (words.customer, Cell(to_checksum_address(parties.customer), mono=True)),
        (words.contract, Cell(to_checksum_address(parties.contract), mono=True)),
        (words.chain, str(parties.chain_id)),
        (words.drill, f"{parties.drill}{': ' if writer.label else ''}{writer.label}"),
        (words.oracle, words.oracle_is.format(parties.oracle)),
        (
            words.asset,
            about.format(
                unit=asset.unit,
                decimals=asset.decimals,
                smallest=asset.smallest,
                address=asset.address,
            )
            + told,
        ),
        (words.opened, f"{date(bill.opened_at)} UTC"),
    ]
    for name, time in ((words.ended, bill.ended_at), (words.closed, bill.closed_at)):
        if time:
            facts.append((name, f"{date(time)} UTC"))
    facts.append((words.metered_until, f"{date_ms(bill.until, words)} UTC"))
    block = words.style.whole(bill.scope.last_block)
    as_of = words.as_of_is.format(block, date(bill.last_time))
    facts.append((words.as_of, Cell(as_of, bill.scope.last_hash)))
    yield Facts(tuple(facts))


def _tariff(writer: Writer) -> Iterator[Block]:
    bill, words = writer.bill, writer.words
    rows: list[tuple[Written, ...]] = [
        (
            words.levels[level],
            writer.price(per_second),
            writer.price(per_second * HOUR_MS // 1000),
            writer.price(per_1000),
            words.style.whole(highest_rpm),
        )
        for level, (per_second, per_1000, highest_rpm) in enumerate(bill.rates)
    ]
    standing, an_hour = bill.standing, bill.standing * HOUR_MS // 1000
    rows.append((words.standing, writer.price(standing), writer.price(an_hour), "", ""))
    heads = (words.level, words.per_second, words.per_hour, words.per_1000, words.highest_rpm)
    yield Table(
        words.tariff_note.format(unit=bill.asset.unit),
        heads,
        (24, 22, 22, 22, 14),
        tuple(rows),
        frozenset({1, 2, 3, 4}),
    )
    caps = [
        text.format(f"{writer.units(cap, 0)} {bill.asset.unit}")
        for text, cap in ((words.cap_rental, bill.per_rental), (words.cap_hour, bill.per_hour))
        if cap is not None
    ]
    reserve = f"{writer.units(bill.least_reserve, 0)} {bill.asset.unit}"
    yield Facts(((words.caps, ", ".join(caps) or words.no_cap), (words.least_reserve, reserve)))


def _line(writer: Writer, line: Line) -> tuple[Written, ...]:
    words = writer.words
    if line.kind == "turns":
        quantity = words.revolutions.format(words.style.whole(line.quantity))
        price = words.a_thousand.format(writer.price(line.price))
        return (words.turns.format(line.level), quantity, price, writer.fine(line.thousandths))
    name = words.active.format(line.level) if line.level else words.standing
    price = words.a_second.format(writer.price(line.price))
    quantity = duration(line.quantity, words.style)
    return (name, quantity, price, writer.fine(line.thousandths))


def _usage(writer: Writer) -> Iterator[Block]:
    bill, words = writer.bill, writer.words
    rows = [_line(writer, line) for line in bill.lines]
    small = bill.asset.smallest
    sums: list[tuple[Written, ...]] = [
        (words.total_lines, "", "", writer.fine(bill.thousandths)),
        (words.rounding.format(smallest=small), "", "", writer.fine(-bill.rounding)),
        (words.charge, "", "", writer.sum(bill.charge)),
        (words.limit, "", "", writer.sum(bill.limit)),
        (words.owed, "", "", writer.sum(bill.owed)),
    ]
    if bill.given_back:
        sums.append((words.given_back, "", "", writer.sum(-bill.given_back)))
    yield Table(
        words.usage_note.format(unit=bill.asset.unit, smallest=small),
        (words.position, words.quantity, words.price, f"{words.amount} ({bill.asset.unit})"),
        (30, 18, 28, 28),
        (*rows, *sums),
        frozenset({1, 2, 3}),
        len(sums),
    )


def _payments(writer: Writer) -> Iterator[Block]:
    bill, words = writer.bill, writer.words
    rows, left = [], 0
    for time, name, amount, one in _moved(bill):
        left += amount or 0
        money = Cell("") if amount is None else writer.amount(amount)
        transaction = "" if one is None else writer.transaction(one)
        rows.append((date(time), words.happened[name], money, transaction))
    rows.append((words.left, "", writer.amount(left), ""))
    heads = (words.when, words.what, f"{words.amount} ({bill.asset.unit})", words.transaction)
    widths = (22, 24, 26, 34)
    yield Table(words.payments_of_rental, heads, widths, tuple(rows), frozenset({2}), totals=1)
    if bill.account:
        account: list[tuple[Written, ...]] = []
        for one in bill.account:
            sign = 1 if one.name == "Deposited" else -1
            money = writer.amount(sign * one.args["amount"])
            account.append(
                (date(one.time), words.happened[one.name], money, writer.transaction(one))
            )
        yield Table(words.account, heads, widths, tuple(account), frozenset({2}))
        yield Note(words.account_note)


def _moved(bill: Statement) -> Iterator[tuple[int, str, int | None, Happening | None]]:
    """What went into the rental and out of it: time, what, amount (None if it is not a payment) and
    its event; what is owed is an entry, too, so that all of them add up to what is left."""
    amounts = {"RentalOpened": "funded", "ToppedUp": "amount"}
    for one in bill.happenings:
        if one.name in amounts:
            yield one.time, one.name, one.args[amounts[one.name]], one
        elif one.name in ("RentalEnded", "BalanceExhausted"):
            yield one.time, one.name, None, one
        elif one.name == "RentalClosed":
            yield one.time, "owed", -bill.owed, None
            yield one.time, one.name, -one.args["refund"], one
    if not bill.closed_at:
        yield bill.until // 1000, "owed", -bill.owed, None


def _disputes(writer: Writer) -> Iterator[Block]:
    bill, words = writer.bill, writer.words
    rows: list[tuple[Written, ...]] = [
        (
            date(one.time),
            writer.amount(one.args["refund"]),
            writer.amount(one.args["penalty"]),
            writer.transaction(one),
        )
        for one in bill.of("UsageDisputed")
    ]
    if rows:
        heads = (words.when, words.given_back, words.penalty, words.transaction)
        numbers = frozenset({1, 2})
        yield Table(words.disputes_note, heads, (22, 26, 24, 34), tuple(rows), numbers)
