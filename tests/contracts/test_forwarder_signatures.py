"""DrillForwarder: without the customer's signature nothing is done for the customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.builders import RESERVE, Yard
from contracts.evm import CHAIN_ID, NOBODY, Deployed, reverts
from contracts.orders import FUNCTIONS, digest_of, forwarder_of, order, send, sign
from contracts.sources import mock
from contracts.wallet_signatures import HALF_ORDER, ORDER
from eth_utils import keccak

BAD = "forwarder: bad signature"
USED = "forwarder: nonce is used"
LATE = "forwarder: deadline has passed"
MAGIC = bytes.fromhex("1626ba7e")


@pytest.fixture
def yard(yard: Yard, compiled_otherwise: Callable[[Yard], None]) -> Yard:
    """With the forwarder as each optimiser makes it."""
    compiled_otherwise(yard)
    return yard


@pytest.fixture
def funded(any_yard: Yard, compiled_otherwise: Callable[[Yard], None]) -> Yard:
    """The customer has an open rental, and money beside it that each order could be done with."""
    compiled_otherwise(any_yard)
    any_yard.open()
    any_yard.list_drill()
    any_yard.deposit(2 * RESERVE)
    if any_yard.token is not None:
        any_yard.token.transact(any_yard.customer, "approve", any_yard.meter.address, RESERVE)
    return any_yard


def possible(yard: Yard, kind: str, **fields: Any) -> dict[str, Any]:
    """An order that goes through when it is signed (a Deposit only where tokens are the asset)."""
    what = {
        "drill": 2,
        "tariff": yard.tariff,
        "reserve": RESERVE,
        "rental": 1,
        "amount": 500,
        "to": yard.people["stranger"].address,
    }
    return order(yard, kind, **what | fields)


def refuse(yard: Yard, reason: str, wanted: dict[str, Any], signature: bytes) -> None:
    """Expect that an order does nothing."""
    before = yard.money()
    with reverts(reason):
        send(yard, wanted, signature)
    assert yard.money() - before == {}
    assert not forwarder_of(yard).call("nonce_used", wanted["customer"], wanted["nonce"])


KINDS = pytest.mark.parametrize("kind", sorted(FUNCTIONS))


@KINDS
def test_order__signed_by_somebody_else__reverts(funded, kind, stranger, provider) -> None:
    wanted = possible(funded, kind)
    for key in (stranger, provider):
        refuse(funded, BAD, wanted, sign(funded, wanted, key))


@KINDS
def test_order__with_any_field_changed__reverts(funded, kind, stranger) -> None:
    wanted = possible(funded, kind)
    signature = sign(funded, wanted)
    others = {"customer": stranger.address, "to": funded.customer.address}
    for name, value in wanted.items():
        if name != "kind":
            changed = wanted | {name: others.get(name) or value ^ 1}
            refuse(funded, BAD, changed, signature)


@KINDS
@pytest.mark.parametrize(
    "domain",
    [{"chainId": 1}, {"name": "DrillMeter"}, {"version": "2"}, {"verifyingContract": NOBODY}],
)
def test_order__of_another_domain__reverts(yard: Yard, kind, domain) -> None:
    wanted = order(yard, kind, drill=1, tariff=1, reserve=1, rental=1, amount=1, to=NOBODY)
    refuse(yard, BAD, wanted, sign(yard, wanted, **domain))


def test_order__signed_for_the_meter_itself__reverts(yard: Yard) -> None:
    wanted = order(yard, "EndRental", rental=yard.open())
    refuse(yard, BAD, wanted, sign(yard, wanted, verifyingContract=yard.meter.address))


def test_order__of_another_deployment__reverts(yard: Yard, compiled, provider) -> None:
    other = yard.chain.deploy(compiled, provider, NOBODY, 3_600, 86_400, 1)
    wanted = order(yard, "EndRental", rental=yard.open())
    refuse(yard, BAD, wanted, sign(yard, wanted, verifyingContract=other.call("forwarder")))


def test_order__signed_as_another_kind__reverts(yard: Yard) -> None:
    """A Deposit and a TopUp have as many fields as each other and a Withdraw."""
    yard.deposit(1_000)
    rental = yard.open()
    top_up = order(yard, "TopUp", rental=rental, amount=500)
    withdraw = order(yard, "Withdraw", amount=rental, to="0x" + f"{500:040x}")
    refuse(yard, BAD, withdraw, sign(yard, top_up))


@pytest.mark.parametrize("kind", sorted(set(FUNCTIONS) - {"Deposit"}))
def test_order__done__is_not_done_again(funded, kind) -> None:
    done_once(funded, possible(funded, kind))


def test_deposit__done__is_not_done_again(token_yard, customer) -> None:
    token_yard.token.transact(customer, "approve", token_yard.meter.address, 1_000)
    done_once(token_yard, possible(token_yard, "Deposit"))


def done_once(yard: Yard, wanted: dict[str, Any]) -> None:
    """Expect that an order goes through, and not once more."""
    signature = sign(yard, wanted)
    send(yard, wanted, signature)
    assert forwarder_of(yard).call("nonce_used", yard.customer.address, 1) is True
    before = yard.money()
    with reverts(USED):
        send(yard, wanted, signature)
    assert yard.money() - before == {}


def test_order__of_a_used_nonce__withdrawn_by_another_order(yard: Yard, customer) -> None:
    yard.deposit(1_000)
    rental = yard.open()
    unwanted = order(yard, "EndRental", rental=rental, nonce=7)
    send(yard, order(yard, "Withdraw", amount=1, to=customer.address, nonce=7))
    with reverts(USED):
        send(yard, unwanted)


def test_nonces__in_any_order__are_each_good_once(yard: Yard, customer, stranger) -> None:
    yard.deposit(1_000)
    forwarder = forwarder_of(yard)
    nonces = (255, 0, 256, 2**256 - 1, 1, 2**255)
    for nonce in nonces:
        send(yard, order(yard, "Withdraw", amount=1, to=customer.address, nonce=nonce))
    for nonce in (*nonces, 2, 254, 257, 511, 2**256 - 2):
        assert forwarder.call("nonce_used", customer.address, nonce) is (nonce in nonces)
        assert forwarder.call("nonce_used", stranger.address, nonce) is False


@pytest.mark.parametrize(("left", "reason"), [(0, None), (1, None), (-1, LATE), (-(10**6), LATE)])
def test_order__at_its_deadline__is_done_and_not_later(yard: Yard, customer, left, reason) -> None:
    yard.deposit(1_000)
    due = yard.chain.now + left
    wanted = order(yard, "Withdraw", amount=1, to=customer.address, deadline=due)
    if reason is None:
        send(yard, wanted)
        assert yard.account(customer) == 999
    else:
        refuse(yard, reason, wanted, sign(yard, wanted))


@pytest.mark.parametrize("case", ["empty", "short", "long", "zero", "twin", "v", "compact"])
def test_order__malformed_signature__reverts(yard: Yard, case) -> None:
    wanted = order(yard, "EndRental", rental=yard.open())
    good = sign(yard, wanted)
    r, s, v = good[:32], int.from_bytes(good[32:64], "big"), good[64]
    assert s <= HALF_ORDER
    signature = {
        "empty": b"",
        "short": good[:64],
        "long": good + b"\x00",
        "zero": bytes(65),
        "twin": r + (ORDER - s).to_bytes(32, "big") + bytes([27 + 28 - v]),
        "v": good[:64] + bytes([v - 27]),
        "compact": r + (s | (v - 27) << 255).to_bytes(32, "big"),
    }[case]
    refuse(yard, BAD, wanted, signature)
    send(yard, wanted, good)


def test_order__longer_signature_than_any__reverts(yard: Yard) -> None:
    wanted = order(yard, "EndRental", rental=yard.open())
    refuse(yard, "", wanted, bytes(2_049))


@pytest.mark.parametrize(
    "signature", [b"", bytes(65), b"\x01" * 64 + b"\x1b", b"\x01" * 64 + b"\x05"]
)
def test_order__of_nobody__reverts(yard: Yard, signature) -> None:
    """A signature that recovers nobody is not the zero address's."""
    yard.deposit(1_000)
    wanted = order(yard, "Withdraw", customer=NOBODY, amount=1, to=yard.customer.address)
    refuse(yard, BAD, wanted, signature)


# Wallets that are contracts --------------------------------------------------------------------


@pytest.fixture
def wallet(yard: Yard, customer) -> Deployed:
    """A wallet with an account of 1,000."""
    made = yard.chain.deploy(mock("wallet_1271"), customer)
    yard.meter.transact(customer, "deposit", made.address, 1_000, value=1_000)
    made.transact(customer, "behave", MAGIC + bytes(28), False)
    return made


def accepted(yard: Yard, wallet: Deployed, signature: bytes) -> dict[str, Any]:
    """An order of the wallet's, which the wallet calls signed by these bytes."""
    wanted = order(yard, "Withdraw", customer=wallet.address, amount=400, to=yard.customer.address)
    wallet.transact(yard.customer, "accept", digest_of(yard, wanted), keccak(signature))
    return wanted


@pytest.mark.parametrize("length", [0, 1, 65, 130, 700, 2_048])
def test_order__signed_by_a_wallet_that_is_a_contract__is_done(yard, wallet, length) -> None:
    signature = b"\xa5" * length
    send(yard, accepted(yard, wallet, signature), signature)
    assert yard.account(wallet) == 600


def test_order__wallet_knows_another_signature__reverts(yard, wallet, customer) -> None:
    wanted = accepted(yard, wallet, b"\xa5" * 65)
    refuse(yard, BAD, wanted, b"\xa6" * 65)
    refuse(yard, BAD, wanted, sign(yard, wanted, customer))
    refuse(yard, BAD, wanted | {"amount": 401}, b"\xa5" * 65)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        MAGIC,
        bytes(32),
        bytes(28) + MAGIC,
        MAGIC + bytes(27) + b"\x01",
        b"\xff" * 32,
        (1).to_bytes(32, "big"),
        MAGIC + bytes(27),
    ],
)
def test_order__wallet_answers_anything_else__reverts(yard, wallet, customer, answer) -> None:
    wanted = accepted(yard, wallet, b"\xa5" * 65)
    wallet.transact(customer, "behave", answer, False)
    refuse(yard, BAD, wanted, b"\xa5" * 65)


def test_order__wallet_fails__reverts(yard, wallet, customer) -> None:
    wanted = accepted(yard, wallet, b"\xa5" * 65)
    wallet.transact(customer, "behave", MAGIC + bytes(28), True)
    refuse(yard, BAD, wanted, b"\xa5" * 65)


def test_order__contract_that_is_no_wallet__reverts(yard: Yard) -> None:
    """The meter itself answers whatever its lens does, and that is a revert."""
    wanted = order(
        yard, "Withdraw", customer=yard.meter.address, amount=1, to=yard.customer.address
    )
    refuse(yard, BAD, wanted, b"\xa5" * 65)


def test_order__key_whose_address_has_code__still_signs(yard: Yard, customer) -> None:
    """As EIP-7702 gives it: the wallet's code refuses, the key's signature counts."""
    yard.deposit(1_000)
    refusing = yard.chain.deploy(mock("wallet_refusing"), customer)
    yard.chain.adopt(customer, yard.chain.code(refusing))
    wanted = order(yard, "Withdraw", amount=400, to=yard.people["stranger"].address)
    send(yard, wanted)
    assert yard.account(customer) == 600


def test_domain__of_another_chain__is_another(yard: Yard) -> None:
    assert yard.chain.chain_id == CHAIN_ID
    wanted = order(yard, "EndRental", rental=yard.open())
    refuse(yard, BAD, wanted, sign(yard, wanted, chainId=CHAIN_ID + 1))
