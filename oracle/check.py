"""What `drill-oracle check` looks at, one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from oracle.endpoint_check import endpoint_checks
from oracle.endpoints import trust
from oracle.errors import OracleError, WrongChainError
from oracle.ingest import MqttBroker
from oracle.registration import OracleIdentity, advice
from oracle.run import Parts, open_parts
from oracle.settings import Settings
from oracle.static_files import StaticFiles
from oracle.store import open_journal, place_of


def checks(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (what, finding) for each check that holds; raises an OracleError at the first that
    does not."""
    yield "settings", f"oracle {settings.oracle.number}, drills {list(settings.oracle.drills)}"
    parts = open_parts(settings)
    yield "signing key", parts.signer.address
    for address in parts.signer.addresses[1:]:
        yield "next signing key", address
    yield "gas key", _gas_money(parts)
    yield "chain", f"chain id {parts.deployment.chain_id}, contract {parts.deployment.contract}"
    yield from endpoint_checks(parts.chain, settings.chain)
    yield "quorum", trust(settings.chain)
    yield "oracle key", _registered(parts)
    for drill in settings.oracle.drills:
        yield f"drill {drill}", _drill(parts, drill)
    yield "journal", _journal(parts)
    yield "publication", _publication(settings)
    yield "broker", _broker(settings)


def _gas_money(parts: Parts) -> str:
    money = parts.chain.gas_money_wei(parts.gas.address)
    if money == 0:
        raise OracleError(f"gas key {parts.gas.address} has no money; send it some to settle with")
    return f"{parts.gas.address} with {money} wei"


def _registered(parts: Parts) -> str:
    number = parts.settings.oracle.number
    found = parts.chain.oracle(number, parts.chain.head())
    if found is None:
        raise WrongChainError(f"the contract has no oracle {number}")
    fault = advice(found, OracleIdentity.of(number, parts.signer.addresses))
    if fault is not None:
        raise WrongChainError(fault)
    return f"oracle {number} is registered with {found.key}"


def _drill(parts: Parts, drill: int) -> str:
    found = parts.chain.drill(drill, parts.chain.head())
    number = parts.settings.oracle.number
    if found is None:
        raise WrongChainError(f"the contract has no drill {drill}")
    if found.oracle != number:
        raise WrongChainError(f"drill {drill} belongs to oracle {found.oracle}, not {number}")
    return f"rental {found.rental}" if found.rental else "not rented"


def _journal(parts: Parts) -> str:
    with open_journal(parts.settings.journal.full_url(), parts.deployment.domain):
        return place_of(parts.settings.journal.url)


def _publication(settings: Settings) -> str:
    if settings.publication is None:
        return "none"
    folder = settings.publication.folder
    StaticFiles(folder).require_writable()
    return f"{folder} can be written, every {settings.publication.period_seconds} s"


def _broker(settings: Settings) -> str:
    client_id = f"drill-oracle-{settings.oracle.number}-check"
    broker = MqttBroker(settings.broker, client_id, ())
    broker.connect()
    broker.close()
    return f"{settings.broker.host}:{settings.broker.port}"


def report(settings: Settings, say: Callable[[str], None]) -> None:
    """Say each finding; raises an OracleError at the first check that does not hold."""
    for what, finding in checks(settings):
        say(f"ok  {what}: {finding}")
