"""The shared test vectors, made without our own code: eth-account for digests and signatures,
fractions for bills, byte strings put together by hand, RFC 6962's definitions for the log.

Vyper, Python and TypeScript must all reproduce them. Numbers that may exceed 2^53 are decimal
strings; bytes are hexadecimal with 0x.
"""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256
from typing import Any

import rlp
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from lab.rig import meter_vectors, p256_vectors, rfc6962

Json = dict[str, Any]

KEYS = {name: sha256(f"smart drill vector key {name}".encode()).digest() for name in ("a", "b")}
"""Worthless keys, known to everybody who reads this line."""

DOMAINS: tuple[Json, ...] = (
    {"chain_id": 1, "contract": "0x" + "00" * 19 + "01"},
    {"chain_id": 31337, "contract": "0x5FbDB2315678afecb367f032d93F642f64180aa3"},
    {"chain_id": 2**63 - 1, "contract": "0xFFfFfFffFFfffFFfFFfFFFFFffFFFffffFfFFFfF"},
)
REGISTERS = (
    "active_ms_1",
    "active_ms_2",
    "active_ms_3",
    "revolutions_1",
    "revolutions_2",
    "revolutions_3",
)
READING_FIELDS = ("rental", "until", *REGISTERS, "log_size")
LEASE_FIELDS = ("drill", "rental", "issued_at", "expires_at", "block_number", "nonce")
NOW_MS = 1_790_000_000_000

ORDER_TYPES = {"customer": "address", "to": "address"}
ORDER_FIELDS = {
    "Deposit": ("customer", "amount", "nonce", "deadline"),
    "OpenRental": (
        *("customer", "drill", "tariff", "reserve", "cap_per_rental", "cap_per_hour"),
        *("nonce", "deadline"),
    ),
    "TopUp": ("customer", "rental", "amount", "nonce", "deadline"),
    "EndRental": ("customer", "rental", "nonce", "deadline"),
    "Withdraw": ("customer", "amount", "to", "nonce", "deadline"),
}
TYPES: Json = {
    "UsageReading": [
        *({"name": name, "type": "uint256"} for name in READING_FIELDS),
        {"name": "log_root", "type": "bytes32"},
    ],
    "UsageBatch": [{"name": "readings", "type": "UsageReading[]"}],
    "StartLease": [{"name": name, "type": "uint256"} for name in LEASE_FIELDS],
}


TYPES |= {
    kind: [{"name": name, "type": ORDER_TYPES.get(name, "uint256")} for name in names]
    for kind, names in ORDER_FIELDS.items()
}


def _reading(*values: int, root: str = "11") -> Json:
    return {**dict(zip(READING_FIELDS, values, strict=True)), "log_root": "0x" + root * 32}


BATCHES = (
    [_reading(*[0] * 9, root="00")],
    [_reading(1, NOW_MS, 12_000, 34_000, 5_600, 30_000, 27_000, 2_500, 516)],
    [_reading(*[2**256 - 1] * 9, root="ff")],
    [_reading(n, NOW_MS + n, n, 2 * n, 3 * n, 40 * n, 50 * n, 60 * n, 7 * n) for n in (3, 1, 2)],
    [_reading(n, NOW_MS, 1000 * n, 0, 0, 0, 0, 9 * n, n, root=f"{n:02x}") for n in range(1, 65)],
)
LEASES = (
    (1, 1, NOW_MS, NOW_MS + 4_000, 12, 0x0123456789ABCDEF0123456789ABCDEF),
    (2**32 - 1, 2**64, NOW_MS, NOW_MS + 30_000, 2**40, 2**128 - 1),
    (0, 0, 0, 1, 0, 0),
)
ZERO_COIN, COIN = 0, 10**18
TARIFFS = (
    # (price per second, price per 1000 revolutions, highest rpm) by level, standing price
    (
        ((2 * 10**13, 10**12, 3_000), (5 * 10**13, 3 * 10**12, 1_200), (9 * 10**13, 10**13, 600)),
        10**12,
    ),
    (((1, 0, 3_000), (0, 1, 1_200), (1, 1, 600)), 1),
    (((0, 0, 0), (0, 0, 0), (0, 0, 0)), 0),
    (((COIN, 7 * COIN, 100_000), (3 * COIN, 11 * COIN, 90_000), (5, 13, 80_000)), 17 * COIN + 1),
)
USAGES = (
    # six registers, elapsed ms
    ((0, 0, 0, 0, 0, 0), 0),
    ((1, 1, 1, 1, 1, 1), 1),
    ((999, 0, 0, 0, 0, 0), 999),
    ((12_345, 6_789, 4_321, 514, 90, 32), 61_001),
    ((10**9, 2 * 10**9, 3 * 10**9, 10**8, 10**7, 10**6), 7 * 10**9),
    ((2**48 - 1,) * 6, 2**48 - 1),
)
FUNDS = (ZERO_COIN, 1, COIN, 10**30)
NO_CAP = 2**96 - 1
CAPPED = (
    # funded, cap per rental, cap per hour
    (10**7, NO_CAP, NO_CAP),
    (NO_CAP, 3_000_001, NO_CAP),
    (NO_CAP, NO_CAP, 1_000_003),
    (2_500_000, 2_400_000, 1_200_000),
    (2_500_000, 2_600_000, 1_200_000),
    (NO_CAP, NO_CAP, 1),
)
CAPPED_FOR_MS = (1, 3_599_999, 3_600_000, 3_600_001, 5_400_000, 10_800_000)

SAMPLE_FIELDS = (
    # name, bytes, signed; odometer fields follow
    ("sequence", 8, False),
    ("time_ms", 8, False),
    ("drill", 4, False),
    ("level", 1, False),
    ("flags", 1, False),
    ("fault_flags", 2, False),
    ("rpm", 4, False),
    ("torque_mnm", 4, True),
    ("current_ma", 4, True),
    ("temperature_mc", 4, True),
    ("rental", 8, False),
    *((name, 8, False) for name in REGISTERS),
)
SAMPLES = (
    (1, 0, 1, 1, 0x20, 0, 0, 0, 0, 0, 0, *[0] * 6),
    (7, NOW_MS, 1, 2, 0x23, 0, 798, 7_104, 3_312, 41_250, 12, 1_000, 2_000, 3_000, 40, 26, 22),
    (
        *(2**63 - 1, 2**43 - 1, 2**32 - 1, 3, 0x27, 31, 10**6, -(2**31), 2**31 - 1, -1, 2**63 - 1),
        *[2**64 - 1] * 6,
    ),
    (300, NOW_MS, 2, 3, 0x24, 1, 0, 0, -5, -40_000, 12, 0, 0, 1, 0, 0, 1),
)
BAD_SAMPLES = (
    ("sequence 0", 0, 0),
    ("a sequence that no database holds", 0, 2**63),
    ("a time that no meter word holds", 1, 2**43),
    ("drill 0", 2, 0),
    ("level 0", 3, 0),
    ("level 4", 3, 4),
    ("an unknown flag", 4, 0x28),
    ("the layout that named no rental", 4, 0x03),
    ("a layout to come", 4, 0x33),
    ("an unknown fault", 5, 32),
    ("too many rpm", 6, 10**6 + 1),
    ("a rental that no database holds", 10, 2**63),
)


def _text(record: Json) -> Json:
    return {name: str(v) if isinstance(v, int) else v for name, v in record.items()}


def _signed(domain: Json, kind: str, message: Json, name: str = "DrillMeter") -> Json:
    signable: SignableMessage = encode_typed_data(
        domain_data={
            "name": name,
            "version": "1",
            "chainId": domain["chain_id"],
            "verifyingContract": domain["contract"],
        },
        message_types={
            **({"UsageReading": TYPES["UsageReading"]} if kind == "UsageBatch" else {}),
            kind: TYPES[kind],
        },
        message_data=message,
    )
    signatures = []
    for owner, key in KEYS.items():
        signed = Account.sign_message(signable, key)
        signatures.append({"key": owner, "signature": "0x" + bytes(signed.signature).hex()})
        digest = "0x" + bytes(signed.message_hash).hex()
    return {
        "domain": _text(domain),
        "domain_separator": "0x" + signable.header.hex(),
        "digest": digest,
        "signatures": signatures,
    }


def _keys() -> list[Json]:
    return [
        {"name": n, "private_key": "0x" + key.hex(), "address": Account.from_key(key).address}
        for n, key in KEYS.items()
    ]


def typed_data() -> Json:
    """Digests and signatures of batches and leases in three domains."""
    batches = [
        {
            "readings": [_text(r) for r in batch],
            **_signed(domain, "UsageBatch", {"readings": batch}),
        }
        for domain in DOMAINS
        for batch in (BATCHES if domain is DOMAINS[1] else BATCHES[:2])
    ]
    leases = []
    for domain in DOMAINS:
        for values in LEASES:
            lease = dict(zip(LEASE_FIELDS, values, strict=True))
            leases.append({"lease": _text(lease), **_signed(domain, "StartLease", lease)})
    return {"keys": _keys(), "batches": batches, "leases": leases}


def orders() -> Json:
    """Digests and signatures of customers' orders, in the domains of three meters' forwarders: the
    second contract that each has created."""
    cases = []
    for meter in DOMAINS:
        creator = bytes.fromhex(meter["contract"][2:])
        forwarder = to_checksum_address(keccak(rlp.encode([creator, b"\x02"]))[12:])
        domain = {"chain_id": meter["chain_id"], "contract": forwarder}
        for kind, names in ORDER_FIELDS.items():
            for step in (0, 1):
                order = {
                    name: Account.from_key(KEYS["ab"[place % 2]]).address
                    if name in ORDER_TYPES
                    else (2**256 - 1, 1000 * place + 7)[step]
                    for place, name in enumerate(names)
                }
                signed = _signed(domain, kind, order, "DrillForwarder")
                cases.append({"meter": _text(meter), "kind": kind, "order": _text(order), **signed})
    return {"keys": _keys(), "orders": cases}


def bill(
    levels: tuple[tuple[int, int, int], ...],
    standing: int,
    registers: tuple[int, ...],
    elapsed_ms: int,
) -> int:
    """A bill in exact fractions: prices a second and a thousand revolutions, as a person reads."""
    seconds = [Fraction(ms, 1000) for ms in registers[:3]]
    thousands = [Fraction(turns, 1000) for turns in registers[3:]]
    parts = [
        s * rate[0] + t * rate[1] for s, t, rate in zip(seconds, thousands, levels, strict=True)
    ]
    total = sum(parts, Fraction(elapsed_ms, 1000) * standing)
    return total.numerator // total.denominator


def charges() -> Json:
    """Bills and balances."""
    cases = []
    for levels, standing in TARIFFS:
        for registers, elapsed_ms in USAGES:
            charge = bill(levels, standing, registers, elapsed_ms)
            cases.append(
                {
                    "levels": [
                        _text(
                            {"price_per_second": a, "price_per_1000_revolutions": b, "max_rpm": c}
                        )
                        for a, b, c in levels
                    ],
                    "standing_price_per_second": str(standing),
                    "registers": _text(dict(zip(REGISTERS, registers, strict=True))),
                    "elapsed_ms": str(elapsed_ms),
                    "charge": str(charge),
                    "balances": [
                        {"funded": str(f), "balance": str(max(f - charge, 0))} for f in FUNDS
                    ],
                }
            )
    return {"cases": cases}


def caps() -> Json:
    """What is owed of a charge within funds and caps: each limit, one below it and one above."""
    cases = []
    for funded, per_rental, per_hour in CAPPED:
        for elapsed_ms in CAPPED_FOR_MS:
            by_now = per_hour * (1 + Fraction(elapsed_ms, 3_600_000))
            limit = min(funded, per_rental, by_now.numerator // by_now.denominator)
            for charge in sorted({0, limit - 1, limit, limit + 1, elapsed_ms}):
                if not 0 <= charge <= elapsed_ms:
                    continue  # what no drill can use at one unit a millisecond
                owed = min(charge, limit)
                case = {
                    "funded": funded,
                    "per_rental": per_rental,
                    "per_hour": per_hour,
                    "elapsed_ms": elapsed_ms,
                    "charge": charge,
                    "limit": limit,
                    "owed": owed,
                    "balance": funded - owed,
                }
                cases.append(_text(case))
    return {"cases": cases}


def _sample_bytes(values: tuple[int, ...]) -> bytes:
    return b"".join(
        value.to_bytes(size, "big", signed=signed)
        for value, (_, size, signed) in zip(values, SAMPLE_FIELDS, strict=True)
    )


def samples() -> Json:
    """Encodings of samples, and bytes that are none."""
    names = [name for name, _, _ in SAMPLE_FIELDS]
    good = [
        {"fields": _text(dict(zip(names, s, strict=True))), "bytes": "0x" + _sample_bytes(s).hex()}
        for s in SAMPLES
    ]
    bad = []
    for why, place, value in BAD_SAMPLES:
        values = list(SAMPLES[1])
        values[place] = value
        bad.append({"why": why, "bytes": "0x" + _sample_bytes(tuple(values)).hex()})
    whole = _sample_bytes(SAMPLES[1])
    bad.append({"why": "a byte short", "bytes": "0x" + whole[:-1].hex()})
    bad.append({"why": "a byte long", "bytes": "0x" + (whole + b"\0").hex()})
    return {"samples": good, "not_samples": bad}


def all_vectors() -> dict[str, Json]:
    """The content of each file in tests/vectors, by name."""
    return {
        "typed_data.json": typed_data(),
        "orders.json": orders(),
        "charges.json": charges(),
        "caps.json": caps(),
        "samples.json": samples(),
        "merkle.json": rfc6962.merkle(),
        "meter.json": meter_vectors.meter(),
        "p256.json": p256_vectors.p256(),
    }
