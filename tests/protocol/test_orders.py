"""Orders as JSON: read back whole, or refused by the name of the bad field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from order_letters import order_json

from protocol.errors import OrderError, RecordError
from protocol.orders import (
    MAX_ORDER_BYTES,
    ORDERS,
    Authorization,
    Deposit,
    EndRental,
    OpenRental,
    SignedOrder,
    TopUp,
    Withdraw,
    parse_order,
)

CUSTOMER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SIGNATURE = bytes(range(65))
R, S = b"\x11" * 32, b"\x22" * 32
ALL = (
    Deposit(CUSTOMER, 2**255, 3, 4),
    OpenRental(CUSTOMER, 1, 2, 3, 4, 5, 6, 7),
    TopUp(CUSTOMER, 1, 2, 3, 4),
    EndRental(CUSTOMER, 1, 2**256 - 1, 4),
    Withdraw(CUSTOMER, 1, "0x" + "77" * 20, 3, 4),
    Authorization(CUSTOMER, 1, 2, 3, 2**256 - 1),
)


@pytest.mark.parametrize("order", ALL, ids=lambda order: order.NAME)
def test_parse_order__of_every_kind__is_read_back(order) -> None:
    assert {type(known) for known in ALL} == set(ORDERS)
    signed = SignedOrder(order, SIGNATURE)
    assert parse_order(order_json(signed)) == signed


def test_parse_order__with_a_permit__is_read_back() -> None:
    signed = SignedOrder(ALL[0], SIGNATURE * 10, (28, R, S))
    assert parse_order(order_json(signed)) == signed


def test_call__of_an_opening__has_the_caps_together() -> None:
    name, values = SignedOrder(ALL[1], SIGNATURE).call()
    assert (name, values) == ("open_rental", (CUSTOMER, 1, 2, 3, (4, 5), 6, 7, SIGNATURE))


def test_call__of_an_authorisation__has_the_signature_apart() -> None:
    signature = R + S + bytes([27])
    name, values = SignedOrder(ALL[5], signature).call()
    assert name == "deposit_with_authorization"
    assert values == (CUSTOMER, 1, 2, 3, b"\xff" * 32, 27, R, S)


def test_call__of_a_deposit__takes_the_permit_along() -> None:
    plain = (CUSTOMER, 2**255, 3, 4, SIGNATURE)
    assert SignedOrder(ALL[0], SIGNATURE).call() == ("deposit", plain)
    permitted = SignedOrder(ALL[0], SIGNATURE, (27, R, S)).call()
    assert permitted == ("deposit_with_permit", (*plain, 27, R, S))


def _spoilt(**changes: Any) -> bytes:
    whole = json.loads(order_json(SignedOrder(ALL[2], SIGNATURE)))
    return json.dumps(whole | changes).encode()


def _fields(**changes: Any) -> bytes:
    fields = json.loads(order_json(SignedOrder(ALL[2], SIGNATURE)))["fields"] | changes
    return _spoilt(fields={name: value for name, value in fields.items() if value is not None})


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"", "order: "),
        (b"[]", "order: "),
        (b"{", "order: "),
        (b" " * (MAX_ORDER_BYTES + 1), "8193 bytes; at most 8192"),
        (_spoilt(order="CloseRental"), "order: must be one of Deposit, OpenRental"),
        (_spoilt(order=1), "order: Input should be a valid string"),
        (_spoilt(other=1), "other: Extra inputs"),
        (_spoilt(signature="0x"), "signature: "),
        (_spoilt(signature="0x1"), "signature: "),
        (_spoilt(signature="0x" + "00" * 2049), "signature: "),
        (_spoilt(permit={"v": 27, "r": "0x" + "11" * 32, "s": "0x" + "11" * 32}), "permit: only"),
        (_spoilt(permit={"v": 29, "r": "0x" + "11" * 32, "s": "0x" + "11" * 32}), "permit.v: "),
        (_spoilt(order="ReceiveWithAuthorization"), "fields: ReceiveWithAuthorization has "),
        (_fields(amount=None), "fields: TopUp has customer, rental, amount, nonce, deadline"),
        (_fields(to=CUSTOMER), "fields: TopUp has customer, rental, amount, nonce, deadline"),
        (_fields(amount=1), "fields.amount: Input should be a valid string"),
        (_fields(amount="-1"), "fields.amount: must be a decimal number, not '-1'"),
        (_fields(amount="01"), "fields.amount: must be a decimal number"),
        (_fields(amount="1e3"), "fields.amount: must be a decimal number"),
        (_fields(amount="٣"), "fields.amount: must be a decimal number"),
        (_fields(amount=str(2**256)), "fields: amount must lie in 0 .. 2"),
        (_fields(customer=CUSTOMER[:-1]), "fields: customer must be an address"),
    ],
)
def test_parse_order__anything_else__is_refused_by_name(payload: bytes, text: str) -> None:
    with pytest.raises(OrderError) as refused:
        parse_order(payload)
    assert text in str(refused.value)
    assert "\n" not in str(refused.value)


def test_parse_order__authorisation_with_another_signature__is_refused() -> None:
    with pytest.raises(OrderError, match="a token takes 65 bytes"):
        SignedOrder(ALL[5], bytes(64))


def test_order__field_that_is_none__is_refused() -> None:
    with pytest.raises(RecordError, match="deadline must be an integer"):
        TopUp(CUSTOMER, 1, 2, 3, True)
