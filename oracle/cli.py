"""The command line, `drill-oracle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from host.checks import check_as
from host.command_line import OneLineGroup
from host.deployment_record import read_deployment
from host.errors import SettingsError
from host.extras import needing
from host.foreign_text import complain
from host.keystores import new_keystore
from host.log import configure_logs
from host.static_files import StaticFiles
from oracle.checks.check import OracleCheck
from oracle.journal.backup import backup
from oracle.journal.store import open_journal
from oracle.run import run as run_daemon
from oracle.samples.export import Exporter, export_all
from oracle.samples.extent_journal import ExtentJournal
from oracle.samples.ocmf_export import export_ocmf, write_new
from oracle.settings import load_settings
from oracle.signing.places import TokenPlace

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
keys = typer.Typer(help="Keystores and tokens.", no_args_is_help=True)
app.add_typer(keys, name="keys")

SettingsFile = Annotated[Path, typer.Option("--settings", help="The settings, a TOML file.")]


@app.command()
def run(settings: SettingsFile) -> None:
    """Run the oracle until SIGTERM."""
    configure_logs()
    run_daemon(load_settings(settings))


@app.command()
def check(
    settings: SettingsFile,
    user: Annotated[
        str | None, typer.Option(help="Check with the rights of this user, who is to run it.")
    ] = None,
) -> None:
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


@keys.command("new")
def keys_new(  # noqa: PLR0917  typer calls it by keyword
    out: Annotated[Path | None, typer.Option("--out", help="The keystore to write.")] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="The file with the keystore's password.")
    ] = None,
    pkcs11: Annotated[
        Path | None, typer.Option("--pkcs11", help="PKCS#11 library of a token, instead.")
    ] = None,
    token: Annotated[str | None, typer.Option("--token", help="The token's label.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="The label of the new key.")] = None,
    pin_file: Annotated[
        Path | None, typer.Option("--pin-file", help="The file with the token's PIN.")
    ] = None,
) -> None:
    """Create a key in a new encrypted keystore, or in a token, and print its address."""
    in_token, in_keystore = (pkcs11, token, key, pin_file), (out, password_file)
    if pkcs11 and token and key and pin_file and in_keystore == (None, None):
        with needing("oracle"):
            from oracle.signing.token_key import new_token_key  # noqa: PLC0415  for tokens only
        typer.echo(new_token_key(TokenPlace(pkcs11, token, key, pin_file)))
    elif out and password_file and in_token == (None, None, None, None):
        typer.echo(new_keystore(out, password_file))
    else:
        raise SettingsError(
            "a new key needs --out and --password-file, or --pkcs11, --token, --key and --pin-file"
        )
