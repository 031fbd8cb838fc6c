"""Settlements, honest and not, new and sent again; and disputes."""

from __future__ import annotations

from contracts.reference import NO_CAP, RentalBook

from attacks.fuzzing.books import Verdict
from attacks.fuzzing.moves import Move, hexes
from attacks.fuzzing.op_rentals import open_rental, running
from attacks.fuzzing.people import Signer, address, signer, signers, twin
from attacks.fuzzing.settling import Group
from attacks.fuzzing.words import Reading, batch_digest, meter_word, settle_arguments, words

MAX_READINGS = 64
WALLET_CALL = 8_000
"""Bytes of calldata that the contract wallets can pass on."""

KEPT = 40
"""Settlements of each deployment that are kept to be sent again."""

WIDEST = (2**43 - 1, 2**37 - 1, 2**34 - 1)


def _now_ms(move: Move) -> int:
    """Of the block, as far as a meter can say it."""
    return min(move.site.model.now * 1000, WIDEST[0])


def _until(move: Move, rental: RentalBook) -> int:
    """The time of a reading: the latest possible, a later one, or at an edge."""
    dice, now = move.dice, _now_ms(move)
    last = now if rental.ended_at is None else min(rental.ended_at * 1000, WIDEST[0])
    kind = dice.byte()
    if kind < 90:
        return last
    if kind < 200:
        return min(rental.until + 1 + dice.number() % 20_000, last)
    edges = (rental.until + 1, rental.until, max(rental.until - 1, 0), last + 1, now, now + 1)
    return min(edges[kind % 6] if kind < 252 else dice.number(5), WIDEST[0])


def _reading(move: Move, number: int) -> Reading:
    """A reading of a rental as an oracle might sign it."""
    dice = move.dice
    rental = move.site.model.rentals.get(number)
    if rental is None:
        return (number, _now_ms(move), *[0] * 6, 1, 0)
    if rental.per_hour < NO_CAP and not rental.credit and dice.chance(100):
        return _after_a_rest(move, number, rental)
    until = _until(move, rental)
    passed = max(until - rental.until, 0)
    shares = [dice.byte() for _ in range(3)] if not dice.chance(40) else [0, 0, 0]
    speed = dice.byte()
    active, turned = list(rental.active), list(rental.turned)
    for level in range(3):
        worked = passed * shares[level] // 768
        active[level] += worked
        turned[level] += worked * rental.rates[level][2] * speed // (255 * 60_000)
    if dice.chance(70):
        _strain(move, rental, passed, active, turned)
    root = 2**255 + until
    return (number, until, *_fitting(active, turned), 1 + dice.byte(), root)


def _after_a_rest(move: Move, number: int, rental: RentalBook) -> Reading:
    """Some hours later with nothing done, so that an hourly cap may leave something again."""
    world = move.game.world
    if rental.ended_at is None:
        world.set_time(world.now + 3600 * (1 + move.dice.below(4)))
    until = _now_ms(move) if rental.ended_at is None else rental.ended_at * 1000
    return (number, min(until, WIDEST[0]), *rental.active, *rental.turned, 1, 2**255 + until)


def _strain(
    move: Move, rental: RentalBook, passed: int, active: list[int], turned: list[int]
) -> None:
    """Bring the registers to a limit, or just over it."""
    kind, level = move.dice.below(10), move.dice.below(3)
    if kind < 4:
        active[level] += passed - sum(active) + sum(rental.active) + (kind == 3)
    elif kind < 7:
        grown = active[level] - rental.active[level]
        rpm = rental.rates[level][2]
        most = rental.turned[level] - (-grown * rpm // 60_000)
        turned[level] = min(most, active[level] * rpm // 60_000) + (kind == 6)
    elif kind == 7:
        active[level] = rental.active[level] - 1
    elif kind == 8:
        turned[level] = rental.turned[level] - 1
    else:
        active[level] = WIDEST[1]


def _fitting(active: list[int], turned: list[int]) -> list[int]:
    return [min(max(a, 0), WIDEST[1]) for a in active] + [min(max(t, 0), WIDEST[2]) for t in turned]


def _liar(move: Move, oracle: int) -> Signer:
    """Whose signature comes instead of the box's."""
    model = move.site.model
    former = [k for k, book in model.keys.items() if book.oracle == oracle]
    others = [book.key for book in model.oracles.values()]
    return signers()[move.dice.pick((*former, *others, address("relayer")))]


def sign(move: Move, oracle: int, readings: tuple[Reading, ...]) -> Group:
    """Under the key of the oracle; or in some way not."""
    site, dice = move.site, move.dice
    book = site.model.oracles.get(oracle)
    key = signers()[book.key] if book else signer("relayer")
    lie = dice.below(8) if dice.chance(44) else -1
    domain, genuine = site.domain, True
    if lie == 0:
        key = _liar(move, oracle)
    elif lie == 1:
        domain = dice.pick(move.game.world.sites).domain
    r, vs = key.sign(batch_digest(domain, readings))
    if lie == 2 and readings:
        at = dice.below(len(readings))
        bent = list(readings[at])
        bent[dice.pick((0, 1, 2, 5, 8, 9))] ^= 1
        readings = (*readings[:at], tuple(bent), *readings[at + 1 :])
        genuine = False
    elif lie == 3:
        vs, genuine = twin(vs), key.private is None
    elif lie == 4:
        r, genuine = dice.pick((0, r ^ 1, 2**256 - 1)), False
    elif lie == 5:
        vs, genuine = dice.pick((0, 1, 2**255, vs ^ 2**255)), key.private is None
    elif lie == 6:
        oracle = move.number(len(site.model.oracles))
    elif lie == 7 and len(readings) > 1:
        genuine = readings[::-1] == readings
        readings = readings[::-1]
    return Group(oracle, readings, r, vs, key.address, domain, genuine, key.private is None)


def _again(move: Move) -> Group | None:
    """A group that was sent before, here or elsewhere."""
    kept = move.dice.pick(move.game.world.sites).sent if move.dice.chance(50) else move.site.sent
    if not kept:
        return None
    return move.dice.pick(move.dice.pick(kept))


def _groups(move: Move) -> list[Group]:
    dice, model = move.dice, move.site.model
    batches: list[tuple[int, list[Reading]]] = []
    groups: list[Group] = []
    for _ in range(1 + dice.below(256) // 100):
        if dice.chance(40):
            again = _again(move)
            if again is not None:
                groups.append(again)
                continue
        number = running(move)
        rental = model.rentals.get(number)
        oracle = rental.oracle if rental else 1
        reading = _reading(move, number)
        if batches and dice.chance(150 if batches[-1][0] == oracle else 12):
            batches[-1][1].append(reading)
        else:
            batches.append((oracle, [reading]))
    groups += [sign(move, oracle, tuple(readings)) for oracle, readings in batches]
    if dice.chance(4):
        groups.append(Group(1, (), 0, 0, 0, b"", False))
    if dice.chance(40):
        groups.reverse()
    return groups


def settle(move: Move) -> None:
    """Some groups of readings, good and bad side by side."""
    site, dice = move.site, move.dice
    if not any(not r.closed for r in site.model.rentals.values()) and not dice.chance(40):
        open_rental(move)
        return
    groups = _groups(move)
    sender = move.somebody()
    if dice.chance(2):
        groups = (groups * MAX_READINGS)[: dice.pick((MAX_READINGS, MAX_READINGS + 1))]
    readings = [reading for group in groups for reading in group.readings]
    extra = dice.pick((1, -1)) if dice.chance(3) else 0
    signatures = [(g.oracle, len(g.readings), g.r, g.vs) for g in groups]
    if extra > 0:
        readings.append((1, 1, *[0] * 6, 0, 0))
    elif extra < 0:
        signatures[-1] = (*signatures[-1][:1], signatures[-1][1] + 1, *signatures[-1][2:])
    data = site.interface.selectors["settle"] + settle_arguments(signatures, readings)
    if len(data) > WALLET_CALL:
        sender = address("relayer")
    too_many = max(len(readings), len(signatures)) > MAX_READINGS

    def verdict() -> Verdict:
        if too_many:
            return Verdict({"(none) more than 64 readings or signatures"})
        return site.model.settle(groups, site.domain, extra)

    about = "; ".join(
        f"oracle {g.oracle}{'' if g.genuine else ' forged'} {[hexes(r[:8]) for r in g.readings]}"
        for g in groups
    )
    if move.plain("settle", sender, data, verdict, about):
        move.game.tally.checks["readings side by side"] += len(readings) > 1
        if len(site.sent) < KEPT:
            site.sent.append(tuple(groups))
        else:
            site.sent[dice.below(KEPT)] = tuple(groups)


def _receipt(move: Move, number: int) -> Reading:
    """What a box might have shown the customer: no more than was settled, mostly less."""
    dice, model = move.dice, move.site.model
    rental = model.rentals.get(number)
    if rental is None:
        return (number, _now_ms(move), *[0] * 6, 1, 0)
    now = _now_ms(move)
    kind = dice.byte()
    if kind < 160:
        until = rental.until
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
    share = dice.byte()
    active = [a * share // 255 for a in rental.active]
    turned = [t * share // 255 for t in rental.turned]
    if dice.chance(60):
        level = dice.below(3)
        active[level], turned[level] = rental.active[level] + 1, rental.turned[level] + 7
    return (number, min(until, WIDEST[0]), *_fitting(active, turned), 1, 2**255 + share)


def dispute(move: Move) -> None:
    """A receipt of one of the oracle's keys, the present or a former one; or not."""
    site, dice, model = move.site, move.dice, move.site.model
    used = [
        n
        for n, r in model.rentals.items()
        if r.charge > 0
        and (r.ended_at is None or model.now <= r.ended_at + model.grace + model.evidence)
    ]
    number = dice.pick(used) if used and not dice.chance(16) else running(move)
    rental = model.rentals.get(number)
    receipt = _receipt(move, number)
    oracle = rental.oracle if rental else 1
    keys = [k for k, book in model.keys.items() if book.oracle == oracle] or [address("relayer")]
    key = signers()[keys[-1] if dice.chance(128) else dice.pick(keys)]
    if dice.chance(16):
        key = _liar(move, oracle)
    domain = site.domain if not dice.chance(8) else dice.pick(move.game.world.sites).domain
    r, vs = key.sign(batch_digest(domain, (receipt,)))
    genuine = domain == site.domain
    named = key.address
    lie = dice.below(4) if dice.chance(16) else -1
    if lie == 0:
        r, genuine = r ^ 1, False
    elif lie == 1 and key.private is not None:
        vs, genuine = twin(vs), False
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
        lambda: model.dispute(receipt, named, genuine, key.private is None),
        about,
    )
