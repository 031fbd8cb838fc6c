"""How far the samples of one rental have been followed: what is kept between two of its readings.

It is small whatever has gone by: the peaks of the log's tree, six registers, one sample. Nothing of
the history that was anchored is held.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.samples.meter import AuditedMeter
from protocol.merkle import Frontier
from protocol.publication import RentalIdentity

HINTS = 5
"""Oddities that are remembered since the last root that agreed."""


@dataclass(frozen=True, slots=True)
class LogAnchor:
    """A signed reading that anchors a log: `root` as hexadecimal text, `place` for people."""

    until: int
    size: int
    root: str
    registers: tuple[int, ...]
    place: str


@dataclass(slots=True)
class SampleTally:
    """What came of a rental's samples; times in ms, money in the asset's smallest unit.

    `checked` samples hash to an anchored root, `anchored` is the size of the last settled log;
    `unsettled` more are only under the published reading. `missed` is what the odometer counted in
    gaps: active ms and revolutions by level. `unchecked` says why it is not all, "" if it is.
    """

    checked: int = 0
    anchored: int = 0
    unsettled: int = 0
    roots: int = 0
    gaps: int = 0
    gap_ms: int = 0
    missed: tuple[int, ...] = (0,) * 6
    missed_worth: int = 0
    odometer: tuple[int, ...] = (0,) * 6
    registers: tuple[int, ...] = (0,) * 6
    unbilled_worth: int = 0
    unchecked: str = ""

    @property
    def odometer_ahead_ms(self) -> int:
        """Active time on the controller's odometer that was not billed; below 0 the other way."""
        return sum(self.odometer[:3]) - sum(self.registers[:3])

    @property
    def odometer_ahead_turns(self) -> int:
        """The same in revolutions."""
        return sum(self.odometer[3:]) - sum(self.registers[3:])


@dataclass(slots=True)
class Track:
    """A rental's log up to `size` samples; changed in place.

    `pending` anchors are not reached yet, at `unmatched` ones the published samples hash to
    something else: a later root that agrees tells which of the two was wrong. Up to `agreed` the
    samples are those that were signed; `surplus` is by how much the signed registers exceeded the
    samples' then. `stopped`: why it cannot be followed further. `waiting`:
    the samples that come next are too new to be expected already. `truncated`: the last bundle that
    was found to be.
    """

    identity: RentalIdentity
    meter: AuditedMeter
    size: int = 0
    peaks: tuple[str, ...] = ()
    sequence: int = 0
    pending: list[LogAnchor] = field(default_factory=list)
    unmatched: list[LogAnchor] = field(default_factory=list)
    agreed: int = 0
    surplus: tuple[int, ...] = (0,) * 6
    hints: list[str] = field(default_factory=list)
    stopped: str = ""
    waiting: str = ""
    truncated: int = -1
    tally: SampleTally = field(default_factory=SampleTally)

    @property
    def subject(self) -> str:
        """For findings."""
        return f"rental {self.identity.rental}"

    @property
    def frontier(self) -> Frontier:
        """The log's tree as far as it goes."""
        return Frontier(self.size, tuple(bytes.fromhex(peak) for peak in self.peaks))

    def hint(self, text: str) -> None:
        """Remember an oddity, in case the coming root does not agree."""
        if len(self.hints) < HINTS:
            self.hints.append(text)


@dataclass(frozen=True, slots=True)
class SampleScope:
    """Which samples were looked at: of all rentals, or of one only."""

    place: str
    samples: int
    rentals: int
    rentals_not_all: int
    rental: int | None
