"""A document as one HTML page: no script, nothing fetched, and a policy that forbids both."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from html import escape

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
    cell,
)
from audit.document.plot_svg import as_svgs

_STYLE = """
:root { --ink: #14181b; --soft: #566067; --rule: #c9d0d4; --steel: #17465e; --grave: #9b1c1c; }
* { box-sizing: border-box; }
body { font: 14px/1.45 "Helvetica Neue", Helvetica, Arial, sans-serif; color: var(--ink);
  background: #fff; margin: 0 auto; max-width: 58rem; padding: 2.5rem 1.5rem; }
header { border-top: 6px solid var(--steel); padding-top: .75rem; }
.kind { text-transform: uppercase; letter-spacing: .12em; font-size: .72rem; color: var(--steel);
  font-weight: 700; margin: 0; }
h1 { font-size: 2rem; line-height: 1.15; margin: .15rem 0; font-weight: 700; }
.under { color: var(--soft); margin: 0 0 1rem; overflow-wrap: break-word; }
h2 { font-size: .95rem; margin: 2.2rem 0 .5rem; padding-top: .45rem; color: var(--steel);
  border-top: 2px solid var(--ink); break-after: avoid; }
.note { margin: .5rem 0; max-width: 46rem; overflow-wrap: break-word; }
.verdict { border-left: 4px solid var(--steel); padding: .35rem .75rem; margin: 0 0 1.1rem; }
.grave { color: var(--grave); font-weight: 700; border-color: var(--grave); }
.figures { display: flex; flex-wrap: wrap; margin: 0; border: 1px solid var(--ink);
  overflow: hidden; }
.figures div { flex: 1 0 auto; padding: .5rem .75rem; margin-left: -1px;
  border-left: 1px solid var(--rule); }
.figures dt { font-size: .72rem; color: var(--soft); }
.figures dd { margin: 0; font-size: 1rem; font-weight: 700; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.figures small { font-weight: 400; font-size: .72rem; color: var(--soft); display: block; }
table { border-collapse: collapse; width: 100%; margin: .25rem 0 1rem; }
caption { text-align: left; color: var(--soft); padding: .2rem 0 .35rem; font-size: .82rem; }
th, td { padding: .3rem .5rem; text-align: left; vertical-align: top; overflow-wrap: break-word;
  border-bottom: 1px solid var(--rule); font-weight: 400; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
thead { display: table-header-group; }
thead th { font-size: .72rem; font-weight: 700; border-bottom: 1px solid var(--ink);
  vertical-align: bottom; }
.facts th { width: 24%; color: var(--soft); }
.n { text-align: right; font-variant-numeric: tabular-nums; }
td.n, td.n small { white-space: pre; }
.long { overflow-wrap: anywhere; }
td small, th small { display: block; font-weight: 400; color: var(--soft); font-size: .75rem; }
tfoot { display: table-row-group; }
tfoot tr:first-child > * { border-top: 1px solid var(--ink); }
tfoot th, tfoot td { font-weight: 700; } tfoot small { font-weight: 400; }
tr, tfoot { break-inside: avoid; }
code, .mono { font: .8rem/1.4 ui-monospace, "Liberation Mono", Menlo, Consolas, monospace; }
.mono { overflow-wrap: anywhere; }
pre { background: #f2f4f5; border-left: 4px solid var(--rule); padding: .6rem .75rem;
  margin: .5rem 0;  white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: var(--steel); }
figure { margin: .75rem 0 1.25rem; break-inside: avoid; }
figcaption { font-size: .82rem; font-weight: 700; margin-bottom: .25rem; }
figure .note { font-size: .82rem; color: var(--soft); margin: 0 0 .4rem; }
svg { width: 100%; height: auto; display: block; } svg.narrow { display: none; }
.grid { stroke: #dde2e5; } .axis { stroke: #14181b; } .unknown { fill: #e2e6e8; }
.mark, .name { font-size: 11px; fill: #566067; font-variant-numeric: tabular-nums; }
.name { font-weight: 700; } .end { text-anchor: end; } .middle { text-anchor: middle; }
.curve { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
.curve.c0 { stroke: #17465e; } .name.c0, .dot.c0 { fill: #17465e; }
.curve.c1 { stroke: #b3541e; stroke-dasharray: 7 3; } .name.c1, .dot.c1 { fill: #a04a18; }
.curve.c2 { stroke: #14181b; stroke-dasharray: 2 3; } .name.c2, .dot.c2 { fill: #14181b; }
footer { margin-top: 2.5rem; padding-top: .5rem; border-top: 1px solid var(--rule);
  color: var(--soft); font-size: .75rem; }
@STACKED@
@media print { body { padding: 0; max-width: none; font-size: 9pt; } a { color: inherit; }
  @page { margin: 16mm; } td.n { font-size: .92em; } .mono { font-size: .74rem; } }
"""

_STACKED = """
TABLE, TABLE caption, TABLE tbody, TABLE tfoot, TABLE tr, TABLE th, TABLE td { display: block;
  width: auto; }
TABLE thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px;
  overflow: hidden; }
TABLE tr { border-bottom: 1px solid var(--rule); padding: .35rem 0; }
TABLE th, TABLE td, TABLE.facts th { border: 0; padding: .1rem 0; width: auto; }
TABLE tbody th { font-weight: 700; }
TABLE tfoot tr:first-child { border-top: 1px solid var(--ink); }
TABLE tfoot tr:first-child > * { border-top: 0; }
TABLE td[data-head] { display: flex; max-width: 44rem; justify-content: space-between; gap: 0 1rem;
  flex-wrap: wrap; }
TABLE td[data-head]::before { content: attr(data-head); color: var(--soft); font-weight: 400; }
TABLE td[data-head] > span { min-width: 0; }
TABLE td:empty { display: none; }
TABLE td.n > span { margin-left: auto; }
"""
"""How the cells of a table stand below one another, each with what its column is called."""

_NARROW = """@media screen and (max-width: 54rem) {
  svg.wide { display: none; } svg.narrow { display: block; }
  body { padding: 1.25rem 1rem; }
  .figures dd { font-size: .95rem; }
"""

STYLE = _STYLE.replace(
    "@STACKED@",
    f"{_STACKED.replace('TABLE', 'table.stacked')}{_NARROW}{_STACKED.replace('TABLE', 'table')}}}",
)

_LONG = re.compile(r"[^ \n\xa0]{40,}")
"""An address has 42 letters; no amount that the contract holds has as many digits."""

_STACKED_FROM = 96
"""Letters in a line of a table, beyond which its cells stand below one another on any screen."""


def as_html(document: Document) -> bytes:
    """The whole page, UTF-8."""
    digest = base64.b64encode(sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = escape(f"{document.kind}: {document.title}")
    sections = "".join(_section(section) for section in document.sections)
    page = (
        f'<!doctype html>\n<html lang="{document.language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n"
        f'<p class="kind">{escape(document.kind)}</p>\n<h1>{escape(document.title)}</h1>\n'
        f'<p class="under">{escape(document.under)}</p>\n</header>\n<main>\n'
        f"{_note(document.verdict, 'verdict')}{_figures(document.figures)}{sections}</main>\n"
        f"<footer>{escape(document.footer)}</footer>\n</body>\n</html>\n"
    )
    return page.encode()


def _section(section: DocumentSection) -> str:
    blocks = "".join(_block(block) for block in section.blocks)
    return f"<section>\n<h2>{escape(section.heading)}</h2>\n{blocks}</section>\n"


def _block(block: Block) -> str:
    match block:
        case Figures():
            return _figures(block)
        case Facts():
            rows = "".join(
                f'<tr><th scope="row">{escape(name)}</th><td>{_cell(value)}</td></tr>\n'
                for name, value in block.facts
            )
            return f'<table class="facts">\n<tbody>\n{rows}</tbody>\n</table>\n'
        case Table():
            return _table(block)
        case Note():
            return _note(block, "note")
        case Commands():
            return f"<pre><code>{escape(chr(10).join(block.lines))}</code></pre>\n"
        case _:
            caption = f"<figcaption>{escape(block.title)}</figcaption>"
            note = _note(Note(block.note), "note") if block.note else ""
            return f"<figure>{caption}{note}{as_svgs(block)}</figure>\n"


def _note(note: Note, name: str) -> str:
    grave = " grave" if note.grave else ""
    return f'<p class="{name}{grave}">{_text(note.text)}</p>\n'


def _figures(figures: Figures) -> str:
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{_cell(value)}</dd></div>\n"
        for name, value in figures.figures
    )
    return f'<dl class="figures">\n{cells}</dl>\n'


def _table(table: Table) -> str:
    heads = "".join(
        f'<th scope="col"{_right(table, place)}>{escape(head)}</th>'
        for place, head in enumerate(table.heads)
    )
    caption = f"<caption>{escape(table.caption)}</caption>\n" if table.caption else ""
    rows = [_row(table, row) for row in table.rows]
    split = len(rows) - table.totals
    foot = f"<tfoot>\n{''.join(rows[split:])}</tfoot>\n" if table.totals else ""
    return (
        f"<table{' class=stacked' if _letters(table) > _STACKED_FROM else ''}>\n{caption}"
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{''.join(rows[:split])}</tbody>\n{foot}</table>\n"
    )


def _letters(table: Table) -> int:
    """About how many letters a line of the table needs at least."""
    needed = 0
    for place, head in enumerate(table.heads):
        longest = max(map(len, head.split()), default=0)
        for row in table.rows:
            one = cell(row[place])
            parts = f"{one.text}\n{one.under}".split(None if place not in table.numbers else "\n")
            longest = max([longest, *(len(part) for part in parts if not _LONG.fullmatch(part))])
        needed += longest + 2
    return needed


def _row(table: Table, row: tuple[Written, ...]) -> str:
    first, *others = row
    cells = [f'<th scope="row">{_cell(first)}</th>']
    for place, value in enumerate(others, 1):
        head = f' data-head="{escape(table.heads[place], quote=True)}"'
        inner = f"<span>{_cell(value)}</span>" if cell(value).text else ""
        cells.append(f"<td{_right(table, place)}{head}>{inner}</td>")
    return f"<tr>{''.join(cells)}</tr>\n"


def _right(table: Table, place: int) -> str:
    return ' class="n"' if place in table.numbers else ""


def _cell(written: Written) -> str:
    found: Cell = cell(written)
    text = _text(found.text)
    if found.link:
        text = f'<a href="{escape(found.link, quote=True)}" rel="noreferrer noopener">{text}</a>'
    if found.mono:
        text = f'<span class="mono">{text}</span>'
    if found.grave:
        text = f'<strong class="grave">{text}</strong>'
    return text + (f"<small>{_text(found.under)}</small>" if found.under else "")


def _text(text: str) -> str:
    """Text in which only what is neither a word nor an amount, such as a hash, may be broken."""
    return _LONG.sub(r'<span class="long">\g<0></span>', escape(text))
