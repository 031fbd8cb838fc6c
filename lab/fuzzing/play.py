"""Playing one plan: set the world up, do everything, let everybody leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.fuzzing import (
    op_dispute,
    op_money,
    op_orders,
    op_provider,
    op_rentals,
    op_settle,
    op_world,
)
from lab.fuzzing.assets import MoodyToken
from lab.fuzzing.books import CallVerdict
from lab.fuzzing.checks import Seen, everything, quick
from lab.fuzzing.exit import leave
from lab.fuzzing.game import Game, GameTally, ModelBroken
from lab.fuzzing.moves import Move, Operation
from lab.fuzzing.offers import tariff_words
from lab.fuzzing.people import CUSTOMERS, address, signer
from lab.fuzzing.plan import PlanDice, table
from lab.fuzzing.words import Interface, batch_digest, tail, words
from lab.fuzzing.world import DAY, HOUR, MAX, FuzzSite, build
from lab.rig.contract import Compiled

TERMS_BYTES = 5
LOOK_EVERY = 48
"""Calls between two comparisons of every view of the deployment that is played with."""

OPERATIONS: tuple[Operation, ...] = table(
    (0, op_settle.settle),
    (18, op_money.deposit),
    (18, op_rentals.open_rental),
    (14, op_rentals.open_capped_rental),
    (14, op_rentals.top_up),
    (16, op_rentals.end_rental),
    (14, op_rentals.close_rental),
    (12, op_money.withdraw),
    (14, op_dispute.dispute),
    (10, op_rentals.collect),
    (16, op_orders.order),
    (5, op_money.deposit_with_permit),
    (5, op_money.deposit_with_authorization),
    (3, op_money.ambush),
    (4, op_money.post_bond),
    (4, op_money.announce_bond_release),
    (5, op_money.release_bond),
    (4, op_dispute.run_on_the_bond),
    (4, op_settle.overdraw_the_hour),
    (5, op_provider.rotate_oracle),
    (3, op_provider.enrol_p256_key),
    (3, op_provider.publish_tariff),
    (2, op_provider.retire_tariff),
    (2, op_provider.register_oracle),
    (1, op_provider.revoke_oracle),
    (2, op_provider.list_drill),
    (4, op_provider.reassign_drill),
    (1, op_provider.retire_drill),
    (2, op_provider.pause),
    (2, op_provider.set_operator),
    (1, op_rentals.end_where_nothing_is_left),
    (1, op_provider.transfer_ownership),
    (1, op_provider.accept_ownership),
    (2, op_world.mood),
    (1, op_world.windfall),
    (1, op_world.ask),
    (1, op_world.leap),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The contract under attack."""

    compiled: Compiled
    interface: Interface


def play(
    subject: Subject, terms: bytes, plan: Sequence[bytes], story: list[str] | None
) -> GameTally:
    """Play a plan out; raises ModelBroken (or another AssertionError) when a promise is."""
    dice = PlanDice(terms)
    grace = dice.pick((HOUR, 2 * HOUR, DAY))
    evidence = dice.pick((DAY, 7 * DAY))
    penalty = dice.pick((5_000, 0, 1, 100_000))
    first = dice.below(8)
    bond = dice.pick((40_000, 5_000_000))
    world = build(subject.compiled, subject.interface, (grace, evidence, penalty))
    primary = world.sites[0 if first < 4 else 1 if first < 7 else 2]
    game = Game(world, GameTally(), quick)
    for site in world.sites:
        furnish(game, site, bond)
    game.tally, game.story = GameTally(), story
    seen: Seen = {}
    for count, raw in enumerate(plan, 1):
        dice = PlanDice(raw)
        operation = dice.weighted(OPERATIONS)
        site = dice.pick(world.sites) if dice.chance(40) else primary
        move = Move(game, site, dice)
        op_world.pass_time(move)
        operation(move)
        if count % LOOK_EVERY == 0:
            everything(game, site, seen)
    for site in world.sites:
        everything(game, site, seen)
    op_world.plain_again(world, Move(game, primary, PlanDice(b"")))
    for site in world.sites:
        leave(game, site)
        everything(game, site, seen)
        game.tally.notes.update(+site.model.noted)
    return game.tally


def furnish(game: Game, site: FuzzSite, bond: int) -> None:
    """Tariffs, boxes, drills, a bond, and money for two customers."""
    model, provider = site.model, address("provider")
    move = Move(game, site, PlanDice(b""))

    def do(operation: str, sender: int, data: bytes, verdict: CallVerdict, value: int = 0) -> None:
        went = game.call(site, operation, sender, data, verdict, value)
        if not went:
            raise ModelBroken(f"set-up: {operation} reverted")

    for tariff in op_provider.TARIFFS[:4]:
        data = move.words("publish_tariff", *tariff_words(tariff), 0)
        do("publish_tariff", provider, data, model.publish_tariff(provider, tariff, False))
    boxes = [signer(f"box {i}") for i in range(3)]
    if site is not game.world.sites[2]:
        boxes.append(signer("element 0"))
        r, s = boxes[-1].sign(batch_digest(site.domain, ()))
        data = move.words("enrol_p256_key", *boxes[-1].point, r, s)
        key = boxes[-1].address
        verdict = model.enrol_p256_key(provider, key, boxes[-1].point, True)
        do("enrol_p256_key", provider, data, verdict)
    for box in boxes:
        verdict = model.register_oracle(provider, box.address)
        do("register_oracle", provider, move.words("register_oracle", box.address), verdict)
    for drill in range(6):
        oracle, offer = 1 + drill % len(boxes), 1 + drill % 4
        data = site.interface.selectors["list_drill"] + words(oracle, offer, 96) + tail(b"drill")
        do("list_drill", provider, data, model.list_drill(provider, oracle, offer, "drill"))
    if isinstance(model.asset, MoodyToken):
        for person in game.world.people:
            if person != address("stranger"):
                move.token_call(person, "approve", site.contract, MAX)
                model.asset.allowances[person] = MAX
    value = bond if model.asset.is_native else 0
    data = move.words("post_bond", bond)
    do("post_bond", provider, data, model.post_bond(provider, bond, value), value)
    for name in CUSTOMERS:
        who, amount = address(name), 1_000_000
        value = amount if model.asset.is_native else 0
        data = move.words("deposit", who, amount)
        do("deposit", who, data, model.deposit(who, who, amount, value), value)
