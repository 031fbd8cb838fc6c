"""Handlers: accounts, revenue and the bond."""

from __future__ import annotations

from audit.books.ledger import Entry

RELEASE_WINDOW = 7 * 86_400
"""Seconds in which an announced release can be taken (docs/contract.md)."""


def deposited(entry: Entry) -> None:
    """Money into an account."""
    amount = entry.args["amount"]
    entry.require(amount > 0, "of nothing")
    entry.books.credit(entry.args["account"], amount)
    entry.books.held += amount


def withdrawn(entry: Entry) -> None:
    """Money out of an account."""
    amount = entry.args["amount"]
    entry.require(amount > 0, "of nothing")
    entry.debit(entry.args["account"], amount)
    entry.books.held -= amount


def revenue_collected(entry: Entry) -> None:
    """The provider takes what closed rentals earned, or one running rental so far."""
    books, amount = entry.books, entry.args["amount"]
    books.held -= amount
    if entry.args["rental"] == 0:
        _collected(entry, amount, books.revenue)
        books.revenue = 0
        return
    rental = entry.rental()
    if rental is None:
        return
    entry.require(not rental.closed, "of a closed rental")
    _collected(entry, amount, books.owed(rental) - rental.collected)
    rental.collected += amount


def _collected(entry: Entry, amount: int, due: int) -> None:
    if amount > due:
        entry.find("collected-beyond-earned", f"{amount} was taken, {due} had been earned")
    else:
        entry.equal("collected-differs", "the amount taken", amount, due)


def bond_posted(entry: Entry) -> None:
    """The provider puts a bond down."""
    books, amount = entry.books, entry.args["amount"]
    books.posted += amount
    books.held += amount
    entry.equal("bond-differs", "the bond", entry.args["bond"], books.posted)


def bond_release_announced(entry: Entry) -> None:
    """Notice that some of the bond will be taken out."""
    books, terms = entry.books, entry.books.terms
    amount, at = entry.args["amount"], entry.args["releasable_at"]
    entry.require(amount <= books.posted, f"of {amount}, where {books.posted} is posted")
    due = entry.now + terms.grace_period + 2 * terms.evidence_period
    entry.equal("bond-notice-differs", "the release", at, due)
    books.releasing, books.releasable_at = amount, at


def bond_released(entry: Entry) -> None:
    """What was announced is taken out, as far as disputes have left it."""
    books, amount = entry.books, entry.args["amount"]
    entry.equal("bond-released-out-of-rules", "the amount released", amount, books.releasing)
    first = books.releasable_at
    if not first <= entry.now < first + RELEASE_WINDOW:
        entry.find(
            "bond-released-out-of-rules",
            f"released at {entry.now}, and could be from {first} to {first + RELEASE_WINDOW - 1}",
        )
    books.posted -= amount
    books.held -= amount
    books.releasing = 0


HANDLERS = {
    "Deposited": deposited,
    "Withdrawn": withdrawn,
    "RevenueCollected": revenue_collected,
    "BondPosted": bond_posted,
    "BondReleaseAnnounced": bond_release_announced,
    "BondReleased": bond_released,
}
