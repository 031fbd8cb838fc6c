"""deposit_with_authorization: tokens by their owner's signature, whoever sends it (EIP-3009)."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.builders import Yard
from contracts.evm import NOBODY, Receipt, event, reverts
from contracts.token_signatures import FOREVER, Authorization, Permit, Signature
from eth_account.signers.local import LocalAccount

ANOTHER = "vault: another amount delivered"
BAD = "token: bad authorization"
USED = "token: authorization used"
JUNK: Signature = (27, b"\x11" * 32, b"\x22" * 32)


@pytest.fixture
def signed_yard(make_yard) -> Yard:
    return make_yard("token_permit")


def authorization(yard: Yard, amount: int = 700, **changes: Any) -> Authorization:
    """One of the customer to the meter."""
    return Authorization(yard.customer.address, yard.meter.address, amount, **changes)


def send(
    yard: Yard, wanted: Authorization, signature: Signature, sender: LocalAccount | None = None
) -> Receipt:
    """Send an authorisation, by the relayer unless told."""
    arguments = wanted.arguments(signature)
    who = sender or yard.people["relayer"]
    return yard.meter.transact(who, "deposit_with_authorization", *arguments)


def refuse(yard: Yard, reason: str, wanted: Authorization, signature: Signature) -> None:
    """Expect that an authorisation moves nothing."""
    before = yard.money()
    with reverts(reason):
        send(yard, wanted, signature)
    assert yard.money() - before == {}


@pytest.mark.parametrize("role", ["relayer", "stranger", "customer", "provider"])
def test_deposit_with_authorization__whoever_sends_it__credits_its_signer(
    signed_yard, customer, people, role
):
    yard = signed_yard
    wanted = authorization(yard)
    before = yard.money()
    receipt = send(yard, wanted, wanted.sign(yard, customer), people[role])
    assert receipt.events == [
        event("Deposited", account=customer.address, payer=customer.address, amount=700)
    ]
    assert yard.money() - before == {
        "held": 700,
        "coins": 700,
        "customer.account": 700,
        "customer.wallet": -700,
    }
    assert yard.token.call("authorizationState", customer.address, wanted.nonce) is True


def test_deposit_with_authorization__paused__deposits(signed_yard, customer):
    signed_yard.provide("pause")
    wanted = authorization(signed_yard)
    send(signed_yard, wanted, wanted.sign(signed_yard, customer))
    assert signed_yard.account(customer) == 700


def test_deposit_with_authorization__for_another_customer__reverts(signed_yard, customer, stranger):
    """Who is credited is who is charged: a sender can put nobody else's name there."""
    wanted = authorization(signed_yard)
    signature = wanted.sign(signed_yard, customer)
    refuse(signed_yard, BAD, wanted.but(payer=stranger.address), signature)
    refuse(signed_yard, BAD, wanted.but(payer=NOBODY), signature)
    send(signed_yard, wanted, signature)
    assert signed_yard.account(customer) == 700


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 699},
        {"amount": 701},
        {"valid_after": 1},
        {"valid_before": FOREVER - 1},
        {"nonce": b"\x06" * 32},
    ],
)
def test_deposit_with_authorization__anything_else_than_was_signed__reverts(
    signed_yard, customer, changes
):
    wanted = authorization(signed_yard)
    signature = wanted.sign(signed_yard, customer)
    refuse(signed_yard, BAD, wanted.but(**changes), signature)


def test_deposit_with_authorization__sent_twice__deposits_once(signed_yard, customer):
    wanted = authorization(signed_yard)
    signature = wanted.sign(signed_yard, customer)
    send(signed_yard, wanted, signature)
    refuse(signed_yard, USED, wanted, signature)


def test_deposit_with_authorization__two_nonces__deposit_twice(signed_yard, customer):
    for nonce in (b"\x07" * 32, b"\x08" * 32):
        wanted = authorization(signed_yard, nonce=nonce)
        send(signed_yard, wanted, wanted.sign(signed_yard, customer))
    assert signed_yard.account(customer) == signed_yard.call("held") == 1_400


def test_deposit_with_authorization__to_another_contract__reverts(
    signed_yard, compiled, customer, provider, stranger
):
    """Neither one of a meter at another, nor any of somebody else at the token itself."""
    yard = signed_yard
    other = yard.chain.deploy(compiled, provider, yard.token.address, 3_600, 86_400, 1)
    wanted = authorization(yard)
    signature = wanted.sign(yard, customer)
    with reverts(BAD):
        yard.chain.attach(other.address, other.abi).transact(
            stranger, "deposit_with_authorization", *wanted.arguments(signature)
        )
    to_meter = (wanted.payer, wanted.payee, *wanted.arguments(signature)[1:])
    with reverts("token: not the payee"):
        yard.token.transact(stranger, "receiveWithAuthorization", *to_meter)
    with reverts(BAD):
        yard.token.transact(stranger, "transferWithAuthorization", *to_meter)
    assert yard.wallet(other) == yard.wallet(yard.meter) == 0
    refuse(yard, BAD, wanted, wanted.but(payee=other.address).sign(yard, customer))


def test_deposit_with_authorization__plain_transfer_signed__reverts(signed_yard, customer):
    """What anybody could send to the token without a deposit is not a deposit here either."""
    wanted = authorization(signed_yard)
    signature = wanted.sign(signed_yard, customer, "TransferWithAuthorization")
    refuse(signed_yard, BAD, wanted, signature)


@pytest.mark.parametrize(
    "domain",
    [{"chainId": 1}, {"name": "DrillMeter"}, {"version": "2"}, {"verifyingContract": NOBODY}],
)
def test_deposit_with_authorization__of_another_domain__reverts(signed_yard, customer, domain):
    wanted = authorization(signed_yard)
    refuse(signed_yard, BAD, wanted, wanted.sign(signed_yard, customer, **domain))


@pytest.mark.parametrize("case", ["junk", "zero", "permit", "stranger"])
def test_deposit_with_authorization__bad_signature__reverts(signed_yard, customer, stranger, case):
    yard = signed_yard
    wanted = authorization(yard)
    permit = Permit(customer.address, yard.meter.address, 700)
    signature = {
        "junk": JUNK,
        "zero": (0, bytes(32), bytes(32)),
        "permit": permit.sign(yard, customer),
        "stranger": wanted.sign(yard, stranger),
    }[case]
    refuse(yard, BAD, wanted, signature)


@pytest.mark.parametrize(
    ("after", "before", "reason"),
    [
        (-1, 1, None),
        (0, 1, "token: not yet valid"),
        (1, 2, "token: not yet valid"),
        (-2, 0, "token: authorization expired"),
        (-2, -1, "token: authorization expired"),
    ],
)
def test_deposit_with_authorization__at_the_edges_of_its_window__as_the_token_says(
    signed_yard, customer, after, before, reason
):
    yard, now = signed_yard, signed_yard.chain.now
    wanted = authorization(yard, valid_after=now + after, valid_before=now + before)
    signature = wanted.sign(yard, customer)
    if reason is None:
        send(yard, wanted, signature)
        assert yard.account(customer) == 700
    else:
        refuse(yard, reason, wanted, signature)


def test_deposit_with_authorization__more_than_the_wallet_has__reverts(signed_yard, customer):
    wanted = authorization(signed_yard, 2**200)
    refuse(signed_yard, "token: balance", wanted, wanted.sign(signed_yard, customer))


def test_deposit_with_authorization__of_nothing__reverts(signed_yard, customer):
    wanted = authorization(signed_yard, 0)
    refuse(signed_yard, ANOTHER, wanted, wanted.sign(signed_yard, customer))


def test_deposit_with_authorization__coins_sent_along__reverts(signed_yard, customer):
    wanted = authorization(signed_yard)
    arguments = wanted.arguments(wanted.sign(signed_yard, customer))
    with reverts(""):
        signed_yard.meter.transact(customer, "deposit_with_authorization", *arguments, value=1)


@pytest.mark.parametrize("amount", [0, 1, 700])
def test_deposit_with_authorization__native_deployment__reverts(yard: Yard, customer, amount):
    yard.deposit(1_000)
    refuse(yard, "", authorization(yard, amount), JUNK)


def test_deposit_with_authorization__token_knows_none__reverts(token_yard: Yard):
    token_yard.deposit(1_000)
    refuse(token_yard, "", authorization(token_yard), JUNK)


@pytest.mark.parametrize("amount", [0, 1, 700])
def test_deposit_with_authorization__token_does_nothing_with_any_call__reverts(
    make_yard, customer, amount
):
    """Even when the meter holds others' tokens, and may take the customer's."""
    yard = make_yard("token_weth")
    yard.deposit(1_000, yard.people["stranger"])
    yard.token.transact(customer, "approve", yard.meter.address, 2**256 - 1)
    refuse(yard, ANOTHER, authorization(yard, amount), JUNK)


@pytest.mark.parametrize("delivers", [-700, -1, 1, 700])
def test_deposit_with_authorization__token_delivers_more_or_less__reverts(make_yard, delivers):
    yard = make_yard("token_credulous")
    yard.token.transact(yard.customer, "set_delivers", delivers)
    refuse(yard, ANOTHER, authorization(yard), JUNK)


def test_deposit_with_authorization__token_delivers_it_and_answers_false__deposits(make_yard):
    """What counts is what arrived; a token that hands out money unasked harms nobody here."""
    yard = make_yard("token_credulous")
    send(yard, authorization(yard), JUNK)
    assert yard.account(yard.customer) == yard.wallet(yard.meter) == 700
