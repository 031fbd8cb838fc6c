"""What every program that knows a contract reads first: the deployment record."""

from __future__ import annotations

from pathlib import Path

from host.errors import FileError, SettingsError
from host.text_files import read_text
from protocol.deployment import Deployment, parse_deployment
from protocol.errors import RecordError


def read_deployment(path: Path) -> Deployment:
    """The deployment record; raises SettingsError that names the file."""
    try:
        return parse_deployment(read_text(path, "deployment record"), str(path))
    except FileError as error:
        raise SettingsError(str(error)) from error
    except RecordError as error:
        raise SettingsError(f"deployment record {error}") from error
