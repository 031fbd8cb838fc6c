"""The report as one HTML page that needs no script and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from audit.report_text import SAMPLE_COLUMNS, sample_row, scope_lines, usage, verdict
from audit.result import Result

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
  color: #1b1b1b; background: #fff; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: .875rem; }
th, td { border-bottom: 1px solid #ccc; padding: .375rem .5rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
th { background: #f3f3f3; } .n { text-align: right; font-variant-numeric: tabular-nums; }
.verdict { padding: .75rem 1rem; border-left: .5rem solid #2a7d2a; background: #eef7ee; }
.s1 { border-color: #b00020; background: #fdecee; } .s2 { border-color: #8a6d00;
  background: #fff8e1; } .wrong { color: #b00020; font-weight: 600; }
.suspicious { color: #8a4b00; font-weight: 600; } .unchecked { color: #00567a; font-weight: 600; }
@media print { body { margin: 0; max-width: none; } }
"""


def _row(cells: Sequence[object], tag: str = "td", numbers: Sequence[int] = ()) -> str:
    written = "".join(
        f"<{tag}{' class=n' if place in numbers else ''}>{cell}</{tag}>"
        for place, cell in enumerate(cells)
    )
    return f"<tr>{written}</tr>\n"


def _bills(result: Result) -> str:
    heads = ("Rental", "Customer", "Drill", "Tariff", "State", "Active time / revolutions by level")
    amounts = ("Charge on chain", "Recomputed", "Difference")
    rows = [_row((*heads, *amounts), "th", (6, 7, 8))]
    for bill in result.bills:
        cells = (
            bill.rental,
            escape(bill.customer),
            bill.drill,
            bill.tariff,
            bill.state,
            escape(usage(bill)),
            *(
                "not known" if amount is None else amount
                for amount in (bill.charge_on_chain, bill.charge_recomputed, bill.difference)
            ),
        )
        rows.append(_row(cells, "td", (6, 7, 8)))
    return f"<table>\n{''.join(rows)}</table>\n"


def _samples(result: Result) -> str:
    if result.scope.samples is None:
        return "<p>Samples were not looked at.</p>\n"
    rows = [_row(SAMPLE_COLUMNS, "th", range(2, len(SAMPLE_COLUMNS)))]
    for bill in result.bills:
        cells = [escape(cell) for cell in sample_row(bill)]
        rows.append(_row(cells, "td", range(2, len(SAMPLE_COLUMNS))))
    return f"<table>\n{''.join(rows)}</table>\n"


def _findings(result: Result) -> str:
    if not result.findings.counts:
        return "<p>None.</p>\n"
    rows = [_row(("Grade", "Finding", "About", "What was found"), "th")]
    for finding in result.findings:
        about = escape(f"{finding.subject}{', ' if finding.place else ''}{finding.place}")
        rows.append(
            _row(
                (
                    f'<span class="{finding.grade}">{finding.grade}</span>',
                    f"<code>{finding.name}</code><br>{escape(finding.meaning)}",
                    about,
                    escape(finding.text),
                )
            )
        )
    return f"<table>\n{''.join(rows)}</table>\n"


def as_html(result: Result) -> str:
    """The whole page."""
    status = result.findings.exit_status()
    scope = "".join(_row((escape(name), escape(value))) for name, value in scope_lines(result))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Audit of {escape(result.scope.contract)}</title>\n<style>{STYLE}</style>\n"
        "</head>\n<body>\n<h1>Audit</h1>\n"
        f'<p class="verdict s{status}">{escape(verdict(result))}</p>\n'
        f"<h2>What was looked at</h2>\n<table>\n{scope}</table>\n"
        f"<h2>Findings</h2>\n{_findings(result)}"
        "<h2>Rentals</h2>\n<p>Amounts in the asset's smallest unit. "
        f"Sum of differences: {result.difference}.</p>\n{_bills(result)}"
        f"<h2>Samples</h2>\n{_samples(result)}</body>\n</html>\n"
    )
