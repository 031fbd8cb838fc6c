"""The port that the page is served on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from live.errors import ListenError
from live.settings import ListenSettings


@contextmanager
def listening(settings: ListenSettings) -> Iterator[socket.socket]:
    """The port, taken; raises ListenError when it is not to be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        port = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise ListenError(
            f"cannot listen on {settings.host} port {settings.port}: "
            f"{error.strerror or error}; see [listen]"
        ) from error
    with port:
        yield port
