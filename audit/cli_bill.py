"""The command `drill-audit bill`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from audit.bill.bill_document import write_document
from audit.bill.bill_english import EN
from audit.bill.bill_german import DE
from audit.bill.course import Metered, meter_samples
from audit.bill.rental_story import RentalStory
from audit.bill.statement import Statement, state_rental, wrong
from audit.books.books import Books
from audit.cli_watch import watching
from audit.document.document import Document
from audit.document.html import as_html
from audit.errors import AuditError
from audit.node.asset import asset_of
from audit.node.decode import Event
from audit.node.fetch import ContractEndpoint
from audit.node.rpc import Endpoint
from audit.order import AuditOrder, AuditWatcher
from audit.result import Result
from audit.run import Audit
from audit.samples.published import Published
from audit.samples.sources import open_source
from host.exit_status import COULD_NOT
from host.extras import told_as_missing
from host.foreign_text import complain
from protocol.errors import RecordError
from protocol.publication import RentalIdentity
from protocol.records import Domain

REFUSED = 1

LANGUAGES = {words.code: words for words in (EN, DE)}

_EXPLORER = re.compile(r"https?://[!#-;=?-~]*\{tx\}[!#-;=?-~]*")
"""Printable, without quotes, angle brackets and spaces."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the statement is to look like, and where it goes."""

    html: Path | None
    pdf: Path | None
    language: str
    explorer: str
    unit: str | None
    despite_findings: bool


@dataclass(slots=True)
class _Listener:
    """Follows one rental through an audit, and keeps the books at hand."""

    story: RentalStory
    books: Books | None = field(default=None)

    def see(self, event: Event, books: Books, calldata: Mapping[str, bytes | None]) -> None:
        """Take an event."""
        self.books = books
        self.story.see(event, books, calldata)


def make_statement(
    chain: ContractEndpoint,
    order: AuditOrder,
    watcher: AuditWatcher,
    samples: Callable[[Domain], Published] | None = None,
    unit: str | None = None,
) -> Statement:
    """Audit, and state the order's rental; raises AuditError."""
    if order.rental is None:
        raise AuditError("a statement is of one rental")
    listener = _Listener(RentalStory(order.rental))
    watcher.event = listener.see
    result = Audit(chain, order, watcher, samples).run()
    if "reorganisation" in result.findings.counts:
        raise AuditError("the chain changed meanwhile: run it again")
    if listener.books is None:
        raise AuditError("there is no history of this contract to make a statement from")
    scope = result.scope
    asset = asset_of(chain, scope.asset, scope.last_hash, unit)
    time = chain.header(scope.last_hash).timestamp
    metered = None
    if samples is not None:
        metered = _metered(samples, listener.story, listener.books, result)
    return state_rental(
        listener.story, listener.books, result, asset=asset, last_time=time, metered=metered
    )


def _metered(
    samples: Callable[[Domain], Published], story: RentalStory, books: Books, result: Result
) -> Metered | None:
    """The course that the samples make, where the audit has seen that all are there."""
    domain = Domain(result.scope.chain_id, result.scope.contract)
    rental, reading = books.rentals.get(story.rental), story.reading(domain)
    tariff = None if rental is None else books.tariff_of(rental)
    tally = next((bill.samples for bill in result.bills if bill.rental == story.rental), None)
    if rental is None or tariff is None or reading is None or tally is None or tally.unchecked:
        return None
    identity = RentalIdentity(
        story.rental, rental.drill, rental.tariff, rental.opened_at, rental.customer
    )
    return meter_samples(samples(domain), identity, reading, tariff.levels)


def commands(order: AuditOrder, statement: Statement, wish: Wish) -> list[str]:
    """How to recompute it, for a terminal, and how to make the same file again."""
    where = f"--rpc URL --contract {order.contract}"
    scope, rental = statement.scope, f"--rental {statement.rental}"
    proof, samples = f"--proof --block-hash {scope.last_hash}", "--samples SAMPLES"
    alike = [rental, f"--to-block {scope.last_block}"]
    if order.from_block is not None:
        alike.append(f"--from-block {order.from_block}")
    if order.proof:
        alike.append(proof)
    if statement.samples is not None:
        alike.append(samples)
    if wish.language != EN.code:
        alike.append(f"--language {wish.language}")
    if wish.unit is not None:
        alike.append(f"--unit {shlex.quote(wish.unit)}")
    if wish.explorer:
        alike.append(f"--explorer {shlex.quote(wish.explorer)}")
    if wish.despite_findings:
        alike.append("--despite-findings")
    return [
        f"drill-audit run {where} --chain-id {scope.chain_id} {rental} {proof} {samples}",
        f"drill-audit bill {where} {' '.join(alike)} --html bill.html",
    ]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bill")(bill)


def bill(
    *,
    rpc: Annotated[str, typer.Option(help="A JSON-RPC endpoint, http(s).")],
    contract: Annotated[str, typer.Option(help="The contract's address.")],
    rental: Annotated[int, typer.Option(help="The rental's number.", min=1)],
    samples: Annotated[
        str | None, typer.Option(help="Published samples to look at: a folder or an address.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as HTML.")] = None,
    pdf: Annotated[Path | None, typer.Option(help="Write it as PDF.")] = None,
    language: Annotated[str, typer.Option(help="en or de.")] = "en",
    explorer: Annotated[
        str, typer.Option(help="Address of a transaction, with {tx} for its hash.")
    ] = "",
    unit: Annotated[str | None, typer.Option(help="What to call the currency's unit.")] = None,
    chain_id: Annotated[int | None, typer.Option(help="Insist on this chain id.")] = None,
    from_block: Annotated[
        int | None, typer.Option(help="The first block; default the deployment.")
    ] = None,
    to_block: Annotated[
        int | None, typer.Option(help="The last block; default the newest.")
    ] = None,
    proof: Annotated[bool, typer.Option("--proof", help="Compare state by storage proof.")] = False,
    block_hash: Annotated[
        str | None, typer.Option(help="The last block, by a hash that you trust.")
    ] = (None),
    despite_findings: Annotated[
        bool,
        typer.Option(
            "--despite-findings",
            help="Write it even if the audit found something wrong, and say so in it.",
        ),
    ] = False,
) -> None:
    """Write a rental's statement for the customer's books, from a whole audit.

    Exit status: 0 written, 1 refused because of findings, 2 could not be made.
    """
    order = AuditOrder(contract, chain_id, rental, from_block, to_block, proof, block_hash)
    wish = Wish(html, pdf, language, explorer, unit, despite_findings)
    try:
        _require_wish(order, wish)
        with watching() as watcher:
            chain = ContractEndpoint(Endpoint(rpc), contract)
            source = None if samples is None else partial(Published, open_source(samples))
            statement = make_statement(chain, order, watcher, source, wish.unit)
        bad = wrong(statement.findings)
        if not bad or despite_findings:
            document = write_document(
                statement, LANGUAGES[language], explorer, commands(order, statement, wish)
            )
            _write(document, wish)
    except (AuditError, RecordError) as error:
        complain("drill-audit", error)
        raise typer.Exit(COULD_NOT) from error
    for finding in statement.findings:
        text = f"{finding.grade}: {finding.name}: {finding.subject}: {finding.text}"
        typer.echo(text, err=True)
    if bad and not despite_findings:
        typer.echo(
            "drill-audit: no bill is written because of this; see --despite-findings", err=True
        )
        raise typer.Exit(REFUSED)
    _tell(statement, wish)


def _require_wish(order: AuditOrder, wish: Wish) -> None:
    Domain(0, order.contract)
    if wish.html is None and wish.pdf is None:
        raise AuditError("give --html or --pdf, or both")
    if wish.html is not None and wish.html == wish.pdf:
        raise AuditError(f"--html and --pdf are both {wish.html}: one would overwrite the other")
    if wish.language not in LANGUAGES:
        raise AuditError(f"statements are written in {' and '.join(LANGUAGES)}")
    if wish.explorer and not _EXPLORER.fullmatch(wish.explorer):
        raise AuditError("--explorer is an http(s) address with {tx} in it")
    if wish.unit is not None and not re.fullmatch(r"[!-~]{1,12}", wish.unit):
        raise AuditError("--unit is one short word, such as ETH")
    if order.proof and order.block_hash is None:
        raise AuditError("--proof needs --block-hash: the hash of a block that you trust")


def _write(document: Document, wish: Wish) -> None:
    renderers: tuple[tuple[Path | None, Callable[[Document], bytes]], ...] = (
        (wish.html, as_html),
        (wish.pdf, _as_pdf),
    )
    for path, render in renderers:
        if path is not None:
            try:
                path.write_bytes(render(document))
            except OSError as error:
                raise AuditError(f"{path} cannot be written: {error.strerror}") from error


def _as_pdf(document: Document) -> bytes:
    # Loading its library takes as long as all of the rest, and most commands need none.
    try:
        from audit.document.pdf import as_pdf  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise AuditError(told_as_missing(error, "audit")) from error

    return as_pdf(document)


def _tell(statement: Statement, wish: Wish) -> None:
    small = statement.asset.smallest
    typer.echo(
        f"Rental {statement.rental}, {statement.state}: funded {statement.funded}, charge "
        f"{statement.charge}, owed {statement.owed}, refund {statement.refund} {small}."
    )
    for path in (wish.html, wish.pdf):
        if path is not None:
            typer.echo(f"Written: {path}")
