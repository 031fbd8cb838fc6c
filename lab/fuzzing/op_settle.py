"""Settlements, honest and not, new and sent again."""

from __future__ import annotations

from contracts.reference import NO_CAP, RentalBook

from lab.fuzzing.books import CallVerdict
from lab.fuzzing.moves import Move, hexes
from lab.fuzzing.op_rentals import open_capped_rental, open_rental, running
from lab.fuzzing.people import PARITY, FuzzSigner, address, signer, signers
from lab.fuzzing.settling import Group
from lab.fuzzing.words import Reading, batch_digest, settle_arguments

MAX_READINGS = 64
WALLET_CALL = 8_000
"""Bytes of calldata that the contract wallets can pass on."""

KEPT = 40
"""Settlements of each deployment that are kept to be sent again."""

WIDEST = (2**43 - 1, 2**37 - 1, 2**34 - 1)


def now_ms(move: Move) -> int:
    """Of the block, as far as a meter can say it."""
    return min(move.site.model.now * 1000, WIDEST[0])


def _until(move: Move, rental: RentalBook) -> int:
    """The time of a reading: the latest possible, a later one, or at an edge."""
    dice, now = move.dice, now_ms(move)
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
        return (number, now_ms(move), *[0] * 6, 1, 0)
    if rental.per_hour < NO_CAP and not rental.credit and dice.chance(160):
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
    return (number, until, *fitting(active, turned), 1 + dice.byte(), root)


def _after_a_rest(move: Move, number: int, rental: RentalBook) -> Reading:
    """As much later with nothing done as an hourly cap takes to leave something again."""
    world = move.game.world
    if rental.ended_at is None and rental.charge < min(rental.funded, rental.per_rental):
        hours = min(rental.charge // rental.per_hour, 2_000)
        world.set_time(max(world.now, rental.opened_at + 3600 * hours + move.dice.below(3) - 1))
    until = now_ms(move) if rental.ended_at is None else rental.ended_at * 1000
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


def fitting(active: list[int], turned: list[int]) -> list[int]:
    """Registers as a meter can hold them."""
    return [min(max(a, 0), WIDEST[1]) for a in active] + [min(max(t, 0), WIDEST[2]) for t in turned]


def liar(move: Move, oracle: int) -> FuzzSigner:
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
        key = liar(move, oracle)
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
        vs, genuine = vs ^ PARITY, key.private is None
    elif lie == 4:
        r, genuine = dice.pick((0, r ^ 1, 2**256 - 1)), False
    elif lie == 5:
        vs, genuine = dice.pick((0, 1, PARITY, PARITY - 1)), key.private is None
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
    if dice.chance(6):
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

    def verdict() -> CallVerdict:
        if too_many:
            return CallVerdict({"(none) more than 64 readings or signatures"})
        return site.model.settle(groups, site.domain, extra)

    if move.plain("settle", sender, data, verdict, _about(groups)):
        move.game.tally.checks["readings side by side"] += len(readings) > 1
        if len(site.sent) < KEPT:
            site.sent.append(tuple(groups))
        else:
            site.sent[dice.below(KEPT)] = tuple(groups)


def _about(groups: list[Group]) -> str:
    return "; ".join(
        f"oracle {g.oracle}{'' if g.genuine else ' forged'} {[hexes(r[:8]) for r in g.readings]}"
        for g in groups
    )


def overdraw_the_hour(move: Move) -> None:
    """More than an hourly cap allows, then a rest until it allows something again."""
    site, dice, world = move.site, move.dice, move.game.world
    capped = [
        number
        for number, rental in site.model.rentals.items()
        if rental.per_hour < NO_CAP and rental.ended_at is None
    ]
    if not capped:
        open_capped_rental(move)
        return
    number = dice.pick(capped)
    rental = site.model.rentals[number]
    world.set_time(world.now + 1 + dice.below(60))
    active, until, level = list(rental.active), now_ms(move), dice.below(3)
    enough = rental.credit * 1000 // max(rental.rates[level][0], 1) + 1
    active[level] += min(max(until - rental.until, 0), enough)
    registers = fitting(active, list(rental.turned))
    for reading in ((number, until, *registers, 1, 0), None):
        sent = reading or _after_a_rest(move, number, rental)
        group = sign(move, rental.oracle, (sent,))
        signatures = [(group.oracle, len(group.readings), group.r, group.vs)]
        data = site.interface.selectors["settle"] + settle_arguments(signatures, group.readings)
        verdict = site.model.settle([group], site.domain)
        move.game.call(site, "settle", address("relayer"), data, verdict, 0, _about([group]))
