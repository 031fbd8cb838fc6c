"""The command line, `drill-oracle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from host.checks import check_as
from host.command_line import CheckUser, OneLineGroup, SettingsFile
from host.deployment_record import read_deployment
from host.foreign_text import complain
from host.log import configure_logs
from host.static_files import StaticFiles
from oracle.checks.check import OracleCheck
from oracle.cli_keys import keys
from oracle.journal.backup import backup
from oracle.journal.store import open_journal
from oracle.run import run as run_daemon
from oracle.samples.export import Exporter, export_all
from oracle.samples.extent_journal import ExtentJournal
from oracle.samples.ocmf_export import export_ocmf, write_new
from oracle.settings import load_settings

DIFFERS = 1
"""Exit status when samples are not those that were signed."""

app = typer.Typer(
    name="drill-oracle",
    cls=OneLineGroup,
    help="Meter drills, sign readings, settle them, and grant leases while there is credit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(keys, name="keys")


@app.command()
def run(settings: SettingsFile) -> None:
    """Run the oracle until SIGTERM."""
    configure_logs()
    run_daemon(load_settings(settings))


@app.command()
def check(settings: SettingsFile, user: CheckUser = None) -> None:
    """Check all that `run` needs without changing anything, and say what is missing and what to do.

    Exit status: 0 nothing is missing, 1 something is, 2 it could not be checked.
    """
    check_as(user, lambda: OracleCheck(load_settings(settings)).steps())


@app.command()
def export(
    settings: SettingsFile,
    to: Annotated[Path, typer.Option("--to", help="The folder to write to.")],
    rental: Annotated[int | None, typer.Option("--rental", help="Only this rental.")] = None,
) -> None:
    """Write published samples anew from the journal, verified against every signed reading."""
    found = load_settings(settings)
    domain = read_deployment(found.chain.deployment).domain
    with open_journal(found.journal.full_url(), domain) as store:
        journal = ExtentJournal(store)
        exporter = Exporter(journal, StaticFiles(to), domain, found.oracle.number)
        complaints = export_all(exporter, to, rental, typer.echo)
    for complaint in complaints:
        complain("drill-oracle", complaint)
    if complaints:
        raise typer.Exit(DIFFERS)


@app.command("backup")
def copy_journal(
    settings: SettingsFile,
    to: Annotated[Path, typer.Option("--to", help="The file to create.")],
) -> None:
    """Copy the journal to a new file, even while the oracle runs, and verify the copy."""
    made = backup(load_settings(settings).journal.full_url(), to)
    typer.echo(f"{made.path}: {made.samples} samples, {made.bytes} bytes, verified")


@app.command()
def ocmf(
    settings: SettingsFile,
    rental: Annotated[int, typer.Option("--rental", help="An ended rental.")],
    out: Annotated[Path | None, typer.Option("--out", help="The file for the record.")] = None,
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", help="The file for the public key that checks it, as DER."),
    ] = None,
) -> None:
    """Sign a rental's opening and closing readings as a record in the Open Charge Metering Format.

    It is not a claim of conformity with metrology law.
    """
    found = load_settings(settings)
    record, key = export_ocmf(
        found.journal.full_url(),
        read_deployment(found.chain.deployment).domain,
        found.oracle.number,
        found.keys.signing(),
        rental,
    )
    if out is None:
        typer.echo(record)
    else:
        write_new(out, record.encode("ascii"))
    if public_key is not None:
        write_new(public_key, key)
