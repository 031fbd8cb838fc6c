"""The folder of one box: keys, certificates, settings and units, made as far as can be known.

It is run again and again: before there is a contract it makes the keys, afterwards it asks the
chain which oracle the signing key is and which drills are its own, and makes the rest. What is
there is never overwritten; settings that would be others now are written beside, as NAME.new. What
a person has to do is returned as a list.

    NAME/box/           what goes to the box, with etc/ as it lies there
    NAME/authority/     of the broker's certificates, and its passphrase beside: never on a box
    NAME/oracle-key     the address of the signing key, for the plan
"""

from __future__ import annotations

import json
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from host.keystores import new_keystore
from host.secret_files import read_secret
from protocol.deployment import Deployment
from provider.box_certificates import make_certificates
from provider.box_files import write_once, write_secret
from provider.box_settings import (
    BROKER_PORT,
    BoxFacts,
    Places,
    bridge_settings,
    oracle_settings,
)
from provider.box_shipped import put_page, put_shipped
from provider.deployment import read_record
from provider.errors import BoxError
from provider.meter import DeployedMeter, meter_of
from provider.node import ProviderNode, checksummed
from provider.plan import Plan
from provider.sending import FeeOffer, Say, coins

SETTLEMENT_GAS = 100_000
"""About one reading's; docs/gas.md has the figures."""

SETTLEMENTS = 100
"""What the gas key should be able to pay for at the start."""

MOST_DRILLS = 10_000


@dataclass(frozen=True, slots=True)
class BoxOrder:
    """What somebody wants of a box; `ports` by drill, `record` where the deployment's is."""

    name: str
    folder: Path
    plan: Path
    rpc_urls: tuple[str, ...]
    record: Path
    ports: Mapping[int, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    """Names under which others than this box reach its broker and its page."""
    finality: str = "finalized"
    asset_units_per_ether: int | None = None
    page_rpc: str | None = None
    """What customers' browsers ask for the chain, if the box serves the page."""
    here: bool = False
    """Whether the programs will run on the files where they are made."""
    broker_port: int = BROKER_PORT

    @property
    def box(self) -> Path:
        """What goes to the box."""
        return self.folder / "box"

    @property
    def places(self) -> Places:
        """Where the files will lie."""
        return Places(self.box if self.here else Path("/"))


def make_box(order: BoxOrder, node: ProviderNode, plan: Plan, say: Say) -> list[str]:
    """Make what can be made now; returns what is left to a person, in order.

    Raises BoxError, ProviderError or HostError for what is wrong.
    """
    here = Places(order.box)
    try:
        for folder in (here.oracle, here.bridges, here.broker, here.journal.parent, here.samples):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        here.spool(1).parent.mkdir(mode=0o700, exist_ok=True)
        signing, gas = (_key(here.oracle, name, say) for name in ("signing", "gas"))
        write_once(order.folder / "oracle-key", signing + "\n", say)
        record = read_record(order.record)
        if record is None:
            return _before_deployment(order, plan, signing)
        return _furnish(order, node, plan, record, keys=(signing, gas), say=say)
    except OSError as error:
        raise BoxError(f"{error.filename}: {error.strerror}") from error


def _before_deployment(order: BoxOrder, plan: Plan, signing: str) -> list[str]:
    bond = coins(plan.bond) if plan.is_native else f"{plan.bond} units of {plan.asset}"
    return [
        f"see that the provider's account has coins for the gas, and the bond of {bond}",
        f"deploy: ape run deploy --network {order.rpc_urls[0]} --plan {order.plan} "
        f"--oracle-key {signing} --keystore provider.json --password-file provider.password",
        f"run this again; it looks for the record in {order.record}",
    ]


def _furnish(
    order: BoxOrder,
    node: ProviderNode,
    plan: Plan,
    record: Deployment,
    *,
    keys: tuple[str, str],
    say: Say,
) -> list[str]:
    """All that follows from the contract."""
    signing, gas = keys
    meter = meter_of(node, record)
    oracle = int(meter.view("signing_key", signing)[0])
    if oracle == 0:
        return [
            f"register this box's key: drill-provider ... oracle register {signing}",
            "list its drills: drill-provider ... drill list LABEL --oracle N --tariff N",
            "run this again",
        ]
    _require_in_force(meter, oracle, signing)
    drills = _drills_of(meter, oracle)
    if not drills:
        return [
            f"list a drill: drill-provider ... drill list LABEL --oracle {oracle} --tariff N",
            "run this again",
        ]
    facts = BoxFacts(
        places=order.places,
        record=record,
        oracle=oracle,
        drills=drills,
        rpc_urls=order.rpc_urls,
        finality=order.finality,
        broker_port=order.broker_port,
        asset_units_per_ether=order.asset_units_per_ether,
        page_rpc=order.page_rpc,
        labels=tuple(plan.drills),
        hosts=order.hosts,
    )
    if facts.needs_rate:
        raise BoxError(
            f"the asset is the token {record.asset}, and gas is paid in coins: say with "
            "--asset-units-per-ether what a coin is worth in the token's smallest unit"
        )
    stray = sorted(set(order.ports) - set(drills))
    if stray:
        raise BoxError(f"--port: drill {stray[0]} is not of oracle {oracle}, which has {drills}")
    say(f"on chain {record.chain_id} this box is oracle {oracle} with drills {list(drills)}")
    _message_keys(order, drills, say)
    make_certificates(order.folder, order.box, order.hosts, facts, say)
    ports = _settings(order, facts, say)
    if facts.page_rpc is not None:
        put_page(order.box, facts, facts.page_rpc, say)
    put_shipped(order.box, facts, ports, say)
    return _left(order, node, gas, ports)


def _key(folder: Path, name: str, say: Say) -> str:
    """A keystore and its password file, made unless they are there; the key's address."""
    keystore, password = folder / f"{name}.json", folder / f"{name}.password"
    if keystore.exists():
        if not password.exists():
            raise BoxError(f"{password} is gone: without it {keystore} cannot be opened")
        return _address_in(keystore)
    if not password.exists():
        write_secret(password, secrets.token_urlsafe(32))
    address = new_keystore(keystore, password)
    say(f"new {name} key: {address}, in {keystore}")
    return address


def _address_in(keystore: Path) -> str:
    try:
        return checksummed("0x" + str(json.loads(keystore.read_text())["address"])[-40:])
    except (ValueError, KeyError, TypeError) as error:
        raise BoxError(f"{keystore} is not a keystore that names its address") from error


def _require_in_force(meter: DeployedMeter, oracle: int, signing: str) -> None:
    key, _, revoked, suspended, _ = meter.view("oracle", oracle)
    if revoked or suspended or checksummed(key) != signing:
        state = "revoked" if revoked else "suspended" if suspended else f"signing with {key} now"
        raise BoxError(
            f"the box's key {signing} is of oracle {oracle}, which is {state}; a box with another "
            "key needs another folder"
        )


def _drills_of(meter: DeployedMeter, oracle: int) -> tuple[int, ...]:
    count = int(meter.view("drill_count"))
    if count > MOST_DRILLS:
        raise BoxError(f"{count} drills are more than can be asked for")
    found = []
    for number in range(1, count + 1):
        its_oracle, _, _, retired = meter.view("drill", number)
        if its_oracle == oracle and not retired:
            found.append(number)
    return tuple(found)


def _message_keys(order: BoxOrder, drills: Iterable[int], say: Say) -> None:
    """For each drill the key that its bridge and the oracle share."""
    here = Places(order.box)
    for drill in drills:
        ours, theirs = here.oracle / f"drill-{drill}.key", here.bridges / f"drill-{drill}.key"
        if not ours.exists() and not theirs.exists():
            write_secret(ours, secrets.token_hex(32))
            say(f"new message key of drill {drill}")
        for source, copy in ((ours, theirs), (theirs, ours)):
            if not copy.exists():
                write_secret(copy, read_secret(source, "message key"))
        if read_secret(ours, "message key") != read_secret(theirs, "message key"):
            raise BoxError(f"{ours} and {theirs} differ: the oracle would drop every sample")


def _settings(order: BoxOrder, facts: BoxFacts, say: Say) -> dict[int, str | None]:
    """Everybody's settings; returns each drill's port, None for one that nobody has named yet."""
    here = Places(order.box)
    record = facts.record.model_dump_json(indent=2) + "\n"
    write_once(here.oracle / "deployment.json", record, say)
    write_once(here.oracle / "oracle.toml", oracle_settings(facts), say)
    ports: dict[int, str | None] = {}
    for drill in facts.drills:
        path = here.bridges / f"{drill}.toml"
        ports[drill] = order.ports.get(drill)
        if drill in order.ports:
            write_once(path, bridge_settings(facts, drill, order.ports[drill]), say)
        elif path.exists():
            ports[drill] = _port_in(path)
    return ports


def _port_in(settings: Path) -> str:
    """The port that a bridge's settings name; empty for several, one of which it is at."""
    try:
        port = tomllib.loads(settings.read_text("utf-8"))["port"]
        return port if isinstance(port, str) else ""
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
        raise BoxError(f"{settings}: not the settings of a bridge: {error}") from error


def _left(
    order: BoxOrder, node: ProviderNode, gas: str, ports: Mapping[int, str | None]
) -> list[str]:
    """What only a person can do."""
    left = []
    has = node.number("eth_getBalance", gas, "latest")
    needs = SETTLEMENTS * SETTLEMENT_GAS * _price(node)
    if has < needs:
        left.append(
            f"send coins to the gas key {gas}: it has {coins(has)}, and {SETTLEMENTS} settlements "
            f"may take {coins(needs)} at today's price"
        )
    for drill, port in ports.items():
        if port is None:
            left.append(
                f"plug in drill {drill}, see what appears in /dev/serial/by-id, and run this again "
                f"with --port {drill}=/dev/serial/by-id/..."
            )
    if len(order.rpc_urls) == 1:
        left.append(
            "find a second endpoint, of another operator, for --rpc: with one the box believes "
            "whatever that one says"
        )
    if order.here:
        left.append(f"start broker, bridges and oracle on the settings in {order.box}/etc")
    else:
        left.append(f"in this checkout: pip wheel --no-deps --wheel-dir {order.box} .")
        left.append(f"copy {order.box} to the box, and there as root: ./install")
    left.append(f"keep {order.folder}/authority.passphrase where no box and no copy of it is")
    return left


def _price(node: ProviderNode) -> int:
    base = node.head().base_fee
    return node.number("eth_gasPrice") if base is None else FeeOffer(2 * base, None).highest
