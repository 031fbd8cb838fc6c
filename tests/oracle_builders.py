"""Builders of what the oracle's tests are made of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from conftest import role_account

from chain.finality import Tier, parse_policy
from chain.views import (
    BalanceEvidence,
    BlockSummary,
    ChainView,
    DrillView,
    OracleView,
    RentalView,
    Rest,
)
from host.mqtt_client import Incoming
from oracle.leasing.lease_policy import LeaseLimits
from oracle.meter.sample_log import LoggedSample
from protocol.messages import Channel, encode_samples, topic
from protocol.records import LevelRate, Registers, RentalState, Tariff
from protocol.sample import ControllerFault, Sample, encode_sample
from protocol.sealing import seal, unseal


class AsTold(int):
    """The rental of a sample that a controller would name itself, by what it was told."""


def make_sample(sequence: int, time_ms: int, **changes: Any) -> Sample:
    """A sample of drill 1 at standstill, changed as told."""
    values: dict[str, Any] = {
        "sequence": sequence,
        "time_ms": time_ms,
        "drill": 1,
        "level": 1,
        "motor_on": False,
        "trigger": False,
        "inhibited": False,
        "fault_flags": ControllerFault.NONE,
        "rpm": 0,
        "torque_mnm": 0,
        "current_ma": 0,
        "temperature_mc": 25_000,
        "rental": AsTold(7),
        "odometer": Registers(),
    } | changes
    return Sample(**values)


def logged(sample: Sample) -> LoggedSample:
    """A sample with its bytes."""
    return LoggedSample(sample, encode_sample(sample))


NOW_MS = 1_700_000_000_000
DOMAIN_KEY = role_account("oracle").address
CUSTOMER = "0x" + "c" * 40
TARIFF = Tariff(
    (LevelRate(1000, 0, 3000), LevelRate(2000, 0, 2000), LevelRate(3000, 0, 1000)), 0, 1
)
ONE_BLOCK = (Tier(parse_policy("latest-1")),)
LEASE_LIMITS = LeaseLimits(
    lease_ms=5_000,
    stroke_ms=15_000,
    settlement_ms=60_000,
    warning_runway_seconds=120,
    chain_silence_ms=20_000,
    head_age_ms=60_000,
    clock_skew_ms=15_000,
    sample_age_ms=4_000,
    stalled_ms=1_800_000,
)
MESSAGE_KEYS = {drill: bytes([drill]) * 32 for drill in range(1, 101)}
NONCE = 2**127 + 3
EVIDENCE = BalanceEvidence(7, 1, 10**9, 90, bytes(32), bytes(32), 3)


def make_rental(**changes: Any) -> RentalView:
    """Rental 7 of drill 1, opened ten seconds before NOW_MS, changed as told."""
    opened_at = changes.get("opened_at", NOW_MS // 1000 - 10)
    values: dict[str, Any] = {
        "rental": 7,
        "customer": CUSTOMER,
        "drill": 1,
        "tariff": 1,
        "oracle": 1,
        "state": RentalState.OPEN,
        "opened_at": opened_at,
        "ended_at": 0,
        "until": opened_at * 1000,
        "funded": 10**9,
        "registers": Registers(),
    }
    return RentalView(**(values | changes))


def make_view(**changes: Any) -> ChainView:
    """A chain at block 100 where rental 7 is in good order, changed as told."""
    values: dict[str, Any] = {
        "head": BlockSummary(100, b"h" * 32, b"g" * 32, NOW_MS // 1000),
        "confirmed": BlockSummary(99, b"g" * 32, b"f" * 32, NOW_MS // 1000 - 1),
        "polled_ms": NOW_MS,
        "oracle": OracleView(DOMAIN_KEY, revoked=False),
        "gas_price_wei": 1,
        "drills": {1: DrillView(1, 1, 7, retired=False)},
        "latest": {7: make_rental()},
        "deep": {7: make_rental()},
        "tariffs": {1: TARIFF},
        "evidence": {7: EVIDENCE},
    } | changes
    rest = Rest(values["confirmed"], "latest-1")
    values.setdefault("rested", dict.fromkeys(values["deep"], rest))
    return ChainView(**values)


class FakeClock:
    """A clock that stands until it is moved. `set_by` is how far it was set, which a monotonic
    clock takes no part in."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.ms = now_ms
        self.set_by = 0

    def now_ms(self) -> int:
        return self.ms

    def monotonic_ms(self) -> int:
        return self.ms - self.set_by


class FakeBroker:
    """Keeps what is published and hands out what is put in."""

    def __init__(self) -> None:
        self.inbox: list[Incoming] = []
        self.published: list[tuple[str, bytes]] = []
        self.retained: dict[str, bytes] = {}
        self.up = True
        self.count = 1
        self.named: dict[int, int] = {}
        self.nonce = NONCE
        """What the controllers want answered."""

    def receive(self, limit: int) -> list[Incoming]:
        taken, self.inbox = self.inbox[:limit], self.inbox[limit:]
        return taken

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        if self.up:
            self.published.append((topic, payload))
            if retain:
                self.retained[topic] = payload
        return self.up

    @property
    def connections(self) -> int:
        return self.count

    def of(self, channel: str) -> list[dict[str, Any]]:
        """The published messages of one channel, unsealed where they are sealed."""
        return [
            json.loads(_unsealed(name, payload) if channel == Channel.JOURNALLED else payload)
            for name, payload in self.published
            if name.endswith("/" + channel)
        ]

    def give(self, *samples: Sample, oldest: int = 1) -> None:
        """Put one sample message into the inbox."""
        name = topic(samples[0].drill, Channel.SAMPLE)
        named = [self._named(sample) for sample in samples]
        sealed = seal(
            MESSAGE_KEYS[samples[0].drill], name, encode_samples(named, oldest, self.nonce)
        )
        self.inbox.append(Incoming(name, sealed))

    def _named(self, sample: Sample) -> Sample:
        """As the controller does it: whose samples they are changes at standstill, to the rental
        that the newest lease or inhibit was about."""
        if not isinstance(sample.rental, AsTold):
            return sample
        told = self.retained.get(topic(sample.drill, Channel.LEASE))
        rental = None if told is None else json.loads(told)["rental"]
        if rental is not None and not sample.motor_on:
            self.named[sample.drill] = rental
        return replace(sample, rental=self.named.get(sample.drill, int(sample.rental)))


def _unsealed(name: str, payload: bytes) -> bytes:
    return unseal(MESSAGE_KEYS[int(name.split("/")[1])], name, payload)
