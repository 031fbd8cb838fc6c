"""A statement is wholly in its language, whatever the audit found."""

from __future__ import annotations

import ast
import re
from dataclasses import fields, replace
from html import unescape
from pathlib import Path

import pytest
from bill_builders import TellingStory, told
from bill_reading import pdf_text

import audit
from audit.bill.bill_document import write_document
from audit.bill.bill_english import EN
from audit.bill.bill_findings import place_of
from audit.bill.bill_german import DE
from audit.bill.bill_words import Words
from audit.bill.statement import Statement
from audit.books.expect import slots, views
from audit.document.html import as_html
from audit.document.pdf import as_pdf
from audit.findings import CATALOGUE, KEPT_OF_A_NAME, Finding
from audit.samples.track import SampleTally

SENTINEL = "ENGLISHWORDS"
SUBJECTS = (
    "rental 1",
    "account 0x2222222222222222222222222222222222222222 to account 0x33",
    "block 7",
    "the range",
    f"{SENTINEL} of a kind that has no words",
    f"rental {SENTINEL}",
)
PLACES = ("", "block 17, log 3", "reading.json", SENTINEL)


def found_everything() -> Statement:
    """A statement with every finding that there is, about every kind of thing."""
    story = TellingStory()
    story.furnish()
    story.open()
    story.settle(10)
    for name in CATALOGUE:
        for subject in SUBJECTS:
            for place in PLACES:
                story.findings.add(name, subject, f"{SENTINEL} {name}", place)
    for _ in range(KEPT_OF_A_NAME):
        story.findings.add("charge-differs", "rental 7", SENTINEL)
    tally = SampleTally(checked=3, anchored=5, unchecked=f"3 of 5: {SENTINEL}")
    return replace(story.statement(), samples=tally)


def test_german__every_finding__no_english_text_on_page_or_paper() -> None:
    document = write_document(found_everything(), DE, "", ())
    page, paper = unescape(as_html(document).decode()), pdf_text(as_pdf(document))
    flat = " ".join(paper.split())
    for name, (_, meaning) in CATALOGUE.items():
        assert DE.meanings[name] in page
        assert name in page
        assert name in paper.replace("\n", "")
        for where in (page, flat):
            assert meaning not in where, name
    assert SENTINEL not in page
    assert SENTINEL not in paper


def test_english__every_finding__tells_the_auditors_text_too() -> None:
    page = unescape(as_html(write_document(found_everything(), EN, "", ())).decode())
    for name, (_, meaning) in CATALOGUE.items():
        assert meaning in page
        assert f"{SENTINEL} {name}" in page


def test_german__every_word__another_than_in_english() -> None:
    same = {
        # Names, numbers and words that both languages share.
        *("code", "rental", "tariff", "drill", "as_of_is", "a_second", "asset"),
        *("contract", "position", "block", "digest"),
        *("has_texts", "texts_elsewhere", "levels", "a_thousand", "oracle_is"),
    }
    for field in fields(Words):
        english, german = getattr(EN, field.name), getattr(DE, field.name)
        if isinstance(english, str) and field.name not in same:
            assert english != german, field.name
    assert not [name for name in CATALOGUE if EN.meanings[name] == DE.meanings[name]]
    assert not [name for name, text in DE.meanings.items() if not re.fullmatch("[A-Z].*[.]", text)]


ENGLISH = re.compile(
    r"\b(the|of|and|not|with|from|this|that|reading|readings|sample|samples|settled|opened|closed|"
    r"rental|charge|balance|paid|owed|checked|yes|coin|units|second|hour|signed)\b"
)


@pytest.mark.parametrize("label", ["Bohrer", ""])
def test_german__whole_statement__no_english_word_but_names(label: str) -> None:
    story = told(label)
    paper = pdf_text(as_pdf(write_document(story.statement(), DE, "", ())))
    text = paper
    for name in ("signature-unchecked", "rental", "docs/auditing.md"):
        text = text.replace(name, "")
    assert not ENGLISH.findall(text)


def test_place_of__everything_that_state_is_compared_for__has_words() -> None:
    story = told()
    subjects = {one.subject for one in views(story.books)}
    subjects |= {one.subject for one in slots(story.books)}
    assert len(subjects) > 8
    for subject in subjects:
        for words in (EN, DE):
            assert place_of(Finding("code-differs", subject, ""), words) != words.elsewhere, subject


@pytest.mark.parametrize("words", [EN, DE])
def test_words__every_one_of_ours__in_letters_that_the_paper_has(words: Words) -> None:
    for field in fields(Words):
        str(getattr(words, field.name)).encode("latin-1")
    for subject in SUBJECTS:
        for place in PLACES:
            place_of(Finding("code-differs", subject, "", place), words).encode("latin-1")


def subjects_in_the_source() -> set[str]:
    """The kinds of thing that findings are said to be about, out of the auditor's own code: every
    text that begins one that is assigned to `subject` or given to `add` as the second argument."""
    found: set[str] = set()
    for path in Path(audit.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add":
                given = node.args[1:2] if len(node.args) >= 3 else []
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "subject":
                given = [node.value]
            for one in given:
                first = one.values[0] if isinstance(one, ast.JoinedStr) else one
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value.strip())
    return found


def test_kinds__everything_that_the_auditor_says_findings_are_about__has_words() -> None:
    subjects = subjects_in_the_source()
    assert {"rental", "block", "contract", "the range"} <= subjects
    assert not subjects - DE.kinds.keys()
