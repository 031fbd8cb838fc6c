"""Handlers: settled readings and disputes."""

from __future__ import annotations

from audit.books.arithmetic import MeterWord, implausible, read_meter, within
from audit.books.books import AuditedTariff, DeploymentTerms, Rental
from audit.books.ledger import Entry


def objection(
    rental: Rental, tariff: AuditedTariff | None, terms: DeploymentTerms, meter: MeterWord, now: int
) -> str | None:
    """Why the rules refuse a reading at block time `now` (Unix s): a finding's name, or None."""
    last = rental.now()
    ended_ms = rental.ended_at * 1000
    if rental.closed:
        return "reading-after-close"
    if meter.until <= last.until:
        return "reading-not-later"
    if meter.until > now * 1000:
        return "reading-in-the-future"
    if ended_ms and meter.until > ended_ms:
        return "reading-after-end"
    if ended_ms and now >= rental.ended_at + terms.grace_period:
        return "reading-after-grace"
    return None if tariff is None else implausible(meter, last, tariff.levels)


def usage_settled(entry: Entry) -> None:
    """A reading replaces the registers."""
    args, books, rental = entry.args, entry.books, entry.rental()
    if rental is None:
        return
    tariff, meter, last = books.tariff_of(rental), read_meter(args["meter"]), rental.now()
    entry.equal("until-differs", "`until`", args["until"], meter.until)
    refused = objection(rental, tariff, books.terms, meter, entry.now)
    if refused is not None:
        entry.find(
            refused,
            f"registers {meter.registers} at {meter.until}, after {last.registers} at {last.until}",
        )
    if args["log_size"] < rental.log_size:
        entry.find("log-size-fell", f"from {rental.log_size} samples to {args['log_size']}")
    rental.meter, rental.logged_charge = args["meter"], args["charge"]
    rental.log_size, rental.log_root = args["log_size"], args["log_root"]
    rental.settlements += 1
    if tariff is None:
        entry.find("tariff-unknown", f"settled at tariff {rental.tariff}")
    else:
        charge = rental.charge_of(meter, tariff)
        entry.equal("charge-differs", "the charge", args["charge"], charge)
        _follow_credit(entry, rental, tariff, last, meter)
    if rental.ended_at and meter.until == rental.ended_at * 1000:
        entry.follow("RentalClosed", args["rental"])


def _follow_credit(
    entry: Entry, rental: Rental, tariff: AuditedTariff, last: MeterWord, meter: MeterWord
) -> None:
    """Credit that a settlement ends, or brings back where the caps allow more with time."""
    number = entry.args["rental"]
    had_credit = rental.charge_of(last, tariff) < rental.limit_at(last.until)
    has_credit = rental.charge_of(meter, tariff) < rental.limit_at(meter.until)
    if had_credit and not has_credit:
        entry.follow("BalanceExhausted", number)
    elif has_credit and not had_credit:
        entry.follow("BalancePositive", number)


def balance_exhausted(entry: Entry) -> None:
    """Nothing is left to drill on."""
    rental = entry.rental()
    tariff = entry.books.tariff_of(rental) if rental else None
    if rental is None or tariff is None:
        return
    meter = rental.now()
    due = (rental.charge_of(meter, tariff), rental.limit_at(meter.until))
    found = (entry.args["charge"], entry.args["limit"])
    entry.equal("credit-differs", "charge and limit", found, due)


def usage_disputed(entry: Entry) -> None:
    """A receipt with lower registers brings money back, out of the revenue before the bond.

    The rental is over by then: RentalEnded and RentalClosed have come just before.
    """
    args, books, rental = entry.args, entry.books, entry.rental()
    if rental is None:
        return
    refund, from_revenue, penalty = args["refund"], args["from_revenue"], args["penalty"]
    entry.require(rental.closed, "of a rental that it has not closed")
    _require_disputable(entry, rental)
    tariff = books.tariff_of(rental)
    if tariff is not None:
        settled = rental.now()
        kept = rental.owed_of(within(settled, read_meter(args["meter"]), tariff.levels), tariff)
        due = rental.owed_of(settled, tariff) - kept - rental.refunded
        if due <= 0:
            entry.find("dispute-out-of-rules", "nothing was overcharged")
        most = books.revenue + books.posted
        entry.equal("dispute-refund-differs", "the refund", refund, min(due, most))
        first = min(due, books.revenue)
        entry.equal("dispute-refund-differs", "its part from the revenue", from_revenue, first)
    key = books.keys.get(args["key"])
    left = books.posted - (refund - from_revenue)
    due = 0
    if key is not None and not key.penalised and left > 0:
        due, key.penalised = min(books.terms.penalty, left), True
    entry.equal("penalty-differs", "the penalty", penalty, due)
    rental.refunded += refund
    books.revenue -= from_revenue
    books.posted = left - penalty
    books.releasing = max(0, min(books.releasing, books.posted))
    books.credit(rental.customer, refund + penalty)
    if books.posted < 0:
        entry.find("bond-differs", f"{-books.posted} more was paid out of it than there was")
    oracle = books.oracles.get(rental.oracle)
    if oracle and oracle.key == args["key"] and not (oracle.revoked or oracle.suspended):
        entry.follow("OracleSuspended", rental.oracle)


def _require_disputable(entry: Entry, rental: Rental) -> None:
    """Whose key it was, when it was in force, and that there was still time."""
    terms, until = entry.books.terms, entry.args["until"]
    key = entry.books.keys.get(entry.args["key"])
    over = rental.ended_at + terms.grace_period + terms.evidence_period
    if rental.ended_at and entry.now >= over:
        entry.find("dispute-out-of-rules", f"at {entry.now}, and the evidence ended at {over}")
    if read_meter(entry.args["meter"]).until != until:
        entry.find("until-differs", f"the receipt's `until` is not {until}")
    if key is None or key.oracle != rental.oracle:
        entry.find("dispute-out-of-rules", "the key is not one of the rental's oracle")
        return
    if not key.since * 1000 <= until <= (key.until or entry.now) * 1000:
        entry.find("dispute-out-of-rules", "the key was not in force at that time")
    if key.until and rental.now().until > key.until * 1000:
        entry.find("dispute-out-of-rules", "a later key had settled")


HANDLERS = {
    "UsageSettled": usage_settled,
    "BalanceExhausted": balance_exhausted,
    "UsageDisputed": usage_disputed,
}
