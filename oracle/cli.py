"""The command line, `drill-oracle`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from oracle.check import report
from oracle.errors import OracleError
from oracle.run import run as run_daemon
from oracle.settings import load_settings
from oracle.sign import new_keystore
from oracle.startup import configure_logs

BAD_SETTINGS = 2
"""Exit status when something that the settings name is missing, wrong or refuses us."""

app = typer.Typer(
    help="Meter drills, sign readings, settle them, and lease a start while there is credit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="Keystores.", no_args_is_help=True)
app.add_typer(keys, name="keys")

SettingsFile = Annotated[Path, typer.Option("--settings", help="The settings, a TOML file.")]


@app.command()
def run(settings: SettingsFile) -> None:
    """Run the oracle until SIGTERM."""
    configure_logs()
    with _one_line_errors():
        run_daemon(load_settings(settings))


@app.command()
def check(settings: SettingsFile) -> None:
    """Check settings, keystores, chain, contract, journal and broker, and say what was found."""
    with _one_line_errors():
        report(load_settings(settings), typer.echo)


@keys.command("new")
def keys_new(
    out: Annotated[Path, typer.Option("--out", help="The keystore to write.")],
    password_file: Annotated[Path, typer.Option("--password-file", help="Holds the password.")],
) -> None:
    """Make a key in a new encrypted keystore and print its address."""
    with _one_line_errors():
        typer.echo(new_keystore(out, password_file))


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except OracleError as error:
        typer.echo(f"drill-oracle: {error}", err=True)
        raise typer.Exit(BAD_SETTINGS) from error


if __name__ == "__main__":
    app()
