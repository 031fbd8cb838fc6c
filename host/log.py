"""The log of a daemon: one JSON object a line on stderr, with level, event and a time in UTC.

A log that cannot be written must not end what it tells of: on a full disk, or with nobody at the
other end of a pipe, lines are dropped and counted, and the next line that is written says how many.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading

import structlog
from stamina.instrumentation import set_on_retry_hooks

from host.start import STDERR


class LineWriter:
    """Writes whole lines to a file descriptor and never raises."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor` stays open for as long as the process lives."""
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._lost = 0
        self._cut = False

    def write(self, line: str) -> None:
        """Write a line, or count it as lost."""
        with self._lock:
            if self._lost:
                lost = {"event": "log lines lost", "level": "warning", "lost": self._lost}
                if not self._put(json.dumps(lost)):
                    self._lost += 1
                    return
                self._lost = 0
            if not self._put(line):
                self._lost += 1

    def _put(self, line: str) -> bool:
        """Whether all of it was written; a line that was cut short is ended before the next one."""
        data = (b"\n" if self._cut else b"") + line.encode(errors="backslashreplace") + b"\n"
        while data:
            try:
                written = os.write(self._descriptor, data)
            except OSError:
                return False
            data = data[written:]
            self._cut = bool(data)
        return True

    msg = debug = info = warning = warn = error = critical = fatal = exception = failure = write


def configure_logs(*, warnings_only: bool = False) -> None:
    """Set up structlog for a daemon, or for a command of which only warnings matter."""
    # It would log what a failed call says, and with it the address that may hold an access key.
    set_on_retry_hooks([])
    closed = sys.stderr is None  # and its number may come to mean another file
    writer = LineWriter(os.open(os.devnull, os.O_WRONLY) if closed else STDERR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if warnings_only else logging.INFO
        ),
        logger_factory=lambda *_: writer,
    )


def silence_logs() -> None:
    """Log nothing below a critical word: for a command that says by itself what it finds."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
