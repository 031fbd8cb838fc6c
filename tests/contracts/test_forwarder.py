"""DrillForwarder: what a customer has signed is done as if the customer had sent it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.builders import RESERVE, Yard
from contracts.evm import event, reverts
from contracts.orders import FUNCTIONS, NO_CAP, arguments, forwarder_of, order, send, sign
from contracts.sources import mock
from contracts.token_signatures import Permit

from lab.rig.contract import SOURCES, compile_drill_meter, compile_vyper
from protocol.created import forwarder_address

PUBLISHED = bytes.fromhex(compile_vyper(SOURCES / "DrillForwarder.vy").runtime[2:])


@pytest.fixture
def any_yard(any_yard: Yard, compiled_otherwise: Callable[[Yard], None]) -> Yard:
    """With the forwarder as each optimiser makes it."""
    compiled_otherwise(any_yard)
    return any_yard


@pytest.fixture
def signed_yard(make_yard, compiled_otherwise) -> Yard:
    yard = make_yard("token_permit")
    compiled_otherwise(yard)
    return yard


def test_forwarder__of_a_deployment__is_the_contracts_second_creation(yard: Yard) -> None:
    address = forwarder_address(yard.meter.address)
    assert yard.call("forwarder").lower() == address
    code = yard.chain.code(address)
    assert code[: len(PUBLISHED)] == PUBLISHED
    assert forwarder_of(yard).call("meter") == yard.meter.address


def test_trusted_forwarder__of_a_deployment__is_this_one_alone(yard: Yard, stranger) -> None:
    assert yard.call("isTrustedForwarder", yard.call("forwarder")) is True
    for other in (stranger.address, yard.meter.address, "0x" + "00" * 20):
        assert yard.call("isTrustedForwarder", other) is False


def test_domain__of_the_forwarder__is_its_own(yard: Yard) -> None:
    forwarder = forwarder_of(yard)
    _, name, version, chain_id, contract, _, _ = forwarder.call("eip712Domain")
    assert (name, version, chain_id) == ("DrillForwarder", "1", yard.chain.chain_id)
    assert contract == forwarder.address


@pytest.mark.parametrize("role", ["relayer", "stranger", "customer", "provider"])
def test_open_rental__signed__is_the_customers_whoever_sends_it(any_yard, customer, people, role):
    yard = any_yard
    yard.deposit(RESERVE)
    wanted = order(yard, "OpenRental", drill=yard.drill, tariff=yard.tariff, reserve=RESERVE)
    before = yard.money()
    receipt = send(yard, wanted, sender=people[role])
    rental = receipt.result
    assert [e.name for e in receipt.events] == ["RentalOpened", "BalancePositive"]
    assert {e.args["customer"] for e in receipt.events} == {customer.address}
    assert yard.call("rental", rental)["customer"] == customer.address
    moved = {k: v for k, v in (yard.money() - before).items() if not k.endswith("wallet")}
    assert moved == {"customer.account": -RESERVE}


def test_open_rental__signed_with_caps__has_them(yard: Yard) -> None:
    yard.deposit(RESERVE)
    caps = {"cap_per_rental": RESERVE - 1, "cap_per_hour": RESERVE - 2}
    terms = {"drill": yard.drill, "tariff": yard.tariff, "reserve": RESERVE}
    rental = send(yard, order(yard, "OpenRental", **terms, **caps)).result
    assert yard.call("caps", rental) == {"per_rental": RESERVE - 1, "per_hour": RESERVE - 2}


def test_top_up__signed__takes_from_the_signer(any_yard, customer) -> None:
    yard = any_yard
    rental = yard.open()
    yard.deposit(700)
    receipt = send(yard, order(yard, "TopUp", rental=rental, amount=700))
    assert receipt.events == [
        event("ToppedUp", rental=rental, payer=customer.address, amount=700, funded=RESERVE + 700)
    ]
    assert yard.account(customer) == 0


def test_end_rental__signed__ends_it_as_the_customer(any_yard, customer) -> None:
    yard = any_yard
    rental = yard.open()
    yard.chain.advance(5)
    receipt = send(yard, order(yard, "EndRental", rental=rental))
    ended = event("RentalEnded", rental=rental, by=customer.address, ended_at=yard.chain.now)
    assert receipt.events == [ended]


def test_end_rental__of_another_signed_by_the_provider__reverts(yard: Yard, provider) -> None:
    """The provider ends rentals by the owner's own transaction; orders are customers'."""
    rental = yard.open()
    wanted = order(yard, "EndRental", customer=provider.address, rental=rental)
    with reverts("rentals: not yours to end"):
        send(yard, wanted, sign(yard, wanted, provider))


def test_end_rental__of_another_customer__reverts(yard: Yard, stranger) -> None:
    rental = yard.open()
    wanted = order(yard, "EndRental", customer=stranger.address, rental=rental)
    with reverts("rentals: not yours to end"):
        send(yard, wanted, sign(yard, wanted, stranger))


def test_withdraw__signed__pays_whom_the_customer_names(any_yard, customer, stranger) -> None:
    yard = any_yard
    yard.deposit(1_000)
    before = yard.wallet(stranger)
    receipt = send(yard, order(yard, "Withdraw", amount=300, to=stranger.address))
    assert receipt.events == [
        event("Withdrawn", account=customer.address, to=stranger.address, amount=300)
    ]
    assert (yard.wallet(stranger) - before, yard.account(customer)) == (300, 700)


def test_withdraw__of_more_than_the_signer_has__reverts(yard: Yard, stranger) -> None:
    """Whatever others have in theirs."""
    yard.deposit(1_000)
    wanted = order(yard, "Withdraw", customer=stranger.address, amount=1, to=stranger.address)
    with reverts("vault: more than the account has"):
        send(yard, wanted, sign(yard, wanted, stranger))


def test_deposit__signed_with_an_approval__takes_the_signers_tokens(token_yard, customer) -> None:
    yard = token_yard
    yard.token.transact(customer, "approve", yard.meter.address, 700)
    receipt = send(yard, order(yard, "Deposit", amount=700))
    assert receipt.events == [
        event("Deposited", account=customer.address, payer=customer.address, amount=700)
    ]
    assert yard.account(customer) == yard.wallet(yard.meter) == 700


def test_deposit__signed_without_an_approval__reverts(token_yard) -> None:
    with reverts("token: allowance"):
        send(token_yard, order(token_yard, "Deposit", amount=700))


def test_deposit__of_coins_signed__reverts(yard: Yard) -> None:
    with reverts("vault: amount is not the value"):
        send(yard, order(yard, "Deposit", amount=700))


def _permit(yard: Yard, wanted: dict[str, Any]) -> tuple[int, bytes, bytes]:
    due = Permit(
        yard.customer.address, yard.meter.address, wanted["amount"], deadline=wanted["deadline"]
    )
    return due.sign(yard, yard.customer)


@pytest.mark.parametrize("in_front", [False, True])
def test_deposit_with_permit__both_signed__needs_nothing_of_the_customers(
    signed_yard, customer, stranger, in_front
):
    """Also when somebody has used the permit in front of it."""
    yard = signed_yard
    wanted = order(yard, "Deposit", amount=700)
    permit = _permit(yard, wanted)
    if in_front:
        terms = (customer.address, yard.meter.address, 700, wanted["deadline"], *permit)
        yard.token.transact(stranger, "permit", *terms)
    call = (*arguments(wanted, sign(yard, wanted)), *permit)
    receipt = forwarder_of(yard).transact(stranger, "deposit_with_permit", *call)
    assert receipt.events == [
        event("Deposited", account=customer.address, payer=customer.address, amount=700)
    ]
    assert yard.account(customer) == 700


def test_deposit_with_permit__permit_alone__moves_nothing(signed_yard, stranger) -> None:
    """A permit lets the meter take tokens; that it does so now is the order's to say."""
    yard = signed_yard
    wanted = order(yard, "Deposit", amount=700)
    call = (*arguments(wanted, sign(yard, wanted, stranger)), *_permit(yard, wanted))
    with reverts("forwarder: bad signature"):
        forwarder_of(yard).transact(stranger, "deposit_with_permit", *call)


def test_orders__whole_rental_without_a_coin__customer_sends_nothing(signed_yard, customer):
    yard = signed_yard
    assert yard.chain.coins(customer) > 0
    nonces = iter(range(100, 200))
    coins = yard.chain.coins(customer)
    deposit = order(yard, "Deposit", amount=RESERVE, nonce=next(nonces))
    call = (*arguments(deposit, sign(yard, deposit)), *_permit(yard, deposit))
    forwarder_of(yard).transact(yard.people["relayer"], "deposit_with_permit", *call)
    terms = {"drill": yard.drill, "tariff": yard.tariff, "reserve": RESERVE // 2}
    rental = send(yard, order(yard, "OpenRental", **terms, nonce=next(nonces))).result
    send(yard, order(yard, "TopUp", rental=rental, amount=RESERVE // 4, nonce=next(nonces)))
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=1_000)
    send(yard, order(yard, "EndRental", rental=rental, nonce=next(nonces)))
    rest = yard.account(customer)
    out = {"amount": rest, "to": customer.address}
    send(yard, order(yard, "Withdraw", **out, nonce=next(nonces)))
    assert yard.account(customer) == 0
    assert yard.chain.coins(customer) == coins


@pytest.mark.parametrize("kind", sorted(FUNCTIONS))
def test_order__refused_by_the_meter__keeps_its_nonce(yard: Yard, kind, customer) -> None:
    """What has not been done may be sent again: a revert takes everything back."""
    fields = {"drill": 9, "tariff": 9, "reserve": 1, "rental": 9, "amount": 1}
    wanted = order(yard, kind, **fields, to=customer.address)
    with reverts(
        {
            "Deposit": "vault: amount is not the value",
            "OpenRental": "tariffs: no such tariff",
            "TopUp": "rentals: no such rental",
            "EndRental": "rentals: no such rental",
            "Withdraw": "vault: more than the account has",
        }[kind]
    ):
        send(yard, wanted)
    assert forwarder_of(yard).call("nonce_used", customer.address, 1) is False


def test_order__coins_sent_along__revert(yard: Yard, relayer) -> None:
    wanted = order(yard, "EndRental", rental=yard.open())
    with reverts(""):
        forwarder_of(yard).transact(
            relayer, "end_rental", *arguments(wanted, sign(yard, wanted)), value=1
        )


def test_forwarder__every_call_of_its__is_a_customers_function_of_the_meter() -> None:
    source = (SOURCES / "DrillForwarder.vy").read_text("ascii")
    abi = {e["name"]: e for e in compile_drill_meter().abi if e["type"] == "function"}
    called = [part.split('"')[1].split("(")[0] for part in source.split("method_id=method_id(")[1:]]
    assert sorted(called) == sorted(
        ["deposit", "deposit_with_permit", "open_rental", "top_up", "end_rental", "withdraw"]
    )
    assert all(name in abi for name in called)


def test_forwarder__with_other_code__could_not_act_as_the_owner(yard: Yard, provider, stranger):
    """Where only the owner may, the address behind the arguments counts for nothing."""
    forwarder = forwarder_of(yard)
    wallet = yard.chain.deploy(mock("wallet_reentrant"), stranger)
    yard.chain.adopt(forwarder, yard.chain.code(wallet))
    forwarder = yard.chain.attach(forwarder.address, wallet.abi)
    tail = bytes.fromhex(provider.address[2:])
    rental = yard.open()
    for name, values, reason in (
        ("pause", (), "ownable: caller is not the owner"),
        ("post_bond", (0,), "ownable: caller is not the owner"),
        ("retire_drill", (1,), "ownable: caller is not the owner"),
        ("transfer_ownership", (stranger.address,), "ownable: caller is not the owner"),
        ("accept_ownership", (), "ownable_2step: caller is not the new owner"),
        ("end_rental", (rental,), "rentals: not yours to end"),
    ):
        with reverts(reason):
            data = yard.meter.encode(name, *values) + tail
            forwarder.transact(stranger, "execute", yard.meter.address, data)


@pytest.mark.parametrize("kind", ["end_rental", "withdraw", "top_up"])
def test_sender__address_behind_the_arguments_from_anybody_else__counts_for_nothing(
    yard: Yard, customer, stranger, kind
):
    rental = yard.open()
    yard.deposit(500)
    values = {
        "end_rental": (rental,),
        "withdraw": (500, stranger.address),
        "top_up": (rental, 500),
    }[kind]
    data = yard.meter.encode(kind, *values) + bytes.fromhex(customer.address[2:])
    before = yard.money()
    reason = (
        "rentals: not yours to end"
        if kind == "end_rental"
        else ("vault: more than the account has")
    )
    with reverts(reason):
        yard.chain.transact(stranger, yard.meter, data)
    assert yard.money() - before == {}


def test_view__with_an_address_behind_the_arguments__answers_the_same(yard: Yard, customer):
    """What the meter passes on to its lens may be longer than the lens asks for."""
    data = yard.meter.encode("rental", yard.open())
    tail = bytes.fromhex(customer.address[2:])
    assert yard.chain.view(yard.meter, data + tail) == yard.chain.view(yard.meter, data)


def test_caps__none_by_order__are_as_without_the_forwarder(yard: Yard) -> None:
    yard.deposit(RESERVE)
    terms = {"drill": yard.drill, "tariff": yard.tariff, "reserve": RESERVE}
    rental = send(yard, order(yard, "OpenRental", **terms)).result
    assert yard.call("caps", rental) == {"per_rental": NO_CAP, "per_hour": NO_CAP}
