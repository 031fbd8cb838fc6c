"""The daemon's own quorum over simulated nodes: no thread, the world's time, and no pauses.

All of it but the threads is what runs in production: `QuorumChain`, `Pool`, `RpcEndpoint` with its
retries, web3, and the checks of headers, receipts and proofs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from typing import TypeVar

import stamina

from chain.contract import DrillMeter
from chain.endpoint import RpcEndpoint
from chain.node import ATTEMPTS
from chain.pool import Member
from chain.quorum_chain import QuorumChain
from host.clock import Clock
from lab.simulation.chain import CHAIN_ID
from lab.simulation.chance import Fuse
from lab.simulation.node import SimNode, SimProvider
from lab.simulation.truth import WorldTruth
from protocol.records import Reading

TIMEOUT_SECONDS = 1.0

_T = TypeVar("_T")


class AtOnce(Member[RpcEndpoint]):
    """Asks here and now."""

    def ask(self, call: Callable[[RpcEndpoint], _T]) -> Future[_T]:
        """The answer is there already; a process that is killed has none."""
        future: Future[_T] = Future()
        try:
            future.set_result(self._checked_call(call))
        except Exception as error:  # noqa: BLE001  as in the thread
            future.set_exception(error)
        return future


class RecordedQuorum(QuorumChain):
    """What goes out under a signature is recorded."""

    truth: WorldTruth
    clock: Clock

    def settlement_data(self, oracle: int, signature: bytes, readings: Sequence[Reading]) -> bytes:
        """The calldata of `settle` for one batch."""
        for reading in readings:
            self.truth.signed(reading, self.clock.now_ms())
        return super().settlement_data(oracle, signature, readings)


@cache
def _meter(contract: str) -> DrillMeter:
    return DrillMeter(contract)


def quorum_of(
    nodes: Sequence[SimNode],
    quorum: int,
    contract: str,
    fuse: Fuse,
    now: Callable[[], float],
    truth: WorldTruth,
    clock: Clock,
) -> QuorumChain:
    """What `oracle.endpoints.open_chain` makes, over these nodes."""
    stamina.set_testing(testing=True, attempts=ATTEMPTS, cap=True)
    meter = _meter(contract)
    endpoints = [
        RpcEndpoint(
            f"http://{node.name}", CHAIN_ID, meter, TIMEOUT_SECONDS, SimProvider(node, fuse)
        )
        for node in nodes
    ]
    chain = RecordedQuorum(endpoints, quorum, meter, TIMEOUT_SECONDS, now=now, member=AtOnce)
    chain.truth, chain.clock = truth, clock
    return chain
