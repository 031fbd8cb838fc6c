"""deposit_with_permit: tokens under an allowance that their owner has only signed (EIP-2612)."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.builders import PENALTY, Yard
from contracts.evm import NOBODY, Receipt, event, reverts
from contracts.sources import mock
from contracts.token_signatures import FOREVER, Authorization, Permit, Signature
from eth_account.signers.local import LocalAccount

NO_ALLOWANCE = "token: allowance"
JUNK: Signature = (27, b"\x11" * 32, b"\x22" * 32)


@pytest.fixture
def permit_yard(make_yard) -> Yard:
    return make_yard("token_permit")


def permit_of(yard: Yard, who: LocalAccount, amount: int, **changes: Any) -> Permit:
    return Permit(who.address, yard.meter.address, amount, **changes)


def signed(yard: Yard, who: LocalAccount, amount: int, **changes: Any) -> Signature:
    return permit_of(yard, who, amount, **changes).sign(yard, who)


def send(
    yard: Yard,
    sender: LocalAccount,
    amount: int,
    signature: Signature,
    *,
    account: str | None = None,
    deadline: int = FOREVER,
) -> Receipt:
    arguments = (account or sender.address, amount, deadline, *signature)
    return yard.meter.transact(sender, "deposit_with_permit", *arguments)


def use_up(yard: Yard, sender: LocalAccount, permit: Permit, signature: Signature) -> None:
    """Hand a permit to the token itself, as whoever has seen it waiting can."""
    arguments = (permit.owner, permit.spender, permit.amount, permit.deadline, *signature)
    yard.token.transact(sender, "permit", *arguments)


def test_deposit_with_permit__own_permit__deposits_without_an_approval(permit_yard, customer):
    yard = permit_yard
    before = yard.money()
    receipt = send(yard, customer, 700, signed(yard, customer, 700))
    assert receipt.events == [
        event("Deposited", account=customer.address, payer=customer.address, amount=700)
    ]
    assert yard.money() - before == {
        "held": 700,
        "coins": 700,
        "customer.account": 700,
        "customer.wallet": -700,
    }
    assert yard.token.call("allowance", customer.address, yard.meter.address) == 0
    assert yard.token.call("nonces", customer.address) == 1


def test_deposit_with_permit__for_another_account__credits_that_one(
    permit_yard, customer, stranger
):
    yard = permit_yard
    before = yard.money()
    receipt = send(yard, customer, 700, signed(yard, customer, 700), account=stranger.address)
    assert receipt.events == [
        event("Deposited", account=stranger.address, payer=customer.address, amount=700)
    ]
    assert yard.money() - before == {
        "held": 700,
        "coins": 700,
        "stranger.account": 700,
        "customer.wallet": -700,
    }


def test_deposit_with_permit__through_a_contract__asks_for_no_allowance_of_who_sent_it(
    permit_yard, customer, stranger
):
    """Who calls pays and is asked for; a permit shown to a contract is not used up by it."""
    yard = permit_yard
    signature = signed(yard, customer, 700)
    wallet = yard.chain.deploy(mock("wallet_reentrant"), stranger)
    yard.token.transact(stranger, "mint", wallet.address, 700)
    approval = yard.token.encode("approve", yard.meter.address, 700)
    wallet.transact(stranger, "execute", yard.token.address, approval)
    call = yard.meter.encode("deposit_with_permit", stranger.address, 700, FOREVER, *signature)
    wallet.transact(customer, "execute", yard.meter.address, call)
    assert yard.account(stranger) == 700
    assert yard.token.call("allowance", customer.address, yard.meter.address) == 0
    assert yard.token.call("nonces", customer.address) == 0


def test_deposit_with_permit__paused__deposits(permit_yard, customer):
    permit_yard.provide("pause")
    send(permit_yard, customer, 700, signed(permit_yard, customer, 700))
    assert permit_yard.account(customer) == 700


def test_deposit_with_permit__used_by_a_stranger_before__deposits_all_the_same(
    permit_yard, customer, stranger
):
    yard = permit_yard
    permit = permit_of(yard, customer, 700)
    signature = permit.sign(yard, customer)
    use_up(yard, stranger, permit, signature)
    before = yard.money()
    send(yard, customer, 700, signature)
    assert yard.money() - before == {
        "held": 700,
        "coins": 700,
        "customer.account": 700,
        "customer.wallet": -700,
    }


def test_deposit_with_permit__of_another__is_worth_nothing_to_a_stranger(
    permit_yard, customer, stranger
):
    yard = permit_yard
    signature = signed(yard, customer, 700)
    before = yard.money()
    with reverts(NO_ALLOWANCE):
        send(yard, stranger, 700, signature)
    with reverts(NO_ALLOWANCE):
        send(yard, stranger, 700, signature, account=customer.address)
    assert yard.money() - before == {}
    send(yard, customer, 700, signature)
    assert yard.account(customer) == 700


def test_deposit_with_permit__of_another_used_up__still_takes_only_from_the_sender(
    permit_yard, customer, stranger
):
    """The allowance stands, and is the customer's own to use."""
    yard = permit_yard
    permit = permit_of(yard, customer, 700)
    signature = permit.sign(yard, customer)
    use_up(yard, stranger, permit, signature)
    with reverts(NO_ALLOWANCE):
        send(yard, stranger, 700, signature)
    assert yard.token.call("allowance", customer.address, yard.meter.address) == 700
    assert yard.wallet(yard.meter) == 0


def bad_signature(yard: Yard, who: LocalAccount, case: str) -> tuple[Signature, int]:
    """A signature that is not a permit for a deposit of 700, and the deadline that goes with it."""
    now, chain_id = yard.chain.now, yard.chain.chain_id
    meter = yard.meter.address
    other = yard.people["stranger"]
    permit = permit_of(yard, who, 700)
    signatures = {
        "junk": (JUNK, FOREVER),
        "expired": (signed(yard, who, 700, deadline=now - 1), now - 1),
        "another deadline": (signed(yard, who, 700, deadline=now), now + 1),
        "amount": (signed(yard, who, 701), FOREVER),
        "nonce": (signed(yard, who, 700, nonce=1), FOREVER),
        "spender": (Permit(who.address, other.address, 700).sign(yard, who), FOREVER),
        "another's hand": (permit.sign(yard, other), FOREVER),
        "another chain": (permit.sign(yard, who, chainId=chain_id + 1), FOREVER),
        "another token": (permit.sign(yard, who, verifyingContract=meter), FOREVER),
        "another name": (permit.sign(yard, who, name="DrillMeter"), FOREVER),
        "zero": ((0, bytes(32), bytes(32)), FOREVER),
        "an authorisation": (Authorization(who.address, meter, 700).sign(yard, who), FOREVER),
    }
    return signatures[case]


BAD = (
    "junk",
    "expired",
    "another deadline",
    "amount",
    "nonce",
    "spender",
    "another's hand",
    "another chain",
    "another token",
    "another name",
    "zero",
    "an authorisation",
)


@pytest.mark.parametrize("case", BAD)
def test_deposit_with_permit__bad_and_no_allowance__reverts_as_the_transfer_does(
    permit_yard, customer, case
):
    yard = permit_yard
    signature, deadline = bad_signature(yard, customer, case)
    before = yard.money()
    with reverts(NO_ALLOWANCE):
        send(yard, customer, 700, signature, deadline=deadline)
    assert yard.money() - before == {}


@pytest.mark.parametrize("case", BAD)
def test_deposit_with_permit__bad_and_an_allowance__deposits(permit_yard, customer, case):
    yard = permit_yard
    signature, deadline = bad_signature(yard, customer, case)
    yard.token.transact(customer, "approve", yard.meter.address, 700)
    send(yard, customer, 700, signature, deadline=deadline)
    assert yard.account(customer) == yard.call("held") == 700


def test_deposit_with_permit__in_the_second_of_its_deadline__deposits(permit_yard, customer):
    yard = permit_yard
    deadline = yard.chain.now
    signature = signed(yard, customer, 700, deadline=deadline)
    send(yard, customer, 700, signature, deadline=deadline)
    assert yard.account(customer) == 700


def test_deposit_with_permit__sent_twice__deposits_once(permit_yard, customer):
    yard = permit_yard
    signature = signed(yard, customer, 700)
    send(yard, customer, 700, signature)
    with reverts(NO_ALLOWANCE):
        send(yard, customer, 700, signature)
    assert yard.account(customer) == 700


def test_deposit_with_permit__nothing__reverts(permit_yard, customer):
    with reverts("vault: nothing to take"):
        send(permit_yard, customer, 0, signed(permit_yard, customer, 0))


def test_deposit_with_permit__zero_account__reverts(permit_yard, customer):
    with reverts("vault: account is zero"):
        send(permit_yard, customer, 7, signed(permit_yard, customer, 7), account=NOBODY)


def test_deposit_with_permit__more_than_the_wallet_has__reverts(permit_yard, customer):
    with reverts("token: balance"):
        send(permit_yard, customer, 2**200, signed(permit_yard, customer, 2**200))
    assert permit_yard.call("held") == 0


def test_deposit_with_permit__coins_sent_along__reverts(permit_yard, customer):
    arguments = (customer.address, 700, FOREVER, *signed(permit_yard, customer, 700))
    with reverts(""):
        permit_yard.meter.transact(customer, "deposit_with_permit", *arguments, value=1)


@pytest.mark.parametrize("amount", [0, 1, PENALTY])
def test_deposit_with_permit__native_deployment__reverts(yard: Yard, customer, amount):
    yard.deposit(1_000)
    before = yard.money()
    with reverts("vault: amount is not the value" if amount else "vault: nothing to take"):
        send(yard, customer, amount, JUNK)
    assert yard.money() - before == {}


def test_deposit_with_permit__token_knows_no_permits__needs_an_allowance(token_yard, customer):
    with reverts(NO_ALLOWANCE):
        send(token_yard, customer, 700, JUNK)
    token_yard.token.transact(customer, "approve", token_yard.meter.address, 700)
    send(token_yard, customer, 700, JUNK)
    assert token_yard.account(customer) == 700


def test_deposit_with_permit__token_accepts_every_call__moves_nobodys_money(
    make_yard, customer, stranger
):
    """The customer trusts the meter with all there is; that is still nobody else's to spend."""
    yard = make_yard("token_weth")
    yard.token.transact(customer, "approve", yard.meter.address, 2**256 - 1)
    before = yard.money()
    for account in (stranger, customer):
        with reverts("weth: allowance"):
            send(yard, stranger, 700, JUNK, account=account.address)
    assert yard.money() - before == {}
    send(yard, customer, 700, JUNK)
    assert yard.money() - before == {
        "held": 700,
        "coins": 700,
        "customer.account": 700,
        "customer.wallet": -700,
    }
