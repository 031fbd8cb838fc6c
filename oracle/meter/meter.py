"""The meter: registers as a pure function of samples.

The time between two samples counts as active at the EARLIER sample's load level while its motor
was on; revolutions integrate the earlier sample's rpm over it, exactly, in rpm * ms, and are
floored only when read out. Speed above the tariff's highest rpm for that level is billed as the
highest rpm: the contract believes no more, and a level changed while the spindle still turns fast
must not make a bill that it refuses as a whole. More than GAP_MS between two samples bills nothing
and is a gap, and so does a clock that was set back between them. A sample whose sequence is not
later than the last one's changes nothing.

A rental's meter begins with the first sample of its log that has the motor off: a trigger held over
from the rental before is not this customer's. Until then no sample counts, and `last` is None.
Source: docs/protocol.md section 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol.records import LEVELS, Registers, Tariff
from protocol.sample import GAP_MS, Sample
from protocol.tariff import MS_PER_MINUTE, charge

Triple = tuple[int, int, int]

NOTHING: Triple = (0, 0, 0)


def highest_rpm(tariff: Tariff) -> Triple:
    """The highest rpm that is billed at each level, level 1 first."""
    one, two, three = tariff.levels
    return one.max_rpm, two.max_rpm, three.max_rpm


@dataclass(frozen=True, slots=True)
class Gap:
    """A silence, or a clock set back, that was not billed, and what the controller's odometer says
    happened meanwhile; `end_ms` lies before `start_ms` where the clock was set back."""

    drill: int
    after_sequence: int
    before_sequence: int
    start_ms: int
    end_ms: int
    missed: Registers

    def cost(self, tariff: Tariff) -> int:
        """What the missed usage would have cost, in the asset's smallest unit, rounded down."""
        return charge(tariff, self.missed, 0)


@dataclass(frozen=True, slots=True)
class MeterState:
    """Active ms and rpm * ms by load level, level 1 first, and the last sample that counted; None
    until the first one with the motor off."""

    active_ms: Triple = NOTHING
    rpm_ms: Triple = NOTHING
    last: Sample | None = None

    @property
    def registers(self) -> Registers:
        """The registers as a reading shows them, revolutions rounded down."""
        return Registers(*self.active_ms, *(value // MS_PER_MINUTE for value in self.rpm_ms))


def advance(state: MeterState, sample: Sample, max_rpm: Triple) -> tuple[MeterState, Gap | None]:
    """The state after one more sample of the same drill, and the gap before it if there was one.

    `max_rpm` is the tariff's, level 1 first.
    """
    last = state.last
    if last is None:
        return (state if sample.motor_on else replace(state, last=sample)), None
    if sample.sequence <= last.sequence:
        return state, None
    elapsed_ms = sample.time_ms - last.time_ms
    if not 0 <= elapsed_ms <= GAP_MS:
        return MeterState(state.active_ms, state.rpm_ms, sample), _gap(last, sample)
    if not last.motor_on or elapsed_ms == 0:
        return MeterState(state.active_ms, state.rpm_ms, sample), None
    active_ms = _add(state.active_ms, last.level, elapsed_ms)
    billed_rpm = min(last.rpm, max_rpm[last.level - 1])
    rpm_ms = _add(state.rpm_ms, last.level, billed_rpm * elapsed_ms)
    return MeterState(active_ms, rpm_ms, sample), None


def _add(values: Triple, level: int, amount: int) -> Triple:
    one, two, three = values
    if level == 1:
        return one + amount, two, three
    if level == 2:
        return one, two + amount, three
    return one, two, three + amount


def _gap(last: Sample, sample: Sample) -> Gap | None:
    """A silence at standstill with an unmoved odometer is the normal pace of an idle drill."""
    grown = [
        max(after - before, 0)
        for before, after in zip(last.odometer.as_tuple(), sample.odometer.as_tuple(), strict=True)
    ]
    if not last.motor_on and not any(grown):
        return None
    missed = Registers.from_levels(tuple(grown[:LEVELS]), tuple(grown[LEVELS:]))
    return Gap(
        drill=sample.drill,
        after_sequence=last.sequence,
        before_sequence=sample.sequence,
        start_ms=last.time_ms,
        end_ms=sample.time_ms,
        missed=missed,
    )
