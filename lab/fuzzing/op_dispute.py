"""Disputes, right and wrong, and the race for the bond."""

from __future__ import annotations

from lab.fuzzing.moves import Move, hexes
from lab.fuzzing.op_money import announce_bond_release, release_bond
from lab.fuzzing.op_rentals import running
from lab.fuzzing.op_settle import WIDEST, fitting, liar, now_ms
from lab.fuzzing.people import PARITY, address, signers
from lab.fuzzing.words import Reading, batch_digest, meter_word, words

NOTHING = (0, 0, 0)


def _receipt(move: Move, number: int) -> Reading:
    """What a box might have shown the customer: no more than was settled, mostly less."""
    dice, model = move.dice, move.site.model
    rental = model.rentals.get(number)
    if rental is None:
        return (number, now_ms(move), *[0] * 6, 1, 0)
    now = now_ms(move)
    kind = dice.byte()
    if kind < 120:
        until = rental.until
    elif kind < 160:
        until = max(rental.until - 1 - dice.number() % 40_000, rental.opened_at * 1000)
    elif kind < 220:
        until = min(rental.until + 1 + dice.number(), now)
    else:
        edges = [max(rental.until - 1, 0), now, now + 1, rental.opened_at * 1000]
        edges += [
            max(1000 * at + dice.below(3) - 1, 0)
            for book in model.keys.values()
            if book.oracle == rental.oracle
            for at in (book.since, book.until)
            if at
        ]
        until = dice.pick(edges)
    share = dice.byte() * dice.byte() // 255
    active = [a * share // 255 for a in rental.active]
    turned = [t * share // 255 for t in rental.turned]
    if dice.chance(60):
        level = dice.below(3)
        since = max(rental.until - until, 0)
        spun = -(-since * rental.rates[level][2] // 60_000)
        active[level] = rental.active[level] - since + dice.below(3) - 1
        turned[level] = rental.turned[level] - spun + dice.below(3) - 1
    return (number, min(until, WIDEST[0]), *fitting(active, turned), 1, 2**255 + share)


def dispute(move: Move) -> None:
    """A receipt of one of the oracle's keys, the present or a former one; or not."""
    site, dice, model = move.site, move.dice, move.site.model
    used = [
        n
        for n, r in model.rentals.items()
        if r.overcharged(r.until, NOTHING, NOTHING) > r.refunded
        and (r.ended_at is None or model.now <= r.ended_at + model.grace + model.evidence)
    ]
    number = dice.pick(used) if used and not dice.chance(16) else running(move)
    rental = model.rentals.get(number)
    receipt = _receipt(move, number)
    oracle = rental.oracle if rental else 1
    keys = [k for k, book in model.keys.items() if book.oracle == oracle] or [address("relayer")]
    key = signers()[keys[-1] if dice.chance(128) else dice.pick(keys)]
    if dice.chance(16):
        key = liar(move, oracle)
    domain = site.domain if not dice.chance(8) else dice.pick(move.game.world.sites).domain
    r, vs = key.sign(batch_digest(domain, (receipt,)))
    genuine = domain == site.domain
    named = key.address
    lie = dice.below(4) if dice.chance(16) else -1
    if lie == 0:
        r, genuine = r ^ 1, False
    elif lie == 1 and key.private is not None:
        vs, genuine = vs ^ PARITY, False
    elif lie == 2:
        named = dice.pick((0, *keys))
    elif lie == 3:
        receipt, genuine = (*receipt[:8], receipt[8] + 1, receipt[9]), False
    genuine = genuine and named == key.address
    data = site.interface.selectors["dispute"] + words(
        receipt[0], meter_word(receipt), receipt[8], receipt[9], named, r, vs
    )
    about = f"{hexes(receipt[:8])} {hexes([named])}"
    sender = move.somebody()
    move.plain(
        "dispute",
        sender,
        data,
        lambda: model.dispute(sender, receipt, named, genuine, key.private is None),
        about,
    )


def run_on_the_bond(move: Move) -> None:
    """The provider wants the bond out, a customer disputes, and it is released all the same."""
    announce_bond_release(move)
    dispute(move)
    dispute(move)
    release_bond(move)
