"""Signatures of P-256 keys: whose they are, by their last byte, and which are none."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from lab.rig.p256 import FIELD, P256Key, named_key
from lab.rig.services import ROOT
from protocol.errors import SignatureError
from protocol.leases import Provisioning, check_lease
from protocol.meter_word import SignedBatch, settle_arguments
from protocol.p256 import ORDER, point_address, recover_point
from protocol.records import Domain, Lease, Reading, Registers
from protocol.typed_data import (
    P256_MARKS,
    SECP256K1_MARKS,
    batch_digest,
    lease_digest,
    recover_signer,
    sign_digest,
    split_signature,
)

VECTORS: dict[str, Any] = json.loads((ROOT / "tests" / "vectors" / "p256.json").read_text())
KEY = named_key("element")
DIGEST = sha256(b"digest").digest()
HOME = Domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")


def signatures(digest: bytes, *, high_s: bool = False) -> list[bytes]:
    """With each last byte: one of them is right."""
    r, s = KEY.sign(digest, high_s=high_s)
    return [r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([mark]) for mark in P256_MARKS]


def signed(digest: bytes) -> bytes:
    (right,) = [one for one in signatures(digest) if recover_signer(digest, one) == KEY.address]
    return right


def recovered(digest: bytes, signature: bytes) -> str | None:
    try:
        return recover_signer(digest, signature)
    except SignatureError:
        return None


def recovered_point(r: int) -> tuple[int, int] | None:
    try:
        return recover_point(DIGEST, r, 1, odd=False)
    except SignatureError:
        return None


@pytest.mark.parametrize("key", VECTORS["keys"])
def test_point_address__vectors__the_contracts_name(key: dict[str, str]) -> None:
    assert point_address(int(key["x"], 16), int(key["y"], 16)) == key["address"]


@pytest.mark.parametrize("case", VECTORS["signatures"], ids=lambda case: str(case["why"]))
def test_recover_signer__vectors__the_key_with_one_mark_if_good_and_low(
    case: dict[str, Any],
) -> None:
    digest, raw = (bytes.fromhex(case[name][2:]) for name in ("digest", "signature"))
    low = int.from_bytes(raw[32:64], "big") <= ORDER // 2
    found = [recovered(digest, raw[:64] + bytes([mark])) for mark in P256_MARKS]

    assert found.count(VECTORS["keys"][0]["address"]) == int(case["good"] and low)


def test_recover_signer__many__one_mark_each_and_both_marks_come_up() -> None:
    marks = []
    for number in range(40):
        digest = sha256(bytes([number])).digest()
        right = [one for one in signatures(digest) if recovered(digest, one) == KEY.address]
        assert len(right) == 1
        marks.append(right[0][64])

    assert {*marks} == {*P256_MARKS}


def test_recover_signer__the_higher_s__refused() -> None:
    for one in signatures(DIGEST, high_s=True):
        with pytest.raises(SignatureError, match="half the curve order"):
            recover_signer(DIGEST, one)


def test_recover_signer__mark_of_the_other_curve__another_address_or_none() -> None:
    ours = signed(DIGEST)
    theirs = sign_digest(sha256(b"secp256k1").digest(), DIGEST)

    assert KEY.address not in [recovered(DIGEST, ours[:64] + bytes([m])) for m in SECP256K1_MARKS]
    signer = recover_signer(DIGEST, theirs)
    assert signer not in [recovered(DIGEST, theirs[:64] + bytes([m])) for m in P256_MARKS]


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (FIELD, 1)])
def test_recover_point__out_of_range__refused(r: int, s: int) -> None:
    with pytest.raises(SignatureError, match="out of range"):
        recover_point(DIGEST, r, s, odd=False)


def test_recover_point__r_of_no_point__refused() -> None:
    refused = [r for r in range(1, 40) if recovered_point(r) is None]
    assert 5 < len(refused) < 35, "half of all numbers are no point's"
    with pytest.raises(SignatureError, match="no point's"):
        recover_point(DIGEST, refused[0], 1, odd=False)


def test_recover_point__of_no_key__refused() -> None:
    base = P256Key(1)
    with pytest.raises(SignatureError, match="of no key"):
        recover_point((5).to_bytes(32, "big"), base.x, 5, odd=bool(base.y & 1))


def test_split_signature__unknown_mark__refused() -> None:
    for mark in (0, 1, 26, 31, 255):
        with pytest.raises(SignatureError, match="27, 28, 29 or 30"):
            split_signature(signed(DIGEST)[:64] + bytes([mark]))


def test_settle_arguments__p256__s_alone_without_a_parity() -> None:
    reading = Reading(1, 2_000, Registers(3, 4, 5, 6, 7, 8), 9, bytes(32))
    for signature in signatures(batch_digest(HOME, [reading])):
        ((oracle, count, r, vs),), _ = settle_arguments([SignedBatch(2, (reading,), signature)])
        assert (oracle, count, r + vs) == (2, 1, signature[:64])


def test_check_lease__p256_key__accepted_by_its_address_and_nobody_elses() -> None:
    lease = Lease(1, 2, 3_000, 4_000, 5, 6)
    signature = signed(lease_digest(HOME, lease))

    check_lease(lease, signature, Provisioning(1, KEY.address, HOME), 3_500, (6,))
    check_lease(lease, signature, Provisioning(1, "0x" + "1" * 40, HOME, KEY.address), 3_500, (6,))
    with pytest.raises(ValueError, match=f"signed by {KEY.address}"):
        check_lease(lease, signature, Provisioning(1, "0x" + "1" * 40, HOME), 3_500, (6,))
