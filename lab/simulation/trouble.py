"""Which fault strikes when: each world has some kinds of trouble and is spared the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from lab.simulation.box import SimBridge, SimOracle
from lab.simulation.broker import SimBroker
from lab.simulation.chain import SimChain
from lab.simulation.chance import EventTally, SeededDice
from lab.simulation.drill import SimDrill
from lab.simulation.line import SimLine
from lab.simulation.node import SimNode
from lab.simulation.store import Disk
from lab.simulation.truth import WorldTruth


class TroubleStage(Protocol):
    """What of a world a fault may touch."""

    dice: SeededDice
    tally: EventTally
    truth: WorldTruth
    chain: SimChain
    broker: SimBroker
    disk: Disk
    oracle: SimOracle
    bridges: list[SimBridge]
    drills: list[SimDrill]
    lines: list[SimLine]
    nodes: list[SimNode]
    now_ms: int
    mining: bool
    share: float

    def kill_oracle(self, down_ms: int, *, power: bool = False) -> None:
        """The oracle is gone for so long."""

    def set_clock(self, wrong_ms: int) -> None:
        """The box's clock is so far ahead."""


End = Callable[[], None]
Strike = Callable[[TroubleStage], End | None]

DEEPEST_REORGANISATION = 64


def _nothing() -> None:
    """What strikes once needs no end."""


def _kill_oracle(world: TroubleStage) -> None:
    world.tally.faults["oracle killed between two steps"] += 1
    world.kill_oracle(world.dice.randrange(50, 8_000))


def _kill_oracle_within(world: TroubleStage) -> None:
    world.oracle.fuse.left = world.dice.randrange(1, 200)


def _kill_bridge(world: TroubleStage) -> None:
    world.tally.faults["bridge killed between two steps"] += 1
    world.dice.choice(world.bridges).kill(world.dice.randrange(50, 6_000))


def _kill_bridge_within(world: TroubleStage) -> None:
    world.dice.choice(world.bridges).fuse.left = world.dice.randrange(1, 60)


def _power_off_drill(world: TroubleStage) -> None:
    world.tally.faults["controller loses power"] += 1
    world.dice.choice(world.drills).lose_power(world.now_ms, world.dice.randrange(200, 5_000))


def _power_off_drill_within(world: TroubleStage) -> None:
    world.dice.choice(world.drills).fuse.left = world.dice.randrange(1, 80)


def _power_cut(world: TroubleStage) -> None:
    """Box and drills at once; the tally file, which nobody waits for, may be an older one."""
    world.tally.faults["power cut of box and drills"] += 1
    off_ms = world.dice.randrange(1_000, 10_000)
    world.kill_oracle(off_ms, power=True)
    for bridge in world.bridges:
        bridge.kill(off_ms)
    for drill in world.drills:
        drill.lose_power(world.now_ms, off_ms)


def _rpc_fails(world: TroubleStage) -> End:
    world.oracle.weather.failing = world.dice.choice((0.05, 0.3, 0.3, 0.9, 1.0))

    def end() -> None:
        world.oracle.weather.failing = 0

    return end


def _rpc_slow(world: TroubleStage) -> End:
    world.oracle.weather.slow = world.dice.choice((0.1, 0.5))

    def end() -> None:
        world.oracle.weather.slow = 0

    return end


def _rpc_stale(world: TroubleStage) -> End:
    world.oracle.weather.stale_blocks = world.dice.randrange(1, 12)

    def end() -> None:
        world.oracle.weather.stale_blocks = 0

    return end


def _rpc_refuses(world: TroubleStage) -> End:
    world.oracle.weather.refusing = True

    def end() -> None:
        world.oracle.weather.refusing = False

    return end


def _rpc_forgets(world: TroubleStage) -> End:
    world.oracle.weather.forgetting = 0.5

    def end() -> None:
        world.oracle.weather.forgetting = 0

    return end


def _reorganisation(world: TroubleStage) -> None:
    dice = world.dice
    deep = dice.hits(0.3)
    depth = dice.randrange(1, DEEPEST_REORGANISATION + 1) if deep else dice.randrange(1, 6)
    depth = min(depth, len(world.chain.blocks) - 2)
    if depth > 0:
        kind = "over 5 blocks" if depth > 5 else f"of {depth}"
        world.tally.faults[f"reorganisation {kind}"] += 1
        world.tally.deepest = max(world.tally.deepest, depth)
        world.chain.reorganise(depth, dropped=dice.choice((0, 0, 0.3)))


def _chain_stands(world: TroubleStage) -> End:
    world.tally.faults["chain stands still"] += 1
    world.mining = False

    def end() -> None:
        world.mining = True

    return end


def _blocks_leave_out(world: TroubleStage) -> End:
    world.tally.faults["blocks leave transactions out"] += 1
    world.share = 0.3

    def end() -> None:
        world.share = 1.0

    return end


def _broker_restarts(world: TroubleStage) -> None:
    world.tally.faults["broker restarts and forgets"] += 1
    world.broker.restart(world.dice.randrange(100, 6_000))


def _connection_lost(world: TroubleStage) -> None:
    clients = world.broker.clients
    if clients:
        world.tally.faults["connection to the broker lost"] += 1
        world.broker.cut(world.dice.choice(clients), forget=world.dice.hits(0.7))


def _bad_broker(world: TroubleStage) -> End:
    manners, dice = world.broker.manners, world.dice
    manners.lost = dice.choice((0, 0.05, 0.4))
    manners.repeated = dice.choice((0, 0.05, 0.4))
    manners.delayed = dice.choice((0, 0.05, 0.5))

    def end() -> None:
        manners.lost = manners.repeated = manners.delayed = 0

    return end


def _noise(world: TroubleStage) -> End:
    noise, dice = world.dice.choice(world.lines).noise, world.dice
    noise.flipped = dice.choice((0, 0.1, 0.5))
    noise.cut_short = dice.choice((0, 0.1, 0.3))
    noise.lost = dice.choice((0, 0.1, 0.5))
    noise.repeated = dice.choice((0, 0.1, 0.5))
    noise.garbage = dice.choice((0, 0.1, 0.5))

    def end() -> None:
        noise.flipped = noise.cut_short = noise.lost = noise.repeated = noise.garbage = 0

    return end


def _withhold_leases(world: TroubleStage) -> End:
    """Somebody holds the line of a drill: of one that knows of no lease yet, if there is any, for
    that one takes any clock."""
    lines = list(zip(world.drills, world.lines, strict=True))
    fresh = [one for one in lines if one[0].memory.newest_issued_at == 0]
    drill, line = world.dice.choice(fresh or lines)
    line.withholding = True

    def end() -> None:
        line.withholding = False
        if line.withheld:
            drill.lose_power(world.now_ms, world.dice.randrange(200, 5_000))
            drill.played_to = True

    return end


def _unplug(world: TroubleStage) -> End:
    world.tally.faults["serial line unplugged"] += 1
    line = world.dice.choice(world.lines)
    line.unplug()

    def end() -> None:
        line.plugged = True

    return end


def _disk_full(world: TroubleStage) -> End:
    world.disk.full = True

    def end() -> None:
        world.disk.full = False

    return end


def _disk_fails(world: TroubleStage) -> End:
    world.disk.failing = world.dice.choice((0.05, 0.5, 1.0))

    def end() -> None:
        world.disk.failing = 0

    return end


def _disk_ambiguous(world: TroubleStage) -> End:
    world.disk.ambiguous = world.dice.choice((0.1, 0.5))

    def end() -> None:
        world.disk.ambiguous = 0

    return end


def _disk_slow(world: TroubleStage) -> End:
    world.disk.slow_ms = world.dice.choice((50, 200, 800))

    def end() -> None:
        world.disk.slow_ms = 0

    return end


def _memory_fails(world: TroubleStage) -> End:
    drill = world.dice.choice(world.drills)
    drill.memory_fails = True

    def end() -> None:
        drill.memory_fails = False

    return end


def _emergency_stop(world: TroubleStage) -> End:
    drill = world.dice.choice(world.drills)
    if drill.firmware is None:
        return _nothing
    world.tally.faults["emergency stop"] += 1
    drill.firmware.drill.set_emergency_stop(pressed=True)

    def end() -> None:
        if drill.firmware is not None:
            drill.firmware.drill.set_emergency_stop(pressed=False)

    return end


def _clock_jump(world: TroubleStage) -> End:
    """The box's clock is wrong for a while, as before the time server is heard."""
    dice = world.dice
    jump_ms = dice.choice((500, 3_000, 20_000, 50_000, 3_600_000)) * dice.choice((-1, 1))
    world.set_clock(jump_ms)
    world.tally.faults["clock jumps forward" if jump_ms > 0 else "clock jumps back"] += 1

    def end() -> None:
        world.set_clock(0)

    return end


def _clock_off(world: TroubleStage) -> End:
    """The box's clock is a little wrong for long: within what leases are given at, or near it."""
    off_ms = world.dice.randrange(500, 14_000) * world.dice.choice((-1, 1))
    world.set_clock(off_ms)
    world.tally.faults["clock off for long, " + ("ahead" if off_ms > 0 else "behind")] += 1

    def end() -> None:
        world.set_clock(0)

    return end


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault: how it strikes, and how long it lasts at most."""

    name: str
    strike: Strike
    longest_ms: int = 0
    often: float = 1.0


KINDS = (
    Kind("oracle killed", _kill_oracle, often=2),
    Kind("oracle killed within", _kill_oracle_within, often=3),
    Kind("bridge killed", _kill_bridge),
    Kind("bridge killed within", _kill_bridge_within, often=2),
    Kind("controller off", _power_off_drill),
    Kind("controller off within", _power_off_drill_within),
    Kind("power cut", _power_cut),
    Kind("rpc fails", _rpc_fails, 25_000, 2),
    Kind("rpc slow", _rpc_slow, 20_000),
    Kind("rpc stale", _rpc_stale, 20_000),
    Kind("rpc refuses", _rpc_refuses, 15_000),
    Kind("rpc forgets", _rpc_forgets, 20_000),
    Kind("reorganisation", _reorganisation, often=3),
    Kind("chain stands", _chain_stands, 40_000),
    Kind("blocks leave out", _blocks_leave_out, 20_000),
    Kind("broker restarts", _broker_restarts, often=2),
    Kind("connection lost", _connection_lost),
    Kind("bad broker", _bad_broker, 20_000, 2),
    Kind("noise", _noise, 20_000, 2),
    Kind("unplugged", _unplug, 12_000),
    Kind("leases withheld", _withhold_leases, 20_000),
    Kind("disk full", _disk_full, 15_000),
    Kind("disk fails", _disk_fails, 10_000),
    Kind("disk ambiguous", _disk_ambiguous, 10_000),
    Kind("disk slow", _disk_slow, 10_000),
    Kind("memory fails", _memory_fails, 8_000),
    Kind("emergency stop", _emergency_stop, 5_000),
    Kind("clock", _clock_jump, 20_000),
    Kind("clock off", _clock_off, 180_000),
)


@dataclass(eq=False)
class Trouble:
    """The troubles of one world."""

    world: TroubleStage
    kinds: tuple[Kind, ...]
    per_minute: float
    muted: frozenset[str] = frozenset()
    over: bool = False
    story: list[tuple[int, str]] = field(default_factory=list)
    """What struck when, true ms."""

    _active: list[tuple[int, str, End]] = field(default_factory=list)

    def tick(self, now_ms: int, elapsed_ms: int) -> None:
        """Maybe something begins; what has lasted long enough ends."""
        for one in [one for one in self._active if one[0] <= now_ms]:
            self._active.remove(one)
            one[2]()
        if self.over or not self.kinds:
            return
        dice = self.world.dice
        if dice.hits(self.per_minute * elapsed_ms / 60_000):
            kind = dice.choices(self.kinds, [one.often for one in self.kinds])[0]
            if all(name != kind.name for _, name, _ in self._active):
                if kind.name in self.muted:
                    return
                self.story.append((now_ms, kind.name))
                end = kind.strike(self.world)
                if end is not None:
                    until_ms = now_ms + dice.randrange(200, kind.longest_ms)
                    self._active.append((until_ms, kind.name, end))

    def stop(self) -> None:
        """All is well from now on."""
        self.over = True
        for _, _, end in self._active:
            end()
        self._active.clear()
