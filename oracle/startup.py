"""What every program of the edge box does first: set up its log, and read the deployment record."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import structlog

from oracle.errors import SettingsError
from protocol.deployment import Deployment, parse_deployment
from protocol.errors import RecordError


def configure_logs() -> None:
    """JSON lines on stderr."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


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
