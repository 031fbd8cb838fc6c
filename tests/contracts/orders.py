"""Customers' orders as a wallet signs them, with eth-account and no code of ours; sending them."""

from __future__ import annotations

from typing import Any

from contracts.builders import Yard
from contracts.evm import Account, Deployed, Receipt
from eth_account import Account as KeyPair
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from lab.rig.contract import SOURCES, compile_vyper

NO_CAP = 2**96 - 1

MEMBERS = {
    "Deposit": "address customer, uint256 amount, uint256 nonce, uint256 deadline",
    "OpenRental": (
        "address customer, uint256 drill, uint256 tariff, uint256 reserve, "
        "uint256 cap_per_rental, uint256 cap_per_hour, uint256 nonce, uint256 deadline"
    ),
    "TopUp": "address customer, uint256 rental, uint256 amount, uint256 nonce, uint256 deadline",
    "EndRental": "address customer, uint256 rental, uint256 nonce, uint256 deadline",
    "Withdraw": "address customer, uint256 amount, address to, uint256 nonce, uint256 deadline",
}
TYPES = {
    name: [
        dict(zip(("type", "name"), member.split(" "), strict=True)) for member in text.split(", ")
    ]
    for name, text in MEMBERS.items()
}
FUNCTIONS = {
    "Deposit": "deposit",
    "OpenRental": "open_rental",
    "TopUp": "top_up",
    "EndRental": "end_rental",
    "Withdraw": "withdraw",
}

Order = dict[str, Any]


def forwarder_of(yard: Yard) -> Deployed:
    """The forwarder that the yard's meter has created."""
    abi = compile_vyper(SOURCES / "DrillForwarder.vy").abi
    return yard.chain.attach(yard.call("forwarder"), abi)


def order(yard: Yard, kind: str, **fields: Any) -> Order:
    """One of the customer's, good for a minute, with nonce 1, unless told."""
    given = {
        "customer": yard.customer.address,
        "nonce": 1,
        "deadline": yard.chain.now + 60,
        "cap_per_rental": NO_CAP,
        "cap_per_hour": NO_CAP,
        **fields,
    }
    return {"kind": kind} | {member["name"]: given[member["name"]] for member in TYPES[kind]}


def message_of(yard: Yard, wanted: Order, **domain: Any) -> SignableMessage:
    """The typed data that a wallet shows; keyword arguments change the domain."""
    names = {
        "name": "DrillForwarder",
        "version": "1",
        "chainId": yard.chain.chain_id,
        "verifyingContract": yard.call("forwarder"),
    }
    kind = wanted["kind"]
    fields = {name: value for name, value in wanted.items() if name != "kind"}
    return encode_typed_data(names | domain, {kind: TYPES[kind]}, fields)


def digest_of(yard: Yard, wanted: Order) -> bytes:
    """The bytes32 that is signed."""
    message = message_of(yard, wanted)
    return bytes(keccak(b"\x19" + message.version + message.header + message.body))


def sign(yard: Yard, wanted: Order, key: LocalAccount | None = None, **domain: Any) -> bytes:
    """The customer's signature, or another's; keyword arguments change the domain."""
    message = message_of(yard, wanted, **domain)
    return bytes(KeyPair.sign_message(message, (key or yard.customer).key).signature)


def arguments(wanted: Order, signature: bytes) -> tuple[Any, ...]:
    """What the forwarder's function takes."""
    values = [v for name, v in wanted.items() if name != "kind"]
    if wanted["kind"] == "OpenRental":
        values[4:6] = [tuple(values[4:6])]
    return (*values, signature)


def send(
    yard: Yard, wanted: Order, signature: bytes | None = None, sender: Account | None = None
) -> Receipt:
    """Sign an order as the customer, unless it is signed, and send it as the relayer."""
    signed = sign(yard, wanted) if signature is None else signature
    who = sender or yard.people["relayer"]
    function = FUNCTIONS[wanted["kind"]]
    return forwarder_of(yard).transact(who, function, *arguments(wanted, signed))
