"""A history with a bit of everything on a local chain: what an auditor has to find nothing in.

Boxes meter drills that are rented, settled, topped up, capped, ended, closed, disputed and paid
for, with keys rotated and revoked on the way. Time is moved by hand: a month takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random

from web3 import Web3
from web3.contract import Contract
from web3.types import TxParams, TxReceipt

from protocol.meter_word import pack_meter
from protocol.records import Domain, Reading, Registers
from protocol.typed_data import batch_digest
from rig.box_keys import BoxKey, box_key, element_key
from rig.contract import compile_drill_meter, deploy
from rig.errors import RigError

NATIVE = "0x" + "00" * 20
COIN = 10**18
GRACE_SECONDS = 86_400
EVIDENCE_SECONDS = 14 * 86_400
PENALTY = 10**16
GAS = 16_777_216
"""What a transaction may use at most (EIP-7825)."""

TARIFFS = (
    (
        [
            (2 * 10**12, 8 * 10**12, 3000),
            (4 * 10**12, 2 * 10**13, 1200),
            (8 * 10**12, 4 * 10**13, 700),
        ],
        2 * 10**10,
        10**15,
        False,
    ),
    ([(1_103, 11_003, 2800), (2_207, 7_001, 1400), (3_301, 5_003, 600)], 97, 50_000, False),
    ([(0, 10**13, 2000), (0, 10**13, 1000), (10**13, 0, 500)], 0, 1, False),
)
ACTIVE_SHARE = (0.3, 0.2, 0.1)
"""Of the time between two readings, by level."""


@dataclass(slots=True)
class Meter:
    """What a box knows of a rental."""

    oracle: int
    tariff: int
    until: int
    active_ms: list[int] = field(default_factory=lambda: [0, 0, 0])
    revolutions: list[int] = field(default_factory=lambda: [0, 0, 0])
    log_size: int = 0


class Yard:
    """A deployed contract with its people: provider, relayer and customers are node accounts."""

    def __init__(self, web3: Web3, seed: int = 1) -> None:
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
        self.meters: dict[int, Meter] = {}
        self.receipts: dict[int, Reading] = {}
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
            call.transact(options), timeout=30, poll_latency=0.005
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
        if caps is None:
            self.send(customer, "open_rental", drill, tariff, reserve, value=reserve)
        else:
            self.send(customer, "open_capped_rental", drill, tariff, reserve, caps, value=reserve)
        rental = len(self.meters) + 1
        self.meters[rental] = Meter(oracle, tariff, self.now * 1000)
        return rental

    def reading(self, rental: int, until: int) -> Reading:
        """Use the drill up to `until` (Unix ms), and read its meter."""
        meter = self.meters[rental]
        elapsed = until - meter.until
        for level, (_, _, highest_rpm) in enumerate(TARIFFS[meter.tariff - 1][0]):
            share = ACTIVE_SHARE[level] * self.random.random()
            active_ms = int(elapsed * share)
            meter.active_ms[level] += active_ms
            meter.revolutions[level] += active_ms * highest_rpm * 9 // 600_000
        meter.until = until
        meter.log_size += max(1, elapsed // 100)
        root = sha256(f"{rental} {until}".encode()).digest()
        registers = Registers.from_levels(tuple(meter.active_ms), tuple(meter.revolutions))
        return Reading(rental, until, registers, meter.log_size, root)

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
        self.settle([self.reading(rental, self.now * 1000) for rental in rentals])

    def end(self, rental: int, customer: str, *, settle: bool = True) -> None:
        """End a rental and, unless told, settle its final reading; its drill is free then."""
        self.send(customer, "end_rental", rental)
        if settle:
            self.settle([self.reading(rental, self.now * 1000)])

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


def furnish(yard: Yard, boxes: int = 4, drills: int = 12) -> None:
    """Tariffs, boxes, drills and a bond."""
    for tariff in TARIFFS:
        yard.provide("publish_tariff", tariff)
    for _ in range(boxes):
        yard.add_box()
    for place in range(drills):
        yard.add_drill(1 + place % boxes, 1 + place % len(TARIFFS))
    yard.provide("post_bond", COIN, value=COIN)


def tell(yard: Yard, rentals: int = 56) -> None:
    """The history: rentals in rounds of a drill each, every one ended and all but the last closed.

    Of them some are capped, some topped up when exhausted, one disputed, some closed without a
    final reading; keys are rotated, one box is revoked at the end, and the provider collects.
    """
    furnish(yard)
    yard.rotate_to_element(len(yard.keys))
    while len(yard.meters) < rentals:
        number = len(yard.meters) // len(yard.free)
        _round(yard, min(len(yard.free), rentals - len(yard.meters)))
        yard.rotate(1 + number % len(yard.keys))
    _afterwards(yard)


def _round(yard: Yard, size: int) -> None:
    """Rent `size` drills, use them for a day, end and close them."""
    drills = list(yard.free)
    opened: dict[int, str] = {}
    for place in range(size):
        customer = yard.customers[place % len(yard.customers)]
        tariff = drills[place][2]
        caps = None
        if place % 5 == 1:
            caps = (COIN // 50, max(COIN // 800, 3600 * TARIFFS[tariff - 1][1]))
        opened[yard.open(customer, COIN // (20 if place % 4 else 1000), caps)] = customer
    for _ in range(3):
        yard.use(list(opened), 7_200)
    exhausted = [one for one in opened if yard.contract.functions.balance_of(one).call() == 0]
    for rental in exhausted[:2]:
        yard.send(opened[rental], "top_up", rental, COIN // 10, value=COIN // 10)
    yard.provide("collect", list(opened), yard.provider)
    first = next(iter(opened))
    settled = yard.reading(first, yard.now * 1000)
    yard.settle([settled])
    yard.dispute(first, settled)
    yard.rotate(yard.meters[first].oracle)
    for place, (rental, customer) in enumerate(opened.items()):
        yard.end(rental, customer, settle=place % 6 != 5)
    yard.advance(GRACE_SECONDS)
    for place, rental in enumerate(opened):
        if place % 6 == 5:
            yard.send(yard.relayer, "close_rental", rental)
    yard.free = drills[size:] + drills[:size]


def _afterwards(yard: Yard) -> None:
    """Money out, a bond release, a pause, and the last of a tariff, a drill and a box."""
    functions = yard.contract.functions
    for customer in yard.customers[:3]:
        yard.send(customer, "withdraw", functions.account(customer).call() // 2, customer)
    yard.provide("collect", [], yard.provider)
    yard.provide("announce_bond_release", COIN // 4)
    yard.provide("pause")
    yard.provide("unpause")
    yard.advance(GRACE_SECONDS + 2 * EVIDENCE_SECONDS)
    yard.provide("release_bond", yard.provider)
    last = yard.free[-1]
    yard.provide("retire_drill", last[0])
    yard.provide("retire_tariff", 3)
    drill, oracle, _ = yard.free.pop(0)
    yard.provide("reassign_drill", drill, oracle, 2)
    yard.free.insert(0, (drill, oracle, 2))
    rental = yard.open(yard.customers[0], COIN // 100)
    yard.use([rental], 3_600)
    yard.provide("revoke_oracle", oracle)
    # What the revoked box still signs is refused.
    yard.settle([yard.reading(rental, yard.now * 1000)])
