"""Sending a call and holding what comes of it against what the model has said."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.fuzzing.books import CallVerdict
from lab.fuzzing.people import address
from lab.fuzzing.words import Event, numbers
from lab.fuzzing.world import CallOutcome, FuzzSite, FuzzWorld, execute

NONE = "(none)"


class ModelBroken(AssertionError):  # noqa: N818 - a promise is
    """The contract did something else than the model says."""


@dataclass
class GameTally:
    """How often everything has happened."""

    done: Counter[str] = field(default_factory=Counter)
    reverts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    rejections: Counter[str] = field(default_factory=Counter)
    views: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    mischief: Counter[str] = field(default_factory=Counter)

    @property
    def calls(self) -> int:
        """Transactions to the contract."""
        return sum(self.done.values()) + sum(sum(c.values()) for c in self.reverts.values())

    def add(self, other: GameTally) -> None:
        """Count another tally in."""
        for name in ("done", "rejections", "views", "events", "checks", "notes", "mischief"):
            getattr(self, name).update(getattr(other, name))
        for operation, reasons in other.reverts.items():
            self.reverts[operation].update(reasons)


@dataclass(eq=False)
class Game:
    """A world being played in."""

    world: FuzzWorld
    tally: GameTally
    quick: Callable[[Game, FuzzSite], None]
    """What must hold after every call."""

    story: list[str] | None = None
    """What has been done, for people to read; not kept unless wanted."""

    def tell(self, text: str) -> None:
        """Add to the story."""
        if self.story is not None:
            self.story.append(text)

    def call(
        self,
        site: FuzzSite,
        operation: str,
        sender: int,
        data: bytes,
        verdict: CallVerdict,
        value: int = 0,
        about: str = "",
        to: int | None = None,
    ) -> bool:
        """Send it, to the contract unless told; True when it went through, as it then had to.

        Raises ModelBroken.
        """
        target = site.contract if to is None else to
        wallets = self.world.wallets
        if sender in (wallets.reentrant, wallets.refusing):
            relayer = address("relayer")
            outcome = site.node.send(relayer, sender, execute(target, data), value)
            # The wallet keeps what the contract returns to itself.
            if outcome.reason is None and value:
                site.model.asset.purses[sender] += value
                site.model.asset.purses[relayer] -= value
        else:
            outcome = site.node.send(sender, target, data, value)
        if self.story is not None:
            came = "went through" if outcome.reason is None else f"reverted: {outcome.reason!r}"
            self.tell(f"{site.name}: {operation}({about}) value {value} {came}")
        if verdict.faults:
            self._refused(operation, verdict, outcome)
        else:
            self._accepted(site, operation, verdict, outcome)
        self.quick(self, site)
        return outcome.reason is None

    def _refused(self, operation: str, verdict: CallVerdict, outcome: CallOutcome) -> None:
        if outcome.reason is None:
            raise ModelBroken(f"{operation} went through in spite of {sorted(verdict.faults)}")
        reason = outcome.reason
        if not reason:
            silent = sorted(f for f in verdict.faults if f.startswith(NONE))
            if silent:
                reason = silent[0]
        if reason not in verdict.faults:
            raise ModelBroken(f"{operation} reverted with {reason!r}, not {sorted(verdict.faults)}")
        self.tally.reverts[operation][reason] += 1

    def _accepted(
        self, site: FuzzSite, operation: str, verdict: CallVerdict, outcome: CallOutcome
    ) -> None:
        if outcome.reason is not None:
            raise ModelBroken(f"{operation} reverted: {outcome.reason!r}")
        self.tally.done[operation] += 1
        events = [event for where, event in outcome.logs if where == site.contract]
        if len(events) != len(outcome.logs):
            raise ModelBroken(f"{operation} made another contract log: {outcome.logs}")
        if len(events) != len(verdict.events):
            raise ModelBroken(f"{operation}: events {events}, not {verdict.events}")
        for event, wanted in zip(events, verdict.events, strict=True):
            self._event(operation, event, wanted)
            site.replayer.see(event, site.node.now)
        if outcome.output and verdict.result and numbers(outcome.output) != verdict.result:
            raise ModelBroken(
                f"{operation} returned {numbers(outcome.output)}, not {verdict.result}"
            )

    def _event(self, operation: str, event: Event, wanted: Event) -> None:
        self.tally.events[event[0]] += 1
        if event[0] == wanted[0] == "ReadingRejected":
            if event[:-1] == wanted[:-1] and event[-1] in wanted[-1]:
                self.tally.rejections[event[-1]] += 1
                return
        elif event == wanted:
            return
        raise ModelBroken(f"{operation}: event {event}, not {wanted}")
