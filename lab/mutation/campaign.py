"""One campaign: pytest collects the tests once, then each mutant meets them in a fork of its own.

The tests that killed the neighbours of a mutant go first, then the quick ones; the first failure
ends the fork. Nothing of the project knows about mutants: the fork replaces, in the tests' own
module, the function that hands them the compiled contract.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import selectors
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import hypothesis
import pytest

from lab.mutation.compiler import Compiler, digest_of, whole
from lab.mutation.forks import Say, first_answer, forked
from lab.mutation.mutants import Mutant
from lab.mutation.order import MutantOrder
from lab.mutation.verdicts import Fate, MutantVerdict, MutationRecord
from lab.rig.contract import DEPLOYED, Compiled

PATIENCE = 4
"""A mutant is timed out after so many times the CPU time that all tests take for the original: how
busy the machine is decides nothing."""

LONGEST_WAIT_SECONDS = 3_600
"""A fork that uses no CPU and never ends would hold up the campaign; none has been seen."""

PROFILE = "mutation"

Inject = Callable[[Compiled], None]


@dataclass(frozen=True, slots=True)
class MutationPlan:
    """What a campaign does: judge these mutants with `jobs` forks at a time.

    `inject` hands a program to the tests; `watch` has them tell which external function they call,
    of which `setting_up` says how often each is called before a test begins. `compiling_seconds` of
    the processor are allowed for compiling: many times what it takes. `explained` are the names of
    mutants that are the same contract in other words.
    """

    mutants: Sequence[Mutant]
    inject: Inject
    tests: str
    jobs: int = 1
    optimiser: str = "none"
    compiling_seconds: int = 60
    explained: Collection[str] = ()
    watch: Callable[[Callable[[str], None]], None] = lambda _: None
    setting_up: Mapping[str, int] = field(default_factory=dict)
    told: Callable[[int, MutantVerdict], None] = lambda *_: None

    def unsettled(self, record: MutationRecord) -> list[Mutant]:
        """The mutants that are still to be judged."""
        return [
            mutant
            for mutant in self.mutants
            if not record.settled(mutant.key, self.tests, explained=mutant.name in self.explained)
        ]


class CampaignError(Exception):
    """The tests fail for the original, or a fork died without a word."""


@dataclass
class _Fork:
    mutant: Mutant
    process: int
    since: float
    heard: bytes = b""


class Campaign:
    """A pytest plugin that runs mutants where pytest would run tests."""

    def __init__(self, plan: MutationPlan, compiler: Compiler, record: MutationRecord) -> None:
        self.plan = plan
        self.compiler = compiler
        self.record = record
        self.baseline: dict[str, float] = {}
        self.failed = ""
        self.failure = ""
        self.error: str | None = None

    # What pytest calls ----------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Print nothing: what happens in the forks is reported by the campaign."""
        config.pluginmanager.unregister(name="terminalreporter")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what went wrong while the tests were imported."""
        if report.failed:
            self.failed = f"{report.nodeid}: {report.longreprtext[-400:]}"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """One way of compiling is enough: what the contract does is the same."""
        items[:] = [i for i in items if _optimiser(i) in (None, self.plan.optimiser)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In a fork: note a failure and what each test took."""
        seconds = self.baseline.get(report.nodeid, 0.0) + report.duration
        self.baseline[report.nodeid] = seconds
        if report.failed and not self.failed:
            self.failed, self.failure = report.nodeid, report.longreprtext[-400:]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of the tests: the original, which must pass, then every mutant."""
        try:
            self._run(session.items)
        except CampaignError as error:
            self.error = str(error)
        return True

    # The parent -----------------------------------------------------------------------------

    def _run(self, items: list[pytest.Item]) -> None:
        if self.failed:
            raise CampaignError(f"the tests could not be collected: {self.failed}")
        _ = self.compiler.optimised_digest
        gc.collect()
        gc.freeze()
        before = _cpu_seconds_of_forks()
        heard = first_answer(lambda say: self._try_original(items, say))
        if heard.get("failed") or "baseline" not in heard:
            told = f"{heard.get('failed') or 'no answer'}: {heard.get('failure', '')}"
            raise CampaignError(f"without any mutation: {told}")
        used = _cpu_seconds_of_forks() - before
        self._limit = int(self.plan.compiling_seconds + PATIENCE * used)
        self._order = MutantOrder(heard["baseline"], heard["calls"], self.compiler.reaching)
        known = {m.key: m for m in self.plan.mutants}
        for key, verdict in self.record.verdicts.items():
            if verdict.fate is Fate.KILLED and key in known and verdict.by in self._order.baseline:
                self._order.learn(known[key], verdict.by)
        waiting = iter(self.plan.unsettled(self.record))
        for done, (mutant, verdict) in enumerate(self._judge(waiting, items), start=1):
            kept = self.record.add(verdict)
            if verdict.fate is Fate.KILLED:
                self._order.learn(mutant, verdict.by)
            self.plan.told(done, kept)

    def _judge(
        self, waiting: Iterator[Mutant], items: list[pytest.Item]
    ) -> Iterator[tuple[Mutant, MutantVerdict]]:
        """Keep `jobs` forks at work and yield what they find, in the order of their end."""
        selector = selectors.DefaultSelector()
        try:
            while True:
                while len(selector.get_map()) < self.plan.jobs:
                    mutant = next(waiting, None)
                    if mutant is None:
                        break
                    work = partial(self._try, mutant, items)
                    reading, process = forked(work, cpu_seconds=self._limit)
                    fork = _Fork(mutant, process, time.monotonic())
                    selector.register(reading, selectors.EVENT_READ, fork)
                if not selector.get_map():
                    return
                yield from self._ended(selector)
        finally:
            for key in list(selector.get_map().values()):
                os.kill(key.data.process, signal.SIGKILL)
                os.waitpid(key.data.process, 0)
            selector.close()

    def _ended(self, selector: selectors.BaseSelector) -> Iterator[tuple[Mutant, MutantVerdict]]:
        for key, _ in selector.select(timeout=1):
            heard = os.read(key.fd, 65_536)
            key.data.heard += heard
            if not heard:
                yield self._closed(selector, key)
        for key in list(selector.get_map().values()):
            if time.monotonic() - key.data.since > LONGEST_WAIT_SECONDS:
                raise CampaignError(f"{key.data.mutant.name} neither ends nor works")

    def _closed(
        self, selector: selectors.BaseSelector, key: selectors.SelectorKey
    ) -> tuple[Mutant, MutantVerdict]:
        fork: _Fork = key.data
        selector.unregister(key.fd)
        os.close(key.fd)
        _, status = os.waitpid(fork.process, 0)
        said = [json.loads(line) for line in fork.heard.splitlines()]
        if not said:
            raise CampaignError(f"no word of {fork.mutant.name}")
        # A fork says its code's digest first. If that was all, the tests took too long, or they
        # ended the process, which is nobody's merit.
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
        silent = Fate.TIMED_OUT if killed else Fate.SURVIVED
        last = {"fate": silent, "by": "" if killed else "the process died"} | said[-1]
        return fork.mutant, MutantVerdict(
            key=fork.mutant.key,
            fate=Fate(last["fate"]),
            digest=last.get("digest", ""),
            by=last.get("by", ""),
            tests=self.plan.tests,
            seconds=round(time.monotonic() - fork.since, 2),
        )

    # The forks ------------------------------------------------------------------------------

    def _try_original(self, items: list[pytest.Item], say: Say) -> None:
        original = self.compiler.compile(None)
        if digest_of(original) != self.compiler.digest:
            say(failed="what is remembered of the original does not compile to the original")
            return
        self.baseline.clear()
        calls: Counter[str] = Counter()
        self.plan.watch(lambda function: calls.update([function]))
        of_each = {}
        for item in items:
            calls.clear()
            self._run_tests(original, [item])
            of_each[item.nodeid] = calls - Counter(self.plan.setting_up)
            if self.failed:
                break
        say(failed=self.failed, failure=self.failure, baseline=self.baseline, calls=of_each)

    def _try(self, mutant: Mutant, items: list[pytest.Item], say: Say) -> None:
        try:
            compiled = self.compiler.compile(mutant)
        except Exception as error:  # noqa: BLE001 - the compiler raises anything, and it is the answer
            say(fate=Fate.INVALID, by=f"{type(error).__name__}: {error}"[:120])
            return
        digest = digest_of(compiled)
        if digest == self.compiler.digest:
            say(fate=Fate.SAME, digest=digest, by="")
            return
        first = self.record.first.get(digest, mutant.key)
        if first != mutant.key:
            say(fate=Fate.TWIN, digest=digest, by=first)
            return
        say(digest=digest)
        by_name = {item.nodeid: item for item in items}
        self._run_tests(compiled, [by_name[name] for name in self._order.of(mutant)])
        if self.failed:
            say(fate=Fate.KILLED, digest=digest, by=self.failed)
            return
        # Some of the survivors are worth the time to compile them with nothing remembered.
        if digest[0] == "0" and digest_of(whole(self.compiler.target, mutant, "none")) != digest:
            say(fate=Fate.SURVIVED, digest=digest, by="compiled wrongly by lab.mutation")
            return
        optimised = digest_of(whole(self.compiler.target, mutant, DEPLOYED))
        same = optimised == self.compiler.optimised_digest
        say(fate=Fate.OPTIMISED if same else Fate.SURVIVED, digest=digest, by="")

    def _run_tests(self, compiled: Compiled, items: Sequence[pytest.Item]) -> None:
        """Run tests against a program until one fails."""
        hypothesis.settings.load_profile(PROFILE)
        self.plan.inject(compiled)
        for item, following in zip(items, (*items[1:], None), strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                return


def _cpu_seconds_of_forks() -> float:
    """What all forks that have ended used of the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _optimiser(item: pytest.Item) -> str | None:
    call = getattr(item, "callspec", None)
    return None if call is None else call.params.get("optimiser")


def prepare_hypothesis() -> None:
    """Before the tests are imported: no shrinking, no database, the same examples every time."""
    hypothesis.settings.register_profile(
        PROFILE,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    hypothesis.settings.load_profile(PROFILE)


def run(campaign: Campaign, arguments: Sequence[str]) -> None:
    """Collect the tests and run the campaign; raises CampaignError."""
    prepare_hypothesis()
    # Hypothesis had to be imported before pytest could prepare it, which does no harm.
    options = ["-s", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    status = pytest.main([*options, *arguments], plugins=[campaign])
    if campaign.error is not None:
        raise CampaignError(campaign.error)
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise CampaignError(f"pytest ended with {status!r}")
