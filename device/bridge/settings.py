"""The bridge's settings: a TOML file, with the environment above it.

    drill = 1                          # the drill's number in the contract
    port = "/dev/serial/by-id/usb-FTDI_FT232R_A10K2Q5X-if00-port0"
                                       # or several, of which the drill is at one: ["...", "..."]
    baudrate = 115200
    spool = "/var/lib/smart-drill/spool-1.sqlite"
    message_key_file = "/etc/smart-drill/drill-1.key"  # the oracle has the same

    [broker]
    host = "127.0.0.1"
    port = 1883

An environment variable DRILL_BRIDGE_PORT or DRILL_BRIDGE_BROKER__HOST takes precedence. Paths are
relative to the working directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from device.bridge.port import LineState
from host.settings import BrokerSettings, Section, read_settings
from protocol.messages import Address, DrillNumber
from protocol.records import Domain

PREFIX = "DRILL_BRIDGE_"

Text = Annotated[str, Field(min_length=1)]


class StrictSettings(Section):
    """Strict mode: leases are passed on only with a proof, and blocks are asked of endpoints that
    the oracle's host has no part in."""

    chain_id: Annotated[int, Field(ge=1, lt=2**63)]
    contract: Address
    rpc_urls: Annotated[
        tuple[Annotated[str, Field(pattern=r"^https?://[^\s]+$")], ...], Field(min_length=1)
    ]
    quorum: Annotated[int, Field(ge=1)] = 2
    proof_age_seconds: Annotated[int, Field(ge=5, le=86_400)] = 120
    request_timeout_seconds: Annotated[float, Field(ge=0.1, le=30)] = 3

    @model_validator(mode="after")
    def _can_agree(self) -> Self:
        if len(set(self.rpc_urls)) != len(self.rpc_urls):
            raise ValueError("rpc_urls names an endpoint twice: it would vote twice")
        if self.quorum > len(self.rpc_urls):
            raise ValueError(
                f"quorum: {self.quorum} endpoints must agree, and rpc_urls names "
                f"{len(self.rpc_urls)}; name more, or set quorum = 1 to trust a single node"
            )
        return self

    @property
    def domain(self) -> Domain:
        """The contract that leases are about."""
        return Domain(self.chain_id, self.contract)


class BridgeSettings(BaseSettings):
    """What `drill-bridge run` needs; see the module's docstring."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__"
    )

    drill: DrillNumber
    port: Text | Annotated[tuple[Text, ...], Field(min_length=1)]
    """One, or several of which the drill's controller is at one."""
    baudrate: Annotated[int, Field(ge=9_600, le=4_000_000)] = 115_200
    dtr: LineState = "leave"
    rts: LineState = "leave"
    spool: Path
    spool_max_samples: Annotated[int, Field(ge=1_000)] = 10_000_000
    """1.2 GB, eleven days of drilling without an oracle; a full spool locks the drill."""
    spool_reserve_megabytes: Annotated[int, Field(ge=1, le=10_000)] = 16
    """Set aside on the spool's disk for the last samples when it is full."""
    gather_ms: Annotated[int, Field(ge=0, le=1_000)] = 0
    """How long a sample waits for others to share its message."""
    message_key_file: Path
    broker: BrokerSettings = BrokerSettings()
    strict: StrictSettings | None = None

    @property
    def ports(self) -> tuple[str, ...]:
        """Where to look for the controller."""
        return (self.port,) if isinstance(self.port, str) else self.port

    @field_validator("port")
    @classmethod
    def _named_once(cls, port: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not isinstance(port, str) and len(set(port)) != len(port):
            raise ValueError("a port is named twice")
        return port


def load_settings(path: Path) -> BridgeSettings:
    """Read settings; raises SettingsError that names the file and the first bad field."""
    return read_settings(BridgeSettings, PREFIX, path)
