"""What must hold after every call, and what every so often: all views, model and events at one."""

from __future__ import annotations

from lab.fuzzing.game import Game, ModelBroken
from lab.fuzzing.offers import tariff_words
from lab.fuzzing.world import FuzzSite

Words = tuple[int, ...]
Seen = dict[tuple[str, int], Words]


def quick(game: Game, site: FuzzSite) -> None:
    """Promise 1, and that nothing came or went unbooked."""
    model = site.model
    held = site.view("held")
    owned = site.owned(site.contract)
    if held != (model.held,):
        raise ModelBroken(f"held is {held}, not {model.held}")
    if owned != model.asset.holdings:
        raise ModelBroken(f"the contract has {owned}, not {model.asset.holdings}")
    if owned >= model.held:
        game.tally.checks["holds what it owes"] += 1
    elif not model.asset.seized:
        raise ModelBroken(f"the contract has {owned} and owes {model.held}")


def books_add_up(site: FuzzSite) -> None:
    """Deposits = balances + charges + refunds + bond, counted in the model's own books."""
    model = site.model
    running = [r for r in model.rentals.values() if not r.closed]
    owed = sum(model.accounts.values()) + sum(r.balance for r in running)
    uncollected = model.revenue + sum(r.earned - r.taken for r in running)
    _same("accounts, balances, revenue and bond", owed + uncollected + model.bond, model.held)
    came = model.deposited + model.bonded
    went = model.withdrawn + model.collected + model.unbonded
    _same("what came in and what went out", came - went, model.held)
    earned = sum(r.earned for r in model.rentals.values())
    kept = earned - model.given_back
    _same("what the provider took and may take", model.collected + uncollected, kept)


def everything(game: Game, site: FuzzSite, seen: Seen) -> None:
    """Every view, against the model and against what the events tell."""
    books_add_up(site)
    _totals(site)
    for number in site.model.tariffs:
        _tariff(site, number)
    for number in site.model.oracles:
        _oracle(site, number)
    for key in site.model.keys:
        _key(site, key)
    for number in site.model.drills:
        _drill(site, number)
    for number in site.model.rentals:
        _rental(site, number, seen)
    game.tally.checks["all views, model and events at one"] += 1
    game.tally.checks["registers and until rise, closed is final"] += len(site.model.rentals)


def _same(what: str, *values: object) -> None:
    if any(value != values[0] for value in values[1:]):
        raise ModelBroken(f"{what}: {' '.join(map(str, values))}")


def _totals(site: FuzzSite) -> None:
    model, replayer = site.model, site.replayer
    _same("held", site.view("held"), (model.held,), (replayer.held,))
    _same("revenue", site.view("revenue"), (model.revenue,), (replayer.revenue,))
    bond = (model.bond, model.releasing, model.releasable_at)
    _same("bond", site.view("bond"), bond, replayer.bond)
    _same("owner", site.view("owner"), (model.owner,), (replayer.owner,))
    pending = (model.pending_owner,), (replayer.pending_owner,)
    _same("pending owner", site.view("pending_owner"), *pending)
    _same("operator", site.view("operator"), (model.operator,), (replayer.operator,))
    _same("paused", site.view("paused"), (int(model.paused),), (int(replayer.paused),))
    for kind in ("tariff", "oracle", "drill", "rental"):
        told = len(getattr(model, f"{kind}s")), len(getattr(replayer, f"{kind}s"))
        _same(f"{kind}_count", site.view(f"{kind}_count"), *[(count,) for count in told])
    for who in set(model.accounts) | set(replayer.accounts):
        amounts = (model.accounts[who],), (replayer.accounts[who],)
        _same(f"account {who:x}", site.view("account", who), *amounts)


def _tariff(site: FuzzSite, number: int) -> None:
    book = site.model.tariffs[number]
    told = (*site.replayer.tariffs[number], int(number in site.replayer.retired_tariffs))
    wanted = (*tariff_words(book.tariff), int(book.retired))
    _same(f"tariff {number}", site.view("tariff", number), wanted, told)


def _oracle(site: FuzzSite, number: int) -> None:
    book, told = site.model.oracles[number], site.replayer.oracles[number]
    wanted = (book.key, book.epoch, book.revoked, book.suspended, book.is_p256)
    names = ("key", "epoch", "revoked", "suspended", "is_p256")
    _same(f"oracle {number}", site.view("oracle", number), wanted, tuple(told[n] for n in names))


def _key(site: FuzzSite, key: int) -> None:
    book, told = site.model.keys[key], site.replayer.keys[key]
    wanted = (book.oracle, book.since, book.until, book.penalised, book.is_p256)
    names = ("oracle", "since", "until", "penalised", "is_p256")
    _same(f"key {key:x}", site.view("signing_key", key), wanted, tuple(told[n] for n in names))


def _drill(site: FuzzSite, number: int) -> None:
    book, told = site.model.drills[number], site.replayer.drills[number]
    wanted = (book.oracle, book.tariff, book.rental, book.retired)
    names = ("oracle", "tariff", "rental", "retired")
    _same(f"drill {number}", site.view("drill", number), wanted, tuple(told[n] for n in names))


def _rental(site: FuzzSite, number: int, seen: Seen) -> None:
    book, told = site.model.rentals[number], site.replayer.rentals[number]
    state = 4 if book.closed else 2 if book.ended_at is not None else 1
    wanted = (
        book.customer,
        book.drill,
        book.number,
        book.oracle,
        state,
        book.opened_at,
        book.ended_at or 0,
        book.until,
        book.funded,
        book.taken,
    )
    names = [
        "customer",
        "drill",
        "tariff",
        "oracle",
        "state",
        "opened_at",
        "ended_at",
        "until",
        "funded",
        "collected",
    ]
    shown = site.view("rental", number)
    _same(f"rental {number}", shown, wanted, tuple(told[n] for n in names))
    registers = (*book.active, *book.turned)
    _same(f"registers {number}", site.view("registers", number), registers, _unpacked(told))
    for view, value, from_events in (
        ("charge", book.charge, told["charge"]),
        ("balance_of", book.balance, told["funded"] - site.replayer.owed(number)),
        ("earned", book.earned - book.taken, site.replayer.owed(number) - told["collected"]),
        ("refunded", book.refunded, told["refunded"]),
    ):
        _same(f"{view} of {number}", site.view(view, number), (value,), (from_events,))
    _same(
        f"caps of {number}",
        site.view("caps", number),
        (book.per_rental, book.per_hour),
        told["caps"],
    )
    progress = (state, book.until, book.funded, book.taken, book.refunded, *registers)
    before = seen.get((site.name, number), progress)
    if any(now < then for now, then in zip(progress, before, strict=True)):
        raise ModelBroken(f"rental {number} went back from {before} to {progress}")
    if before[0] == 4 and (progress[:4], registers) != (before[:4], before[5:]):
        raise ModelBroken(f"closed rental {number} changed from {before} to {progress}")
    if book.earned > min(book.funded, book.per_rental):
        raise ModelBroken(f"rental {number} was charged more than its funds or its cap")
    seen[site.name, number] = progress


def _unpacked(told: dict[str, int]) -> Words:
    word, registers = told["meter"], []
    for width in (37, 37, 37, 34, 34, 34):
        registers.append(word & ((1 << width) - 1))
        word >>= width
    return tuple(registers)
