"""Orders: what a customer signs for somebody else to send, as EIP-712 typed data and as JSON.

    Deposit(address customer,uint256 amount,uint256 nonce,uint256 deadline)
    OpenRental(address customer,uint256 drill,uint256 tariff,uint256 reserve,
               uint256 cap_per_rental,uint256 cap_per_hour,uint256 nonce,uint256 deadline)
    TopUp(address customer,uint256 rental,uint256 amount,uint256 nonce,uint256 deadline)
    EndRental(address customer,uint256 rental,uint256 nonce,uint256 deadline)
    Withdraw(address customer,uint256 amount,address to,uint256 nonce,uint256 deadline)

They are signed in the domain of the meter's forwarder, {name: "DrillForwarder", version: "1",
chainId, verifyingContract}. `deadline` is the last block time in Unix s, a nonce is good once and
in any order. ReceiveWithAuthorization (EIP-3009) is the token's own order, in the token's domain:
it brings the customer's tokens into the customer's account.

As JSON an order is an object with `order`, one of the names above, `fields`, with every number as a
decimal string, `signature` in hexadecimal with 0x, and for a Deposit with the token's allowance
(EIP-2612) signed as well, good until the same deadline, `permit` with `v`, `r` and `s`.
"""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, fields
from typing import Annotated, Any, ClassVar

from eth_hash.auto import keccak
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocol.created import forwarder_address
from protocol.errors import OrderError, RecordError
from protocol.messages import Bytes32
from protocol.records import Domain, require_uint
from protocol.typed_data import separator_of, typed_digest

FORWARDER_NAME = "DrillForwarder"
FORWARDER_VERSION = "1"

MAX_SIGNATURE_BYTES = 2048
"""The longest that the forwarder takes; wallets that are contracts sign at length."""

MAX_ORDER_BYTES = 8192
"""No order of ours comes near, and none larger is parsed."""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,77}")
_ADDRESSES = ("customer", "to")


@dataclass(frozen=True, slots=True)
class Order:
    """What `customer` wants done once, until `deadline` (Unix s)."""

    NAME: ClassVar[str]
    customer: str

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in _ADDRESSES:
                require_uint(field.name, value)
            elif not _ADDRESS.fullmatch(value):
                raise RecordError(f"{field.name} must be an address, not {value!r}")

    def words(self) -> tuple[int, ...]:
        """The fields in order, addresses as numbers."""
        return tuple(int(v, 16) if isinstance(v, str) else v for v in astuple(self))

    @classmethod
    def members(cls) -> list[dict[str, str]]:
        """Its fields as EIP-712 lists them."""
        return [
            {"name": f.name, "type": "address" if f.name in _ADDRESSES else "uint256"}
            for f in fields(cls)
        ]


@dataclass(frozen=True, slots=True)
class Deposit(Order):
    """`amount` of the customer's tokens into the customer's account."""

    NAME: ClassVar[str] = "Deposit"
    amount: int
    nonce: int
    deadline: int


@dataclass(frozen=True, slots=True)
class OpenRental(Order):
    """A rental of `drill`, `reserve` of the account set aside for it."""

    NAME: ClassVar[str] = "OpenRental"
    drill: int
    tariff: int
    reserve: int
    cap_per_rental: int
    cap_per_hour: int
    nonce: int
    deadline: int


@dataclass(frozen=True, slots=True)
class TopUp(Order):
    """`amount` of the account more for a rental."""

    NAME: ClassVar[str] = "TopUp"
    rental: int
    amount: int
    nonce: int
    deadline: int


@dataclass(frozen=True, slots=True)
class EndRental(Order):
    """The end of a rental."""

    NAME: ClassVar[str] = "EndRental"
    rental: int
    nonce: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Withdraw(Order):
    """`amount` of the account, paid to `to`."""

    NAME: ClassVar[str] = "Withdraw"
    amount: int
    to: str
    nonce: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Authorization(Order):
    """`amount` of the customer's tokens into the account, by the token's own leave (EIP-3009)."""

    NAME: ClassVar[str] = "ReceiveWithAuthorization"
    amount: int
    valid_after: int
    valid_before: int
    nonce: int


FORWARDED: tuple[type[Order], ...] = (Deposit, OpenRental, TopUp, EndRental, Withdraw)
"""Those that the forwarder carries out."""

ORDERS: tuple[type[Order], ...] = (*FORWARDED, Authorization)
_KINDS = {kind.NAME: kind for kind in ORDERS}


def order_type(kind: type[Order]) -> str:
    """The EIP-712 type of an order that the forwarder carries out."""
    members = ",".join(f"{member['type']} {member['name']}" for member in kind.members())
    return f"{kind.NAME}({members})"


def forwarder_domain(domain: Domain) -> Domain:
    """Where orders for a deployment are signed."""
    return Domain(domain.chain_id, forwarder_address(domain.contract))


def order_digest(domain: Domain, order: Order) -> bytes:
    """The bytes32 that a customer of the deployment `domain` signs for an order of the forwarder's
    kinds."""
    words = b"".join(word.to_bytes(32, "big") for word in order.words())
    separator = separator_of(forwarder_domain(domain), FORWARDER_NAME, FORWARDER_VERSION)
    return typed_digest(separator, keccak(keccak(order_type(type(order)).encode()) + words))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class PermitSignature(_Part):
    """The customer's signature of the token's Permit (EIP-2612)."""

    v: Annotated[int, Field(ge=27, le=28)]
    r: Bytes32
    s: Bytes32


class OrderMessage(_Part):
    """An order as it travels."""

    order: str
    fields: dict[str, str]
    signature: Annotated[str, Field(pattern=rf"^0x([0-9a-f]{{2}}){{1,{MAX_SIGNATURE_BYTES}}}$")]
    permit: PermitSignature | None = None


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order and what its customer has signed it with; nobody has checked that yet."""

    order: Order
    signature: bytes
    permit: tuple[int, bytes, bytes] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.order, Authorization) and len(self.signature) != 65:
            raise OrderError("signature: a token takes 65 bytes")
        if self.permit is not None and not isinstance(self.order, Deposit):
            raise OrderError("permit: only a Deposit has one")

    def call(self) -> tuple[str, tuple[Any, ...]]:
        """The function that carries it out, and its arguments."""
        order = self.order
        if isinstance(order, Authorization):
            r, s = self.signature[:32], self.signature[32:64]
            *values, nonce = astuple(order)
            terms = (*values, nonce.to_bytes(32, "big"), self.signature[64], r, s)
            return "deposit_with_authorization", terms
        if isinstance(order, OpenRental):
            caps = (order.cap_per_rental, order.cap_per_hour)
            what = (order.customer, order.drill, order.tariff, order.reserve, caps)
            return "open_rental", (*what, order.nonce, order.deadline, self.signature)
        values = [*astuple(order), self.signature]
        if self.permit is not None:
            return "deposit_with_permit", (*values, *self.permit)
        return _FUNCTIONS[type(order)], tuple(values)


_FUNCTIONS: dict[type[Order], str] = {
    Deposit: "deposit",
    TopUp: "top_up",
    EndRental: "end_rental",
    Withdraw: "withdraw",
}


def parse_order(payload: bytes) -> SignedOrder:
    """Read an order; raises OrderError that names the bad field."""
    if len(payload) > MAX_ORDER_BYTES:
        raise OrderError(f"an order of {len(payload)} bytes; at most {MAX_ORDER_BYTES}")
    try:
        message = OrderMessage.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "order"
        raise OrderError(f"{place}: {first['msg']}") from error
    permit = None
    if message.permit is not None:
        r, s = bytes.fromhex(message.permit.r[2:]), bytes.fromhex(message.permit.s[2:])
        permit = (message.permit.v, r, s)
    return SignedOrder(
        _order(message.order, message.fields), bytes.fromhex(message.signature[2:]), permit
    )


def _order(name: str, given: dict[str, str]) -> Order:
    kind = _KINDS.get(name)
    if kind is None:
        raise OrderError(f"order: must be one of {', '.join(_KINDS)}")
    wanted = [member["name"] for member in kind.members()]
    if set(given) != set(wanted):
        raise OrderError(f"fields: {name} has {', '.join(wanted)}, and no others")
    values: dict[str, Any] = {}
    for field in wanted:
        text = given[field]
        if field not in _ADDRESSES and not _NUMBER.fullmatch(text):
            raise OrderError(f"fields.{field}: must be a decimal number, not {text[:80]!r}")
        values[field] = text if field in _ADDRESSES else int(text)
    try:
        return kind(**values)
    except RecordError as error:
        raise OrderError(f"fields: {error}") from error
