"""The command line, `drill-http`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvicorn

from host.errors import HostError
from host.foreign_text import complain
from host.log import configure_logs
from oracle.errors import OracleError, SettingsError
from oracle.http.answers import site
from oracle.http.app import build_app, require_page
from oracle.http.board import CHANNELS, Board
from oracle.http.feed import Feed
from oracle.http.rentals import HttpViews, RentalIndex
from oracle.http.settings import HttpSettings, load_http_settings
from oracle.ingest import MqttBroker
from oracle.startup import read_deployment

BAD_SETTINGS = 2
"""Exit status when something that the settings name is missing, wrong or refuses us."""

HEADER_BYTES = 16 * 1024
STOP_SECONDS = 2

log = structlog.get_logger()

app = typer.Typer(
    help="Serve the page and the newest signed readings: read-only, without a key.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SettingsFile = Annotated[Path, typer.Option("--settings", help="The settings, a TOML file.")]


@app.command()
def run(settings: SettingsFile) -> None:
    """Serve until SIGTERM."""
    configure_logs()
    with _one_line_errors():
        serve(load_http_settings(settings))


@app.command("site")
def print_site(settings: SettingsFile) -> None:
    """Print what a static host puts beside the page as site.json."""
    with _one_line_errors():
        found = load_http_settings(settings)
        typer.echo(site(found, read_deployment(found.deployment)).model_dump_json(indent=1))


def serve(settings: HttpSettings) -> None:
    """Serve until SIGTERM; raises an OracleError when it cannot start."""
    deployment = read_deployment(settings.deployment)
    try:
        require_page(settings.page.folder)
    except FileNotFoundError as error:
        raise SettingsError(str(error)) from error
    drills = tuple(drill.number for drill in settings.drills)
    broker = MqttBroker(settings.broker, f"drill-http-{settings.listen.port}", drills, CHANNELS)
    feed = Feed(
        Board(deployment.domain, frozenset(drills)),
        broker,
        streams=settings.limits.streams,
        streams_per_address=settings.limits.streams_per_address,
    )
    index = RentalIndex(HttpViews(settings.index_url, deployment.contract))
    served = build_app(settings, site(settings, deployment), feed, index)
    broker.connect()
    log.info("page served", host=settings.listen.host, port=settings.listen.port, drills=drills)
    config = uvicorn.Config(
        served,
        host=settings.listen.host,
        port=settings.listen.port,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.listen.trusted_proxies),
        forwarded_allow_ips=list(settings.listen.trusted_proxies),
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    try:
        uvicorn.Server(config).run()
    finally:
        broker.close()
    log.info("page no longer served")


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except (OracleError, HostError) as error:
        complain("drill-http", error)
        raise typer.Exit(BAD_SETTINGS) from error


if __name__ == "__main__":
    app()
