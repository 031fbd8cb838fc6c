"""settle: oracles that sign with P-256 keys, alone and beside secp256k1.

Enrolling is in test_p256_enrolment.py, disputing in test_p256_dispute.py. The chain has at 0x100
what EIP-7951 puts there.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.builders import Yard, new_key
from contracts.evidence import lower
from contracts.evm import Chain
from contracts.p256 import KEY, OTHER, approve, enrol, forget_p256, outcome, teach_p256
from contracts.wallet_signatures import ORDER, PARITY, message_of, sign

from protocol.p256 import ORDER as N
from protocol.records import Reading

NOT_SIGNED = "not signed by its oracle"


@pytest.fixture
def chain() -> Chain:
    """A chain that checks P-256 signatures."""
    chain = Chain()
    teach_p256(chain)
    return chain


@pytest.fixture
def secure(yard: Yard) -> Yard:
    """A yard whose oracle has signed with KEY from the first second on."""
    enrol(yard, KEY)
    yard.provide("rotate_oracle", yard.oracle, KEY.address)
    return yard


@pytest.fixture
def reading(secure: Yard) -> Reading:
    """A good reading of an open rental."""
    rental = secure.open()
    secure.chain.advance(10)
    return secure.reading(rental, active_ms_1=3_000)


@pytest.mark.parametrize("high_s", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_settle__signed_by_a_p256_key__settles(secure: Yard, reading, count, high_s):
    readings = [replace(reading, until=reading.until - i) for i in reversed(range(count))]
    signed = approve(secure, *readings, high_s=high_s)
    assert (signed[1][1] > N // 2) is high_s
    assert outcome(secure, signed) == [""] * count
    assert secure.call("registers", reading.rental)["active_ms_1"] == 3_000


def test_settle__twice_with_either_s__settles_once(secure: Yard, reading):
    assert outcome(secure, approve(secure, reading)) == [""]
    again = approve(secure, reading, high_s=True)
    assert outcome(secure, again) == ["not later than the last"]


@pytest.mark.parametrize("r", [None, 0, 1, N, 2**256 - 1])
@pytest.mark.parametrize("s", [None, 0, 1, N, 2**256 - 1])
def test_settle__malformed_p256_signature__is_rejected(secure: Yard, reading, r, s):
    number, right, readings = approve(secure, reading)
    signature = (right[0] if r is None else r, right[1] if s is None else s)
    expected = "" if signature == right else NOT_SIGNED
    assert outcome(secure, (number, signature, readings)) == [expected]


def test_settle__signed_by_another_p256_key__is_rejected(secure: Yard, reading):
    enrol(secure, OTHER)
    assert outcome(secure, approve(secure, reading, key=OTHER)) == [NOT_SIGNED]


def test_settle__one_field_differs_from_what_the_p256_key_signed__is_rejected(
    secure: Yard, reading
):
    number, signature, _ = approve(secure, reading)
    for forged in (lower(reading, 3_001), replace(reading, log_size=1)):
        assert outcome(secure, (number, signature, (forged,))) == [NOT_SIGNED]


def test_settle__secp256k1_signature_for_a_p256_oracle__is_rejected(
    secure: Yard, reading, oracle_key, stranger
):
    for key in (oracle_key, stranger):
        r, vs = sign(secure, reading, key=key)
        for s in (vs, vs ^ PARITY, vs & ~PARITY, ORDER - (vs & ~PARITY)):
            assert outcome(secure, (secure.oracle, (r, s), (reading,))) == [NOT_SIGNED]


def test_settle__p256_signature_for_a_secp256k1_oracle__is_rejected(yard: Yard):
    enrol(yard, KEY)
    rental = yard.open()
    yard.chain.advance(10)
    reading = yard.reading(rental)
    for high_s in (False, True):
        assert outcome(yard, approve(yard, reading, high_s=high_s)) == [NOT_SIGNED]
    assert outcome(yard, (yard.oracle, sign(yard, reading), (reading,))) == [""]


def test_settle__both_kinds_and_a_forged_one_together__takes_each_for_itself(
    secure: Yard, reading, oracle_key
):
    box = new_key("box")
    second = secure.provide("register_oracle", box.address).result
    enrol(secure, OTHER)
    third = secure.provide("register_oracle", OTHER.address).result
    rentals = [secure.open(drill=secure.list_drill(oracle=n)) for n in (second, third)]
    secure.chain.advance(5)
    its = [
        tuple(secure.reading(rental, secure.now_ms - i, active_ms_1=10) for i in (2, 1, 0))
        for rental in rentals
    ]
    first = approve(secure, reading)
    signed = [
        (third, OTHER.sign(message_of(secure, *its[1][:2])), its[1][:2]),
        (second, sign(secure, *its[0][:2], key=box), its[0][:2]),
        (second, OTHER.sign(message_of(secure, its[0][2])), its[0][2:]),
        (third, sign(secure, its[1][2], key=box), its[1][2:]),
        first,
        (second, sign(secure, its[0][2], key=box), its[0][2:]),
    ]
    expected = ["", "", "", "", NOT_SIGNED, NOT_SIGNED, "", ""]
    assert outcome(secure, *signed) == expected


def test_settle__rotated_between_the_kinds__takes_the_present_key_only(secure: Yard, reading):
    new = new_key("next")
    secure.provide("rotate_oracle", secure.oracle, new.address)
    later = replace(reading, until=reading.until - 1)
    assert outcome(secure, approve(secure, later)) == [NOT_SIGNED]
    anew = secure.oracle, sign(secure, later, key=new), (later,)
    assert outcome(secure, anew) == [""]
    enrol(secure, OTHER)
    secure.provide("rotate_oracle", secure.oracle, OTHER.address)
    assert outcome(secure, (secure.oracle, sign(secure, reading, key=new), (reading,))) == [
        NOT_SIGNED
    ]
    assert outcome(secure, approve(secure, reading, key=OTHER)) == [""]


def test_settle__p256_oracle_was_revoked__is_rejected(secure: Yard, reading):
    secure.provide("revoke_oracle", secure.oracle)
    assert outcome(secure, approve(secure, reading)) == [NOT_SIGNED]


ANSWERS = ["", "5f5f5260205ff3", "60025f5260205ff3", "60015f5360016000f3", "60015f5260205ffd"]
"""Code that answers nothing, 0, 2, a single byte, and 1 with a revert."""


@pytest.mark.parametrize("code", ANSWERS)
def test_settle__chain_does_not_check_p256_any_more__is_rejected_and_holds_up_nobody(
    secure: Yard, reading, code
):
    box = new_key("box")
    second = secure.provide("register_oracle", box.address).result
    rental = secure.open(drill=secure.list_drill(oracle=second))
    secure.chain.advance(5)
    other = secure.reading(rental)
    forget_p256(secure.chain, bytes.fromhex(code))
    signed = approve(secure, reading), (second, sign(secure, other, key=box), (other,))
    assert outcome(secure, *signed) == [NOT_SIGNED, ""]


def test_settle__point_was_never_enrolled__is_rejected(yard: Yard):
    """Its address is taken for one of secp256k1 then, for which nobody can sign."""
    yard.provide("rotate_oracle", yard.oracle, KEY.address)
    assert yard.call("oracle", yard.oracle)["is_p256"] is False
    rental = yard.open()
    yard.chain.advance(10)
    assert outcome(yard, approve(yard, yard.reading(rental))) == [NOT_SIGNED]
