"""What happens around the contract: time, a token that turns odd, coins out of nowhere, strays."""

from __future__ import annotations

from lab.fuzzing.assets import MoodyToken
from lab.fuzzing.books import MAX_UNTIL, WEEK, CallVerdict
from lab.fuzzing.moves import Move
from lab.fuzzing.offers import tariff_words
from lab.fuzzing.people import address
from lab.fuzzing.plan import table
from lab.fuzzing.words import domain_separator
from lab.fuzzing.world import FuzzWorld, hexed

SETTLING_DOWN = table((150, "stay"), (76, "seconds"), (22, "edge"), (8, "hour"))


def pass_time(move: Move) -> None:
    """Mostly none or a little; sometimes to an edge of what somebody waits for: -1, 0 or +1."""
    dice, world = move.dice, move.game.world
    kind = dice.weighted(SETTLING_DOWN)
    if kind == "seconds":
        world.set_time(world.now + 1 + dice.below(30))
    elif kind == "hour":
        world.set_time(world.now + dice.pick((1800, 3600, 7200)) + dice.below(3) - 1)
    elif kind == "edge":
        to = dice.pick(_edges(move) or [world.now])
        world.set_time(max(to + dice.below(3) - 1, world.now))
    if kind != "stay":
        move.game.tell(f"time {world.now}")


def _edges(move: Move) -> list[int]:
    model = move.site.model
    edges = []
    for rental in list(model.rentals.values())[-8:]:
        if rental.ended_at is None:
            edges.append(-(-rental.until // 1000))
            continue
        edges.append(rental.ended_at)
        if not rental.closed:
            edges += [rental.ended_at + model.grace] * 2
        if rental.charge:
            edges.append(rental.ended_at + model.grace + model.evidence)
    if model.releasing:
        edges += [model.releasable_at, model.releasable_at, model.releasable_at + WEEK]
    return [edge for edge in edges if edge >= model.now]


def leap(move: Move) -> None:
    """To the end of the time that a meter can hold."""
    if not move.dice.chance(16):
        stray(move)
        return
    last = MAX_UNTIL // 1000
    move.game.world.set_time(max(move.game.world.now, last + move.dice.below(3) - 1))
    move.game.tally.mischief["leap to the year 2248"] += 1
    stray(move)


def mood(move: Move) -> None:
    """The token turns odd, or plain again."""
    site = move.game.world.sites[1]
    move = Move(move.game, site, move.dice)
    asset, dice = site.model.asset, move.dice
    assert isinstance(asset, MoodyToken)
    kind = dice.below(8)
    if kind in (0, 1) or asset.paused or asset.refusing or asset.fee or asset.toll:
        for who in sorted(asset.blocked):
            move.token_call(address("stranger"), "set_blocked", who, 0)
        asset.plain()
    elif kind == 2:
        asset.paused = True
    elif kind == 3:
        asset.refusing = True
    elif kind == 4:
        asset.fee = 1 + dice.below(3)
    elif kind == 5:
        asset.toll = 1 + dice.below(3)
    elif kind == 6:
        asset.hooked = True
    else:
        who = dice.pick((*move.game.world.people, site.contract))
        asset.blocked.add(who)
        move.token_call(address("stranger"), "set_blocked", who, 1)
    hook = move.game.world.wallets.reentrant if asset.hooked else 0
    values = (int(asset.paused), int(asset.refusing), asset.fee, asset.toll, hook)
    move.token_call(address("stranger"), "set_mood", *values, about="the token's mood")


def windfall(move: Move) -> None:
    """Assets that arrive without a deposit belong to nobody; a token may also take some away."""
    site, dice = move.site, move.dice
    asset = site.model.asset
    amount = 1 + dice.number()
    if asset.is_native:
        site.node.give(hexed(site.contract), amount)
        asset.holdings += amount
        move.game.tally.mischief["coins forced in"] += 1
        return
    if dice.chance(60) and asset.holdings:
        amount = min(amount, asset.holdings)
        move.token_call(address("stranger"), "seize", site.contract, amount, about="tokens seized")
        asset.holdings -= amount
        asset.seized = True
        return
    missing = site.model.held - asset.holdings
    amount = max(amount, missing) if dice.chance(128) else amount
    move.token_call(address("stranger"), "mint", site.contract, amount, about="tokens minted")
    asset.holdings += amount


def stray(move: Move) -> None:
    """Coins without a call, and calls of functions that are not there."""
    value = move.dice.below(2)
    data = b"" if value else bytes(move.dice.byte() for _ in range(4))
    sender = address("stranger")
    verdict = CallVerdict({"(none) no such function"})
    if data in move.site.interface.selectors.values():
        return
    move.game.call(move.site, "no function", sender, data, verdict, value)


def ask(move: Move) -> None:
    """A quote, a meter taken apart, and what is not there."""
    site, dice, model = move.site, move.dice, move.site.model
    tariff = move.number(len(model.tariffs))
    faults: set[str] = set()
    bent = dice.chance(60)
    late = dice.chance(24)
    registers = [dice.number() << 10 for _ in range(6)]
    elapsed = dice.number(4)
    if bent:
        kind = dice.below(6)
        registers[kind] += 2**37 if kind < 3 else 2**34
        faults.add("meter: out of range")
    if late:
        elapsed += 2**43
        faults.add("meter: out of range")
    answer = site.view("quote", tariff, *registers, elapsed)
    wanted: tuple[int, ...] | None = None
    if tariff not in model.tariffs:
        faults.add("tariffs: no such tariff")
    elif not faults:
        terms = tariff_words(model.tariffs[tariff].tariff)
        thousandths = elapsed * terms[9]
        for level in range(3):
            thousandths += registers[level] * terms[3 * level]
            thousandths += registers[3 + level] * terms[3 * level + 1]
        wanted = (thousandths // 1000,)
    right = answer in faults if faults else answer == wanted
    assert right, f"quote {answer}, not {faults or wanted}"
    _count(move, answer)
    for view, there_are, reason in (
        ("rental", len(model.rentals), "rentals: no such rental"),
        ("drill", len(model.drills), "drills: no such drill"),
        ("oracle", len(model.oracles), "oracles: no such oracle"),
    ):
        answer = site.view(view, there_are + 1 + dice.below(3))
        assert answer == reason, f"{view} of what is not there: {answer}"
        _count(move, answer)
    _fixed(move)


def _fixed(move: Move) -> None:
    """What never changes."""
    site, model = move.site, move.site.model
    for view, value in (
        ("asset", site.token),
        ("grace_period", model.grace),
        ("evidence_period", model.evidence),
        ("penalty", model.penalty),
    ):
        assert site.view(view) == (value,), f"{view} is {site.view(view)}, not {value}"
    assert site.domain == domain_separator(site.node.chain_id, site.contract)


def _count(move: Move, answer: tuple[int, ...] | str) -> None:
    move.game.tally.checks["views asked"] += 1
    if isinstance(answer, str):
        move.game.tally.views[answer] += 1


def plain_again(world: FuzzWorld, move: Move) -> None:
    """The token behaves, so that leaving depends on the contract alone."""
    site = world.sites[1]
    asset = site.model.asset
    assert isinstance(asset, MoodyToken)
    there = Move(move.game, site, move.dice)
    for who in sorted(asset.blocked):
        there.token_call(address("stranger"), "set_blocked", who, 0)
    asset.plain()
    there.token_call(address("stranger"), "set_mood", 0, 0, 0, 0, 0, about="the token's mood")
    missing = site.model.held - asset.holdings
    if missing > 0:
        there.token_call(address("stranger"), "mint", site.contract, missing, about="made good")
        asset.holdings += missing
    asset.seized = False
