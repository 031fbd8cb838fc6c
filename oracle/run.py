"""The daemon: builds every part from the settings and runs both sides until it is told to stop."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field, replace
from threading import Event, Thread

import structlog

from chain.prover import Prover
from chain.quorum_chain import QuorumChain
from chain.transact import FeeLimits, Transactor
from chain.watch import ChainWatcher, WatchScope
from host.clock import SystemClock
from host.clock_sync import ADVICE, clock_is_synchronised
from host.deployment_record import read_deployment
from host.errors import SettingsError
from host.mqtt_client import MqttClient
from host.static_files import StaticFiles
from host.stopping import stop_signals
from oracle.chain_side import ChainSide
from oracle.core import Core
from oracle.endpoints import open_chain, trust
from oracle.intake.copies import require_only_one
from oracle.intake.ingest import oracle_client
from oracle.intake.metering import Metering
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.journal import Journal
from oracle.journal.store import Store
from oracle.journal.upgrade import upgrade
from oracle.leasing.theft import TheftReports
from oracle.ports import CorePorts
from oracle.samples.extent_journal import ExtentJournal
from oracle.samples.extents import Extents
from oracle.samples.publisher import SamplePublisher
from oracle.settings import Settings
from oracle.settling.closing import Closer
from oracle.settling.gas_key import GasWatch
from oracle.settling.settlement import CoreLimits
from oracle.settling.submit import Submitter
from oracle.signing.keyring import Keyring
from oracle.signing.registration import OracleIdentity
from oracle.signing.sign import GasAccount, open_keys
from protocol.deployment import Deployment

STEP_SECONDS = 0.05
"""The longest pause between two steps: a lease decision is never later than this."""

STOP_SECONDS = 10
"""How long a thread may take to finish what it is at: a call to the chain, a file."""

GATHER_SECONDS = 0.02
"""How long the first of several messages waits for the others: a commit costs more than a message,
and fifty a second are as many as a small disk syncs."""

NEW_OBJECTS = 50_000
"""Collections of cyclic garbage by default come after 700 new objects, which is some fifty samples,
and walk through everything alive ever so often. Samples, readings and messages have no cycles and
go by themselves; what has some (errors, connections) amounts to a few MB until it is collected."""

WEI_PER_GWEI = 10**9
ZERO_ADDRESS = "0x" + 40 * "0"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the settings name, opened and checked."""

    settings: Settings
    deployment: Deployment
    signer: Keyring
    gas: GasAccount
    chain: QuorumChain
    message_keys: dict[int, bytes] = field(repr=False)


def open_parts(settings: Settings) -> Parts:
    """Open keystores, deployment record and chain; raises an OracleError for the first fault."""
    deployment = read_deployment(settings.chain.deployment)
    require_terms(settings, deployment)
    message_keys = settings.read_message_keys()
    signer, gas = open_keys(settings.keys.signing(), settings.keys.gas(), settings.keys.next())
    chain = open_chain(settings.chain, deployment)
    chain.require_deployment()
    return Parts(settings, deployment, signer, gas, chain, message_keys)


def require_terms(settings: Settings, deployment: Deployment) -> None:
    """Raise SettingsError unless the settings fit what was deployed."""
    wait_seconds = settings.settlement.final_wait_seconds
    if wait_seconds >= deployment.grace_period_seconds:
        raise SettingsError(
            f"settlement.final_wait_seconds is {wait_seconds}, but the contract lets a rental be "
            f"closed without its last reading {deployment.grace_period_seconds} s after its end; "
            "make it shorter"
        )
    if deployment.asset != ZERO_ADDRESS and settings.settlement.asset_units_per_ether is None:
        raise SettingsError(
            f"settlement.asset_units_per_ether is needed: the deployment's asset is the token "
            f"{deployment.asset}, and gas is paid in the native coin"
        )


def build_chain_side(parts: Parts, store: Store, clock: SystemClock) -> ChainSide:
    """The chain side of the daemon."""
    settings, journal = parts.settings, ChainJournal(store)
    scope = WatchScope(
        oracle=settings.oracle.number,
        drills=settings.oracle.drills,
        first_block=parts.deployment.block_number,
        finality=settings.chain.tiers(),
    )
    limits = FeeLimits(
        bump_after_ms=settings.settlement.bump_after_seconds * 1000,
        highest_fee_wei=settings.settlement.highest_fee_gwei * WEI_PER_GWEI,
    )
    domain, grace_seconds = parts.deployment.domain, parts.deployment.grace_period_seconds
    identity = OracleIdentity.of(settings.oracle.number, parts.signer.signers)
    transactor = Transactor(parts.chain, journal, clock, parts.gas, domain=domain, limits=limits)
    submitter = Submitter(
        parts.chain,
        journal,
        clock,
        transactor,
        domain=domain,
        identity=identity,
        grace_seconds=grace_seconds,
    )
    closer = Closer(parts.chain, journal, transactor, identity, grace_seconds)
    return ChainSide(
        ChainWatcher(parts.chain, journal, clock, scope),
        submitter,
        clock,
        int(settings.chain.poll_seconds * 1000),
        closer if settings.settlement.close_after_grace else None,
        Extents(parts.chain, ExtentJournal(store), identity.number, settings.oracle.drills),
        Prover(parts.chain) if settings.chain.publish_proofs else None,
        GasWatch(parts.chain, journal, clock, parts.gas.address, settings.settlement.gas_limits()),
    )


def build_publisher(parts: Parts, store: Store) -> SamplePublisher | None:
    """What publishes sample logs, if the settings name a folder for them."""
    publication = parts.settings.publication
    if publication is None:
        return None
    files, number = StaticFiles(publication.folder), parts.settings.oracle.number
    return SamplePublisher(ExtentJournal(store), files, parts.deployment.domain, number)


def build_core(parts: Parts, store: Store, broker: MqttClient, clock: SystemClock) -> Core:
    """The edge side of the daemon, as far as the journal says it was."""
    settings = parts.settings
    metering = Metering(Journal(store), settings.oracle.drills, settings.oracle.number)
    metering.start()
    metering.journal.signed.require_newest(*parts.signer.addresses)
    limits = CoreLimits(
        lease=settings.lease_limits(parts.deployment.grace_period_seconds),
        settlement=settings.settlement.limits(),
        final_wait_ms=settings.settlement.final_wait_seconds * 1000,
        grace_seconds=parts.deployment.grace_period_seconds,
    )
    ports = CorePorts(clock, broker, parts.signer)
    if settings.lease.theft_folder is not None:
        ports = replace(ports, stolen=TheftReports(settings.lease.theft_folder))
    outbox, domain = ChainJournal(store), parts.deployment.domain
    return Core(ports, metering, outbox, domain, limits, parts.message_keys)


def run(settings: Settings) -> None:
    """Run until SIGTERM; raises an OracleError when it cannot start."""
    parts = open_parts(settings)
    url = settings.journal.full_url()
    upgrade(url, parts.deployment.domain, settings.journal.copy_folder)
    store = Store(url, settings.journal.reserve_megabytes * 1_000_000)
    store.lock()
    store.bind(parts.deployment.domain)
    clock = SystemClock()
    broker = oracle_client(
        settings.broker, f"drill-oracle-{settings.oracle.number}", settings.oracle.drills
    )
    core = build_core(parts, store, broker, clock)
    require_only_one(
        settings.broker,
        settings.oracle.number,
        settings.oracle.drills,
        domain=parts.deployment.domain,
        addresses=parts.signer.addresses,
        signed_until=core.metering.journal.signed.signed_until,
    )
    if clock_is_synchronised() is False:
        log.warning("clock not kept in step", reason=ADVICE)
    chain_side = build_chain_side(parts, store, clock)
    publisher = build_publisher(parts, store)
    with stop_signals() as stop:
        broker.connect()
        log.info(
            "oracle started",
            oracle=settings.oracle.number,
            drills=list(settings.oracle.drills),
            chain_id=parts.deployment.chain_id,
            quorum=trust(settings.chain),
            finality=[tier.policy.text for tier in settings.chain.tiers()],
            contract=parts.deployment.contract,
            signing_addresses=list(parts.signer.addresses),
            gas_address=parts.gas.address,
        )
        publishing = _start_publishing(publisher, settings, stop)
        spare_collector()
        try:
            _loop(core, chain_side, broker, stop)
        finally:
            if publishing is not None:
                publishing.join(timeout=STOP_SECONDS)
            broker.close()
            store.close()
    log.info("oracle stopped")


def spare_collector() -> None:
    """Collect cyclic garbage less often, and never again look at what is alive by now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 50)


def wait_for_work(broker: MqttClient, stop: Event) -> None:
    """Return when messages have come, or it is time for a step; what comes close behind the first
    message shares its commit."""
    if broker.arrived.wait(STEP_SECONDS):
        stop.wait(GATHER_SECONDS)


def _loop(core: Core, chain_side: ChainSide, broker: MqttClient, stop: Event) -> None:
    """Step both sides, the chain side in a thread: a slow endpoint never delays a sample."""
    failure: list[BaseException] = []
    thread = Thread(target=_chain_loop, args=(chain_side, stop, failure), name="chain", daemon=True)
    thread.start()
    try:
        while not stop.is_set():
            if not core.step(chain_side.view):
                wait_for_work(broker, stop)
    finally:
        stop.set()
        core.stop()
        thread.join(timeout=STOP_SECONDS)
    if failure:
        raise failure[0]


def _chain_loop(chain_side: ChainSide, stop: Event, failure: list[BaseException]) -> None:
    """The chain thread; a defect in it ends the daemon instead of leaving half of it running."""
    try:
        while not stop.is_set():
            stop.wait(chain_side.step() / 1000)
    except BaseException as error:
        failure.append(error)
        stop.set()
        raise


def _start_publishing(
    publisher: SamplePublisher | None, settings: Settings, stop: Event
) -> Thread | None:
    """Publish in a thread of its own: a slow folder delays no sample, lease or settlement."""
    if publisher is None or settings.publication is None:
        return None
    arguments = (publisher, settings.publication.period_seconds, stop)
    thread = Thread(target=_publishing_loop, args=arguments, name="publication", daemon=True)
    thread.start()
    return thread


def _publishing_loop(publisher: SamplePublisher, period_seconds: int, stop: Event) -> None:
    """The publication thread; a defect in it ends publication and not the daemon, for nothing that
    the drills do rests on it."""
    try:
        while not stop.is_set():
            if not publisher.step():
                stop.wait(period_seconds)
    except Exception:  # whatever it was, it must not lock drills
        log.exception("publication stopped by a defect")
