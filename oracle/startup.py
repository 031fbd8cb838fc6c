"""What every program of the edge box does first: read the deployment record."""

from __future__ import annotations

from pathlib import Path

from oracle.errors import SettingsError
from protocol.deployment import Deployment, parse_deployment
from protocol.errors import RecordError


def read_deployment(path: Path) -> Deployment:
    """The deployment record; raises SettingsError that names the file."""
    try:
        return parse_deployment(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise SettingsError(f"deployment record {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"deployment record {path} is not UTF-8 text") from error
    except RecordError as error:
        raise SettingsError(f"deployment record {error}") from error
