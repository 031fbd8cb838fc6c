"""Signatures of readings as a wallet makes them, with eth-account and no code of ours."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from contracts.builders import Yard
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey
from eth_utils import keccak

from protocol.records import Reading

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HALF_ORDER = ORDER // 2
PARITY = 1 << 255

TYPES = {
    "UsageReading": [
        {"name": "rental", "type": "uint256"},
        {"name": "until", "type": "uint256"},
        {"name": "active_ms_1", "type": "uint256"},
        {"name": "active_ms_2", "type": "uint256"},
        {"name": "active_ms_3", "type": "uint256"},
        {"name": "revolutions_1", "type": "uint256"},
        {"name": "revolutions_2", "type": "uint256"},
        {"name": "revolutions_3", "type": "uint256"},
        {"name": "log_size", "type": "uint256"},
        {"name": "log_root", "type": "bytes32"},
    ],
    "UsageBatch": [{"name": "readings", "type": "UsageReading[]"}],
}

Signature = tuple[int, int]


def message_of(yard: Yard, *readings: Reading, **domain: Any) -> SignableMessage:
    """The typed data that a wallet shows; keyword arguments change the domain."""
    rows = [
        {"rental": r.rental, "until": r.until, "log_size": r.log_size, "log_root": r.log_root}
        | asdict(r.registers)
        for r in readings
    ]
    names = {
        "name": "DrillMeter",
        "version": "1",
        "chainId": yard.chain.chain_id,
        "verifyingContract": yard.meter.address,
    }
    return encode_typed_data(names | domain, TYPES, {"readings": rows})


def sign(
    yard: Yard, *readings: Reading, key: LocalAccount | None = None, **domain: Any
) -> Signature:
    """r and vs of a wallet's signature; keyword arguments change the domain."""
    message = message_of(yard, *readings, **domain)
    signed = Account.sign_message(message, (key or yard.oracle_key).key)
    return signed.r, signed.s | (signed.v - 27) << 255


def key_that_signs_with(s: int, message: SignableMessage) -> tuple[LocalAccount, Signature]:
    """A key whose signature of the message has this s: s = (digest + r * key) / nonce, turned."""
    nonce = 7
    digest = keccak(b"\x19" + message.version + message.header + message.body)
    point = PrivateKey(nonce.to_bytes(32, "big")).public_key.to_bytes()
    r, parity = int.from_bytes(point[:32], "big"), point[63] & 1
    secret = (s * nonce - int.from_bytes(digest, "big")) * pow(r, -1, ORDER) % ORDER
    return Account.from_key(secret.to_bytes(32, "big")), (r, s | parity << 255)
