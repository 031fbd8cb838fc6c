"""The command line, `drill-audit`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from audit import cli_bill, cli_mirror, cli_proof
from audit.cli_watch import one_line_errors, watching
from audit.errors import AuditError
from audit.node.completeness import Depth
from audit.node.fetch import ContractEndpoint
from audit.node.rpc import Endpoint
from audit.order import AuditOrder
from audit.report.report_html import as_html
from audit.report.report_json import as_json
from audit.report.report_text import print_report
from audit.result import Result
from audit.run import Audit
from audit.samples.published import Published
from audit.samples.sources import open_source
from host.command_line import OneLineGroup
from protocol.records import Domain

app = typer.Typer(
    name="drill-audit",
    cls=OneLineGroup,
    help="Recompute every bill from the chain, and report whatever does not add up.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


cli_bill.register(app)
cli_mirror.register(app)
cli_proof.register(app)


@app.callback()
def main() -> None:
    """Recompute every bill from the chain, and report whatever does not add up."""


@app.command()
def run(
    *,
    rpc: Annotated[str, typer.Option(help="A JSON-RPC endpoint, http(s).")],
    contract: Annotated[str, typer.Option(help="The contract's address.")],
    chain_id: Annotated[int | None, typer.Option(help="Insist on this chain id.")] = None,
    rental: Annotated[int | None, typer.Option(help="Show this rental's bill only.")] = None,
    from_block: Annotated[
        int | None, typer.Option(help="The first block; default the deployment.")
    ] = None,
    to_block: Annotated[
        int | None, typer.Option(help="The last block; default the newest.")
    ] = None,
    proof: Annotated[bool, typer.Option(help="Compare state by storage proof.")] = False,
    block_hash: Annotated[
        str | None, typer.Option(help="The last block, by a hash that you trust.")
    ] = (None),
    every_block: Annotated[
        bool | None,
        typer.Option(help="Fetch every header, the default, or only a few."),
    ] = None,
    samples: Annotated[
        str | None, typer.Option(help="Published samples: a folder or an http(s) address.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Continue from this file if interrupted.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write it as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write it as HTML.")] = None,
) -> None:
    """Replay every event, recompute every bill, and compare with the chain.

    Exit status: 0 clean, 1 findings, 2 something could not be checked.
    """
    depth = None if every_block is None else Depth.ALL if every_block else Depth.SEEN
    order = AuditOrder(
        contract, chain_id, rental, from_block, to_block, proof, block_hash, depth, state
    )
    with one_line_errors("the same command with --state goes on"):
        _require_order(order)
        result = _audit(rpc, order, samples)
        _write(result, json_file, html_file)
    print_report(result, Console())
    raise typer.Exit(result.findings.exit_status())


def _require_order(order: AuditOrder) -> None:
    Domain(0, order.contract)
    if order.proof and order.block_hash is None:
        raise AuditError("--proof needs --block-hash: the hash of a block that you trust")


def _audit(rpc: str, order: AuditOrder, samples: str | None) -> Result:
    source = None if samples is None else open_source(samples)
    published = None if source is None else partial(Published, source)
    with watching() as watcher:
        chain = ContractEndpoint(Endpoint(rpc), order.contract)
        return Audit(chain, order, watcher, published).run()


def _write(result: Result, json_file: Path | None, html_file: Path | None) -> None:
    for path, write in ((json_file, as_json), (html_file, as_html)):
        if path is not None:
            try:
                path.write_text(write(result), encoding="utf-8")
            except OSError as error:
                raise AuditError(f"{path} cannot be written: {error}") from error


if __name__ == "__main__":
    app()
