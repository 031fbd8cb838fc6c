"""What `drill-http check` looks at: all that `run` needs, and nothing is changed by it."""

from __future__ import annotations

from host import broker_check
from host.checks import CheckStep, MissingError, who_looks
from host.deployment_record import read_deployment
from live.app import require_page
from live.errors import ListenError
from live.listen import listening
from live.settings import HttpSettings


def steps(settings: HttpSettings) -> list[CheckStep]:
    """In the order in which they are said."""
    return [
        CheckStep("looking as", who_looks),
        CheckStep(
            "settings",
            lambda: "shows drill " + ", ".join(str(one.number) for one in settings.drills),
        ),
        CheckStep("deployment record", lambda: _record(settings)),
        CheckStep("page", lambda: _page(settings)),
        CheckStep("port", lambda: _port(settings)),
        CheckStep("broker certificate", lambda: broker_check.certificate(settings.broker, "page")),
        CheckStep("broker", lambda: _broker(settings), ("broker certificate", "port")),
    ]


def _record(settings: HttpSettings) -> str:
    found = read_deployment(settings.deployment)
    return f"contract {found.contract} on chain {found.chain_id}"


def _page(settings: HttpSettings) -> str:
    require_page(settings.page.folder)
    return f"{settings.page.folder}, for the chain at {settings.page.rpc_origin}"


def _port(settings: HttpSettings) -> str:
    try:
        with listening(settings.listen):
            return f"{settings.listen.host} port {settings.listen.port} is free"
    except ListenError as error:
        raise MissingError(f"{error} (it is not a fault if drill-http has it already)") from error


def _broker(settings: HttpSettings) -> str:
    client_id = f"drill-http-{settings.listen.port}-check"
    return broker_check.connection(settings.broker, client_id)
