"""`drill-provider relay`: everything put together, and looked at before it listens."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import structlog

from host.clock import SystemClock
from host.keystores import open_keystore
from host.log import configure_logs
from host.process_lock import ProcessLock
from host.stopping import stop_signals
from protocol.created import forwarder_address
from protocol.deployment import Deployment
from provider.errors import ProviderError
from provider.meter import DeployedMeter
from provider.node import checksummed
from provider.relay.book import OrderBook
from provider.relay.counter import RelayCounter
from provider.relay.limits import RelayLimits
from provider.relay.sending_chain import RelayAccount, RelayChain
from provider.relay.service import RelayServer, carry_on

STEP_SECONDS = 2.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RelayOrder:
    """What a command line names."""

    keystore: Path
    password_file: Path
    book: Path
    host: str
    port: int
    limits: RelayLimits


def looked_at(meter: DeployedMeter, account: RelayAccount) -> str:
    """The forwarder's address. Raises ProviderError when the contract has none, or the key is the
    owner's, which is to stay in its safe."""
    forwarder = checksummed(meter.view("forwarder"))
    if forwarder.lower() != forwarder_address(meter.address):
        raise ProviderError(f"{forwarder} is not the forwarder of {meter.address}")
    if not meter.node.data("eth_getCode", forwarder, "latest"):
        raise ProviderError(f"there is no forwarder at {forwarder}")
    if checksummed(meter.view("owner")) == account.address:
        raise ProviderError(
            "this keystore is the provider's own; a relay has a key of its own, which holds coins "
            "for gas and nothing else (drill-oracle keys new makes one)"
        )
    return forwarder


def balance_wei(meter: DeployedMeter, account: RelayAccount) -> int:
    """The coins for gas."""
    return meter.node.number("eth_getBalance", account.address, "latest")


def run(order: RelayOrder, meter: DeployedMeter, record: Deployment) -> None:
    """Take and send orders until SIGTERM; raises ProviderError or HostError."""
    configure_logs()
    account = RelayAccount(open_keystore(order.keystore, order.password_file))
    forwarder = looked_at(meter, account)
    lock = ProcessLock(order.book.with_name(order.book.name + ".lock"))
    book = OrderBook(order.book)
    counter = RelayCounter(
        RelayChain(meter.node, forwarder),
        book,
        SystemClock(),
        account,
        deployment=record.domain,
        limits=order.limits,
    )
    about = {"address": account.address, "forwarder": forwarder, "chain_id": record.chain_id}
    place = (order.host, order.port)
    with stop_signals() as stopping, RelayServer(place, counter, about) as server:
        serving = threading.Thread(target=server.serve_forever, name="relay", daemon=True)
        serving.start()
        log.info("relay listens", host=order.host, port=server.server_address[1], **about)
        carry_on(counter, stopping, STEP_SECONDS)
        server.shutdown()
    book.close()
    lock.close()
    log.info("relay stopped")
