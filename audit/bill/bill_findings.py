"""What the audit found, on a statement: wholly in its language, whatever a finding says of itself.

The texts of findings are the auditor's, in English, with what somebody else sent in them. So a
statement in another language tells what a name means, what it is about and where, and nothing of
the text; `drill-audit run` has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from audit.amounts import duration
from audit.bill.bill_words import Words
from audit.bill.bill_writer import Writer
from audit.document.document import Block, Cell, Facts, Note, Table, Written
from audit.findings import Finding, Grade
from host.foreign_text import harmless

MOST_PLACES = 3
"""Places that are told of findings of one name; the rest is counted."""

_ABOUT = re.compile(r"([a-z][a-z ]*?)(?: (0x[0-9a-fA-F]+|[0-9]+))?")


def findings_blocks(writer: Writer) -> Iterator[Block]:
    """The findings that concern the rental, and how much was looked at."""
    bill, words = writer.bill, writer.words
    if bill.findings:
        yield _table(writer)
        if not words.has_texts:
            yield Note(words.texts_elsewhere)
    else:
        yield Note(words.none)
    yield Facts(tuple(_looked_at(writer)))


def _table(writer: Writer) -> Table:
    words = writer.words
    named: dict[str, list[Finding]] = {}
    for finding in writer.bill.findings:
        named.setdefault(finding.name, []).append(finding)
    rows = []
    for name, found in named.items():
        grade = found[0].grade
        cells: tuple[Written, ...] = (
            Cell(words.grades[grade.value], grave=grade is Grade.WRONG),
            Cell(words.meanings[name], name),
            Cell(_places(found, words), _texts(found) if words.has_texts else ""),
        )
        rows.append(cells)
    heads = (words.grade, words.what_was_found, words.concerns)
    return Table("", heads, (16, 50, 40), tuple(rows))


def _places(found: list[Finding], words: Words) -> str:
    told = [place_of(one, words) for one in found[:MOST_PLACES]]
    return _with_the_rest(list(dict.fromkeys(told)), len(found) - MOST_PLACES, words)


def _with_the_rest(told: list[str], more: int, words: Words) -> str:
    if more > 0:
        told.append(words.and_more.format(words.style.whole(more)))
    return "; ".join(told)


def _texts(found: list[Finding]) -> str:
    return "; ".join(dict.fromkeys(one.text for one in found[:MOST_PLACES]))


def place_of(finding: Finding, words: Words) -> str:
    """What a finding is about and where it shows, in a language; where there are no words for it,
    that says so rather than show the English."""
    about = [_about(part, words) for part in finding.subject.split(" to ")]
    subject = " / ".join(one for one in about if one) if all(about) else words.elsewhere
    places = [_about(part, words) for part in finding.place.split(", ")] if finding.place else []
    known = [place for place in places if place and place not in about]
    return f"{subject} ({', '.join(known)})" if known else subject


def _about(text: str, words: Words) -> str:
    """ "rental 7" and its like in a language, or nothing."""
    if text in words.kinds:
        return words.kinds[text]
    found = _ABOUT.fullmatch(text)
    if found is None or found[1] not in words.kinds or not found[2]:
        return ""
    return f"{words.kinds[found[1]]} {found[2]}"


def _looked_at(writer: Writer) -> Iterator[tuple[str, Written]]:
    words, scope = writer.words, writer.bill.scope
    whole = words.style.whole
    blocks = scope.last_block - scope.first_block + 1
    yield words.checked, words.events.format(events=whole(scope.events), blocks=whole(blocks))
    verified, readings = whole(scope.signatures_verified), whole(scope.readings)
    yield words.verified, words.signatures.format(verified=verified, readings=readings)
    compared = (
        words.by_proof.format(whole(scope.slots_proven))
        if scope.slots_proven
        else words.by_views.format(whole(scope.views_compared))
    )
    yield words.of, compared
    yield words.samples, _samples(writer)


def _samples(writer: Writer) -> str:
    """What came of the rental's published samples."""
    words, tally = writer.words, writer.bill.samples
    if tally is None:
        return words.samples_not
    checked = words.style.whole(tally.checked)
    if tally.unchecked:
        anchored = words.style.whole(tally.anchored)
        told = words.samples_not_all.format(samples=checked, anchored=anchored)
        return harmless(f"{told}: {tally.unchecked}") if words.has_texts else told
    gaps = duration(tally.gap_ms, words.style)
    return words.samples_are.format(samples=checked, gaps=gaps)
