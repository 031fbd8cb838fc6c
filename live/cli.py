"""The command line, `drill-http`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import structlog
import typer
import uvicorn

from host.checks import check_as
from host.command_line import CheckUser, OneLineGroup, SettingsFile
from host.deployment_record import read_deployment
from host.log import configure_logs
from host.mqtt_client import MqttClient
from live.answers import site
from live.app import build_app, require_page
from live.board import CHANNELS, Board
from live.check import steps
from live.feed import LIMITS, Feed
from live.listen import listening
from live.rentals import HttpViews, RentalIndex
from live.settings import HttpSettings, load_http_settings
from protocol.messages import topics

HEADER_BYTES = 16 * 1024
STOP_SECONDS = 2

log = structlog.get_logger()

app = typer.Typer(
    name="drill-http",
    cls=OneLineGroup,
    help="Serve the page and the newest signed readings: read-only, without a key.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def run(settings: SettingsFile) -> None:
    """Serve until SIGTERM."""
    configure_logs()
    serve(load_http_settings(settings))


@app.command()
def check(settings: SettingsFile, user: CheckUser = None) -> None:
    """Check all that `run` needs without changing anything, and say what is missing and what to do.

    Exit status: 0 nothing is missing, 1 something is, 2 it could not be checked.
    """
    check_as(user, lambda: steps(load_http_settings(settings)))


@app.command("site")
def print_site(settings: SettingsFile) -> None:
    """Print the site.json that a static host serves beside the page."""
    found = load_http_settings(settings)
    typer.echo(site(found, read_deployment(found.deployment)).model_dump_json(indent=1))


def serve(settings: HttpSettings) -> None:
    """Serve until SIGTERM or SIGINT; raises a HostError when it cannot start."""
    deployment = read_deployment(settings.deployment)
    require_page(settings.page.folder)
    drills = tuple(drill.number for drill in settings.drills)
    name = f"drill-http-{settings.listen.port}"
    broker = MqttClient(settings.broker, name, topics(drills, CHANNELS), LIMITS)
    feed = Feed(
        Board(deployment.domain, frozenset(drills)),
        broker,
        streams=settings.limits.streams,
        streams_per_address=settings.limits.streams_per_address,
    )
    index = RentalIndex(HttpViews(settings.index_url, deployment.contract))
    server = _server(settings, build_app(settings, site(settings, deployment), feed, index))
    with listening(settings.listen) as port, _stopped_by_signals(server):
        broker.connect()
        try:
            log.info(
                "page served", host=settings.listen.host, port=settings.listen.port, drills=drills
            )
            server.run(sockets=[port])
        finally:
            broker.close()
    log.info("page no longer served")


def _server(settings: HttpSettings, served: Callable[..., Any]) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            served,
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
    )


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """SIGTERM and SIGINT end the server, also before it has begun. It raises them once more when it
    has ended, for whoever handled them before; that is this, and nothing is left to do then."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
