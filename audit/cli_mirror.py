"""The command `drill-audit mirror`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from audit.cli_watch import one_line_errors, watching
from audit.errors import AuditError
from audit.node.fetch import ContractEndpoint
from audit.node.rpc import Endpoint
from audit.order import AuditOrder
from audit.report.report_text import print_findings, samples_line, verdict
from audit.run import Audit
from audit.samples.mirror import Mirror
from audit.samples.sources import open_source
from protocol.records import Domain


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("mirror")(mirror_command)


def mirror_command(
    *,
    rpc: Annotated[str, typer.Option(help="A JSON-RPC endpoint, http(s).")],
    contract: Annotated[str, typer.Option(help="The contract's address.")],
    samples: Annotated[str, typer.Option(help="Published samples: a folder or an address.")],
    to: Annotated[Path, typer.Option(help="The folder of the copy; created if missing.")],
    chain_id: Annotated[int | None, typer.Option(help="Insist on this chain id.")] = None,
    rental: Annotated[int | None, typer.Option(help="Copy this rental only.", min=1)] = None,
    to_block: Annotated[
        int | None, typer.Option(help="The last block; default the newest.")
    ] = None,
) -> None:
    """Copy published samples, each file verified against the chain before it is put in place.

    Exit status: 0 all of it is there and verified, 1 findings, 2 something could not be checked.
    """
    mirrors: list[Mirror] = []
    with one_line_errors("the same command goes on"):
        Domain(0, contract)
        source = open_source(samples)
        try:
            to.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AuditError(f"{to} cannot be made: {error}") from error

        def made(domain: Domain) -> Mirror:
            mirrors.append(Mirror(source, to, domain))
            return mirrors[-1]

        order = AuditOrder(contract, chain_id=chain_id, rental=rental, to_block=to_block)
        with watching() as watcher:
            result = Audit(ContractEndpoint(Endpoint(rpc), contract), order, watcher, made).run()
    console = Console()
    print_findings(result, console)
    for mirror in mirrors:
        for path in mirror.doubtful:
            typer.echo(f"not covered by a signed root: {path}; if it is damaged, delete it")
        typer.echo(f"sealed bundles: {mirror.fetched} fetched, {mirror.kept} were there")
    typer.echo(f"samples: {samples_line(result)}")
    typer.echo(verdict(result))
    raise typer.Exit(result.findings.exit_status())
