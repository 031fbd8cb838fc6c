"""A statement on paper, as poppler reads it: what stands where, on how many pages whatever."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from audit_story import CUSTOMER, Story
from bill_builders import COIN, TellingStory, told
from bill_reading import Leaf, Word, pdf_pages
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.amounts import SPACE, Asset
from audit.bill.bill_document import write_document
from audit.bill.bill_english import EN
from audit.bill.bill_german import DE
from audit.bill.bill_words import Words
from audit.bill.statement import Statement
from audit.cli_bill import LANGUAGES
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
    cell,
)
from audit.document.pdf import as_pdf
from audit.document.pdf_page import BOTTOM, MARGIN, WIDTH
from audit.document.plot import Axis, Curve, Plot

POINTS_PER_MM = 72 / 25.4
FOOT = (297 - BOTTOM) * POINTS_PER_MM
LEFT, RIGHT = MARGIN * POINTS_PER_MM, (MARGIN + WIDTH) * POINTS_PER_MM
MOST = 2**96 - 1
"""The largest amount that the contract holds."""


def body(leaf: Leaf) -> list[Word]:
    """The words above the footer."""
    return [word for word in leaf.words if word.top < FOOT]


def lowest(leaf: Leaf) -> float:
    return max(word.bottom for word in body(leaf))


def lines_of(leaf: Leaf) -> list[str]:
    """The words of a page by the height they stand at, from the top."""
    lines: dict[int, list[Word]] = {}
    for word in body(leaf):
        near = next((at for at in lines if abs(at - word.bottom) <= 1), round(word.bottom))
        lines.setdefault(near, []).append(word)
    return [
        " ".join(word.text for word in sorted(lines[at], key=lambda word: word.left))
        for at in sorted(lines)
    ]


def require_sound(document: Document) -> list[Leaf]:
    """What holds of every paper; returns its pages."""
    leaves = pdf_pages(as_pdf(document))
    headings = {" ".join(one.heading.split()) for one in document.sections}
    for leaf in leaves:
        lines = lines_of(leaf)
        assert lines, "an empty page"
        assert lines[-1] not in headings, f"{lines[-1]!r} stands alone at the end of a page"
        for word in body(leaf):
            assert word.left >= LEFT - 0.5, word
            assert word.right <= RIGHT + 0.5, word
            assert word.bottom <= FOOT + 1, word
    return leaves


def require_whole(document: Document, leaves: list[Leaf]) -> None:
    """No amount and no date is broken, and every row is on one page."""
    words = [word.text.replace(SPACE, " ") for leaf in leaves for word in leaf.words]
    text = " ".join(words)
    for block in (block for section in document.sections for block in section.blocks):
        if not isinstance(block, Table):
            continue
        for row in block.rows:
            for place in block.numbers:
                number = cell(row[place])
                for shown in (number.text, number.under):
                    assert shown.replace(SPACE, " ") in text, shown


def require_apart(leaf: Leaf) -> None:
    """No word is written over another."""
    words = sorted(body(leaf), key=lambda word: word.top)
    for place, one in enumerate(words):
        for other in words[place + 1 :]:
            if other.top >= one.bottom:
                break  # it and what comes after it is below
            across = min(one.right, other.right) - max(one.left, other.left)
            down = min(one.bottom, other.bottom) - max(one.top, other.top)
            small = min(one.bottom - one.top, other.bottom - other.top)
            assert across <= 0.5 or down <= 0.45 * small, (one, other)


def document_of(*sections: DocumentSection) -> Document:
    figures = Figures((("Paid", Cell("1")),))
    return Document("en", "k", "Title", "under", Note("fine"), figures, sections, "foot", 0)


def table(rows: int, totals: int = 0, caption: str = "caption") -> Table:
    content = tuple((f"row-{number}", f"{number}.{'0' * 18}") for number in range(rows))
    return Table(caption, ("what", "much"), (50, 50), content, frozenset({1}), totals)


PLOT = Plot(
    "Plot",
    "note",
    "told",
    "time",
    Axis(0, 1, ((0, "0"), (1, "1"))),
    Axis(0, 1, ((0, "0"), (1, "1"))),
    (Curve("c", ((0, 0), (1, 1))),),
)
NEXT: tuple[Block, ...] = (
    table(3),
    table(90, 4),
    Facts(tuple((f"name {n}", str(n)) for n in range(12))),
    Facts(tuple((f"name {n}", str(n)) for n in range(90))),
    PLOT,
    Note("a paragraph " * 60),
    Commands(("drill-audit run " + "--option value " * 20,)),
)


@pytest.mark.parametrize("block", NEXT, ids=lambda block: type(block).__name__)
@pytest.mark.parametrize("above", range(25, 42))
def test_as_pdf__heading_at_any_height__has_what_it_heads_below_it(
    above: int, block: Block
) -> None:
    facts = Facts(tuple((f"fact {number}", "value") for number in range(above)))
    heading = "2 The heading"
    document = document_of(
        DocumentSection("1 Above", (facts,)), DocumentSection(heading, (Note("said before"), block))
    )
    leaves = require_sound(document)
    page = next(leaf for leaf in leaves if heading in lines_of(leaf))
    below = lines_of(page)[lines_of(page).index(heading) + 1 :]
    # The paragraph, and something of what comes after it.
    assert below[0] == "said before"
    assert len(below) >= 3


@pytest.mark.parametrize("totals", [0, 1, 6])
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 30, 31, 32, 33, 34, 35, 36, 120, 400])
def test_as_pdf__table_of_any_length__rows_once_with_heads_and_totals_together(
    rows: int, totals: int
) -> None:
    totals = min(totals, rows)
    leaves = require_sound(document_of(DocumentSection("1 Section", (table(rows, totals),))))
    on_page = [
        [int(word.text[4:]) for word in body(leaf) if word.text.startswith("row-")]
        for leaf in leaves
    ]
    assert [number for page in on_page for number in page] == list(range(rows))
    for leaf, numbers in zip(leaves, on_page, strict=True):
        if numbers:
            assert "what much" in lines_of(leaf)
            assert len(numbers) > 1 or rows == 1
            for number in numbers:
                line = next(one for one in lines_of(leaf) if one.startswith(f"row-{number} "))
                assert line == f"row-{number} {number}.{'0' * 18}"
    summed = {place for place, page in enumerate(on_page) if set(page) & set(range(rows)[-totals:])}
    assert totals == 0 or len(summed) == 1


def paid(times: int, settlements: int, funded: int = 10**22) -> Statement:
    """A rental that is topped up and settled so often."""
    story = TellingStory()
    story.furnish()
    story.open(funded=funded)
    for number in range(1, times + 1):
        amount = 123_456_789_012_345_678
        total = funded + number * amount
        story.tell("ToppedUp", rental=1, payer=CUSTOMER, amount=amount, funded=total)
    for number in range(settlements):
        story.settle(40 * number)
    return story.statement()


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
@pytest.mark.parametrize(
    ("times", "settlements"), [(0, 0), (0, 1), (1, 1), (5, 30), (23, 200), (200, 3)]
)
def test_as_pdf__any_number_of_payments_and_settlements__sound(
    words: Words, times: int, settlements: int
) -> None:
    document = write_document(paid(times, settlements), words, "", ("drill-audit run",))
    leaves = require_sound(document)
    require_whole(document, leaves)
    for leaf in leaves:
        require_apart(leaf)
    text = " ".join(word.text for leaf in leaves for word in leaf.words)
    assert text.count(words.happened["ToppedUp"]) == times


TOKENS = (
    COIN,
    Asset("0x" + "ee" * 20, "USDC", 6, "units", told=True),
    Asset("0x" + "ee" * 20, "WWWWWWWWWWWW", 36, "units", told=True),
    Asset("0x" + "ee" * 20, "units", 0, "units", told=False),
)


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
@pytest.mark.parametrize("asset", TOKENS, ids=lambda asset: f"{asset.unit}-{asset.decimals}")
@pytest.mark.parametrize("label", ["", "W" * 64, "Bohrmaschine der Gießerei " * 2, "\u202e" * 21])
def test_as_pdf__largest_amounts_and_longest_names__whole_and_apart(
    label: str, asset: Asset, words: Words
) -> None:
    bill = told(label).statement(asset)
    rates = ((2**64 - 1, 2**64 - 1, 2**20 - 1),) * 3
    lines = tuple(replace(line, quantity=2**37 - 1, price=2**64 - 1) for line in bill.lines)
    charge = sum(line.thousandths for line in lines) // 1000
    bill = replace(bill, rates=rates, lines=lines, charge=charge, per_rental=MOST, per_hour=MOST)
    bill = replace(bill, funded=MOST, limit=MOST, owed=MOST, refund=MOST, given_back=MOST)
    bill = replace(bill, least_reserve=MOST)
    document = write_document(bill, words, "", ("drill-audit run",))
    leaves = require_sound(document)
    require_whole(document, leaves)
    for leaf in leaves:
        require_apart(leaf)


@pytest.mark.campaign
def test_as_pdf__section_with_plots__begins_on_the_page_of_the_first() -> None:
    for lines in range(40):
        story = told()
        for number in range(lines):
            total = 105_000 + number + 1
            Story.tell(story, "ToppedUp", 0, rental=1, payer=CUSTOMER, amount=1, funded=total)
        document = write_document(story.statement(), DE, "", ())
        for leaf in require_sound(document):
            text = "\n".join(lines_of(leaf))
            assert (DE.course in text) == ("Laufzeit seit Mietbeginn" in text)


def test_as_pdf__commands__can_be_copied_from_paper_into_a_shell() -> None:
    command = "drill-audit run " + " ".join(f"--option-{n} 0x{n:064x}" for n in range(4))
    document = document_of(DocumentSection("1 Recompute", (Commands((command, "echo done")),)))
    lines = [line for leaf in require_sound(document) for line in lines_of(leaf)]
    start = next(place for place, line in enumerate(lines) if line.startswith("drill-audit"))
    shell = "\n".join(lines[start:]).replace("\\\n", " ")
    assert [" ".join(one.split()) for one in shell.splitlines()] == [command, "echo done"]


amounts = st.integers(0, 2**64 - 1)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2**37 - 1), amounts), min_size=7, max_size=7),
    st.sampled_from(TOKENS),
    st.sampled_from([EN, DE]),
)
def test_as_pdf__any_quantities_and_prices__lines_on_paper_add_up_to_the_unit(
    positions: list[tuple[int, int]], asset: Asset, words: Words
) -> None:
    bill = told().statement(asset)
    lines = tuple(
        replace(line, quantity=quantity, price=price)
        for line, (quantity, price) in zip(bill.lines, positions, strict=True)
    )
    charge = sum(line.thousandths for line in lines) // 1000
    bill = replace(bill, lines=lines, charge=charge, owed=min(charge, bill.limit))
    document = write_document(bill, words, "", ())
    leaves = require_sound(document)
    require_whole(document, leaves)
    shown = [cell(row[3]) for row in next_table(document, words.usage).rows]
    for read, decimals in (("text", asset.decimals + 3), ("under", 3)):
        numbers = [as_number(getattr(one, read), words.style.mark, decimals) for one in shown]
        added, rounding, due = sum(numbers[:7]), numbers[8], numbers[9]
        assert numbers[7] == added
        assert added + rounding == due == 1000 * charge


def next_table(document: Document, heading: str) -> Table:
    section = next(one for one in document.sections if one.heading.endswith(heading))
    return next(block for block in section.blocks if isinstance(block, Table))


def as_number(text: str, mark: str, decimals: int) -> int:
    """What is written, in units of its last decimal."""
    whole, _, part = text.replace(SPACE, "").partition(mark)
    assert re.fullmatch("-?[0-9]+", whole)
    assert len(part) <= decimals
    return int(whole + part.ljust(decimals, "0"))
