"""Signatures and calldata, against the shared vectors and keys of another make."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from conftest import vectors
from eth_abi.abi import encode

from audit.books.signatures import P256_ORDER, recovered, verifies_p256
from audit.node.calldata import (
    BatchSignature,
    CalldataError,
    PackedReading,
    dispute_arguments,
    is_call_of,
    settle_batches,
)
from audit.node.decode import signature_hash
from lab.rig.box_keys import box_key, element_key

DIGEST = sha256(b"digest").digest()
SETTLE = signature_hash("settle", "function")[:4]
DISPUTE = signature_hash("dispute", "function")[:4]
TYPES = ("(uint256,uint256,uint256,uint256)[]", "(uint256,uint256,uint256,uint256)[]")


def numbers(pair: tuple[bytes, bytes]) -> tuple[int, int]:
    return int.from_bytes(pair[0], "big"), int.from_bytes(pair[1], "big")


def test_recovered__own_signature__its_address() -> None:
    key = box_key(1)
    assert recovered(DIGEST, *numbers(key.sign(DIGEST))) == key.address.lower()


@pytest.mark.parametrize(("r", "vs"), [(0, 0), (1, 2**255 - 1), (2**256 - 1, 5)])
def test_recovered__malformed__none(r: int, vs: int) -> None:
    assert recovered(DIGEST, r, vs) is None


def test_verifies_p256__either_s__accepted() -> None:
    key = element_key(1)
    r, s = numbers(key.sign(DIGEST))
    assert verifies_p256(DIGEST, r, s, key.point)
    assert verifies_p256(DIGEST, r, P256_ORDER - s, key.point)


def test_verifies_p256__another_digest_key_or_number__refused() -> None:
    key = element_key(1)
    r, s = numbers(key.sign(DIGEST))
    assert not verifies_p256(sha256(DIGEST).digest(), r, s, key.point)
    assert not verifies_p256(DIGEST, r, s, element_key(2).point)
    assert not verifies_p256(DIGEST, r, s, (1, 1))
    assert not verifies_p256(DIGEST, r, 0, key.point)
    assert not verifies_p256(DIGEST, P256_ORDER, s, key.point)


def test_settle_batches__as_eth_abi_encodes__batches_with_their_readings() -> None:
    signatures = [(1, 2, 3, 4), (5, 1, 6, 7)]
    readings = [(10, 11, 12, 13), (20, 21, 22, 23), (30, 31, 32, 33)]
    content = SETTLE + encode(TYPES, (signatures, readings))
    assert is_call_of("settle", content)
    first, second = settle_batches(content)
    assert first == (BatchSignature(1, 2, 3, 4), tuple(PackedReading(*r) for r in readings[:2]))
    assert second == (BatchSignature(5, 1, 6, 7), (PackedReading(*readings[2]),))


def test_settle_batches__counts_that_do_not_add_up__refused() -> None:
    with pytest.raises(CalldataError, match="cover"):
        settle_batches(SETTLE + encode(TYPES, ([(1, 2, 3, 4)], [(1, 2, 3, 4)])))


def test_settle_batches__cut_short__refused() -> None:
    content = SETTLE + encode(TYPES, ([(1, 1, 3, 4)], [(1, 2, 3, 4)]))
    for size in (4, 50, len(content) - 1):
        with pytest.raises(CalldataError, match="early"):
            settle_batches(content[:size])


def test_settle_batches__a_length_beyond_the_limit__refused() -> None:
    words = (64, 96, 2**255, 0)
    with pytest.raises(CalldataError, match="at most 64"):
        settle_batches(SETTLE + b"".join(word.to_bytes(32, "big") for word in words))


def test_dispute_arguments__as_eth_abi_encodes__taken_apart() -> None:
    key = box_key(1).address
    types = ("(uint256,uint256,uint256,uint256)", "address", "uint256", "uint256")
    content = DISPUTE + encode(types, ((1, 2, 3, 4), key, 5, 6))
    assert dispute_arguments(content) == (PackedReading(1, 2, 3, 4), key.lower(), 5, 6)


@pytest.mark.parametrize("case", vectors("p256.json")["signatures"], ids=lambda c: c["why"])
def test_verifies_p256__shared_vectors__agree(case: dict[str, Any]) -> None:
    key = vectors("p256.json")["keys"][0]
    signature = bytes.fromhex(case["signature"][2:])
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
    point = int(key["x"], 16), int(key["y"], 16)
    assert verifies_p256(bytes.fromhex(case["digest"][2:]), r, s, point) == case["good"]
