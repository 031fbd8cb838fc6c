"""Why the page cannot be served."""

from __future__ import annotations

from host.errors import HostError


class ListenError(HostError):
    """The port that the page is to be served on is not to be had."""
