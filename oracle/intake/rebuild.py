"""A rental's log from the journal: from its newest checkpoint on, and held against what was signed.

A reading that is signed over a log that is not the one of the reading before contradicts it, so a
journal that a disk has changed must be found before. Each row has a checksum, and the newest signed
reading must come out again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from chain.views import RentalView
from oracle.errors import DamagedError
from oracle.journal.journal import Journal
from oracle.meter.closing_log import Neighbours, closing_log
from oracle.meter.meter import Triple
from oracle.meter.sample_log import LoggedSample, RentalLog
from protocol.records import Reading, Registers


def rebuild(journal: Journal, view: RentalView, max_rpm: Triple) -> tuple[RentalLog, int]:
    """The log of all that names the rental, and the size of the checkpoint it began with.

    Raises DamagedError when the journal is not what was written or signed, JournalError when it
    cannot be read.
    """
    start = journal.checkpoint(view, max_rpm, None)
    samples = journal.samples_after(view.drill, start.sequence, view.rental)
    anchor = journal.signed.newest_until(view.rental, None)
    made = start if anchor is None else _as_signed(start, samples, anchor)
    made, _ = made.extend(samples)
    return made, start.frontier.size


def rebuild_closing(
    journal: Journal, view: RentalView, max_rpm: Triple, ended_ms: int, last_ms: int
) -> RentalLog:
    """The log under the reading that closes the rental at `ended_ms`, which the drill's clock dates
    `last_ms` (Unix ms); raises as `rebuild` does."""
    anchor = journal.signed.newest_until(view.rental, ended_ms)
    before, after = journal.signed.around(view.rental, ended_ms)
    signed = Neighbours(
        view.opened_ms if before is None else before.until,
        Registers() if before is None else before.registers,
        None if after is None else after.registers,
    )
    covered = 0 if anchor is None else anchor.log_size
    start = journal.checkpoint(view, max_rpm, covered)
    samples = journal.samples_after(view.drill, start.sequence, view.rental)
    made = start if anchor is None else _as_signed(start, samples, anchor)
    return closing_log(made, samples, ended_ms=ended_ms, last_ms=last_ms, signed=signed)


def _as_signed(start: RentalLog, samples: Iterator[LoggedSample], anchor: Reading) -> RentalLog:
    """The log over as many samples as the newest signed reading is; raises DamagedError when they
    give another root or other registers than were signed."""
    made = start
    while made.frontier.size < anchor.log_size:
        some = [*islice(samples, anchor.log_size - made.frontier.size)]
        if not some:
            raise DamagedError(
                f"{anchor.log_size} samples are signed, the journal has {made.frontier.size}"
            )
        made, _ = made.extend(some)
    if made.frontier.size == anchor.log_size and (
        made.frontier.root() != anchor.log_root or made.meter.registers != anchor.registers
    ):
        raise DamagedError(
            f"the first {anchor.log_size} samples in the journal are not those that the reading "
            f"until {anchor.until} was signed over"
        )
    return made
