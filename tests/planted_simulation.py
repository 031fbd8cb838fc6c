"""Bugs that somebody could write, one for each promise that the simulation watches over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

import device.drill.controller
from chain.chain_clock import ChainClock
from chain.deep import DeepStates
from chain.pool import Pool
from chain.quorum_chain import QuorumChain
from chain.views import BlockSummary
from chain.watch import ChainWatcher
from device.bridge.publisher import SpoolPublisher
from device.bridge.spool import Spool
from device.drill.controller import Controller
from lab.simulation.endpoint import SimEndpoint
from oracle.errors import JournalError
from oracle.intake.metering import Metering
from oracle.journal.journal import Journal
from oracle.leasing import lease_policy
from oracle.meter.sample_log import RentalLog
from protocol.records import Lease


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug, and the kinds of trouble that bring it to light."""

    name: str
    plant: Callable[[pytest.MonkeyPatch], None]
    kinds: tuple[str, ...]
    endpoints: int = 1


def _acknowledge_before_the_journal(patch: pytest.MonkeyPatch) -> None:
    add = Journal.add_samples

    def careless(journal: Journal, received: Any) -> None:
        try:
            add(journal, received)
        except JournalError:
            return  # it will be written some time

    patch.setattr(Journal, "add_samples", careless)


def _forget_what_was_published(patch: pytest.MonkeyPatch) -> None:
    following = SpoolPublisher.next

    def careless(publisher: SpoolPublisher, now_ms: int, nonce: int) -> bytes | None:
        payload = following(publisher, now_ms, nonce)
        publisher._spool.forget(publisher._cursor)
        return payload

    patch.setattr(SpoolPublisher, "next", careless)


def _acknowledge_before_the_spool(patch: pytest.MonkeyPatch) -> None:
    put = Spool.put

    def careless(spool: Spool, samples: Any, oldest: int) -> None:
        if samples[0].sequence % 7:
            put(spool, samples, oldest)

    patch.setattr(Spool, "put", careless)


def _keep_what_vanished(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ChainWatcher, "_forget", lambda _: None)


def _believe_the_newest_block(patch: pytest.MonkeyPatch) -> None:
    def careless(_states: DeepStates, head: BlockSummary) -> list[BlockSummary]:
        return [head]

    patch.setattr(DeepStates, "headers", careless)


def _count_twice_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    checkpoint = Journal.checkpoint

    def careless(journal: Journal, *arguments: Any) -> RentalLog:
        found = checkpoint(journal, *arguments)
        last = found.meter.last
        before = None if last is None else replace(last, sequence=0, time_ms=0)
        return replace(found, sequence=0, meter=replace(found.meter, last=before))

    patch.setattr(Journal, "checkpoint", careless)


def _keep_the_nonce(patch: pytest.MonkeyPatch) -> None:
    ask = SimEndpoint.nonce
    known: dict[int, int] = {}

    def careless(endpoint: SimEndpoint, who: str) -> int:
        return known.setdefault(id(endpoint), ask(endpoint, who))

    patch.setattr(SimEndpoint, "nonce", careless)


def _lease_that_never_expires(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Controller, "permitted", property(lambda one: one.lease is not None))


def _any_nonce_is_answered(patch: pytest.MonkeyPatch) -> None:
    check = device.drill.controller.check_lease

    def careless(lease: Lease, *arguments: Any) -> None:
        check(lease, *arguments[:-1], {lease.nonce})

    patch.setattr(device.drill.controller, "check_lease", careless)


def _no_reserve(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lease_policy, "highest_charge", lambda *_: 0)


def _bill_gaps(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("oracle.meter.meter.GAP_MS", 5_000)


def _final_reading_at_once(patch: pytest.MonkeyPatch) -> None:
    final = Metering.final_reading

    def careless(
        metering: Metering, rental: int, chain_ms: int, wait_ms: int, ahead_ms: int
    ) -> Any:
        return final(metering, rental, chain_ms, 0, ahead_ms)

    patch.setattr(Metering, "final_reading", careless)


def _date_by_the_samples_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ChainClock, "drill_ahead_ms", lambda *_: 0)


def _name_the_next_rental_in_the_stroke(patch: pytest.MonkeyPatch) -> None:
    """Nothing is billed otherwise for it: the former rental has ended, and the meter of the next
    one begins with a sample that has the motor off."""

    def careless(controller: Controller) -> Controller:
        return replace(controller, rental=controller.next_rental)

    patch.setattr(device.drill.controller, "_name", careless)


def _believe_one_endpoint(patch: pytest.MonkeyPatch) -> None:
    gather = Pool.gather

    def careless(pool: Any, call: Any, names: Any = None) -> Any:
        pool.quorum = 1
        return gather(pool, call, names or [pool.members[0].name])

    patch.setattr(Pool, "gather", careless)


def _believe_events_without_receipts(patch: pytest.MonkeyPatch) -> None:
    """The state is proven all the same: the event alone gives no lease."""
    patch.setattr(QuorumChain, "_by_quorum", lambda _, told, __: [*_all(told).values()])

    def careless(chain: Any, header: BlockSummary) -> Any:
        told = chain.pool.gather(lambda endpoint: endpoint.logs_of(chain._full(header)))
        return chain._events([*_all(told).values()])

    patch.setattr(QuorumChain, "events_of", careless)


def _all(told: dict[str, dict[Any, Any]]) -> dict[Any, Any]:
    return {key: log for found in told.values() for key, log in found.items()}


LYING = ("one endpoint lies",)
PLANTS = (
    Plant("acknowledged before it is journalled", _acknowledge_before_the_journal, ("disk fails",)),
    Plant("forgotten as soon as published", _forget_what_was_published, ("bad broker",)),
    Plant("acknowledged and not spooled", _acknowledge_before_the_spool, ()),
    Plant("rentals of vanished blocks are kept", _keep_what_vanished, ("reorganisation",)),
    Plant("confirmations are not waited for", _believe_the_newest_block, ()),
    Plant("counted twice after a restart", _count_twice_after_a_restart, ("oracle killed",)),
    Plant("the nonce is asked for once", _keep_the_nonce, ()),
    Plant("leases do not expire", _lease_that_never_expires, ("broker restarts", "oracle killed")),
    Plant("any nonce is answered", _any_nonce_is_answered, ("leases withheld",)),
    Plant("no reserve", _no_reserve, ()),
    Plant("gaps are billed", _bill_gaps, ("controller off",)),
    Plant("the last reading waits for nothing", _final_reading_at_once, ("bad broker",)),
    Plant("clocks are taken to agree", _date_by_the_samples_alone, ("clock off",)),
    Plant("samples name the next rental in a stroke", _name_the_next_rental_in_the_stroke, ()),
    Plant("the quorum is not asked", _believe_one_endpoint, LYING, 3),
    Plant("any log entry is believed", _believe_events_without_receipts, LYING, 3),
)
