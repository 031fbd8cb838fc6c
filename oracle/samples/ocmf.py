"""A rental's opening and closing readings in the Open Charge Metering Format (OCMF).

    OCMF|<payload, JSON>|<signature, JSON>

The format knows electricity only: a reading's unit is kWh or Wh. A drill has no energy meter, so
the energy registers are 0 and flagged as not usable for billing (`EF` is `E`); what is metered and
billed stands in the vendor's object `U_SD`, under the same signature. A record is metering data in
a known form and no claim of conformity with metrology law.

Source: OCMF 1.3.1, https://github.com/SAFE-eV/OCMF-Open-Charge-Metering-Format; the tables named
below are its tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from eth_keys.datatypes import Signature

from oracle.errors import OracleError
from oracle.samples.extent import LogExtent
from oracle.samples.extent_journal import SignedReading
from oracle.signing.curves import P256, SECP256K1, KeyCurve
from protocol.p256 import recover_point
from protocol.publication import contract_folder
from protocol.records import Domain, Registers
from protocol.typed_data import DOMAIN_NAME, DOMAIN_VERSION, P256_MARKS, split_signature

FORMAT_VERSION = "1.3"
ALGORITHMS = {SECP256K1.name: "ECDSA-secp256k1-SHA256", P256.name: "ECDSA-secp256r1-SHA256"}
"""Table 22."""

TIME_STATE = "I"
"""Informative (table 19): the times are those of blocks, and traceable to no time of the law."""

_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
"""The object identifier id-ecPublicKey in DER. Source: RFC 5480 section 2.1.1."""


@dataclass(frozen=True, slots=True)
class OcmfMeter:
    """What signs: a contract's numbered oracle, its key's address and its program's version."""

    domain: Domain
    oracle: int
    key: str
    version: str


def require_final(
    extent: LogExtent | None, rental: int, final: SignedReading | None
) -> tuple[LogExtent, SignedReading]:
    """An ended rental and its final reading; raises OracleError that says what is missing."""
    if extent is None:
        raise OracleError(f"the journal knows no rental {rental}")
    if extent.ended_ms is None:
        raise OracleError(f"rental {rental} has not ended, or its end is not confirmed yet")
    if final is None:
        raise OracleError(
            f"the final reading of rental {rental} is not signed: its last samples may still come, "
            "or it was refused (see `reading not signed` in the log), or its grace period is over"
        )
    return extent, final


def ocmf_payload(meter: OcmfMeter, page: int, extent: LogExtent, final: SignedReading) -> bytes:
    """The signed section: `page` counts this oracle's records from 1, a rental each."""
    identity, domain = extent.identity, meter.domain
    payload: dict[str, Any] = {
        "FV": FORMAT_VERSION,
        "GI": "Smart Drill oracle",
        "GS": meter.key,
        "GV": meter.version,
        "PG": f"T{page}",
        "MV": "Smart Drill",
        "MM": f"{DOMAIN_NAME} {DOMAIN_VERSION}",
        "MS": f"drill {identity.drill}",
        # The customer signed the transaction that opened the rental, and the contract checked it.
        "IS": True,
        "IL": "TRUSTED",
        "IF": ["RFID_NONE", "OCPP_NONE", "ISO15118_NONE", "PLMN_NONE"],
        "IT": "CENTRAL",
        "ID": identity.customer,
        "TT": f"tariff {identity.tariff} of contract {domain.contract} on chain {domain.chain_id}",
        "CT": "CBIDC",
        "CI": f"{contract_folder(domain)}-{meter.oracle} {identity.drill}",
        "RD": [
            _energy(extent.opened_ms, "B"),
            _energy(final.reading.until, "E"),
        ],
        "U_SD": _vendor(meter, extent, final),
    }
    # Keys are in the specification's order, and nothing in it can be a pipe.
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _energy(time_ms: int, reason: str) -> dict[str, Any]:
    """An entry of table 7: when, and that no energy was measured."""
    return {
        "TM": f"{ocmf_time(time_ms)} {TIME_STATE}",
        "TX": reason,
        "RV": 0,
        "RI": "1-b:1.8.0",
        "RU": "kWh",
        "EF": "E",
        "ST": "G",
    }


def _vendor(meter: OcmfMeter, extent: LogExtent, final: SignedReading) -> dict[str, Any]:
    """What is metered, with the reading's own signature. Integers are decimal text, for they may be
    longer than what JSON numbers hold everywhere."""
    identity, reading = extent.identity, final.reading
    return {
        "chain_id": str(meter.domain.chain_id),
        "contract": meter.domain.contract,
        "oracle": str(meter.oracle),
        "drill": str(identity.drill),
        "rental": str(identity.rental),
        "tariff": str(identity.tariff),
        "customer": identity.customer,
        "opening": {"until": str(extent.opened_ms)} | _registers(Registers()),
        "closing": {"until": str(reading.until)}
        | _registers(reading.registers)
        | {
            "log_size": str(reading.log_size),
            "log_root": "0x" + reading.log_root.hex(),
            "signature": "0x" + final.signature.hex(),
        },
    }


def _registers(registers: Registers) -> dict[str, str]:
    return {name: str(getattr(registers, name)) for name in Registers.__slots__}


def ocmf_time(time_ms: int) -> str:
    """A time (Unix ms) as in table 7: ISO 8601 with a comma before the ms and no colon in the
    zone, which is UTC."""
    seconds, ms = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S},{ms:03d}+0000"


def ocmf_record(payload: bytes, sign: Callable[[bytes], bytes]) -> tuple[str, bytes]:
    """The whole record, and the public key to check it with as DER (SubjectPublicKeyInfo).

    `sign` returns 65 bytes `r || s || v` of a bytes32 digest: here SHA-256 of the payload, which
    no typed data of the protocol (Keccak-256 of another form) can be mistaken for.
    """
    digest = sha256(payload).digest()
    v, r, s = split_signature(sign(digest))
    if v in P256_MARKS:
        curve = P256
        x, y = recover_point(digest, r, s, odd=v == P256_MARKS[1])
        point = x.to_bytes(32, "big") + y.to_bytes(32, "big")
    else:
        curve = SECP256K1
        point = Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(digest).to_bytes()
    section = {"SA": ALGORITHMS[curve.name], "SD": der_signature(r, s).hex().upper()}
    signature = json.dumps(section, separators=(",", ":"))
    return f"OCMF|{payload.decode('ascii')}|{signature}", _subject_public_key(curve, point)


def _subject_public_key(curve: KeyCurve, point: bytes) -> bytes:
    """The DER of a public key: SEQUENCE (SEQUENCE (id-ecPublicKey, the curve), BIT STRING with the
    mark of an uncompressed point, x and y). Source: RFC 5480 section 2."""
    algorithm = _EC_PUBLIC_KEY + curve.parameters
    bits = b"\x00\x04" + point
    body = bytes([0x30, len(algorithm)]) + algorithm + bytes([0x03, len(bits)]) + bits
    return bytes([0x30, len(body)]) + body


def der_signature(r: int, s: int) -> bytes:
    """ECDSA-Sig-Value, a SEQUENCE of two INTEGERs. Source: RFC 3279 section 2.2.3."""
    body = b"".join(_der_integer(value) for value in (r, s))
    return bytes([0x30, len(body)]) + body


def _der_integer(value: int) -> bytes:
    """A positive INTEGER of at most 32 bytes; a leading bit that is set would make it negative."""
    content = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes([0x02, len(content)]) + content
