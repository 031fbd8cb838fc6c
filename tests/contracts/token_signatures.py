"""Permits (EIP-2612) and authorisations (EIP-3009) as a wallet signs them, with eth-account."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from contracts.builders import Yard
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

FOREVER = 2**256 - 1

PERMIT = {
    "Permit": [
        {"name": "owner", "type": "address"},
        {"name": "spender", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ]
}

AUTHORIZATION = [
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"},
    {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"},
]

Signature = tuple[int, bytes, bytes]
"""v, r and s."""


def sign(
    yard: Yard, key: LocalAccount, types: dict[str, Any], message: dict[str, Any], **domain: Any
) -> Signature:
    """Sign for the yard's token; keyword arguments change the domain."""
    assert yard.token is not None
    names = {
        "name": "Signed Token",
        "version": "1",
        "chainId": yard.chain.chain_id,
        "verifyingContract": yard.token.address,
    }
    signed = Account.sign_message(encode_typed_data(names | domain, types, message), key.key)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Permit:
    """An allowance of `owner` to `spender`."""

    owner: str
    spender: str
    amount: int
    nonce: int = 0
    deadline: int = FOREVER

    def sign(self, yard: Yard, key: LocalAccount, **domain: Any) -> Signature:
        """The owner's signature, or another's."""
        message = {
            "owner": self.owner,
            "spender": self.spender,
            "value": self.amount,
            "nonce": self.nonce,
            "deadline": self.deadline,
        }
        return sign(yard, key, PERMIT, message, **domain)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A transfer from `payer` to `payee`, good once between two times (Unix s)."""

    payer: str
    payee: str
    amount: int
    valid_after: int = 0
    valid_before: int = FOREVER
    nonce: bytes = b"\x05" * 32

    def sign(
        self,
        yard: Yard,
        key: LocalAccount,
        kind: str = "ReceiveWithAuthorization",
        **domain: Any,
    ) -> Signature:
        """The payer's signature, or another's."""
        message = {
            "from": self.payer,
            "to": self.payee,
            "value": self.amount,
            "validAfter": self.valid_after,
            "validBefore": self.valid_before,
            "nonce": self.nonce,
        }
        return sign(yard, key, {kind: AUTHORIZATION}, message, **domain)

    def arguments(self, signature: Signature) -> tuple[Any, ...]:
        """What deposit_with_authorization takes."""
        window = (self.valid_after, self.valid_before)
        return (self.payer, self.amount, *window, self.nonce, *signature)

    def but(self, **changes: Any) -> Authorization:
        """The same with something changed."""
        return replace(self, **changes)
