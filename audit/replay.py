"""Events into books: one handler an event, each checking what the contract's rules demand.

`Replay.apply` takes the events in the order of the chain. What has to follow an event at once
(`BalancePositive` after an opening, say) is remembered in `Books.pending`, so that a hidden
follower is missed at the next event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from audit.books import replay_money, replay_provider, replay_rentals, replay_usage
from audit.books.books import Books
from audit.books.ledger import Entry
from audit.books.settlements import Settlements
from audit.findings import Findings
from audit.node.decode import Event
from audit.samples.sample_check import SampleCheck
from audit.state import Progress
from protocol.records import Domain

Handler = Callable[[Entry], None]

HANDLERS: dict[str, Handler] = {
    **replay_money.HANDLERS,
    **replay_rentals.HANDLERS,
    **replay_usage.HANDLERS,
    **replay_provider.HANDLERS,
}

FOLLOWERS = ("BalancePositive", "BalanceExhausted", "OracleSuspended")
"""Events that come only as the consequence of another."""


class Replay:
    """The books in the making. `calldata` of a transaction: its input where it calls the contract
    itself, else None."""

    def __init__(
        self,
        books: Books,
        findings: Findings,
        domain: Domain,
        samples: SampleCheck | None = None,
    ) -> None:
        self.books = books
        self.samples = samples
        self.findings = findings
        self.settlements = Settlements(books, findings, domain)
        self.events = 0
        self.readings = 0

    def resume(self, progress: Progress) -> None:
        """Go on counting where a state file stands."""
        self.events, self.readings = progress.events, progress.readings
        self.settlements.verified = progress.verified
        self.settlements.unchecked = progress.unchecked
        if self.samples is not None and progress.samples is not None:
            self.samples.resume(progress.samples)

    def apply(self, event: Event, calldata: Mapping[str, bytes | None]) -> None:
        """Take the next event."""
        self.events += 1
        entry = Entry(self.books, self.findings, event)
        if event.name == "OwnershipTransferred" and self.events == 1:
            self.books.from_deployment = int(event.args["previous_owner"], 16) == 0
        self._follow(entry)
        if event.name in ("UsageSettled", "ReadingRejected"):
            self.readings += event.name == "UsageSettled"
            self.settlements.outcome(event, calldata.get(event.log.transaction))
        elif event.name == "UsageDisputed":
            self.settlements.disputed(event, calldata.get(event.log.transaction))
        handler = HANDLERS.get(event.name)
        if handler is not None:
            handler(entry)
        if self.samples is not None and event.name == "UsageSettled":
            self.samples.settled(event)
        elif self.samples is not None and event.name == "RentalClosed":
            self.samples.closed(event.args["rental"])

    def finish_block(self) -> None:
        """After the last event of a block: nothing can be pending across blocks."""
        self.settlements.finish()
        self._miss_pending("the end of its block")

    def _follow(self, entry: Entry) -> None:
        """Hold the event against those that have to come next."""
        pending, event = self.books.pending, entry.event
        number = event.args.get("rental", event.args.get("oracle"))
        if pending and event.name == "RentalCapped" and number == pending[0].number:
            return
        if pending and (pending[0].name, pending[0].number) == (event.name, number):
            del pending[0]
            entry.expected = True
            return
        self._miss_pending(event.place)
        if event.name in FOLLOWERS and self.books.from_deployment:
            entry.find("event-impossible", f"{event.name} follows from nothing before it")

    def _miss_pending(self, place: str) -> None:
        for missed in self.books.pending:
            subject = "oracle" if missed.name == "OracleSuspended" else "rental"
            self.findings.add(
                missed.finding,
                f"{subject} {missed.number}",
                f"{missed.name} should have come before {place} (transaction {missed.transaction})",
            )
        self.books.pending.clear()
