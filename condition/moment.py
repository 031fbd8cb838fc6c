"""A moment of a drill: what a sample says of it, checked, in the units of mechanics."""

from __future__ import annotations

import math
from dataclasses import dataclass

from protocol.sample import MAX_RPM, ControllerFault, Sample

MAX_TORQUE_NM = 2_000_000.0
"""What a sample's 32 bits of millinewton metres hold; more is no torque of any drill."""

TEMPERATURE_C = (-60.0, 400.0)
"""No motor was ever colder, and none turns that is hotter: its insulation has burnt."""

ON_FAULTS = ControllerFault.STALL | ControllerFault.OVER_CURRENT | ControllerFault.OVER_TEMPERATURE


@dataclass(frozen=True, slots=True)
class DrillMoment:
    """One sample. `rpm` and `torque_nm` may be in any unit that stays the same, where only wear is
    looked for. `active_ms` is the controller's odometer at each level, None where there is none.
    `hole` and `job` are names that a recording gives them, empty where it gives none."""

    time_ms: int
    motor_on: bool
    rpm: float
    torque_nm: float
    level: int = 1
    current_a: float | None = None
    temperature_c: float | None = None
    faults: ControllerFault = ControllerFault.NONE
    active_ms: tuple[int, int, int] | None = None
    rental: int = 0
    hole: str = ""
    job: str = ""

    @property
    def impossible(self) -> str:
        """What in this cannot be, in a word or two; empty where all of it can."""
        if not math.isfinite(self.rpm) or abs(self.rpm) > MAX_RPM:
            return "speed"
        if not math.isfinite(self.torque_nm) or abs(self.torque_nm) > MAX_TORQUE_NM:
            return "torque"
        return ""

    @property
    def plausible_temperature_c(self) -> float | None:
        """The motor's temperature; None where none is told or it cannot be one."""
        low, high = TEMPERATURE_C
        value = self.temperature_c
        return value if value is not None and low <= value <= high else None


def moment_of(sample: Sample) -> DrillMoment:
    """A sample of the journal as a moment."""
    odometer = sample.odometer.as_tuple()
    return DrillMoment(
        time_ms=sample.time_ms,
        motor_on=sample.motor_on,
        rpm=float(sample.rpm),
        torque_nm=sample.torque_mnm / 1000,
        level=sample.level,
        current_a=sample.current_ma / 1000,
        temperature_c=sample.temperature_mc / 1000,
        faults=sample.fault_flags & ON_FAULTS,
        active_ms=(odometer[0], odometer[1], odometer[2]),
        rental=sample.rental,
    )
