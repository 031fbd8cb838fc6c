"""Operations of customers on rentals, and the provider's collecting."""

from __future__ import annotations

from contracts.reference import NO_CAP

from lab.fuzzing.books import MAX_UNTIL
from lab.fuzzing.moves import MOST, Move, hexes
from lab.fuzzing.op_provider import pause
from lab.rig.plan import NO_DEADLINE

MAX_TIME = MAX_UNTIL // 1000
"""Unix s; the last that a meter can hold."""


def offer(move: Move) -> tuple[int, int]:
    """A drill that is free and the tariff it is on offer at, mostly."""
    model, dice = move.site.model, move.dice
    drill = move.number(len(model.drills))
    free = [n for n, d in model.drills.items() if not d.rental and not d.retired]
    if free and not dice.chance(30):
        drill = dice.pick(free)
    tariff = model.drills[drill].tariff if drill in model.drills else 1
    if dice.chance(12):
        tariff = move.number(len(model.tariffs))
    return drill, tariff


def least_reserve(move: Move, tariff: int) -> int:
    """What a tariff wants reserved at least, 1 for one that does not exist."""
    book = move.site.model.tariffs.get(tariff)
    return book.tariff.least_reserve if book else 1


def _reserve(move: Move, sender: int, tariff: int) -> tuple[int, int]:
    """The reserve and the coins that come along."""
    model, least = move.site.model, least_reserve(move, tariff)
    reserve = move.amount(model.accounts[sender], least)
    if reserve < least and not move.dice.chance(40):
        reserve += least
    short = max(reserve - model.accounts[sender], 0)
    value = short if model.asset.is_native and not move.dice.chance(12) else 0
    if move.dice.chance(6):
        value += 1
    return reserve, move.affordable(sender, value)


def open_rental(move: Move) -> None:
    """Rent a drill; coins that are missing come along."""
    if move.site.model.paused and move.dice.chance(128):
        pause(move)
        return
    sender = move.customer()
    drill, tariff = offer(move)
    reserve, value = _reserve(move, sender, tariff)
    _open(move, sender, (drill, tariff, reserve), value, (NO_CAP, NO_CAP))


def _open(
    move: Move, sender: int, wish: tuple[int, int, int], value: int, caps: tuple[int, int]
) -> None:
    """Send it, before its deadline mostly."""
    deadline, dice = NO_DEADLINE, move.dice
    if dice.chance(128):
        deadline = move.game.world.now + (dice.below(3) - 1 if dice.chance(40) else 900)
    verdict = move.site.model.open_rental(sender, *wish, value, caps, deadline)
    data = move.words("open_rental", *wish, *caps, deadline)
    about = hexes((sender, *wish, *caps, deadline))
    move.game.call(move.site, "open_rental", sender, data, verdict, value, about)


def open_capped_rental(move: Move) -> None:
    """Rent a drill and cap what may be owed."""
    sender, dice = move.customer(), move.dice
    drill, tariff = offer(move)
    reserve, value = _reserve(move, sender, tariff)
    if dice.chance(100):
        reserve, value = move.site.model.accounts[sender], 0
    book = move.site.model.tariffs.get(tariff)
    hourly = 3600 * book.tariff.standing_price_per_second if book else 1
    least = least_reserve(move, tariff)
    caps = [least + dice.number(), hourly + dice.number() // 8]
    which = dice.below(6)
    if which < 3:
        caps[which % 2] = MOST
    elif which == 3:
        caps = [least, hourly]
    elif which == 4:
        caps = [reserve, max(reserve // 2, hourly)]
    if dice.chance(24):
        bent = dice.below(2)
        caps[bent] = dice.pick(
            (0, max(caps[bent] - 1, 0), (least, hourly)[bent] - 1, MOST + 1, 2**255)
        )
        caps[bent] = max(caps[bent], 0)
    _open(move, sender, (drill, tariff, reserve), value, (caps[0], caps[1]))


def running(move: Move, *, ended: bool | None = None) -> int:
    """A rental's number: one that is running (or ended and not closed), mostly."""
    model, dice = move.site.model, move.dice
    wanted = [
        n
        for n, r in model.rentals.items()
        if not r.closed and (ended is None or ended == (r.ended_at is not None))
    ]
    if wanted and not dice.chance(24):
        return dice.pick(wanted)
    return move.number(len(model.rentals))


def top_up(move: Move) -> None:
    """More funds for one's own rental or another's."""
    model, sender = move.site.model, move.customer()
    number = running(move, ended=False)
    if number not in model.rentals and not move.dice.chance(60):
        open_rental(move)
        return
    amount = move.amount(model.accounts[sender])
    rental = model.rentals.get(number)
    if rental and move.dice.chance(60):
        missing = rental.charge - rental.funded
        amount = max(missing + move.dice.below(3) - 1, 0)
    short = max(amount - model.accounts[sender], 0)
    value = short if model.asset.is_native and not move.dice.chance(12) else 0
    if move.dice.chance(6):
        value += 1
    value = move.affordable(sender, value)
    verdict = model.top_up(sender, number, amount, value)
    data = move.words("top_up", number, amount)
    about = hexes((sender, number, amount))
    move.game.call(move.site, "top_up", sender, data, verdict, value, about)


def end_rental(move: Move) -> None:
    """As its customer, or the provider, mostly."""
    model, dice = move.site.model, move.dice
    number = running(move, ended=False)
    rental = model.rentals.get(number)
    if rental is None and not dice.chance(60):
        open_rental(move)
        return
    sender = rental.customer if rental else move.customer()
    if dice.chance(60):
        sender = move.provider()
    if dice.chance(24) and model.operator:
        sender = model.operator
    if dice.chance(12):
        sender = move.somebody()
    data = move.words("end_rental", number)
    about = hexes((sender, number))
    move.plain("end_rental", sender, data, lambda: model.end_rental(sender, number), about)


def end_where_nothing_is_left(move: Move) -> None:
    """As anybody, a grace period after its funds were used up, give or take a second."""
    model, dice, world = move.site.model, move.dice, move.game.world
    number = running(move, ended=False)
    rental = model.rentals.get(number)
    if rental is None or rental.ended_at is not None:
        open_rental(move)
        return
    since = -(-rental.until // 1000)
    standing = rental.tariff.standing_price_per_second
    if standing and rental.credit:
        missing = rental.limit_at(MAX_TIME * 1000) * 1000 - rental.owed_thousandths
        since = -(-(rental.until + -(-missing // standing)) // 1000)
    if (rental.credit and not standing) or since > world.now + 86_400:
        since = world.now - model.grace
    world.set_time(max(world.now, since + model.grace + dice.pick((-1, 0, 0, 1))))
    sender = move.somebody()
    data = move.words("end_rental", number)
    about = hexes((sender, number))
    move.plain("end_rental", sender, data, lambda: model.end_rental(sender, number), about)


def close_rental(move: Move) -> None:
    """As anybody."""
    model = move.site.model
    number, sender = running(move, ended=True), move.somebody()
    data = move.words("close_rental", number)
    move.plain("close_rental", sender, data, lambda: model.close_rental(number), number)


def collect(move: Move) -> None:
    """Of some running rentals, some of them named twice or closed."""
    model, dice = move.site.model, move.dice
    sender = move.provider()
    named = [running(move) for _ in range(dice.below(4))]
    if dice.chance(8):
        named *= 2
    to = move.payee(sender)
    data = move.words("collect", 64, to, len(named), *named)
    about = hexes((sender, to, *named))
    move.plain("collect", sender, data, lambda: model.collect(sender, named, to), about)
