"""Operations of the provider, and whoever tries to be it."""

from __future__ import annotations

from contracts.builders import SIMPLE, TARIFF

from lab.fuzzing.moves import MOST, Move, hexes
from lab.fuzzing.offers import tariff_words
from lab.fuzzing.people import BOXES, ELEMENTS, FuzzSigner, address, signer
from lab.fuzzing.words import batch_digest, tail, words
from protocol.records import LevelRate, Tariff

DEAR = Tariff((LevelRate(50_000, 90_000, 6_000),) * 3, 20, 1_000)
FREE = Tariff((LevelRate(0, 0, 1_000), LevelRate(0, 0, 1), LevelRate(0, 1, 2**20 - 1)), 0, 0)
STANDING = Tariff((LevelRate(0, 0, 60_000),) * 3, 1_000, 10)
HIGHEST = Tariff((LevelRate(2**64 - 1, 2**64 - 1, 2**20 - 1),) * 3, 2**64 - 1, 2**96 - 1)
TARIFFS = (TARIFF, SIMPLE, DEAR, STANDING, FREE, HIGHEST)


def _bent(move: Move, tariff: Tariff) -> Tariff:
    """With one field out of its range."""
    standing, least = tariff.standing_price_per_second, tariff.least_reserve
    level = list(tariff.levels)
    kind = move.dice.below(6)
    rate = level[kind % 3]
    if kind == 0:
        standing = 2**64
    elif kind == 1:
        least = MOST + 1
    elif kind == 2:
        rate = LevelRate(2**64, 1, 1)
    elif kind == 3:
        rate = LevelRate(1, 2**255, 1)
    else:
        rate = LevelRate(1, 1, 0 if kind == 4 else 2**20)
    level[kind % 3] = rate
    return Tariff((level[0], level[1], level[2]), standing, least)


def publish_tariff(move: Move) -> None:
    """One of several, sometimes bent."""
    model, dice = move.site.model, move.dice
    sender, tariff = move.provider(), dice.pick(TARIFFS[:5])
    if dice.chance(20):
        tariff = HIGHEST
    if dice.chance(60):
        tariff = _bent(move, tariff)
    retired = dice.chance(12)
    data = move.words("publish_tariff", *tariff_words(tariff), int(retired))
    move.plain(
        "publish_tariff",
        sender,
        data,
        lambda: model.publish_tariff(sender, tariff, retired),
        hexes(tariff_words(tariff)),
    )


def retire_tariff(move: Move) -> None:
    """The first stay on offer, mostly."""
    model = move.site.model
    sender, number = move.provider(), move.number(len(model.tariffs))
    if number <= 4 and not move.dice.chance(24):
        number = len(model.tariffs)
    data = move.words("retire_tariff", number)
    about = hexes((sender, number))
    move.plain("retire_tariff", sender, data, lambda: model.retire_tariff(sender, number), about)


def _fresh(move: Move) -> int:
    """A key that nobody has used, mostly."""
    model, dice = move.site.model, move.dice
    keys = [address(name) for name in (*BOXES, *ELEMENTS)]
    unused = [key for key in keys if key not in model.keys or not model.keys[key].oracle]
    if unused and not dice.chance(24):
        enrolled = [key for key in unused if key in model.keys]
        return dice.pick(enrolled) if enrolled and dice.chance(128) else dice.pick(unused)
    return 0 if dice.chance(64) else dice.pick(keys)


def register_oracle(move: Move) -> None:
    """One more box."""
    model = move.site.model
    sender, key = move.provider(), _fresh(move)
    data = move.words("register_oracle", key)
    about = hexes((sender, key))
    move.plain("register_oracle", sender, data, lambda: model.register_oracle(sender, key), about)


def rotate_oracle(move: Move) -> None:
    """Another key, for a suspended oracle if there is one."""
    model = move.site.model
    sender, key, number = move.provider(), _fresh(move), move.number(len(model.oracles))
    suspended = [n for n, o in model.oracles.items() if o.suspended and not o.revoked]
    if suspended and move.dice.chance(170):
        number = suspended[0]
    data = move.words("rotate_oracle", number, key)
    move.plain(
        "rotate_oracle",
        sender,
        data,
        lambda: model.rotate_oracle(sender, number, key),
        hexes((sender, number, key)),
    )


def revoke_oracle(move: Move) -> None:
    """One beyond the first three, mostly: with every box revoked nothing is left to do."""
    model = move.site.model
    sender, number = move.provider(), move.number(len(model.oracles))
    if number <= 3 and not move.dice.chance(50):
        number = len(model.oracles)
    data = move.words("revoke_oracle", number)
    about = hexes((sender, number))
    move.plain("revoke_oracle", sender, data, lambda: model.revoke_oracle(sender, number), about)


def enrol_p256_key(move: Move) -> None:
    """A secure element's key; the other chain cannot check its signature."""
    site, dice, model = move.site, move.dice, move.site.model
    sender = move.provider()
    element: FuzzSigner = signer(dice.pick(ELEMENTS))
    checks = site is not move.game.world.sites[2]
    domain = site.domain
    if dice.chance(24):
        domain = dice.pick(move.game.world.sites).domain
    r, s = element.sign(batch_digest(domain, ()))
    good = checks and domain == site.domain
    if dice.chance(12):
        r, good = r ^ 1, False
    data = move.words("enrol_p256_key", *element.point, r, s)
    move.plain(
        "enrol_p256_key",
        sender,
        data,
        lambda: model.enrol_p256_key(sender, element.address, element.point, good),
        hexes((sender, element.address)),
    )


def list_drill(move: Move) -> None:
    """Up to a dozen or so."""
    site, dice, model = move.site, move.dice, move.site.model
    sender = move.provider()
    oracle, tariff = move.number(len(model.oracles)), move.number(len(model.tariffs))
    label = "" if dice.chance(24) else "yard drill"[: 1 + dice.below(10)]
    head = words(oracle, tariff, 96)
    data = site.interface.selectors["list_drill"] + head + tail(label.encode())
    move.plain(
        "list_drill",
        sender,
        data,
        lambda: model.list_drill(sender, oracle, tariff, label),
        hexes((sender, oracle, tariff)),
    )


def reassign_drill(move: Move) -> None:
    """Another box, another offer."""
    model, dice = move.site.model, move.dice
    sender, drill = move.provider(), move.number(len(model.drills))
    free = [n for n, d in model.drills.items() if not d.rental and not d.retired]
    if free and not dice.chance(60):
        drill = dice.pick(free)
    good = [n for n, o in model.oracles.items() if not o.revoked and not o.suspended]
    oracle = dice.pick(good) if good and not dice.chance(50) else move.number(len(model.oracles))
    tariff = 1 + dice.below(4) if not dice.chance(60) else move.number(len(model.tariffs))
    data = move.words("reassign_drill", drill, oracle, tariff)
    move.plain(
        "reassign_drill",
        sender,
        data,
        lambda: model.reassign_drill(sender, drill, oracle, tariff),
        hexes((sender, drill, oracle, tariff)),
    )


def retire_drill(move: Move) -> None:
    """The first few stay, mostly."""
    model = move.site.model
    sender, drill = move.provider(), move.number(len(model.drills))
    if drill <= 6 and not move.dice.chance(24):
        drill = len(model.drills)
    data = move.words("retire_drill", drill)
    about = hexes((sender, drill))
    move.plain("retire_drill", sender, data, lambda: model.retire_drill(sender, drill), about)


def pause(move: Move) -> None:
    """Unpause, mostly, when it is paused."""
    model, dice = move.site.model, move.dice
    sender, to = move.provider(), not model.paused
    if dice.chance(50):
        to = not to
    operation = "pause" if to else "unpause"
    move.plain(operation, sender, move.words(operation), lambda: model.pause(sender, to))


def set_operator(move: Move) -> None:
    """Somebody, or nobody."""
    model = move.site.model
    sender, to = move.provider(), 0 if move.dice.chance(60) else move.somebody()
    data = move.words("set_operator", to)
    about = hexes((sender, to))
    move.plain("set_operator", sender, data, lambda: model.set_operator(sender, to), about)


def transfer_ownership(move: Move) -> None:
    """To the heir and back."""
    model, dice = move.site.model, move.dice
    sender = move.provider()
    to = dice.pick((address("provider"), address("heir"), 0, address("thief")))
    if to == address("thief"):
        to = address("heir")
    data = move.words("transfer_ownership", to)
    about = hexes((sender, to))
    move.plain(
        "transfer_ownership", sender, data, lambda: model.transfer_ownership(sender, to), about
    )


def accept_ownership(move: Move) -> None:
    """By whom it was offered to, mostly."""
    model = move.site.model
    sender = model.pending_owner or move.somebody()
    if move.dice.chance(60):
        sender = move.somebody()
    data = move.words("accept_ownership")
    move.plain("accept_ownership", sender, data, lambda: model.accept_ownership(sender), sender)
