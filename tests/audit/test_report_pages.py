"""The report and statements in a browser: from a telephone to a desk, and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from bill_builders import TellingStory, told
from page_reading import Look, chromium, look_at
from playwright.sync_api import Browser, Page
from report_builders import LARGEST, bill, everything_found, largest, result

from audit.amounts import Asset
from audit.bill.bill_document import write_document
from audit.cli_bill import LANGUAGES
from audit.document.html import as_html as document_html
from audit.report.report_html import as_html

pytestmark = pytest.mark.integration

WIDTHS = (360, 414, 600, 768, 863, 865, 1024, 1280)
PAPER = 718
"""A4 less its margins at 96 dots an inch."""

ADDRESS = 42


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    yield opened
    opened.close()


def require_readable(seen: Look, where: str) -> None:
    # Addresses and hashes are not words and have no spaces: those may go on in the next line.
    broken = [word for word in seen.broken if not ("0x" in word and len(word) >= ADDRESS)]
    broken = [word for word in broken if len(word) < 64 and not word.startswith("http")]
    assert not [word for word in broken if "-" not in word.strip("-")], where
    assert not seen.outside, where
    assert seen.wide <= 0, where
    for column, edges in seen.right.items():
        assert max(edges) - min(edges) <= 1, (where, column, edges)


REPORTS = {
    "clean": as_html(result(bill())),
    "many": as_html(result(*map(bill, range(1, 60)))),
    "largest": as_html(result(bill(), largest())),
    "found": as_html(result(bill(), findings=everything_found())),
    "none": as_html(result()),
    "no samples": as_html(result(bill(samples=None), samples=False)),
    "not known": as_html(result(bill(charge_recomputed=None, charge_on_chain=None))),
}


@pytest.mark.parametrize("name", REPORTS)
def test_report__any_width__no_word_or_amount_broken_and_nothing_sticks_out(
    page: Page, name: str
) -> None:
    for width in WIDTHS:
        require_readable(look_at(page, REPORTS[name], width), f"{name} at {width}")
    require_readable(look_at(page, REPORTS[name], PAPER, printed=True), f"{name} on paper")


def statements() -> Iterator[tuple[str, str]]:
    found = told("Bohrmaschine in der Gießerei, Halle 7")
    for name in ("charge-differs", "gap-in-samples", "published-reading-signed-by-another-key"):
        found.findings.add(name, "rental 1", f"it is {LARGEST}, and should be 1", "block 7, log 1")
    small = TellingStory()
    small.furnish()
    small.open()
    token = Asset("0x" + "ee" * 20, "WWWWWWWWWWWW", 36, "units", told=True)
    greatest = replace(found.statement(token), funded=LARGEST, owed=LARGEST, refund=LARGEST)
    for code, words in LANGUAGES.items():
        for name, one in (
            ("disputed", found.statement()),
            ("unused", small.statement()),
            ("largest", greatest),
        ):
            command = f"drill-audit run --rpc URL --contract 0x{'7' * 40}"
            document = write_document(one, words, "https://x.example/{tx}", (command,))
            yield f"{name}, {code}", document_html(document).decode()


@pytest.mark.parametrize(("name", "html"), statements(), ids=lambda one: one[:12])
def test_statement__any_width__no_word_or_amount_broken_and_nothing_sticks_out(
    page: Page, name: str, html: str
) -> None:
    for width in WIDTHS:
        require_readable(look_at(page, html, width), f"{name} at {width}")
    require_readable(look_at(page, html, PAPER, printed=True), f"{name} on paper")


@pytest.mark.parametrize("width", [360, 863, 865, 1280])
def test_statement__plots__letters_have_their_size_and_keep_apart(page: Page, width: int) -> None:
    html = document_html(write_document(told().statement(), LANGUAGES["de"], "", ())).decode()
    look_at(page, html, width)
    drawn = page.locator("svg").filter(visible=True)
    assert drawn.count() == 2
    boxes = drawn.first.locator("text").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().toJSON())"
    )
    for place, one in enumerate(boxes):
        assert one["height"] >= 9
        assert one["left"] >= 0
        assert one["right"] <= width
        for other in boxes[place + 1 :]:
            across = min(one["right"], other["right"]) - max(one["left"], other["left"])
            down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
            assert across <= 1 or down <= 3, (one, other)


def test_report__hostile_texts__shown_and_not_obeyed(page: Page) -> None:
    look_at(page, REPORTS["found"], 1024)
    text = page.locator("body").inner_text()
    assert "\\x1b[2J\\x1b[HClean \\u202e and [red]so[/]" in text
    assert "http://[::1]:8545" in text
    assert "/srv/samples/[old]" in text


def test_report__narrow__each_number_says_what_it_is(page: Page) -> None:
    look_at(page, REPORTS["clean"], 360)
    cell = page.locator("td[data-head='Difference']")
    assert cell.evaluate("one => getComputedStyle(one, '::before').content") == '"Difference"'
