"""Settings of `drill-http`: one TOML file under the environment (`DRILL_HTTP_LISTEN__PORT`).

docs/page.md explains each value. There is no secret among them but the broker's password, which is
named by file, and no key: what the endpoint says is public or signed by somebody else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from host.settings import BrokerSettings, Section, read_settings
from protocol.messages import DrillNumber

PREFIX = "DRILL_HTTP_"

Word = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]*$")]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s;,'\"]+$", max_length=500)]


class ListenSettings(Section):
    """Where to listen, and under which names people may ask for the page."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8080
    names: Annotated[tuple[Word, ...], Field(min_length=1)] = ("localhost", "127.0.0.1")
    trusted_proxies: tuple[Word, ...] = ()


class PageSettings(Section):
    """What the page is told: where it lies, the chain's endpoint for it, and the coin's name."""

    folder: Path = Path("web/dist")
    rpc_url: HttpUrl
    chain_name: Word = "Ethereum"
    currency: Word = "ETH"
    decimals: Annotated[int, Field(ge=0, le=36)] = 18
    confirmations: Annotated[int, Field(ge=1, le=256)] = 1
    index_rpc_url: HttpUrl | None = None
    reserve_seconds: Annotated[int, Field(ge=0, le=7 * 86_400)] = 84

    @property
    def rpc_origin(self) -> str:
        """Scheme, host and port: what the content security policy lets the page talk to."""
        parts = urlsplit(self.rpc_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class DrillSettings(Section):
    """A drill in its customers' words."""

    number: DrillNumber
    name: Word
    tool: Annotated[str, Field(max_length=120)] = ""
    levels: tuple[Word, Word, Word] | None = None


class LimitSettings(Section):
    """What one address, and everybody together, may ask for."""

    requests_per_second: Annotated[float, Field(ge=0.1, le=10_000)] = 20
    burst: Annotated[int, Field(ge=1, le=100_000)] = 120
    streams: Annotated[int, Field(ge=1, le=10_000)] = 200
    streams_per_address: Annotated[int, Field(ge=1, le=10_000)] = 12


class HttpSettings(BaseSettings):
    """All settings of `drill-http`; read once, at the start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    deployment: Path
    page: PageSettings
    broker: BrokerSettings
    drills: Annotated[tuple[DrillSettings, ...], Field(min_length=1, max_length=1000)]
    listen: ListenSettings = ListenSettings()
    limits: LimitSettings = LimitSettings()

    @property
    def index_url(self) -> str:
        """Where this server itself reads the contract's rentals."""
        return self.page.index_rpc_url or self.page.rpc_url

    @model_validator(mode="after")
    def _distinct(self) -> HttpSettings:
        numbers = [drill.number for drill in self.drills]
        if len(set(numbers)) != len(numbers):
            raise ValueError(f"a drill is listed twice in {numbers}")
        return self


def load_http_settings(path: Path) -> HttpSettings:
    """Read the file and the environment; raises SettingsError naming the first bad value."""
    return read_settings(HttpSettings, PREFIX, path)
