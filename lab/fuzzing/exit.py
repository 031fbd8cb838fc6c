"""Everybody leaves while the provider, the boxes and the relayers are silent and all is paused.

Promise 4: within the grace period every customer has what the books say, to the unit. Then the
provider takes what was earned and the bond, and nothing may be left that anybody is owed.
"""

from __future__ import annotations

from lab.fuzzing.assets import MoodyToken
from lab.fuzzing.books import CallVerdict
from lab.fuzzing.game import Game, ModelBroken
from lab.fuzzing.world import FuzzSite

FRESH = 2**159
"""The first of the addresses that customers are paid at; nobody has used them."""


def leave(game: Game, site: FuzzSite) -> None:
    """End, wait, close, withdraw; then the provider."""
    model = site.model
    if not model.paused:
        _do(game, site, "pause", model.owner, model.pause(model.owner, True))
    senders = set(game.world.people if site is not game.world.sites[2] else game.world.people[:-2])
    for number, rental in model.rentals.items():
        if rental.ended_at is None:
            verdict = model.end_rental(rental.customer, number)
            _do(game, site, "end_rental", rental.customer, verdict, number)
    due = {who: model.accounts[who] for who in sorted(model.accounts)}
    for rental in model.rentals.values():
        if not rental.closed:
            due[rental.customer] += rental.balance
    game.world.set_time(game.world.now + model.grace)
    for number, rental in model.rentals.items():
        if not rental.closed:
            verdict = model.close_rental(number)
            _do(game, site, "close_rental", rental.customer, verdict, number)
    left = 0
    for at, (who, amount) in enumerate(due.items()):
        if who not in senders:
            left += amount
        elif amount:
            verdict = model.withdraw(who, amount, FRESH + at)
            _do(game, site, "withdraw", who, verdict, amount, FRESH + at)
            if site.owned(FRESH + at) != amount:
                raise ModelBroken(f"{who:x} left with {site.owned(FRESH + at)}, not {amount}")
            game.tally.checks["customers who left with all that was theirs"] += 1
    _provider_leaves(game, site)
    if site.view("held") != (left,):
        raise ModelBroken(f"{site.view('held')} is left when all have gone, not {left}")
    _purses(game, site)


def _provider_leaves(game: Game, site: FuzzSite) -> None:
    model, owner = site.model, site.model.owner
    if model.revenue:
        verdict = model.collect(owner, [], owner)
        _do(game, site, "collect", owner, verdict, 64, owner, 0)
    if model.bond:
        verdict = model.announce_bond_release(owner, model.bond)
        _do(game, site, "announce_bond_release", owner, verdict, model.bond)
        game.world.set_time(model.releasable_at)
        _do(game, site, "release_bond", owner, model.release_bond(owner, owner), owner)


def _purses(game: Game, site: FuzzSite) -> None:
    """What everybody has, against what the model has seen come and go."""
    asset = site.model.asset
    for who, moved in asset.purses.items():
        # Coins of a key pair are spent at both deployments on a chain, so only tokens are counted.
        if isinstance(asset, MoodyToken) and who != site.contract:
            start = asset.start if who in game.world.people else 0
            if site.owned(who) != start + moved:
                raise ModelBroken(f"{who:x} has {site.owned(who)}, not {start + moved}")


def _do(
    game: Game, site: FuzzSite, operation: str, sender: int, verdict: CallVerdict, *values: int
) -> None:
    if verdict.faults:
        raise ModelBroken(f"leaving: {operation} is refused: {sorted(verdict.faults)}")
    data = site.calldata(operation, *values)
    game.call(site, f"{operation} (leaving)", sender, data, verdict)
