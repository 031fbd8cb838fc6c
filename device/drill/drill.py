"""A simulated drill: controller, clock, spindle and odometer, advanced in fixed steps.

No I/O and no clock of its own: the monotonic time comes with each step, samples come out.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from device.drill import controller as machine
from device.drill.clock import DrillClock, set_clock
from device.drill.controller import Controller, LeaseOffered
from device.drill.memory import Memory
from device.drill.spindle import (
    RATED_POWER_W,
    STEP_MS,
    LoadSource,
    Machine,
    Spindle,
    advance,
    faults,
)
from device.errors import DeviceError
from protocol.leases import NONCE_MS, Provisioning
from protocol.records import LEVELS, NONCE_BYTES
from protocol.sample import SAMPLE_PERIOD_MS, ControllerFault, Sample
from protocol.serial.payloads import ControllerState

STANDSTILL_PERIOD_MS = 1000
"""A drill at rest reports this often; each change it reports at once."""


def random_nonce() -> int:
    """From the operating system's generator: what nobody can guess before it is told, and never 0.
    What a board without one has to use is in docs/controller.md."""
    return 1 + secrets.randbelow(2 ** (8 * NONCE_BYTES) - 1)


@dataclass(frozen=True, slots=True)
class _Reported:
    """What the newest sample said, which is what is billed and counted until the next."""

    level: int = 1
    motor_on: bool = False
    trigger: bool = False
    inhibited: bool = True
    fault_flags: ControllerFault = ControllerFault.NONE
    state: ControllerState = ControllerState.LOCKED
    rental: int = 0


def _add(counters: tuple[int, int, int], level: int, amount: int) -> tuple[int, int, int]:
    one, two, three = (
        count + amount * (number == level) for number, count in enumerate(counters, start=1)
    )
    return one, two, three


class SimulatedDrill:
    """The drill that the simulator's process runs; see the module's docstring."""

    def __init__(
        self,
        provisioning: Provisioning,
        memory: Memory,
        loads: LoadSource,
        seed: int,
        monotonic_ms: int,
        *,
        step_ms: int = STEP_MS,
        draw_nonce: Callable[[], int] = random_nonce,
    ) -> None:
        """Power up at `monotonic_ms`: locked, clock unset, odometer and sequence as remembered,
        with a new nonce.

        `step_ms`, the fixed step, divides the sample period."""
        self.step_ms = step_ms
        self._draw_nonce = draw_nonce
        self._drawn_ms = monotonic_ms
        self.controller = Controller(
            provisioning,
            nonces=(draw_nonce(),),
            newest_issued_at=memory.newest_issued_at,
            rental=memory.rental,
            next_rental=memory.rental,
        )
        self.memory = memory
        self.clock = DrillClock()
        self.spindle = Spindle()
        self.level = 1
        self.refused_starts = 0
        self.memory_error = ""
        self._clock_refusal = ""
        self._machine = Machine(rated_power_w=max(loads.peak_power_w, RATED_POWER_W))
        self._loads = loads
        self._noise = random.Random(seed)  # noqa: S311  chatter of a cut, no secret
        self._emergency_stop = False
        self._monotonic_ms = monotonic_ms
        self._motor_ms = 0
        self._reported = _Reported()
        self._reported_at: int | None = None

    @property
    def rpm(self) -> int:
        """Whole revolutions per minute; 0 only at rest."""
        return round(self.spindle.rpm)

    @property
    def monotonic_ms(self) -> int:
        """When the newest step ended, or the drill was switched on."""
        return self._monotonic_ms

    @property
    def time_ms(self) -> int:
        """Unix ms, 0 while the clock is unset."""
        return self.clock.time_ms(self._monotonic_ms)

    def apply(self, event: machine.Input) -> str:
        """Give the controller an input; returns why it was refused, or nothing."""
        outcome = machine.apply(self.controller, event)
        self.controller = outcome.controller
        if outcome.refusal and isinstance(event, machine.Pull):
            self.refused_starts += 1
        if not outcome.refusal and isinstance(event, LeaseOffered):
            issued_at = self.controller.newest_issued_at
            floor_ms = max(self.memory.time_floor_ms, min(issued_at, self.time_ms))
            self.memory = replace(self.memory, newest_issued_at=issued_at, time_floor_ms=floor_ms)
        return outcome.refusal

    def set_clock(self, time_ms: int) -> str:
        """Set the clock; returns why it was refused, or nothing."""
        self.clock, refusal = set_clock(
            self.clock,
            time_ms,
            self._monotonic_ms,
            floor_ms=self.memory.time_floor_ms,
            motor_on=self.controller.motor_on,
        )
        unset = self.clock.offset_ms is None
        self._clock_refusal = f"clock not set: {refusal}" if unset else ""
        self._sense()
        return refusal

    def set_memory_error(self, reason: str) -> None:
        """The memory cannot be made durable, for this reason, or (empty) it can again. The motor
        stays as the operator has it; there is no next start."""
        self.memory_error = reason
        self._sense()

    def set_level(self, level: int) -> None:
        """The operator chooses a load level; raises DeviceError unless it is 1, 2 or 3."""
        if type(level) is not int or not 1 <= level <= LEVELS:
            raise DeviceError(f"level must be 1, 2 or 3, not {level!r}")
        self.level = level

    def set_emergency_stop(self, *, pressed: bool) -> None:
        """Press or release the emergency stop. It cuts the power here and now."""
        self._emergency_stop = pressed
        self._sense()

    def step(self, monotonic_ms: int) -> Sample | None:
        """Advance by a step to `monotonic_ms`; returns a sample when one is due."""
        elapsed_ms, self._monotonic_ms = monotonic_ms - self._monotonic_ms, monotonic_ms
        floor_ms = self.memory.time_floor_ms + elapsed_ms
        self.memory = replace(self.memory, time_floor_ms=floor_ms)
        self._count()
        self._renew_nonce()
        motor_on = self.controller.motor_on
        load = self._loads.load(self.level, self._motor_ms)
        self.spindle = advance(
            self.spindle,
            self._machine,
            load,
            self._noise,
            motor_on=motor_on,
            step_ms=self.step_ms,
        )
        if motor_on:
            self._motor_ms += self.step_ms
            self.level = load.level
        self._sense()
        return self._sample() if self._due() else None

    def _renew_nonce(self) -> None:
        """Draw a new nonce when it is time. The one before it counts on, unless the controller was
        held up and it is as old by now as one that was replaced twice."""
        age_ms = self._monotonic_ms - self._drawn_ms
        if age_ms >= NONCE_MS:
            self._drawn_ms = self._monotonic_ms
            before = self.controller.nonces[:1] if age_ms < 2 * NONCE_MS else ()
            self.apply(machine.NoncesDrawn((self._draw_nonce(), *before)))

    def _count(self) -> None:
        """Count the step that ends now as the newest sample said, exactly as the meter will."""
        if not self._reported.motor_on:
            return
        level = self._reported.level
        self.memory = replace(
            self.memory,
            active_ms=_add(self.memory.active_ms, level, self.step_ms),
            rpm_ms=_add(self.memory.rpm_ms, level, self.rpm * self.step_ms),
        )

    def _sense(self) -> None:
        flags = faults(self.spindle, self._machine)
        if self._emergency_stop:
            flags |= ControllerFault.EMERGENCY_STOP
        obstacle = self.memory_error or self._clock_refusal
        self.apply(machine.Sensed(self.time_ms, self.rpm, flags, obstacle))

    def _now(self) -> _Reported:
        return _Reported(
            self.level,
            self.controller.motor_on,
            self.controller.trigger,
            not self.controller.permitted,
            self.controller.fault_flags,
            self.controller.state,
            self.controller.rental,
        )

    def _due(self) -> bool:
        if self.clock.offset_ms is None:
            return False
        if self._reported_at is None or self._now() != self._reported:
            return True
        turning = self.controller.motor_on or self.rpm > 0
        period = SAMPLE_PERIOD_MS if turning else STANDSTILL_PERIOD_MS
        return self._monotonic_ms - self._reported_at >= period

    def _sample(self) -> Sample:
        self._reported, self._reported_at = self._now(), self._monotonic_ms
        rental = self.controller.rental
        self.memory = replace(self.memory, sequence=self.memory.sequence + 1, rental=rental)
        return Sample(
            sequence=self.memory.sequence,
            time_ms=self.time_ms,
            drill=self.controller.provisioning.drill,
            level=self.level,
            motor_on=self.controller.motor_on,
            trigger=self.controller.trigger,
            inhibited=not self.controller.permitted,
            fault_flags=self.controller.fault_flags,
            rpm=self.rpm,
            torque_mnm=round(self.spindle.torque_nm * 1000),
            current_ma=round(self.spindle.current_a * 1000),
            temperature_mc=round(self.spindle.temperature_c * 1000),
            rental=rental,
            odometer=self.memory.odometer,
        )
