"""One event on its way into the books, with what its handler needs at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audit.books.books import Books, Pending, Rental
from audit.findings import Findings
from audit.node.decode import Event

WITHOUT_HISTORY = frozenset(
    {
        "active-time-beyond-wall-clock",
        "charge-differs",
        "closed-too-early",
        "credit-differs",
        "funds-differ",
        "log-size-fell",
        "reading-after-close",
        "reading-after-end",
        "reading-after-grace",
        "reading-in-the-future",
        "reading-not-later",
        "refund-differs",
        "register-fell",
        "revolutions-beyond-rpm",
        "until-differs",
    }
)
"""Findings about rentals that were opened in the range, under tariffs published in it."""


@dataclass(slots=True)
class Entry:
    """An event, the books it goes into, and where findings go. `expected`: it had to come now."""

    books: Books
    findings: Findings
    event: Event
    expected: bool = False

    @property
    def args(self) -> dict[str, Any]:
        """The event's fields."""
        return self.event.args

    @property
    def now(self) -> int:
        """The block's time, Unix s."""
        return self.event.timestamp

    @property
    def subject(self) -> str:
        """What the event is about."""
        for name in ("rental", "drill", "tariff", "oracle", "key", "account"):
            if name in self.args:
                return f"{name} {self.args[name]}"
        return "contract"

    def find(self, name: str, text: str, subject: str | None = None) -> None:
        """Report a finding about this event.

        Where the replay began after the deployment, only what is known without the history.
        """
        if self.books.from_deployment or name in WITHOUT_HISTORY:
            self.findings.add(name, subject or self.subject, text, self.event.place)

    def require(self, allowed: bool, text: str) -> None:
        """Report `event-impossible` unless the rules allow it."""
        if not allowed:
            self.find("event-impossible", f"{self.event.name}: {text}")

    def equal(self, name: str, what: str, found: object, due: object) -> None:
        """Report a finding when a value is not the one that is due."""
        if found != due:
            self.find(name, f"{what} is {found}, and should be {due}")

    def follow(self, name: str, number: int, finding: str = "event-missing") -> None:
        """Remember that an event of that name has to come next; `finding` when it does not."""
        self.books.pending.append(Pending(name, number, self.event.log.transaction, finding))

    def debit(self, account: str, amount: int) -> None:
        """Take money out of an account, and report when it was not there."""
        self.books.credit(account, -amount)
        left = self.books.accounts[account]
        if left < 0:
            self.find(
                "account-overdrawn",
                f"{self.event.name} takes {amount}, which is {-left} more than there was",
                f"account {account}",
            )

    def rental(self) -> Rental | None:
        """The event's rental; None, and reported, when no event opened it."""
        found = self.books.rentals.get(self.args["rental"])
        if found is None:
            self.find("rental-unknown", f"{self.event.name} of a rental that nobody opened")
        return found
