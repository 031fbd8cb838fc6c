"""The auditor's endpoint: JSON-RPC as `host.json_rpc` bounds it, with the audit's own errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from audit.errors import EndpointError, NodeRefusedError
from host import errors
from host.json_rpc import PATIENT, Call, JsonRpc, Patience


class Endpoint:
    """One endpoint, not for several threads at a time."""

    def __init__(self, url: str, patience: Patience = PATIENT) -> None:
        """Raises EndpointError for what is not an address."""
        with _as_the_audits():
            self._rpc = JsonRpc(url, patience)
        self.place = self._rpc.place

    @property
    def requests_made(self) -> int:
        """What was asked of it."""
        return self._rpc.requests_made

    def call(self, method: str, *parameters: Any) -> Any:
        """The result of one call; raises NodeRefusedError or EndpointError."""
        with _as_the_audits():
            return self._rpc.call(method, *parameters)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results in the order of the calls; raises as `call` does."""
        with _as_the_audits():
            return self._rpc.batch(calls)


@contextmanager
def _as_the_audits() -> Iterator[None]:
    try:
        yield
    except errors.RefusedError as error:
        raise NodeRefusedError(str(error)) from error
    except errors.HostError as error:
        raise EndpointError(str(error)) from error
