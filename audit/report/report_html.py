"""The report as one HTML page that needs no script and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audit.document.document import (
    Block,
    Cell,
    Document,
    DocumentSection,
    Facts,
    Figures,
    Note,
    Table,
    Written,
)
from audit.document.html import as_html as page_of
from audit.findings import KEPT_OF_A_NAME, Grade
from audit.report.report_text import (
    PLAIN,
    sample_row,
    scope_lines,
    seconds,
    verdict,
)
from audit.result import Bill, Result

WRONG, UNCHECKED = 1, 2


def as_html(result: Result) -> str:
    """The whole page."""
    scope, grades = result.scope, result.findings.by_grade()
    figures = (
        ("Rentals", _whole(len(result.bills))),
        ("Events replayed", _whole(scope.events)),
        ("Wrong", _whole(grades[Grade.WRONG])),
        ("Suspicious", _whole(grades[Grade.SUSPICIOUS])),
        ("Unchecked", _whole(grades[Grade.UNCHECKED])),
        ("Sum of differences", _whole(result.difference)),
    )
    document = Document(
        language="en",
        kind="Audit",
        title=f"Audit of blocks {scope.first_block:,} to {scope.last_block:,}",
        under=f"Contract {scope.contract} on chain {scope.chain_id}",
        verdict=Note(verdict(result), grave=result.findings.exit_status() == WRONG),
        figures=Figures(tuple((name, Cell(value)) for name, value in figures)),
        sections=tuple(_sections(result)),
        footer="Made by drill-audit. Names of findings are explained in docs/auditing.md.",
        time=0,
    )
    return page_of(document).decode()


def _sections(result: Result) -> Iterator[DocumentSection]:
    looked_at = tuple((name, value) for name, value in scope_lines(result))
    yield DocumentSection("What was looked at", (Facts(looked_at),))
    yield DocumentSection("Findings", tuple(_findings(result)))
    yield DocumentSection("Rentals", (_bills(result),) if result.bills else (Note("None."),))
    yield DocumentSection("Samples", (_samples(result),))


def _bills(result: Result) -> Table:
    heads = ("Rental, customer", "State", "Active time", "Revolutions")
    return Table(
        "By level 1, 2 and 3; amounts in the asset's smallest unit. "
        f"Sum of differences: {_whole(result.difference)}.",
        (*heads, "Charge on chain, recomputed", "Difference"),
        (30, 16, 14, 14, 28, 16),
        tuple(_bill(bill) for bill in result.bills),
        frozenset(range(2, 6)),
    )


def _bill(bill: Bill) -> tuple[Written, ...]:
    charges = [_amount(one) for one in (bill.charge_on_chain, bill.charge_recomputed)]
    return (
        Cell(str(bill.rental), bill.customer),
        Cell(bill.state, f"drill {bill.drill}, tariff {bill.tariff}"),
        _lines(seconds(active_ms) for active_ms in bill.active_ms),
        _lines(_whole(turns) for turns in bill.revolutions),
        _lines(charges),
        Cell(_amount(bill.difference), grave=bool(bill.difference)),
    )


def _samples(result: Result) -> Block:
    if result.scope.samples is None:
        return Note("Samples were not looked at.")
    heads = ("Rental", "Samples", "Roots", "Gaps", "Odometer beyond the bill")
    rows = tuple(_sample_row(bill) for bill in result.bills)
    caption = (
        "Of gaps, how long they are and what the odometer counted in them: active time, "
        "revolutions, and what that is worth in the asset's smallest unit."
    )
    return Table(caption, heads, (12, 40, 10, 24, 24), rows, frozenset({2, 3, 4}))


def _sample_row(bill: Bill) -> tuple[Written, ...]:
    rental, samples, *_ = sample_row(bill)
    tally = bill.samples
    if tally is None:
        return (rental, samples, "", "", "")
    active_ms, turns = sum(tally.missed[:3]), sum(tally.missed[3:])
    gaps = [f"{_whole(tally.gaps)} gaps", f"{seconds(tally.gap_ms)} long"]
    ahead = (tally.odometer_ahead_ms, tally.odometer_ahead_turns, tally.unbilled_worth)
    return (
        rental,
        Cell(samples, grave=bool(tally.unchecked)),
        _whole(tally.roots),
        _lines([*gaps, *_counted(active_ms, turns, tally.missed_worth)] if tally.gaps else ["0"]),
        _lines(_counted(*ahead)),
    )


def _counted(active_ms: int, turns: int, worth: int) -> tuple[str, str, str]:
    return f"{seconds(active_ms)} active", f"{_whole(turns)} rev", f"worth {_whole(worth)}"


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts)


def _findings(result: Result) -> Iterator[Block]:
    rows: list[tuple[Written, ...]] = []
    for finding in result.findings:
        grave = finding.grade is Grade.WRONG
        rows.append(
            (
                Cell(str(finding.grade), grave=grave),
                Cell(finding.meaning, finding.name),
                Cell(finding.subject, finding.place),
                finding.text,
            )
        )
    if rows:
        heads = ("Grade", "Finding", "About", "What was found")
        yield Table("", heads, (12, 30, 20, 40), tuple(rows))
    else:
        yield Note("None.")
    for name, count in result.findings.counts.items():
        if count > KEPT_OF_A_NAME:
            yield Note(f"{count - KEPT_OF_A_NAME} more of {name}.")


def _amount(number: int | None) -> str:
    return "not known" if number is None else _whole(number)


def _whole(number: int) -> str:
    return PLAIN.whole(number)
