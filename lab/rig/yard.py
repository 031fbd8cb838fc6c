"""A deployed contract with its people, and boxes that meter drills: what histories are told with.

Every reading has samples behind it, metered by the oracle's own code and published on request. Time
is moved by hand: a month takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from web3 import Web3
from web3.contract import Contract
from web3.types import TxParams, TxReceipt

from lab.rig.box_keys import BoxKey, box_key, element_key
from lab.rig.contract import compile_drill_meter, deploy
from lab.rig.drilling import MeteredMachine
from lab.rig.errors import RigError
from lab.rig.offer import NATIVE
from lab.rig.plan import NO_DEADLINE
from lab.rig.publishing import GrowingFolder
from oracle.meter.sample_log import LoggedSample, RentalLog
from protocol.meter_word import pack_meter
from protocol.publication import PublishedReading, RentalIdentity
from protocol.records import NO_CAP, Domain, LevelRate, Reading, Tariff
from protocol.typed_data import batch_digest

COIN = 10**18
GRACE_SECONDS = 86_400
EVIDENCE_SECONDS = 14 * 86_400
PENALTY = 10**16
GAS = 16_777_216
"""What a transaction may use at most (EIP-7825)."""

TARIFFS = (
    Tariff(
        (
            LevelRate(6 * 10**14, 2 * 10**15, 3000),
            LevelRate(12 * 10**14, 6 * 10**15, 1200),
            LevelRate(24 * 10**14, 12 * 10**15, 700),
        ),
        standing_price_per_second=2 * 10**10,
        least_reserve=10**15,
    ),
    Tariff(
        (
            LevelRate(1_103, 11_003, 2800),
            LevelRate(2_207, 7_001, 1400),
            LevelRate(3_301, 5_003, 600),
        ),
        standing_price_per_second=97,
        least_reserve=50_000,
    ),
    Tariff(
        (
            LevelRate(0, 3 * 10**15, 2000),
            LevelRate(0, 3 * 10**15, 1000),
            LevelRate(3 * 10**15, 0, 500),
        ),
        standing_price_per_second=0,
        least_reserve=1,
    ),
)
"""As dear as they are, a few seconds of drilling are worth some of what a customer has."""

BUSY_MS = 60_000
"""In a shorter time between two readings nobody drills."""


@dataclass(slots=True)
class YardRental:
    """What a box knows of a rental."""

    oracle: int
    tariff: int
    until: int
    machine: MeteredMachine
    identity: RentalIdentity
    log: RentalLog


class Yard:
    """A deployed contract with its people: provider, relayer and customers are node accounts.

    Samples are published below `samples`, if it is given.
    """

    def __init__(self, web3: Web3, seed: int = 1, samples: Path | None = None) -> None:
        self.web3, self.random = web3, Random(seed)  # noqa: S311  # a story, not a secret
        accounts = [str(one) for one in web3.eth.accounts]
        self.provider, self.relayer = accounts[0], accounts[1]
        self.customers = accounts[2:10]
        self.contract: Contract = deploy(
            web3,
            compile_drill_meter(),
            self.provider,
            NATIVE,
            GRACE_SECONDS,
            EVIDENCE_SECONDS,
            PENALTY,
        )
        self.domain = Domain(web3.eth.chain_id, self.contract.address)
        self.now = int(web3.eth.get_block("latest")["timestamp"])
        self.keys: dict[int, BoxKey] = {}
        self.epochs: dict[int, int] = {}
        self.meters: dict[int, YardRental] = {}
        self.machines: dict[int, MeteredMachine] = {}
        self.publisher = None if samples is None else GrowingFolder(samples, self.domain)
        self.receipts: dict[int, Reading] = {}
        self.strokes = (30, 20, 10)
        """Samples of a stroke at each level, at most."""
        self.free: list[tuple[int, int, int]] = []
        """Drills with their oracle and tariff."""

    def advance(self, seconds: int) -> None:
        """The coming block is so much later."""
        self.now += seconds
        self.web3.provider.make_request("evm_setNextBlockTimestamp", [self.now])  # type: ignore[arg-type]

    def send(self, sender: str, function: str, *arguments: object, value: int = 0) -> TxReceipt:
        """Send, a second later; raises RigError when it reverts."""
        self.advance(1)
        call = self.contract.functions[function](*arguments)
        options: TxParams = {
            "from": Web3.to_checksum_address(sender),
            "value": Web3.to_wei(value, "wei"),
            "gas": GAS,
        }
        receipt = self.web3.eth.wait_for_transaction_receipt(
            call.transact(options), timeout=300, poll_latency=0.005
        )
        if receipt["status"] != 1:
            raise RigError(f"{function}{arguments} reverted")
        return receipt

    def provide(self, function: str, *arguments: object, value: int = 0) -> TxReceipt:
        """Send as the provider."""
        return self.send(self.provider, function, *arguments, value=value)

    def add_box(self) -> int:
        """Register a box and return its number."""
        number = len(self.keys) + 1
        self.keys[number], self.epochs[number] = box_key(number), 1
        self.provide("register_oracle", self.keys[number].address)
        return number

    def rotate(self, oracle: int) -> None:
        """Give a box its next key."""
        self.epochs[oracle] += 1
        self.keys[oracle] = box_key(oracle, self.epochs[oracle])
        self.provide("rotate_oracle", oracle, self.keys[oracle].address)

    def rotate_to_element(self, oracle: int) -> None:
        """Give a box a P-256 key, on a chain that can check such signatures (EIP-7951)."""
        key = element_key(oracle)
        self.provide("enrol_p256_key", *key.point, *key.sign(batch_digest(self.domain, [])))
        self.epochs[oracle] += 1
        self.keys[oracle] = key
        self.provide("rotate_oracle", oracle, key.address)

    def add_drill(self, oracle: int, tariff: int) -> int:
        """List a drill and return its number."""
        self.provide("list_drill", oracle, tariff, f"Pillar drill no. {len(self.free) + 1}")
        number = int(self.contract.functions.drill_count().call())
        self.free.append((number, oracle, tariff))
        return number

    def open(self, customer: str, reserve: int, caps: tuple[int, int] | None = None) -> int:
        """Rent the next free drill and return the rental's number; the drill goes to the end."""
        drill, oracle, tariff = self.free.pop(0)
        terms = (caps or (NO_CAP, NO_CAP), NO_DEADLINE)
        self.send(customer, "open_rental", drill, tariff, reserve, *terms, value=reserve)
        rental = len(self.meters) + 1
        opened_ms = self.now * 1000
        one, two, three = (rate.max_rpm for rate in TARIFFS[tariff - 1].levels)
        self.meters[rental] = YardRental(
            oracle,
            tariff,
            opened_ms,
            self.machines.setdefault(drill, MeteredMachine(drill)),
            RentalIdentity(rental, drill, tariff, self.now, customer),
            RentalLog(rental, (one, two, three)),
        )
        return rental

    def reading(self, rental: int, until: int, *, losing: bool = False) -> Reading:
        """Use the drill up to `until` (Unix ms), and read its meter.

        With `losing`, some samples never arrive.
        """
        meter = self.meters[rental]
        samples = list(self.drill(meter, until, losing=losing))
        meter.log, _ = meter.log.extend(samples)
        meter.until = until
        if self.publisher is not None:
            self.publisher.append(meter.identity, [one.raw for one in samples])
        return meter.log.reading(until)

    def drill(
        self, meter: YardRental, until: int, *, losing: bool = False
    ) -> Iterator[LoggedSample]:
        """A stroke at each level, well apart, and standstill before and after."""
        machine, start_ms = meter.machine, meter.until
        machine.rental = meter.identity.rental
        yield machine.rest(start_ms + 1)
        if until - start_ms > BUSY_MS:
            for level, rate in enumerate(TARIFFS[meter.tariff - 1].levels, 1):
                count = self.random.randint(5, self.strokes[level - 1])
                # Some are faster than the tariff bills.
                speeds = (rate.max_rpm * 6 // 10, rate.max_rpm * 21 // 20)
                rpms = [self.random.randint(*speeds) for _ in range(count)]
                lost = range(1, 4) if losing else range(0)
                yield from machine.stroke(
                    start_ms + level * (until - start_ms) // 4, level, rpms, lost
                )
        yield machine.rest(until)

    def publish(self, reading: Reading) -> None:
        """Publish a reading as its rental's newest, signed alone with the box's present key."""
        if self.publisher is None:
            return
        meter = self.meters[reading.rental]
        digest = batch_digest(self.domain, [reading])
        published = PublishedReading.of(
            self.domain,
            meter.identity.drill,
            meter.oracle,
            reading,
            self.keys[meter.oracle].sign_for_publication(digest),
        )
        self.publisher.sign(meter.identity, published)

    def signature(self, oracle: int, readings: Sequence[Reading]) -> tuple[bytes, bytes]:
        """r and vs of a batch under the present key of a box."""
        return self.keys[oracle].sign(batch_digest(self.domain, readings))

    def settle(self, readings: Sequence[Reading]) -> TxReceipt:
        """Settle readings of several boxes in one transaction."""
        by_box: dict[int, list[Reading]] = {}
        for reading in readings:
            by_box.setdefault(self.meters[reading.rental].oracle, []).append(reading)
        signatures = [
            (oracle, len(those), *self.signature(oracle, those)) for oracle, those in by_box.items()
        ]
        sent = [packed(reading) for those in by_box.values() for reading in those]
        return self.send(self.relayer, "settle", signatures, sent)

    def use(self, rentals: Sequence[int], seconds: int) -> None:
        """Let time pass and settle one reading of each rental."""
        self.advance(seconds)
        readings = [self.reading(rental, self.now * 1000) for rental in rentals]
        self.settle(readings)
        for reading in readings:
            self.publish(reading)

    def end(self, rental: int, customer: str, *, settle: bool = True) -> None:
        """End a rental and, unless told, settle its final reading; its drill is free then."""
        self.send(customer, "end_rental", rental)
        if settle:
            final = self.reading(rental, self.now * 1000)
            self.settle([final])
            self.publish(final)

    def dispute(self, rental: int, settled: Reading) -> None:
        """Hold a receipt with less active time against what has just settled."""
        oracle = self.meters[rental].oracle
        less = replace(settled.registers, active_ms_3=settled.registers.active_ms_3 // 2)
        receipt = replace(settled, registers=less)
        r, vs = self.signature(oracle, [receipt])
        self.send(self.relayer, "dispute", packed(receipt), self.keys[oracle].address, r, vs)


def packed(reading: Reading) -> tuple[int, int, int, bytes]:
    """A reading as the contract takes it."""
    word = pack_meter(reading.until, reading.registers)
    return reading.rental, word, reading.log_size, reading.log_root
