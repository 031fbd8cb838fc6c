"""Statements: exact amounts, lines that add up, and pages that hold what the books say."""

from __future__ import annotations

import itertools
import re
import zlib
from dataclasses import fields, replace
from fractions import Fraction
from html.parser import HTMLParser

import pytest
from bill_builders import COIN, TellingStory, told
from hypothesis import given
from hypothesis import strategies as st

from audit.amounts import SPACE, Asset, Style, duration, places_for
from audit.bill.bill_document import write_document
from audit.bill.bill_english import EN
from audit.bill.bill_german import DE
from audit.bill.bill_words import Words
from audit.bill.statement import concerning, wrong
from audit.cli_bill import LANGUAGES
from audit.document.html import as_html
from audit.document.pdf import as_pdf
from audit.document.plot import amount_axis, time_axis
from audit.errors import AuditError, NodeRefusedError
from audit.findings import CATALOGUE, KEPT_OF_A_NAME, Findings
from audit.node.asset import asset_of

TOKEN = "0x" + "ee" * 20


def as_number(text: str, mark: str) -> Fraction:
    return Fraction(text.replace(SPACE, "").replace(mark, "."))


@given(st.integers(-(2**260), 2**260), st.integers(0, 36), st.integers(0, 40))
def test_scaled__any_amount__exact_in_every_language(
    number: int, decimals: int, places: int
) -> None:
    for mark in ".,":
        text = Style(mark).scaled(number, decimals, places)
        assert as_number(text, mark) == Fraction(number, 10**decimals)
        _, _, digits = text.partition(mark)
        assert len(digits) >= places


@given(st.lists(st.integers(0, 10**30), min_size=1), st.integers(2, 24))
def test_places_for__amounts_of_a_column__all_as_long(amounts: list[int], decimals: int) -> None:
    places = places_for(amounts, decimals)
    written = [Style(".").scaled(amount, decimals, places) for amount in amounts]
    assert {len(text.partition(".")[2]) for text in written} == {places}


def test_duration__hours__to_the_ms() -> None:
    assert duration(3_600_000 * 1_234 + 62_007, EN.style) == f"1{SPACE}234:01:02.007"
    assert duration(7, DE.style) == "0:00:00,007"


def test_statement__whole_rental__lines_add_up_and_money_balances() -> None:
    bill = told().statement()
    assert bill.state == "closed"
    assert bill.charge == 70_001
    assert bill.thousandths - bill.rounding == 1000 * bill.charge
    assert 0 <= bill.rounding < 1000
    assert bill.funded == bill.owed + bill.refund == 105_000
    assert bill.given_back == 10_001
    assert [one.args["penalty"] for one in bill.of("UsageDisputed")] == [7]
    assert bill.settlements == 3
    assert bill.opened_at < bill.ended_at <= bill.closed_at
    assert [one.name for one in bill.account] == ["Deposited"]
    assert [one.name for one in bill.happenings] == [
        "RentalOpened",
        "ToppedUp",
        "RentalEnded",
        "RentalClosed",
        "UsageDisputed",
    ]
    points = bill.course.points
    assert [one.balance for one in points] == [100_000, 60_000, 65_000, 34_999, 34_999, 34_999]
    assert [one.time_ms for one in points] == sorted(one.time_ms for one in points)
    assert bill.reading is not None
    assert not bill.reading.verified  # The story has no calldata.


def test_statement__fraction_of_a_unit__rounded_down_once_and_shown() -> None:
    story = TellingStory()
    story.furnish()
    story.books.tariffs[1] = replace(
        story.books.tariffs[1], levels=((999, 1, 6_000), (7, 7, 6_000), (3, 3, 6_000)), standing=1
    )
    story.open()
    story.settle(41_003)
    bill = story.statement()
    assert bill.thousandths == 41_003 * 999 + 100_000
    assert bill.charge == bill.thousandths // 1000
    assert bill.rounding == bill.thousandths % 1000 != 0
    page = as_html(write_document(bill, EN, "", ())).decode()
    assert f"{bill.thousandths // 1000:,}.{bill.thousandths % 1000:03d}".replace(",", SPACE) in page
    assert f"-0.{bill.rounding:03d}" in page


def test_statement__rental_that_nobody_opened__said() -> None:
    story = TellingStory(rental=9)
    story.furnish()
    with pytest.raises(AuditError, match="no rental 9"):
        story.statement()


def test_story__many_settlements__bounded_points_with_the_last() -> None:
    story = TellingStory()
    story.furnish()
    story.open(funded=10**5)
    for number in range(3_000):
        story.settle(number, later=1)
    points = story.listener.finished_points()
    assert len(points) <= 1_025
    assert points[0].balance == 10**5
    assert points[-1].active_ms[0] == 2_999
    steps = {b.active_ms[0] - a.active_ms[0] for a, b in itertools.pairwise(points[2:-1])}
    assert len(steps) == 1


def test_concerning__findings_of_others__left_out() -> None:
    findings = Findings()
    findings.add("charge-differs", "rental 1", "mine")
    findings.add("charge-differs", "rental 11", "another's")
    findings.add("account-state-differs", "account 0xaa", "mine")
    findings.add("account-state-differs", "account 0xbb", "another's")
    findings.add("code-differs", "contract 0xcc", "everybody's")
    findings.add("log-size-fell", "rental 1", "mine, but not wrong")
    found = list(concerning(findings, 1, "0xaa"))
    assert {one.text for one in found} == {"mine", "everybody's", "mine, but not wrong"}
    assert {one.name for one in wrong(found)} == {
        "charge-differs",
        "account-state-differs",
        "code-differs",
    }


def test_concerning__more_than_are_kept__counts_as_mine() -> None:
    findings = Findings()
    for number in range(KEPT_OF_A_NAME + 1):
        findings.add("charge-differs", f"rental {number + 2}", "another's")
    assert [one.name for one in wrong(concerning(findings, 1, "0xaa"))] == ["charge-differs"]


def test_words__every_language__same_blanks_and_every_grade() -> None:
    blanks = re.compile(r"\{\w*\}")
    for field in fields(Words):
        texts = [getattr(words, field.name) for words in LANGUAGES.values()]
        if isinstance(texts[0], str):
            assert len({tuple(sorted(blanks.findall(text))) for text in texts}) == 1, field.name
        if isinstance(texts[0], dict):
            assert len({tuple(sorted(text)) for text in texts}) == 1, field.name
            for key in texts[0]:
                assert len({len(blanks.findall(text[key])) for text in texts}) == 1, field.name
    assert {grade.value for grade, _ in CATALOGUE.values()} <= set(EN.grades)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


HOSTILE = '"><script>alert(1)</script>'


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gap-in-samples", "difference 0; 2 remarks"),
        ("log-size-fell", "difference 0; 2 remarks"),
        ("receipts-not-checked", "not everything could be checked"),
        ("charge-differs", "The audit found errors that concern this rental (1)"),
    ],
)
def test_write_document__findings__said_at_the_top(name: str, said: str) -> None:
    story = told()
    # A story has no calldata, which the audit notes once for each settlement.
    story.findings.kept.clear()
    for one in ("gap-in-samples", name):
        story.findings.add(one, "rental 1", "why")
    assert said in write_document(story.statement(), EN, "", ()).verdict.text


@pytest.mark.parametrize("words", LANGUAGES.values())
def test_as_html__hostile_label__nothing_runs_and_nothing_is_fetched(words: Words) -> None:
    bill = told(HOSTILE).statement()
    page = as_html(write_document(bill, words, "https://x.example/{tx}?a=1&b", ("run <it>",)))
    parser = Tags()
    parser.feed(page.decode())
    names = {tag for tag, _ in parser.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "form", "base"}
    for tag, attributes in parser.tags:
        assert not {"src", "style"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        if "href" in attributes:
            assert tag == "a"
            assert (attributes["href"] or "").startswith("https://x.example/0x")
    assert ("html", {"lang": words.code}) in parser.tags
    policies = [a for _, a in parser.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in (policies[0]["content"] or "")
    assert "unsafe" not in (policies[0]["content"] or "")
    assert HOSTILE not in page.decode()
    scopes = [a.get("scope") for tag, a in parser.tags if tag == "th"]
    assert None not in scopes
    drawn = [a for tag, a in parser.tags if tag == "svg" and a["aria-label"]]
    assert [a["class"] for a in drawn] == ["wide", "narrow"] * 2


def test_as_html__label_that_turns_the_direction_of_reading__made_visible() -> None:
    bill = told("drill \u202e0001 HTE\x1b").statement()
    page = as_html(write_document(bill, EN, "", ())).decode()
    assert "\u202e" not in page
    assert "drill \\u202e0001 HTE\\x1b" in page


def text_of(pdf: bytes) -> str:
    """The strings that the pages show, out of their content streams."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    shown = b""
    for stream in streams:
        try:
            shown += zlib.decompress(stream)
        except zlib.error:
            continue
    strings = re.findall(rb"\(((?:\\.|[^\\()])*)\) Tj", shown)
    return "\n".join(re.sub(rb"\\(.)", rb"\1", one).decode("latin-1") for one in strings)


@pytest.mark.parametrize("words", LANGUAGES.values())
def test_as_pdf__same_statement__same_bytes_with_its_text(words: Words) -> None:
    bill = told("Bohrer € 1").statement()
    document = write_document(bill, words, "", ("drill-audit run",))
    content = as_pdf(document)
    assert content == as_pdf(write_document(bill, words, "", ("drill-audit run",)))
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    shown = text_of(content)
    assert words.owed in shown
    assert words.style.scaled(70_001, 18, 18) in shown
    assert "0x" + "ab" * 32 in shown.replace("\n", "")
    assert "\\u20ac" in shown
    assert b"/Lang" in content


def test_as_pdf__hundreds_of_payments__every_one_on_some_page() -> None:
    story = TellingStory()
    story.furnish()
    story.open()
    for number in range(1, 151):
        funded = 100_000 + number * 7
        story.tell("ToppedUp", rental=1, payer="0x" + "2" * 40, amount=7, funded=funded)
    story.settle(40_000)
    content = as_pdf(write_document(story.statement(), EN, "", ()))
    assert text_of(content).count("Topped up") == 150
    assert content.count(b"/Type /Page\n") > 8


@pytest.mark.parametrize(
    ("high", "top", "marks"), [(0, 1, 2), (1, 1, 2), (7, 8, 5), (10**18, 10**18, 6), (999, 1000, 6)]
)
def test_amount_axis__any_height__round_marks(high: int, top: int, marks: int) -> None:
    axis = amount_axis(high, str)
    assert (axis.high, len(axis.marks)) == (top, marks)


@given(st.integers(0, 2**42), st.integers(0, 2**41))
def test_time_axis__any_span__few_marks_within_it(first: int, span: int) -> None:
    axis = time_axis(first, first + span)
    assert len(axis.marks) <= 9
    assert all(axis.low <= value <= axis.high for value, _ in axis.marks)


class FakeChain:
    """Answers calls to a token by their selector."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers, self.endpoint = answers, self

    def call(self, _method: str, call: dict[str, str], _block: object) -> str:
        if call["data"] not in self.answers:
            raise NodeRefusedError("execution reverted")
        return self.answers[call["data"]]


DECIMALS, SYMBOL = "0x313ce567", "0x95d89b41"


def text_answer(text: str) -> str:
    content = text.encode()
    padded = content.ljust(-(-len(content) // 32) * 32, b"\0")
    return "0x" + (f"{32:064x}{len(content):064x}") + padded.hex()


@pytest.mark.parametrize(
    ("answers", "unit", "decimals"),
    [
        ({DECIMALS: f"0x{6:064x}", SYMBOL: text_answer("USDC")}, "USDC", 6),
        ({DECIMALS: f"0x{18:064x}", SYMBOL: "0x" + b"MKR".ljust(32, b"\0").hex()}, "MKR", 18),
        ({DECIMALS: f"0x{6:064x}", SYMBOL: text_answer("<script>alert(1)")}, "token", 6),
        ({DECIMALS: f"0x{6:064x}", SYMBOL: text_answer("€")}, "token", 6),
        ({DECIMALS: f"0x{6:064x}"}, "token", 6),
        ({DECIMALS: f"0x{2**255:064x}"}, "units", 0),
        ({}, "units", 0),
    ],
)
def test_asset_of__token__as_the_node_says_within_reason(
    answers: dict[str, str], unit: str, decimals: int
) -> None:
    found = asset_of(FakeChain(answers), TOKEN, "0x" + "11" * 32, None)  # type: ignore[arg-type]
    assert (found.unit, found.decimals) == (unit, decimals)
    assert found.told == (decimals > 0)


def test_write_document__token_with_six_decimals__in_its_unit() -> None:
    token = Asset(TOKEN, "USDC", 6, "units", told=True)
    page = as_html(write_document(told().statement(token), EN, "", ())).decode()
    assert "0.070001" in page
    assert "as the node says" in page
    assert COIN.unit not in page
