"""The texts of a box's settings: what every program on it must be told; the rest has defaults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.deployment import Deployment
from provider.plan import ZERO_ADDRESS

BROKER_PORT = 8883

Sections = dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files lie when the programs run: under `root`, which is / on a box."""

    root: Path

    @property
    def oracle(self) -> Path:
        """Of the oracle's settings, keys and certificate."""
        return self.root / "etc" / "drill-oracle"

    @property
    def bridges(self) -> Path:
        """Of the bridges'."""
        return self.root / "etc" / "drill-bridge"

    @property
    def page(self) -> Path:
        """Of the page's settings and its certificate."""
        return self.root / "etc" / "drill-http"

    @property
    def page_files(self) -> Path:
        """The page itself, as it was built."""
        return self.root / "srv" / "drill-page"

    @property
    def broker(self) -> Path:
        """Of the broker's certificates and access list."""
        return self.root / "etc" / "mosquitto" / "drill"

    @property
    def journal(self) -> Path:
        """The oracle's journal."""
        return self.root / "var" / "lib" / "drill-oracle" / "journal.sqlite"

    def spool(self, drill: int) -> Path:
        """A bridge's spool."""
        return self.root / "var" / "lib" / "drill-bridge" / f"{drill}.sqlite"

    @property
    def samples(self) -> Path:
        """What is published."""
        return self.root / "srv" / "drill-samples"


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """What the settings of a box follow from."""

    places: Places
    record: Deployment
    oracle: int
    drills: tuple[int, ...]
    rpc_urls: tuple[str, ...]
    finality: str
    broker_port: int = BROKER_PORT
    asset_units_per_ether: int | None = None
    """What one native coin is worth in the asset's smallest unit, where that is a token."""
    page_rpc: str | None = None
    """The endpoint for customers' browsers, where the box serves the page."""
    labels: tuple[str, ...] = ()
    """The plan's names of drills 1, 2, ..."""
    hosts: tuple[str, ...] = ()
    """Names under which others reach the box."""

    def label(self, drill: int) -> str:
        """What the plan calls a drill, or its number."""
        return self.labels[drill - 1] if drill <= len(self.labels) else f"Drill {drill}"

    @property
    def quorum(self) -> int:
        """Endpoints that must agree: two, or the one that there is."""
        return min(2, len(self.rpc_urls))

    @property
    def needs_rate(self) -> bool:
        """Whether gas and charge are in different units."""
        return self.record.asset != ZERO_ADDRESS and self.asset_units_per_ether is None


def oracle_settings(facts: BoxFacts) -> str:
    """The oracle's TOML."""
    folder = facts.places.oracle
    sections: Sections = {
        "oracle": {"number": facts.oracle, "drills": list(facts.drills)},
        "chain": {
            "rpc_urls": list(facts.rpc_urls),
            "quorum": facts.quorum,
            "deployment": str(folder / "deployment.json"),
        },
        "broker": _broker(folder, f"oracle-{facts.oracle}", facts.broker_port),
        "keys": {
            f"{key}_{what}": str(folder / f"{key}.{ending}")
            for key in ("signing", "gas")
            for what, ending in (("keystore", "json"), ("password_file", "password"))
        },
        "message_keys": {str(drill): str(folder / f"drill-{drill}.key") for drill in facts.drills},
        "journal": {"url": f"sqlite:///{facts.places.journal}"},
        "publication": {"folder": str(facts.places.samples)},
    }
    if facts.asset_units_per_ether is not None:
        sections["settlement"] = {"asset_units_per_ether": facts.asset_units_per_ether}
    policy = f"\n[[chain.finality]]\npolicy = {json.dumps(facts.finality)}\n"
    return _toml({}, sections) + policy


def bridge_settings(facts: BoxFacts, drill: int, port: str) -> str:
    """A bridge's TOML."""
    folder = facts.places.bridges
    top = {
        "drill": drill,
        "port": port,
        "spool": str(facts.places.spool(drill)),
        "message_key_file": str(folder / f"drill-{drill}.key"),
    }
    return _toml(top, {"broker": _broker(folder, f"bridge-{drill}", facts.broker_port)})


def page_settings(facts: BoxFacts, rpc_url: str) -> str:
    """The TOML of `drill-http`."""
    folder = facts.places.page
    top = {"deployment": str(folder / "deployment.json")}
    sections: Sections = {
        "listen": {"names": ["localhost", "127.0.0.1", *facts.hosts]},
        "page": {
            "folder": str(facts.places.page_files),
            "rpc_url": rpc_url,
            "index_rpc_url": facts.rpc_urls[0],
            "chain_name": f"Chain {facts.record.chain_id}",
        },
        "broker": _broker(folder, "page", facts.broker_port),
    }
    drills = "".join(
        f"\n[[drills]]\nnumber = {drill}\nname = {json.dumps(facts.label(drill))}\n"
        for drill in facts.drills
    )
    return _toml(top, sections) + drills


def broker_settings(shipped: str, facts: BoxFacts) -> str:
    """The shipped configuration with the paths and the port of this box."""
    text = shipped.replace("/etc/mosquitto/drill/", f"{facts.places.broker}/")
    return text.replace(f"listener {BROKER_PORT}\n", f"listener {facts.broker_port}\n")


def compose_file(shipped: str, ports: Mapping[int, str | None]) -> str:
    """The shipped compose file with a bridge for each drill."""
    head, bridge, tail = _around_bridge(shipped)
    return head + "\n".join(_bridge_services(bridge, ports)) + "\n" + tail


def _bridge_services(bridge: str, ports: Mapping[int, str | None]) -> Iterator[str]:
    for drill, port in ports.items():
        text = bridge.replace("bridge-1:", f"bridge-{drill}:").replace("/1.toml", f"/{drill}.toml")
        yield text.replace("/dev/serial/by-id/DRILL-1", port or f"/dev/serial/by-id/DRILL-{drill}")


def _around_bridge(shipped: str) -> tuple[str, str, str]:
    start, end = shipped.index("  bridge-1:\n"), shipped.index("\nvolumes:\n")
    return shipped[:start], shipped[start:end], shipped[end + 1 :]


def _broker(folder: Path, name: str, port: int) -> dict[str, object]:
    return {
        "host": "127.0.0.1",
        "port": port,
        "ca_file": str(folder / "ca.crt"),
        "cert_file": str(folder / f"{name}.crt"),
        "key_file": str(folder / f"{name}.key"),
    }


def _toml(top: Mapping[str, object], sections: Sections) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in top.items()]
    for section, values in sections.items():
        lines += ["", f"[{section}]"] if lines else [f"[{section}]"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"
