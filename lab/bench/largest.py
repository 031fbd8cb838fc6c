"""The most expensive settlement there can be: 64 boxes, and all that a reading can bring about.

Each reading has a box, a tariff, a drill and a customer of its own, so nothing is warm; each box
signs with a P-256 key, the dearer check; each rental is capped, was exhausted and gets credit again
with its final reading, which closes it and is the first to credit its customer's account.
"""

from __future__ import annotations

from hashlib import sha256

from web3.logs import DISCARD
from web3.types import TxReceipt

from lab.bench.gas import BOXES, COIN, TARIFF, TRANSACTION_GAS_CAP, Bench
from lab.rig.errors import RigError
from lab.rig.p256 import P256Key, named_key
from lab.rig.plan import NO_DEADLINE
from protocol.meter_word import pack_meter
from protocol.records import Reading, Registers
from protocol.typed_data import batch_digest

ACTIVE_MS = 1_000_000
CAPS = (COIN - 1, 10**15)
"""By the hour less than the thousand seconds of the first reading cost, by the second day more."""


def measure_largest(bench: Bench) -> int:
    """Gas of the whole transaction; raises RigError unless all 64 got credit and were closed."""
    keys = [named_key(f"box {number}") for number in range(BOXES)]
    rentals = [_rent(bench, number, key) for number, key in enumerate(keys, start=1)]
    bench.wait(1_200)
    bench.send(bench.relayer, "deposit", bench.relayer, 1, value=1)
    pairs = list(zip(keys, rentals, strict=True))
    _settle(bench, [(key, _reading(rental, bench.now)) for key, rental in pairs])
    bench.wait(86_400)
    final = []
    for key, rental in pairs:
        bench.send(bench.provider, "end_rental", rental)
        final.append((key, _reading(rental, bench.now)))
    receipt = _settle(bench, final)
    for name in ("UsageSettled", "BalancePositive", "RentalClosed"):
        found = bench.contract.events[name]().process_receipt(receipt, errors=DISCARD)
        if len(found) != BOXES:
            raise RigError(f"{len(found)} of {BOXES} readings have logged {name}")
    if receipt["gasUsed"] > TRANSACTION_GAS_CAP:
        raise RigError(f"{receipt['gasUsed']} gas are more than a transaction may use")
    return int(receipt["gasUsed"])


def _rent(bench: Bench, number: int, key: P256Key) -> int:
    """A tariff, a box, a drill and a customer's capped rental; returns its number."""
    customer = bench.web3.eth.accounts[3 + number]
    digest = batch_digest(bench.domain, ())
    bench.send(bench.provider, "publish_tariff", TARIFF)
    bench.send(bench.provider, "enrol_p256_key", key.x, key.y, *key.sign_words(digest))
    bench.send(bench.provider, "register_oracle", key.address)
    label = f"Pillar drill no. {number}"
    bench.send(bench.provider, "list_drill", number, number, label)
    bench.send(customer, "open_rental", number, number, COIN, CAPS, NO_DEADLINE, value=COIN)
    return int(bench.contract.functions.rental_count().call())


def _reading(rental: int, now: int) -> Reading:
    """A thousand seconds at the first level, at 2,400 rpm."""
    root = sha256(f"{rental} {now}".encode()).digest()
    registers = Registers(active_ms_1=ACTIVE_MS, revolutions_1=40_000 - 1)
    return Reading(rental, now * 1000, registers, 10_000, root)


def _settle(bench: Bench, signed: list[tuple[P256Key, Reading]]) -> TxReceipt:
    """Settle each reading under a signature of its own."""
    signatures, readings = [], []
    for key, reading in signed:
        r, s = key.sign_words(batch_digest(bench.domain, (reading,)))
        signatures.append((reading.rental, 1, r, s))
        word = pack_meter(reading.until, reading.registers)
        readings.append((reading.rental, word, reading.log_size, reading.log_root))
    return bench.send(bench.relayer, "settle", signatures, readings)
