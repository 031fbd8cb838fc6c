"""enrol_p256_key: a key of a secure element is made known, where the chain can check it.

The chain of these tests has at 0x100 what EIP-7951 puts there; tests/integration/test_p256.py does
the same on one that really does.
"""

from __future__ import annotations

from typing import Any

import pytest
from contracts.builders import Yard, new_key, oracle_view
from contracts.evidence import words
from contracts.evm import NOBODY, Chain, Receipt, event, reverts
from contracts.p256 import KEY, OTHER, SecureKey, approve, forget_p256, settle, teach_p256
from contracts.wallet_signatures import ORDER, Signature, message_of
from eth_keys.datatypes import PrivateKey

from lab.rig.p256 import FIELD as P
from protocol.p256 import ORDER as N
from protocol.p256 import point_address

REFUSED = "keys: P-256 signature refused"
UNKNOWN = {"oracle": 0, "since": 0, "until": 0, "penalised": False, "is_p256": False}


@pytest.fixture
def chain() -> Chain:
    """A chain that checks P-256 signatures."""
    chain = Chain()
    teach_p256(chain)
    return chain


def enrol(
    yard: Yard,
    key: SecureKey = KEY,
    *,
    signature: Signature | None = None,
    point: tuple[int, int] | None = None,
    **domain: Any,
) -> Receipt:
    """Enrol a key as the provider; any other signature or point instead of its own."""
    r, s = words(*(signature or key.sign(message_of(yard, **domain))))
    return yard.provide("enrol_p256_key", *(point or (key.x, key.y)), r, s)


@pytest.mark.parametrize("high_s", [False, True])
def test_enrol_p256_key__with_its_signature_of_no_readings__is_known_and_logged(yard, high_s):
    signature = KEY.sign(message_of(yard), high_s=high_s)
    assert (signature[1] > N // 2) is high_s
    receipt = enrol(yard, signature=signature)
    assert receipt.result == KEY.address
    assert receipt.events == [event("KeyEnrolled", key=KEY.address, x=KEY.x, y=KEY.y)]
    assert yard.call("signing_key", KEY.address) == UNKNOWN | {"is_p256": True}


def test_enrol_p256_key__known_by_then__serves_no_oracle_yet(yard):
    enrol(yard)
    assert yard.call("oracle_count") == 1
    assert yard.call("oracle", 1) == oracle_view(yard.oracle_key.address)


@pytest.mark.parametrize("role", ["customer", "oracle", "relayer", "stranger"])
def test_enrol_p256_key__by_anybody_else__reverts(yard, role):
    r, s = words(*KEY.sign(message_of(yard)))
    with reverts("ownable: caller is not the owner"):
        yard.meter.transact(yard.people[role], "enrol_p256_key", KEY.x, KEY.y, r, s)


@pytest.mark.parametrize("used", ["not", "in force", "rotated away"])
def test_enrol_p256_key__again__reverts(yard, used):
    enrol(yard)
    if used != "not":
        number = yard.provide("register_oracle", KEY.address).result
    if used == "rotated away":
        yard.provide("rotate_oracle", number, new_key("next").address)
    before = yard.call("signing_key", KEY.address)
    with reverts("keys: enrolled before"):
        enrol(yard)
    with reverts("keys: enrolled before"):
        enrol(yard, signature=KEY.sign(message_of(yard), high_s=True))
    assert yard.call("signing_key", KEY.address) == before


@pytest.mark.parametrize(
    "domain",
    [{"chainId": 1}, {"verifyingContract": NOBODY}, {"name": "drillmeter"}, {"version": "2"}],
    ids=lambda domain: next(iter(domain)),
)
def test_enrol_p256_key__signed_for_another_domain__reverts(yard, domain):
    with reverts(REFUSED):
        enrol(yard, **domain)
    assert yard.call("signing_key", KEY.address) == UNKNOWN
    enrol(yard)


def test_enrol_p256_key__signature_of_readings__reverts(yard):
    reading = yard.reading(yard.open())
    for readings in ((reading,), (reading, reading)):
        with reverts(REFUSED):
            enrol(yard, signature=KEY.sign(message_of(yard, *readings)))


def test_enrol_p256_key__signed_by_another_key__reverts(yard):
    with reverts(REFUSED):
        enrol(yard, signature=OTHER.sign(message_of(yard)))


@pytest.mark.parametrize("part", ["r", "s"])
@pytest.mark.parametrize(
    "change", ["one bit", "one more", "zero", "order", "over the order", "all"]
)
def test_enrol_p256_key__malformed_signature__reverts(yard, part, change):
    r, s = KEY.sign(message_of(yard))
    right = r if part == "r" else s
    wrong = {
        "one bit": right ^ 1 << 200,
        "one more": right + 1,
        "zero": 0,
        "order": N,
        "over the order": N + 1,
        "all": 2**256 - 1,
    }[change]
    with reverts(REFUSED):
        enrol(yard, signature=(wrong, s) if part == "r" else (r, wrong))


def test_enrol_p256_key__r_and_s_exchanged__reverts(yard):
    r, s = KEY.sign(message_of(yard))
    with reverts(REFUSED):
        enrol(yard, signature=(s, r))


@pytest.mark.parametrize(
    "point",
    [
        (OTHER.x, OTHER.y),
        (KEY.x, P - KEY.y),
        (KEY.y, KEY.x),
        (KEY.x, KEY.y + 1),
        (KEY.x + 1, KEY.y),
        (0, 0),
        (P, P),
        (2**256 - 1, 2**256 - 1),
    ],
    ids=[
        "another key's",
        "mirrored",
        "exchanged",
        "off the curve",
        "off the curve too",
        "infinity",
        "the modulus",
        "widest",
    ],
)
def test_enrol_p256_key__wrong_point__reverts(yard, point):
    with reverts(REFUSED):
        enrol(yard, point=point)
    assert yard.call("signing_key", point_address(*point)) == UNKNOWN


def test_enrol_p256_key__secp256k1_signature__reverts(yard):
    key = new_key("box")
    public = PrivateKey(bytes(key.key)).public_key.to_bytes()
    point = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
    assert point_address(*point) == key.address
    signed = key.sign_message(message_of(yard))
    for s in (signed.s, ORDER - signed.s):
        with reverts(REFUSED):
            enrol(yard, signature=(signed.r, s), point=point)


def test_enrol_p256_key__chain_that_cannot_check__reverts(yard):
    forget_p256(yard.chain)
    with reverts(REFUSED):
        enrol(yard)
    assert yard.call("signing_key", KEY.address) == UNKNOWN
    teach_p256(yard.chain)
    enrol(yard)


ANSWERS = {
    "nothing": "",
    "always 1": "60015f5260205ff3",
    "0": "5f5f5260205ff3",
    "2": "60025f5260205ff3",
    "the highest bit": "600160ff1b5f5260205ff3",
    "a single byte": "60015f5360016000f3",
    "1, reverting": "60015f5260205ffd",
    "invalid": "fe",
}
"""Code at 0x100 that is no such precompile: push, store, return 32 bytes, and the like."""


@pytest.mark.parametrize("answer", list(ANSWERS))
def test_enrol_p256_key__something_else_answers_there__reverts(yard, answer):
    forget_p256(yard.chain, bytes.fromhex(ANSWERS[answer]))
    with reverts(REFUSED):
        enrol(yard)


def test_enrol_p256_key__many_keys__are_kept_apart(yard):
    for key in (KEY, OTHER):
        enrol(yard, key)
        yard.provide("register_oracle", key.address)
    assert [yard.call("oracle", n) for n in (2, 3)] == [
        oracle_view(key.address, is_p256=True) for key in (KEY, OTHER)
    ]


@pytest.mark.parametrize("given_by", ["register_oracle", "rotate_oracle"])
def test_enrol_p256_key__oracle_has_it_already__counts_from_now_on(yard, given_by):
    """The wrong order costs a moment and not the key."""
    if given_by == "register_oracle":
        yard.oracle = yard.provide("register_oracle", KEY.address).result
        yard.drill = yard.list_drill()
    else:
        yard.provide("rotate_oracle", yard.oracle, KEY.address)
    rental, since = yard.open(), yard.chain.now
    yard.chain.advance(10)
    approved = approve(yard, yard.reading(rental, active_ms_1=4_000))
    (before,) = settle(yard, approved).events
    assert before.args["reason"] == "not signed by its oracle"
    enrol(yard)
    record = {"oracle": yard.oracle, "since": since, "until": 0, "penalised": False}
    assert yard.call("signing_key", KEY.address) == record | {"is_p256": True}
    assert yard.call("oracle", yard.oracle)["is_p256"] is True
    assert settle(yard, approved).events[0].name == "UsageSettled"
    with reverts("keys: enrolled before"):
        enrol(yard)


def test_enrol_p256_key__was_rotated_away__leaves_the_oracles_key_alone(yard):
    number = yard.provide("register_oracle", KEY.address).result
    following = new_key("next").address
    yard.provide("rotate_oracle", number, following)
    until = yard.call("signing_key", KEY.address)["until"]
    enrol(yard)
    assert yard.call("oracle", number) == oracle_view(following, epoch=2)
    assert yard.call("signing_key", KEY.address)["until"] == until
    with reverts("keys: used before"):
        yard.provide("rotate_oracle", number, KEY.address)


def test_enrol_p256_key__oracle_is_revoked__stays_revoked(yard):
    number = yard.provide("register_oracle", KEY.address).result
    yard.provide("revoke_oracle", number)
    enrol(yard)
    assert yard.call("oracle", number) == oracle_view(KEY.address, revoked=True, is_p256=True)


# Registering with it --------------------------------------------------------------------------


def test_register_oracle__enrolled_key__is_one_of_p256(yard):
    enrol(yard)
    yard.chain.advance(9)
    receipt = yard.provide("register_oracle", KEY.address)
    assert receipt.events == [event("OracleRegistered", oracle=2, key=KEY.address)]
    assert yard.call("oracle", 2) == oracle_view(KEY.address, is_p256=True)
    since = {"oracle": 2, "since": yard.chain.now, "is_p256": True}
    assert yard.call("signing_key", KEY.address) == UNKNOWN | since


def test_register_oracle__enrolled_key_twice__reverts(yard):
    enrol(yard)
    yard.provide("register_oracle", KEY.address)
    with reverts("keys: used before"):
        yard.provide("register_oracle", KEY.address)
    with reverts("keys: used before"):
        yard.provide("rotate_oracle", 1, KEY.address)


def test_rotate_oracle__between_the_kinds__is_kept_and_recorded(yard, oracle_key):
    enrol(yard)
    first, second = yard.chain.now, yard.chain.advance(5)
    yard.provide("rotate_oracle", 1, KEY.address)
    assert yard.call("oracle", 1) == oracle_view(KEY.address, epoch=2, is_p256=True)
    ended = {"oracle": 1, "since": first, "until": second}
    assert yard.call("signing_key", oracle_key.address) == UNKNOWN | ended
    third = yard.chain.advance(5)
    new = new_key("next").address
    yard.provide("rotate_oracle", 1, new)
    assert yard.call("oracle", 1) == oracle_view(new, epoch=3)
    ended = {"oracle": 1, "since": second, "until": third, "is_p256": True}
    assert yard.call("signing_key", KEY.address) == UNKNOWN | ended


def test_revoke_oracle__of_p256__is_marked(yard):
    enrol(yard)
    yard.provide("rotate_oracle", 1, KEY.address)
    yard.provide("revoke_oracle", 1)
    view = oracle_view(KEY.address, epoch=2, is_p256=True, revoked=True)
    assert yard.call("oracle", 1) == view
