"""Settings of a program: one TOML file, each value overridable by the environment.

With the prefix `DRILL_ORACLE_`, `DRILL_ORACLE_BROKER__HOST` overrides `host` of `[broker]`, and so
on. No secret is among settings: passwords are named by file.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)
from pydantic_settings import (
    SettingsError as SourceError,
)

from host.errors import FileError, SettingsError
from host.mqtt import Version
from host.text_files import read_text

_S = TypeVar("_S", bound=BaseSettings)


class Section(BaseModel):
    """A table of a settings file; what it does not know it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BrokerSettings(Section):
    """The MQTT broker. A password only ever comes from a file. TLS is used when `ca_file` is given;
    `cert_file` and `key_file` are the program's own certificate."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    username: Annotated[str, Field(min_length=1)] | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    mqtt_version: Version = "3.1.1"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        if self.cert_file is not None and self.ca_file is None:
            raise ValueError("cert_file needs a ca_file, the broker's authority")
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file needs a username")
        return self


def read_settings(model: type[_S], prefix: str, path: Path) -> _S:
    """Read a program's settings from its file and from the environment variables that begin with
    `prefix`; raises SettingsError naming the first bad value."""
    try:
        tomllib.loads(read_text(path, "settings"))
    except FileError as error:
        raise SettingsError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"settings {path} is not TOML: {error}") from error
    for name in os.environ:
        section = name.removeprefix(prefix).split("__")[0].lower()
        if name.startswith(prefix) and section not in model.model_fields:
            raise SettingsError(f"environment: {name} is not a setting")

    class FileSettings(model):  # type: ignore[misc, valid-type]  # which model is said at run time
        """Settings with this file under the environment."""

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            toml = TomlConfigSettingsSource(settings_cls, toml_file=path)
            return init_settings, env_settings, toml

    try:
        found: _S = FileSettings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "settings"
        raise SettingsError(f"settings {path}: {place}: {first['msg']}") from error
    except SourceError as error:
        raise SettingsError(f"settings {path} or environment: {error}") from error
    return found
