"""Logs: one JSON object a line on stderr, with level, event and an ISO time in UTC."""

from __future__ import annotations

import logging
import sys

import structlog


def configure() -> None:
    """Set up structlog for a daemon."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
