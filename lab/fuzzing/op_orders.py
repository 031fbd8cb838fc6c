"""Operations of customers by signed order: good ones, and ones that are not signed, changed, late,
signed for elsewhere, or sent again.
"""

from __future__ import annotations

from collections.abc import Callable

from eth_hash.auto import keccak

from lab.fuzzing.books import CallVerdict
from lab.fuzzing.moves import MOST, Move, hexes
from lab.fuzzing.op_rentals import least_reserve, offer, running
from lab.fuzzing.people import CUSTOMERS, FuzzSigner, address, signer, signers
from lab.fuzzing.words import tail, typed_digest, words

_ENDS = "uint256 nonce,uint256 deadline)"
TYPES = {
    "deposit": b"Deposit(address customer,uint256 amount,",
    "open_rental": (
        b"OpenRental(address customer,uint256 drill,uint256 tariff,uint256 reserve,"
        b"uint256 cap_per_rental,uint256 cap_per_hour,"
    ),
    "top_up": b"TopUp(address customer,uint256 rental,uint256 amount,",
    "end_rental": b"EndRental(address customer,uint256 rental,",
    "withdraw": b"Withdraw(address customer,uint256 amount,address to,",
}
TYPEHASHES = {name: keccak(head + _ENDS.encode()) for name, head in TYPES.items()}

LATE = "forwarder: deadline has passed"
USED = "forwarder: nonce is used"
BAD = "forwarder: bad signature"

Wanted = tuple[tuple[int, ...], Callable[[], CallVerdict]]
"""What an order says after its customer, and what the model says of a customer's call of it."""


def order(move: Move) -> None:
    """A customer's order, sent by anybody."""
    kind = move.dice.pick(tuple(TYPES))
    customer = signer(move.dice.pick(CUSTOMERS))
    values, verdict = _WANTED[kind](move, customer.address)
    _send(move, kind, customer, values, verdict)


def _send(
    move: Move,
    kind: str,
    customer: FuzzSigner,
    values: tuple[int, ...],
    verdict: Callable[[], CallVerdict],
) -> None:
    dice, site, model = move.dice, move.site, move.site.model
    nonce = dice.number() + (2**256 - 2**16) * dice.below(2)
    if site.ordered and dice.chance(16):
        nonce = dice.pick(sorted(site.ordered))[1]
    deadline = model.now + 60
    if dice.chance(30):
        deadline = model.now + dice.pick((0, 1, -1))
    fields = (customer.address, *values, nonce, deadline)
    domain = site.forwarder_domain
    by, said = customer, fields
    lie = dice.below(6) if dice.chance(30) else None
    if lie == 0:
        by = signers()[dice.pick([address(n) for n in (*CUSTOMERS, "provider", "stranger")])]
    elif lie == 1:
        bent = dice.below(len(fields))
        said = tuple(v ^ 1 if place == bent else v for place, v in enumerate(fields))
    elif lie == 2:
        domain = dice.pick(move.game.world.sites).forwarder_domain
    elif lie == 3:
        domain = site.domain
    v, r, s = by.sign_vrs(typed_digest(domain, TYPEHASHES[kind] + words(*said)))
    if lie == 4:
        v ^= 64
    elif lie == 5:
        named = dice.pick(move.game.world.people)
        fields = (named, *fields[1:])
    signed = fields == said and by.address == fields[0]
    signed = signed and domain == site.forwarder_domain and v in (27, 28)
    faults = set() if signed else {BAD}
    if deadline < model.now:
        faults.add(LATE)
    if (fields[0], nonce) in site.ordered:
        faults.add(USED)
    head = words(*fields, 32 * (len(fields) + 1))
    data = site.forwarder_selectors[kind] + head + tail(words(r, s) + bytes([v]))
    told = CallVerdict(faults) if faults else verdict()
    about = hexes(fields)
    operation = f"{kind} by order"
    sender = move.somebody()
    if move.game.call(site, operation, sender, data, told, about=about, to=site.forwarder):
        site.ordered.add((fields[0], nonce))


def _deposit(move: Move, customer: int) -> Wanted:
    amount = move.amount(move.site.model.accounts[customer])
    move.approve(customer, amount)
    return (amount,), lambda: move.site.model.deposit(customer, customer, amount, 0)


def _open(move: Move, customer: int) -> Wanted:
    model, dice = move.site.model, move.dice
    drill, tariff = offer(move)
    reserve = model.accounts[customer]
    if dice.chance(100):
        reserve = move.amount(reserve, least_reserve(move, tariff))
    caps = (MOST, MOST) if not dice.chance(60) else (reserve, max(reserve // 2, 1))
    return (drill, tariff, reserve, *caps), (
        lambda: model.open_rental(customer, drill, tariff, reserve, 0, caps)
    )


def _top_up(move: Move, customer: int) -> Wanted:
    model = move.site.model
    number = running(move, ended=False)
    amount = move.amount(model.accounts[customer])
    return (number, amount), lambda: model.top_up(customer, number, amount, 0)


def _end(move: Move, customer: int) -> Wanted:
    model = move.site.model
    number = running(move, ended=False)
    return (number,), lambda: model.end_rental(customer, number, by_order=True)


def _withdraw(move: Move, customer: int) -> Wanted:
    model = move.site.model
    amount = move.amount(model.accounts[customer])
    to = move.payee(customer)
    return (amount, to), lambda: model.withdraw(customer, amount, to)


_WANTED: dict[str, Callable[[Move, int], Wanted]] = {
    "deposit": _deposit,
    "open_rental": _open,
    "top_up": _top_up,
    "end_rental": _end,
    "withdraw": _withdraw,
}
