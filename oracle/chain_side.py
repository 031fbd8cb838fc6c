"""The chain side's step: watch, submit, close what can only be closed, note how far logs are final.

It paces itself and keeps what it knew when the chain cannot be asked; the age of what it knew is
for the decisions to judge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from chain.errors import ChainError, DisagreementError
from chain.prover import Prover
from chain.views import ChainView
from chain.watch import ChainWatcher
from host.clock import Clock
from oracle.errors import JournalError
from oracle.samples.extents import Extents
from oracle.settling.closing import Closer
from oracle.settling.gas_key import GasWatch
from oracle.settling.submit import Submitter

LONGEST_BACKOFF = 16
"""Failing polls come at longer and longer intervals, up to this multiple of the usual one."""

log = structlog.get_logger()


@dataclass
class ChainSide:
    """Keeps `view` up to date and the outbox moving."""

    watcher: ChainWatcher
    submitter: Submitter
    clock: Clock
    poll_ms: int
    closer: Closer | None = None
    extents: Extents | None = None
    prover: Prover | None = None
    gas: GasWatch | None = None
    view: ChainView | None = None
    _failures: int = 0
    _next_ms: int = 0

    def step(self) -> int:
        """Look at the chain if it is time; returns the ms until the next look."""
        now_ms = self.clock.now_ms()
        if 0 < self._next_ms - now_ms <= self.poll_ms * LONGEST_BACKOFF:
            return self._next_ms - now_ms
        try:
            self._look()
        except (ChainError, JournalError) as error:
            if isinstance(error, DisagreementError) and self.view is not None:
                self.view = replace(self.view, disagreement=True)
            if self._failures == 0:
                log.warning("chain side fails", reason=str(error))
            self._failures += 1
        else:
            if self._failures:
                log.info("chain side recovered", failures=self._failures)
            self._failures = 0
        pause_ms = self.poll_ms * min(1 << min(self._failures, 16), LONGEST_BACKOFF)
        if self.view is not None and self.view.catching_up and not self._failures:
            pause_ms = 0
        self._next_ms = self.clock.now_ms() + pause_ms
        return pause_ms

    def _look(self) -> None:
        try:
            view = self.watcher.poll()
        except (ChainError, JournalError):
            if self.watcher.view is None:
                self.view = None
            raise
        try:
            if not view.catching_up:
                self.submitter.step(view)
                if self.closer is not None and not self.submitter.waiting:
                    self.closer.step(view)
                if self.extents is not None:
                    self.extents.step(view)
                if self.gas is not None:
                    self.gas.step(view)
        finally:
            complete = self.submitter.complete(view)
            if self.gas is not None:
                complete = replace(complete, gas=self.gas.left)
            if self.prover is not None and not view.catching_up:
                complete = replace(complete, proofs=self.prover.step(complete))
            self.view = complete
