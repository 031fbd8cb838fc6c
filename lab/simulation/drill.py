"""A drill: the real firmware and controller, an operator's hand on the trigger, and the mains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from device.drill.controller import Pull, Release
from device.drill.drill import SimulatedDrill
from device.drill.firmware import Firmware
from device.drill.memory import Memory
from device.drill.spindle import PresetLoads
from device.drill.uplink import Uplink
from device.errors import NonVolatileError
from lab.simulation.chance import EventTally, Fuse, Killed, SeededDice
from lab.simulation.line import SimLine
from lab.simulation.truth import TrueStroke, WorldTruth
from protocol.leases import Provisioning
from protocol.sample import Sample
from protocol.serial.payloads import ControllerState

CLOCK_NOT_SET = "clock not set"
OFF_MS = 60_000
"""At least as long as a lease may be ahead of the true time: with a clock further ahead the oracle
takes the chain to have stopped, and issues none."""

ACCOMPLICE_MS = 2_000
"""For so long after leases were played somebody waits to pull the trigger."""

STEP_MS = 50
"""Five times coarser than the process at a pseudo-terminal; it divides the sample period."""


class RecordedDrill(SimulatedDrill):
    """Has it recorded when each sample was made, and for whom the motor ran or the spindle still
    turns."""

    truth: WorldTruth
    whose: Callable[[], int]
    true_ms: Callable[[], int]
    turning_for: int = 0

    def step(self, monotonic_ms: int) -> Sample | None:
        """Advance."""
        sample = super().step(monotonic_ms)
        if sample is not None:
            turning = sample.motor_on or sample.rpm > 0
            self.turning_for = (self.whose() or self.turning_for) if turning else 0
            self.truth.owners.setdefault(sample.drill, {})[sample.sequence] = self.turning_for
            self.truth.made.setdefault(sample.drill, {})[sample.sequence] = self.true_ms()
        return sample


class RecordedUplink(Uplink):
    """Queues samples, and has them recorded."""

    truth: WorldTruth
    drill: int

    def add(self, sequence: int, encoded: bytes) -> None:
        """Queue one."""
        self.truth.sample(self.drill, sequence, encoded)
        super().add(sequence, encoded)

    def waiting(self) -> set[int]:
        """What power loss would take."""
        return {*self._ring}


@dataclass
class SimulatedHand:
    """The operator: eager in the time of trouble, away after it."""

    pulls_per_second: float
    longest_ms: int
    pulled_until_ms: int | None = None
    away: bool = False


@dataclass(eq=False)
class SimDrill:
    """One drill."""

    provisioning: Provisioning
    line: SimLine
    truth: WorldTruth
    dice: SeededDice
    tally: EventTally
    hand: SimulatedHand
    drift_ppm: int
    memory: Memory = field(default_factory=Memory)
    memory_fails: bool = False
    firmware: Firmware | None = None
    off_until_ms: int = 0
    stroke: TrueStroke | None = None
    played_to: bool = False
    """Whoever holds the line plays leases at the next power-up, and pulls the trigger."""

    def __post_init__(self) -> None:
        self.fuse = Fuse("controller", self.tally)
        self._booted_ms = 0
        self._now_ms = 0
        self._accomplice_until_ms = 0

    @property
    def number(self) -> int:
        """The drill's."""
        return self.provisioning.drill

    def _monotonic(self, now_ms: int) -> int:
        """Its own crystal, from 0 at power-up."""
        return (now_ms - self._booted_ms) * (1_000_000 + self.drift_ppm) // 1_000_000

    def _power_up(self, now_ms: int) -> None:
        self._booted_ms = now_ms
        drill = RecordedDrill(
            self.provisioning,
            self.memory,
            PresetLoads(),
            self.dice.randrange(2**32),
            0,
            step_ms=STEP_MS,
            draw_nonce=lambda: 1 + self.dice.getrandbits(127),
        )
        drill.truth = self.truth
        drill.whose = lambda: 0 if self.stroke is None else self.stroke.lease.rental
        drill.true_ms = lambda: self._now_ms
        self.firmware = Firmware(drill, self._remember)
        uplink = RecordedUplink(self.number, self.memory.sequence + 1)
        uplink.truth, uplink.drill = self.truth, self.number
        self.firmware.uplink = uplink
        if self.played_to:
            self.tally.faults["leases withheld and played after a power-up"] += 1
            self.line.play()
            self.played_to, self._accomplice_until_ms = False, now_ms + ACCOMPLICE_MS

    def lose_power(self, now_ms: int, off_ms: int) -> None:
        """What was not durable is gone."""
        if self.firmware is not None:
            uplink = self.firmware.uplink
            assert isinstance(uplink, RecordedUplink)
            self.truth.lost.setdefault(self.number, set()).update(uplink.waiting())
            self._stroke_ends()
        self.firmware = None
        self.hand.pulled_until_ms = None
        self.fuse.left = None
        self.off_until_ms = now_ms + off_ms
        self.line.down.clear()

    def switch_off_until_its_clock_can_be_set(self, now_ms: int) -> None:
        """What docs/controller.md asks of whoever stands beside a drill that has accepted a lease
        while the box's clock was ahead, and lost power: with power the floor of its clock moves on
        as fast as the time, and stays ahead of it."""
        firmware = self.firmware
        if firmware is not None and firmware.drill.controller.reason.startswith(CLOCK_NOT_SET):
            self.tally.seen["switched off until its clock could be set"] += 1
            self.lose_power(now_ms, OFF_MS)

    def _remember(self, memory: Memory) -> None:
        self.fuse.touch("memory")
        if self.memory_fails:
            self.tally.faults["controller's memory fails"] += 1
            raise NonVolatileError("simulated failure")
        self.memory = memory
        self.fuse.touch("after memory")

    def tick(self, now_ms: int) -> None:
        """Go on until now."""
        self._now_ms = now_ms
        if self.firmware is None:
            if now_ms < self.off_until_ms:
                return
            self._power_up(now_ms)
        try:
            self._run(now_ms)
        except Killed:
            self.lose_power(now_ms, self.dice.randrange(200, 4_000))

    def _run(self, now_ms: int) -> None:
        firmware = self.firmware
        assert firmware is not None
        monotonic_ms = self._monotonic(now_ms)
        firmware.run_until(monotonic_ms)
        data = bytes(self.line.down)
        self.line.down.clear()
        firmware.receive(data, monotonic_ms)
        self._watch()
        self._operate(firmware, now_ms)
        self._watch()
        self.fuse.touch("serial write")
        self.line.carry(self.line.up, firmware.send(monotonic_ms))

    def _operate(self, firmware: Firmware, now_ms: int) -> None:
        hand, drill = self.hand, firmware.drill
        if hand.pulled_until_ms is not None:
            if now_ms >= hand.pulled_until_ms or hand.away:
                hand.pulled_until_ms = None
                drill.apply(Release())
        elif not hand.away and (
            self._accomplice(firmware, now_ms) or self.dice.hits(hand.pulls_per_second / 10)
        ):
            if self.dice.hits(0.5):
                drill.set_level(self.dice.randrange(1, 4))
            hand.pulled_until_ms = now_ms + self.dice.randrange(100, hand.longest_ms)
            drill.apply(Pull())
            self.tally.seen["trigger pulled"] += 1

    def _accomplice(self, firmware: Firmware, now_ms: int) -> bool:
        """Whether somebody stands there who knows that leases are being played."""
        ready = firmware.drill.controller.state is ControllerState.READY
        return ready and now_ms < self._accomplice_until_ms

    def _watch(self) -> None:
        """Record when the motor gets power, and on which word."""
        assert self.firmware is not None
        controller = self.firmware.drill.controller
        if controller.motor_on and self.stroke is None:
            assert controller.lease is not None, "the motor has power and there is no lease"
            time_ms = self.firmware.drill.time_ms
            self.stroke = TrueStroke(
                self.number, controller.lease, time_ms, self._now_ms, self._booted_ms
            )
            self.truth.strokes.append(self.stroke)
            self.tally.seen["motor started"] += 1
        elif not controller.motor_on:
            self._stroke_ends()

    def _stroke_ends(self) -> None:
        if self.stroke is not None and self.firmware is not None:
            self.stroke.to_time_ms = self.firmware.drill.time_ms
        self.stroke = None

    def unacknowledged(self) -> int:
        """Samples that wait for the bridge."""
        return 0 if self.firmware is None else self.firmware.uplink.unacknowledged
