"""Settings of `drill-position`: one TOML file under the environment.

docs/position.md explains each value. There is no default for the purpose: somebody has to say what
a drill's position is used for before it is watched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from host.settings import Section, read_settings
from position.watch import WatchLimits
from protocol.messages import DrillNumber

PREFIX = "DRILL_POSITION_"

Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Port = Annotated[int, Field(ge=1, le=65_535)]
Days = Annotated[int, Field(ge=1, le=3650)]


class NmeaSettings(Section):
    """A receiver on a serial line, NMEA 0183."""

    kind: Literal["nmea"]
    port: Path
    baudrate: Annotated[int, Field(ge=1200, le=921_600)] = 9600


class GpsdSettings(Section):
    """A gpsd; of its receivers the one named by `device`, where it has several."""

    kind: Literal["gpsd"]
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 2947
    device: Line | None = None


class WatchedDrill(Section):
    """A drill and what says where it is."""

    number: DrillNumber
    receiver: Annotated[NmeaSettings | GpsdSettings, Field(discriminator="kind")]


class FenceSettings(Section):
    """When a drill has left: how many fixes in a row, how old one may be, how fast it may drive,
    and how often a drill is looked at that rests inside its fence."""

    fixes: Annotated[int, Field(ge=2, le=100)] = 3
    stale_seconds: Annotated[int, Field(ge=2, le=86_400)] = 60
    fastest_km_per_hour: Annotated[int, Field(ge=1, le=2000)] = 250
    resting_pause_seconds: Annotated[int, Field(ge=1, le=3600)] = 10

    @model_validator(mode="after")
    def _in_time(self) -> FenceSettings:
        if self.resting_pause_seconds >= self.stale_seconds:
            raise ValueError("stale_seconds has to be longer than resting_pause_seconds")
        return self

    def limits(self) -> WatchLimits:
        """As the decision takes them."""
        return WatchLimits(
            fixes=self.fixes,
            stale_ms=self.stale_seconds * 1000,
            fastest_mm_per_ms=-(-self.fastest_km_per_hour * 10 // 36),
            resting_pause_ms=self.resting_pause_seconds * 1000,
        )


class PrivacySettings(Section):
    """What the position is for, for how long what is kept, and the roles that may look."""

    purpose: Line
    place_days: Days = 7
    record_days: Days = 365
    roles: Annotated[tuple[Line, ...], Field(min_length=1)] = ("fetcher",)


class PositionSettings(BaseSettings):
    """All settings of `drill-position`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    privacy: PrivacySettings
    drills: Annotated[tuple[WatchedDrill, ...], Field(min_length=1, max_length=1000)]
    fence: FenceSettings = FenceSettings()
    folder: Path = Path("/var/lib/drill-position")
    theft_folder: Path = Path("/var/lib/drill-theft")

    @model_validator(mode="after")
    def _distinct(self) -> PositionSettings:
        numbers = [drill.number for drill in self.drills]
        if len(set(numbers)) != len(numbers):
            raise ValueError(f"a drill is listed twice in {numbers}")
        return self


def load_position_settings(path: Path) -> PositionSettings:
    """Read the file and the environment; raises SettingsError naming the first bad value."""
    return read_settings(PositionSettings, PREFIX, path)
