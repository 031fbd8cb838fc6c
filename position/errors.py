"""What is wrong with places, fences, receivers and the records of who looked."""

from __future__ import annotations

from host.errors import HostError


class PlaceError(HostError):
    """A place or a fence that cannot be meant."""


class ReceiverError(HostError):
    """A receiver that cannot be opened or has gone; trying again later may work."""


class RecordsError(HostError):
    """The files of fences, places and looks cannot be read or written."""


class RefusedLookError(HostError):
    """A look for which there is no ground, or by somebody who may not."""
