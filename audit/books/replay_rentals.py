"""Handlers: the life of a rental, but for its usage."""

from __future__ import annotations

from audit.books.books import Rental
from audit.books.ledger import Entry


def rental_opened(entry: Entry) -> None:
    """A customer reserves an amount for a drill. `BalancePositive` follows."""
    books, args, number = entry.books, entry.args, entry.args["rental"]
    seen = max(books.rentals, default=0)
    if number != seen + 1:
        entry.find("number-skipped", f"rental {number} opens after {seen}")
    _require_offered(entry)
    drill = books.drills.get(args["drill"])
    if drill is not None:
        drill.rental = number
    entry.debit(args["customer"], args["funded"])
    books.rentals[number] = Rental(
        customer=args["customer"],
        drill=args["drill"],
        tariff=args["tariff"],
        oracle=args["oracle"],
        opened_at=entry.now,
        funded=args["funded"],
        meter=entry.now * 1000,
    )
    entry.follow("BalancePositive", number)


def _require_offered(entry: Entry) -> None:
    books, args = entry.books, entry.args
    entry.require(not books.paused, "while paused")
    drill = books.drills.get(args["drill"])
    tariff = books.tariffs.get(args["tariff"])
    oracle = books.oracles.get(args["oracle"])
    if drill is None:
        entry.require(False, "of a drill that was never listed")
    else:
        entry.require(drill.rental == 0 and not drill.retired, "the drill is rented or retired")
        offer = (drill.tariff, drill.oracle)
        entry.require(offer == (args["tariff"], args["oracle"]), "the drill is not on that offer")
    if tariff is None:
        entry.find("tariff-unknown", f"it opens at tariff {args['tariff']}")
    else:
        entry.require(not tariff.retired, "its tariff is retired")
    trusted = oracle is not None and not oracle.revoked and not oracle.suspended
    entry.require(trusted, "its oracle is unknown, suspended or revoked")


def rental_capped(entry: Entry) -> None:
    """The customer's caps, right after the opening."""
    rental = entry.rental()
    if rental is None:
        return
    due = [one.number for one in entry.books.pending if one.name == "BalancePositive"]
    entry.require(due == [entry.args["rental"]], "not right after the opening")
    rental.per_rental, rental.per_hour = entry.args["per_rental"], entry.args["per_hour"]
    tariff = entry.books.tariff_of(rental)
    if tariff is not None:
        entry.require(rental.per_hour >= 3600 * tariff.standing, "under the standing price")


def balance_positive(entry: Entry) -> None:
    """There is credit to drill on again."""
    rental = entry.rental()
    tariff = entry.books.tariff_of(rental) if rental else None
    if rental is None or tariff is None:
        return
    meter = rental.now()
    credit = rental.limit_at(meter.until) - rental.charge_of(meter, tariff)
    entry.equal("credit-differs", "the credit", entry.args["balance"], credit)
    parties = (entry.args["drill"], entry.args["customer"])
    entry.require(parties == (rental.drill, rental.customer), "of another drill or customer")
    if not rental.settlements and meter.until == entry.now * 1000:
        enough = credit >= max(1, tariff.least_reserve)
        entry.require(enough, f"a credit of {credit} is under the least reserve")


def topped_up(entry: Entry) -> None:
    """More funds for an open rental, from anybody's account."""
    entry.debit(entry.args["payer"], entry.args["amount"])
    entry.require(not entry.books.paused, "while paused")
    rental = entry.rental()
    if rental is None:
        return
    entry.require(not rental.ended_at and not rental.closed, "it is ended or closed")
    tariff = entry.books.tariff_of(rental)
    meter = rental.now()
    before = rental.limit_at(meter.until)
    rental.funded += entry.args["amount"]
    entry.equal("funds-differ", "what is funded", entry.args["funded"], rental.funded)
    if tariff is not None:
        charge = rental.charge_of(meter, tariff)
        if before <= charge < rental.limit_at(meter.until):
            entry.follow("BalancePositive", entry.args["rental"])


def rental_ended(entry: Entry) -> None:
    """`ended_at` is fixed; `RentalClosed` follows when that very second has settled.

    Anybody may end a rental that had nothing left for the grace period. Whoever disputes an open
    one ends it so, and closes it: of a stranger, both have to follow.
    """
    rental = entry.rental()
    if rental is None:
        return
    entry.require(not rental.ended_at and not rental.closed, "it is ended or closed")
    entry.require(entry.args["ended_at"] == entry.now, "not at its block's time")
    number = entry.args["rental"]
    is_spent = _is_spent(entry, rental)
    rental.ended_at = entry.args["ended_at"]
    books = entry.books
    if not is_spent and entry.args["by"] not in (rental.customer, books.owner, books.operator):
        entry.follow("RentalClosed", number, "event-impossible")
        entry.follow("UsageDisputed", number, "event-impossible")
    elif rental.now().until == rental.ended_at * 1000:
        entry.follow("RentalClosed", number)


def _is_spent(entry: Entry, rental: Rental) -> bool:
    tariff = entry.books.tariff_of(rental)
    grace = entry.books.terms.grace_period
    return tariff is not None and rental.out_of_credit(tariff, grace, entry.now)


def rental_closed(entry: Entry) -> None:
    """The balance goes back, what was earned becomes revenue, the drill is free."""
    rental, books = entry.rental(), entry.books
    if rental is None:
        return
    entry.require(bool(rental.ended_at) and not rental.closed, "it is not ended, or closed already")
    is_final = entry.expected and rental.now().until == rental.ended_at * 1000
    is_early = not is_final and entry.now < rental.ended_at + books.terms.grace_period
    # Only a dispute closes so early; after a stranger's end, it is awaited already.
    if is_early and not books.pending:
        entry.follow("UsageDisputed", entry.args["rental"], "closed-too-early")
    entry.require(entry.args["customer"] == rental.customer, "of another customer")
    earned, refund = books.owed(rental), entry.args["refund"]
    tariff = books.tariff_of(rental)
    if tariff is not None:
        charge = rental.charge_of(rental.now(), tariff)
        entry.equal("charge-differs", "the charge", entry.args["charge"], charge)
        entry.equal("refund-differs", "the refund", refund, rental.funded - earned)
    rental.closed, rental.refund = True, refund
    rental.logged_charge = entry.args["charge"]
    books.revenue += max(0, earned - rental.collected)
    rental.collected = max(rental.collected, earned)
    books.credit(rental.customer, refund)
    drill = books.drills.get(rental.drill)
    if drill is not None:
        drill.rental = 0


HANDLERS = {
    "RentalOpened": rental_opened,
    "RentalCapped": rental_capped,
    "BalancePositive": balance_positive,
    "ToppedUp": topped_up,
    "RentalEnded": rental_ended,
    "RentalClosed": rental_closed,
}
