"""Several endpoints asked at the same time, each in a thread of its own.

A slow endpoint keeps only its own thread: it is left out until it has answered. One that fails is
left out for a while that grows, one whose answer is a provable lie for longer; when too few are
left, all are asked all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, Protocol, TypeVar

import structlog

from chain.errors import ChainError, LyingEndpointError, WrongChainError

PATIENCE_SECONDS = 0.25
"""How long the others are waited for once a quorum has answered."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
LIAR_PAUSE_SECONDS = 60.0
"""How long an endpoint is left out that failed, failed again and again, or lied."""

RECHECK_SECONDS = 600.0
"""How often an endpoint that works is asked for its chain id again: a name may come to lead to
another node."""

log = structlog.get_logger()


class PoolEndpoint(Protocol):
    """What the pool itself asks of an endpoint."""

    @property
    def place(self) -> str:
        """Where it is, without secrets."""
        ...

    def require_chain(self) -> None:
        """Raise WrongChainError unless it serves the right chain."""
        ...


_E = TypeVar("_E", bound=PoolEndpoint)
_T = TypeVar("_T")


class Member(Generic[_E]):
    """One endpoint, its thread, and how it has behaved."""

    def __init__(self, name: str, endpoint: _E, now: Callable[[], float]) -> None:
        self.name, self.endpoint, self._now = name, endpoint, now
        self.failures = 0
        self.out_until = 0.0
        self.reported = ("", 0.0)
        self._checked: float | None = None
        self._future: Future[Any] | None = None
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] | None = None

    @property
    def busy(self) -> bool:
        """Whether it has not answered yet."""
        return self._future is not None and not self._future.done()

    def ask(self, call: Callable[[_E], _T]) -> Future[_T]:
        """Start a call in the thread; it must not be busy."""
        future: Future[_T] = Future()
        self._future = future
        if self._jobs is None:
            self._jobs = SimpleQueue()
            Thread(
                target=self._work, args=(self._jobs,), name=f"endpoint {self.name}", daemon=True
            ).start()
        self._jobs.put((future, lambda: self._checked_call(call)))
        return future

    def _checked_call(self, call: Callable[[_E], _T]) -> _T:
        now = self._now()
        if self._checked is None or self.failures or now - self._checked > RECHECK_SECONDS:
            self.endpoint.require_chain()
            self._checked = now
        return call(self.endpoint)

    @staticmethod
    def _work(jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]]]) -> None:
        while True:
            future, call = jobs.get()
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001  # whoever waits gets it
                future.set_exception(error)


class Pool(Generic[_E]):
    """All endpoints of a chain. For one thread at a time."""

    def __init__(
        self,
        endpoints: Sequence[_E],
        quorum: int,
        timeout_seconds: float,
        now: Callable[[], float] = time.monotonic,
        member: type[Member[_E]] = Member,
    ) -> None:
        """`now` tells the time in s, `member` who asks; a simulation has others."""
        self._now = now
        places = [endpoint.place for endpoint in endpoints]
        self.members = [
            member(place if places.count(place) == 1 else f"{place} #{number}", endpoint, now)
            for number, (place, endpoint) in enumerate(zip(places, endpoints, strict=True), 1)
        ]
        self.quorum = quorum
        self._timeout_seconds = timeout_seconds
        self._preferred = 0

    def gather(self, call: Callable[[_E], _T], names: Iterable[str] | None = None) -> dict[str, _T]:
        """What the endpoints answer, by name; at least a quorum, unless only some are asked.

        Waits for all, but not long once a quorum has answered. Raises ChainError.
        """
        wanted = None if names is None else {*names}
        asked = {
            member.ask(call): member
            for member in self._available()
            if wanted is None or member.name in wanted
        }
        answers, reasons = self._collect(asked, self.quorum)
        if wanted is None and len(answers) < self.quorum:
            self._raise(len(answers), reasons)
        return answers

    def first(self, call: Callable[[_E], _T | ChainError]) -> _T:
        """The first answer that one endpoint after the other gives; raises ChainError. One that a
        call gives back instead of raising it is neither an answer nor a fault of the endpoint's."""
        members = self._available()
        start = self._preferred
        members.sort(key=lambda member: (self.members.index(member) - start) % len(self.members))
        reasons: dict[str, str] = {}
        for member in members:
            answers, failed = self._collect({member.ask(call): member}, 1)
            reasons |= failed
            if member.name not in answers:
                continue
            found = answers[member.name]
            if isinstance(found, ChainError):
                reasons[member.name] = str(found)
                continue
            self._preferred = self.members.index(member)
            return found
        self._raise(0, reasons, needed=1)
        raise AssertionError("unreachable")

    def each(self, call: Callable[[_E], _T]) -> dict[str, _T | ChainError]:
        """What each endpoint answers or why it does not, by name; for checks at the start."""
        asked = {member.ask(call): member for member in self.members if not member.busy}
        wait([*asked], 2 * self._timeout_seconds + 1)
        found: dict[str, _T | ChainError] = {}
        for future, member in asked.items():
            if not future.done():
                found[member.name] = ChainError(f"{member.name} does not answer")
            elif isinstance(error := future.exception(), ChainError):
                found[member.name] = error
            else:
                found[member.name] = future.result()
        return found

    def lies(self, name: str, reason: str) -> None:
        """What an endpoint said has been refuted by a proof."""
        (member,) = [one for one in self.members if one.name == name]
        self._fail(member, LyingEndpointError(f"{name}: {reason}"))

    def _available(self) -> list[Member[_E]]:
        now = self._now()
        idle = [member for member in self.members if not member.busy]
        good = [member for member in idle if member.out_until <= now]
        return good if len(good) >= self.quorum else idle

    def _collect(
        self, asked: Mapping[Future[_T], Member[_E]], enough: int
    ) -> tuple[dict[str, _T], dict[str, str]]:
        """Answers and reasons by name, once all are there or enough are and patience is over."""
        answers: dict[str, _T] = {}
        reasons: dict[str, str] = {}
        waiting = {*asked}
        deadline = self._now() + 2 * self._timeout_seconds + 1
        while waiting and (left := deadline - self._now()) > 0:
            done, waiting = wait(waiting, left, FIRST_COMPLETED)
            for future in [one for one in asked if one in done]:
                member = asked[future]
                error = future.exception()
                if error is None:
                    answers[member.name] = future.result()
                    self._succeed(member)
                elif isinstance(error, ChainError):
                    reasons[member.name] = str(error)
                    self._fail(member, error)
                else:
                    raise error
            if len(answers) >= enough and done:
                deadline = min(deadline, self._now() + PATIENCE_SECONDS)
        for future in waiting:
            reasons[asked[future].name] = f"{asked[future].name} has not answered yet"
        return answers, reasons

    @staticmethod
    def _succeed(member: Member[_E]) -> None:
        if member.failures:
            log.info("endpoint answers again", endpoint=member.name, failures=member.failures)
        member.failures, member.out_until = 0, 0.0

    def _fail(self, member: Member[_E], error: ChainError) -> None:
        now, reason = self._now(), str(error)
        member.failures += 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(member.failures - 1, 16), LONGEST_PAUSE_SECONDS)
        if isinstance(error, LyingEndpointError | WrongChainError):
            pause = LIAR_PAUSE_SECONDS
            said, when = member.reported
            if said != reason or now - when > LIAR_PAUSE_SECONDS:
                member.reported = (reason, now)
                log.error("endpoint lies", endpoint=member.name, reason=reason)
        elif member.failures == 1:
            log.warning("endpoint fails", endpoint=member.name, reason=reason)
        member.out_until = now + pause

    def _raise(self, answered: int, reasons: Mapping[str, str], needed: int | None = None) -> None:
        needed = needed or self.quorum
        told = "; ".join(reasons.values()) or "all are still busy with an earlier call"
        raise ChainError(
            f"{answered} of {len(self.members)} endpoints answered, {needed} needed: {told}"
        )
