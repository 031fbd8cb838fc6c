"""The simulated drill: samples on a grid, odometer, clock, memory, operator."""

from __future__ import annotations

import itertools
import json
import os
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from device_builders import DRILL, NONCE, NOW_MS, PROVISIONING, make_lease, sign_lease

from device.drill.clock import DrillClock, set_clock
from device.drill.controller import Inhibited, LeaseOffered, Pull, Release
from device.drill.drill import SimulatedDrill, random_nonce
from device.drill.memory import Memory, MemoryFile
from device.drill.operator_socket import command
from device.drill.spindle import PresetLoads
from device.errors import NonVolatileError
from protocol.leases import NONCE_MS
from protocol.sample import Sample
from protocol.serial.payloads import ControllerState


class Bench:
    """A drill and its monotonic time."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.drill = SimulatedDrill(
            PROVISIONING, memory or Memory(), PresetLoads(), 1, 0, draw_nonce=lambda: NONCE
        )
        self.now_ms = 0
        self.samples: list[Sample] = []

    def run(self, ms: int) -> list[Sample]:
        new = []
        for _ in range(ms // 10):
            self.now_ms += 10
            sample = self.drill.step(self.now_ms)
            if sample:
                new.append(sample)
        self.samples += new
        return new

    def unlock(self) -> None:
        self.drill.set_clock(NOW_MS)
        self.lease()

    def lease(self, lasting_ms: int = 20_000) -> None:
        lease = make_lease(self.drill.time_ms, self.drill.time_ms + lasting_ms)
        assert self.drill.apply(LeaseOffered(lease, sign_lease(lease))) == ""


def meter(samples: list[Sample]) -> tuple[list[int], list[int]]:
    """Active ms and rpm * ms by the rule of the protocol, written down anew."""
    active, rpm_ms = [0, 0, 0], [0, 0, 0]
    for earlier, later in itertools.pairwise(samples):
        span = later.time_ms - earlier.time_ms
        if earlier.motor_on and span <= 200:
            active[earlier.level - 1] += span
            rpm_ms[earlier.level - 1] += span * earlier.rpm
    return active, rpm_ms


def test_step__clock_unset__gives_no_samples() -> None:
    assert Bench().run(5_000) == []


def test_step__at_rest_and_running__keeps_the_periods_and_the_grid() -> None:
    bench = Bench()
    bench.unlock()
    bench.run(3_000)
    assert [s.time_ms - NOW_MS for s in bench.samples] == [10, 1010, 2010]
    bench.drill.apply(Pull())
    running = bench.run(1_000)
    times = [s.time_ms for s in running]
    assert times == list(range(times[0], times[0] + 1_000, 100))
    assert all(s.motor_on and not s.inhibited for s in running)
    assert [s.sequence for s in bench.samples] == list(range(1, len(bench.samples) + 1))


def test_step__three_levels__odometer_is_the_meters_active_time() -> None:
    bench = Bench()
    bench.unlock()
    bench.run(500)
    bench.drill.apply(Pull())
    for level in (1, 2, 3):
        bench.drill.set_level(level)
        bench.run(1_230)
    bench.drill.apply(Release())
    bench.run(3_000)
    active, rpm_ms = meter(bench.samples)
    odometer = bench.samples[-1].odometer
    assert list(odometer.active_ms) == active
    assert sum(active) == 3 * 1_230
    for mine, metered in zip(odometer.revolutions, rpm_ms, strict=True):
        assert mine == pytest.approx(metered / 60_000, rel=0.1, abs=2)


def test_step__state_change__is_reported_in_the_next_tick() -> None:
    bench = Bench()
    bench.unlock()
    bench.run(100)
    bench.drill.apply(Pull())
    (started,) = bench.run(10)
    assert (started.motor_on, started.trigger) == (True, True)
    bench.run(500)
    bench.drill.apply(Release())
    (stopped,) = bench.run(10)
    assert (stopped.motor_on, stopped.trigger, stopped.rpm > 0) == (False, False, True)


def test_step__lease_lapses_while_drilling__goes_on_and_locks_at_standstill() -> None:
    bench = Bench()
    bench.drill.set_clock(NOW_MS)
    bench.lease(lasting_ms=500)
    bench.run(10)
    bench.drill.apply(Pull())
    bench.run(2_000)
    assert bench.drill.controller.state is ControllerState.RUNNING
    assert bench.samples[-1].inhibited
    bench.drill.apply(Release())
    bench.run(3_000)
    assert bench.drill.controller.state is ControllerState.LOCKED
    assert bench.drill.apply(Pull()) == "lease expired"


@pytest.mark.parametrize("word", ["a lease", "a refusal"])
def test_step__word_about_another_rental_during_a_stroke__samples_name_it_from_standstill_on(
    word: str,
) -> None:
    bench = Bench()
    bench.unlock()
    bench.run(1_000)
    bench.drill.apply(Pull())
    bench.run(500)
    if word == "a lease":
        lease = replace(make_lease(bench.drill.time_ms, bench.drill.time_ms + 20_000), rental=2)
        assert bench.drill.apply(LeaseOffered(lease, sign_lease(lease))) == ""
    else:
        assert bench.drill.apply(Inhibited("no fresh samples", 2)) == ""
    bench.run(500)
    bench.drill.apply(Release())
    bench.run(5_000)
    begins = next(i for i, sample in enumerate(bench.samples) if sample.motor_on)
    rests = next(i for i, one in enumerate(bench.samples) if i > begins and one.rpm == 0)
    stroke, rest = bench.samples[begins:rests], bench.samples[rests:]
    assert {(sample.motor_on, sample.rental) for sample in stroke} == {(True, 1), (False, 1)}
    assert {(sample.motor_on, sample.rental) for sample in rest} == {(False, 2)}


def test_step__sample_times__rise_strictly_whatever_the_operator_does() -> None:
    bench = Bench()
    bench.unlock()
    for _ in range(30):
        for line in (b'{"do":"pull"}', b'{"do":"level","level":3}', b'{"do":"release"}'):
            command(bench.drill, line)
            bench.run(10)
            command(bench.drill, b'{"do":"level","level":1}')
    times = [s.time_ms for s in bench.samples]
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


def test_command__pull_when_locked__is_refused_and_changes_nothing() -> None:
    bench = Bench()
    bench.drill.set_clock(NOW_MS)
    before = command(bench.drill, b'{"do":"state"}')
    answer = command(bench.drill, b'{"do":"pull"}')
    assert answer.pop("error") == "no lease"
    assert answer == before
    assert bench.drill.refused_starts == 1


def test_command__pull_held__waits_for_a_fresh_edge() -> None:
    bench = Bench()
    bench.drill.set_clock(NOW_MS)
    assert command(bench.drill, b'{"do":"pull","hold":true}')["trigger"] is True
    bench.lease()
    bench.run(1_000)
    assert not bench.drill.controller.motor_on
    assert command(bench.drill, b'{"do":"release"}')["state"] == "READY"
    assert command(bench.drill, b'{"do":"pull"}')["motor_on"] is True


def test_command__emergency_stop__cuts_at_once_and_reset_moves_nothing() -> None:
    bench = Bench()
    bench.unlock()
    bench.run(10)
    command(bench.drill, b'{"do":"pull"}')
    bench.run(500)
    stopped = command(bench.drill, b'{"do":"emergency_stop"}')
    assert (stopped["state"], stopped["motor_on"]) == ("FAULT", False)
    assert command(bench.drill, b'{"do":"pull"}')["state"] == "FAULT"
    command(bench.drill, b'{"do":"emergency_reset"}')
    bench.run(3_000)
    assert command(bench.drill, b'{"do":"state"}')["state"] == "FAULT"  # the finger is still on it
    command(bench.drill, b'{"do":"release"}')
    bench.run(20)
    assert command(bench.drill, b'{"do":"state"}')["state"] == "READY"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"pull", "not a line of JSON"),
        (b"\xff\xfe", "not a line of JSON"),
        (b"[" * 1000, "not a line of JSON"),
        (b"[1]", "expected an object"),
        (b'{"do":"fly"}', "unknown command 'fly'"),
        (b"{}", "unknown command None"),
        (b'{"do":"level","level":4}', "level must be 1, 2 or 3, not 4"),
        (b'{"do":"level","level":true}', "level must be"),
        (b'{"do":"level","level":2.0}', "level must be"),
        (b'{"do":"level","level":"2"}', "level must be"),
    ],
)
def test_command__bad_line__is_answered_with_an_error(line: bytes, message: str) -> None:
    answer = command(Bench().drill, line)
    assert message in answer["error"]
    json.dumps(answer)


def test_set_clock__steps__only_with_the_motor_off_and_back_by_seconds_only() -> None:
    clock, refusal = set_clock(DrillClock(), NOW_MS, 1_000, floor_ms=0, motor_on=False)
    assert (clock.time_ms(1_500), refusal) == (NOW_MS + 500, "")
    assert set_clock(clock, NOW_MS + 49, 1_000, floor_ms=0, motor_on=True) == (clock, "")
    assert set_clock(clock, NOW_MS + 50, 1_000, floor_ms=0, motor_on=True) == (clock, "motor on")
    too_little = set_clock(clock, NOW_MS - 1_999, 1_000, floor_ms=0, motor_on=False)
    assert too_little == (clock, "it is 1999 ms ahead, too little to be set back")
    assert set_clock(clock, NOW_MS - 2_000, 1_000, floor_ms=0, motor_on=True)[1] == "motor on"
    back, refusal = set_clock(clock, NOW_MS - 2_000, 1_000, floor_ms=0, motor_on=False)
    assert (back.time_ms(1_000), refusal) == (NOW_MS - 2_000, "")
    stepped, refusal = set_clock(clock, NOW_MS + 50, 1_000, floor_ms=0, motor_on=False)
    assert (stepped.time_ms(1_000), refusal) == (NOW_MS + 50, "")
    assert "is not a time" in set_clock(clock, 0, 1_000, floor_ms=0, motor_on=False)[1]
    assert "is not a time" in set_clock(clock, 2**63, 1_000, floor_ms=0, motor_on=False)[1]


def test_set_clock__before_the_floor__is_refused() -> None:
    clock, refusal = set_clock(DrillClock(), NOW_MS - 1, 1_000, floor_ms=NOW_MS, motor_on=False)
    assert (clock, refusal) == (DrillClock(), f"{NOW_MS - 1} is past: it has been {NOW_MS}")
    clock, refusal = set_clock(DrillClock(), NOW_MS, 1_000, floor_ms=NOW_MS, motor_on=False)
    assert (clock.time_ms(1_000), refusal) == (NOW_MS, "")
    assert set_clock(clock, NOW_MS - 1, 1_000, floor_ms=NOW_MS, motor_on=False) == (clock, "")


def test_drill__withheld_lease_and_a_clock_set_back__stays_locked_after_a_power_cycle() -> None:
    bench = Bench()
    bench.unlock()
    withheld = make_lease(NOW_MS + 30_000)
    bench.run(120_000)
    again = Bench(bench.drill.memory).drill
    refusal = again.set_clock(NOW_MS + 31_000)
    assert refusal == f"{NOW_MS + 31_000} is past: it has been {NOW_MS + 120_000}"
    assert again.controller.reason == f"clock not set: {refusal}"
    assert again.apply(LeaseOffered(withheld, sign_lease(withheld))) != ""
    assert again.controller.state is ControllerState.LOCKED
    assert again.set_clock(NOW_MS + 120_000) == ""
    assert again.controller.reason == "no lease"
    assert "expired" in again.apply(LeaseOffered(withheld, sign_lease(withheld)))


def drawing(memory: Memory | None = None, first: int = 1) -> SimulatedDrill:
    """One that draws a number of its own each time."""
    drawn = itertools.count(first)
    return SimulatedDrill(
        PROVISIONING, memory or Memory(), PresetLoads(), 1, 0, draw_nonce=lambda: next(drawn)
    )


def answer(drill: SimulatedDrill, nonce: int) -> str:
    """Why a lease that is good but for its nonce is refused."""
    lease = make_lease(drill.time_ms, nonce=nonce)
    return drill.apply(LeaseOffered(lease, sign_lease(lease)))


def test_drill__lease_that_it_never_saw_is_played_after_a_power_cycle__stays_locked() -> None:
    """Its memory knows of no lease, so any clock may be set, and to the lease's own time."""
    drill = drawing()
    drill.set_clock(NOW_MS)
    withheld = make_lease(NOW_MS, nonce=drill.controller.nonces[0])
    again = drawing(drill.memory, first=1_000)
    assert again.set_clock(NOW_MS) == ""
    assert "answers nonce 1," in again.apply(LeaseOffered(withheld, sign_lease(withheld)))
    again.step(10)
    assert again.apply(Pull()) != ""
    assert again.controller.state is ControllerState.LOCKED


def test_drill__lease_withheld_from_a_controller_without_a_clock__is_refused_once_it_is_old() -> (
    None
):
    """Whoever holds the line sets the clock when he likes, and to what he likes."""
    for late_ms, refused in ((2 * NONCE_MS - 10, False), (2 * NONCE_MS, True)):
        drill = drawing()
        withheld = make_lease(NOW_MS, nonce=1)
        for now_ms in range(10, late_ms + 10, 10):
            drill.step(now_ms)
        assert drill.set_clock(NOW_MS) == ""
        refusal = drill.apply(LeaseOffered(withheld, sign_lease(withheld)))
        assert ("answers nonce 1," in refusal) is refused, late_ms


def test_step__nonce_in_use_for_its_time__is_replaced_and_counts_once_more() -> None:
    drill = drawing()
    seen = [drill.controller.nonces]
    for now_ms in range(10, 3 * NONCE_MS + 10, 10):
        drill.step(now_ms)
        if drill.controller.nonces != seen[-1]:
            assert now_ms % NONCE_MS == 0
            seen.append(drill.controller.nonces)
    assert seen == [(1,), (2, 1), (3, 2), (4, 3)]
    drill.set_clock(NOW_MS)
    assert [answer(drill, nonce) == "" for nonce in (2, 3)] == [False, True]


@pytest.mark.parametrize(
    ("held_up_ms", "counts"), [(2 * NONCE_MS - 10, (2, 1)), (2 * NONCE_MS, (2,))]
)
def test_step__held_up__the_nonce_before_counts_only_if_it_is_not_too_old(
    held_up_ms: int, counts: tuple[int, ...]
) -> None:
    drill = drawing()
    drill.step(held_up_ms)
    assert drill.controller.nonces == counts


def test_random_nonce__drawn_often__is_another_each_time_and_of_128_bits() -> None:
    drawn = {random_nonce() for _ in range(1_000)}
    assert len(drawn) == 1_000
    assert all(0 < nonce < 2**128 for nonce in drawn)
    assert max(drawn) > 2**120


def test_drill__clock_set_far_ahead__comes_right_at_rest_and_takes_leases_again() -> None:
    bench = Bench()
    bench.unlock()
    bench.run(1_000)
    assert bench.drill.set_clock(NOW_MS + 10**9) == ""
    bench.run(60_000)
    again = Bench(bench.drill.memory).drill
    assert again.set_clock(NOW_MS + 61_000) == ""
    assert bench.drill.set_clock(NOW_MS + 61_000) == ""
    bench.lease()
    bench.run(10)
    assert bench.drill.controller.state is ControllerState.READY


def test_drill__lease_accepted_by_a_clock_ahead__it_is_not_set_back_to_bring_it_to_life() -> None:
    bench = Bench()
    bench.drill.set_clock(NOW_MS + 30_000)
    bench.lease(lasting_ms=5_000)
    bench.run(10_000)
    refusal = bench.drill.set_clock(NOW_MS + 10_000)
    assert refusal == f"{NOW_MS + 10_000} is past: it has been {NOW_MS + 40_000}"
    assert bench.drill.controller.reason == "lease expired"


def test_drill__lease_of_an_oracle_whose_clock_is_ahead__does_not_push_the_floor() -> None:
    bench = Bench()
    bench.drill.set_clock(NOW_MS)
    lease = make_lease(NOW_MS + 1_500)
    assert bench.drill.apply(LeaseOffered(lease, sign_lease(lease))) == ""
    assert bench.drill.memory.time_floor_ms == NOW_MS


MEMORY = Memory(5, (1, 2, 3), (60_000, 119_999, 120_000), NOW_MS, NOW_MS + 1)


def test_memory_file__written__is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    file = MemoryFile(path, DRILL)
    assert file.memory == Memory()
    file.write(Memory(4))
    file.write(MEMORY)
    file.close()
    again = MemoryFile(path, DRILL)
    assert again.memory == MEMORY
    assert again.memory.odometer.revolutions == (1, 1, 2)
    again.close()


def former_slot(generation: int, *numbers: int) -> bytes:
    """A slot as the release before samples named their rentals wrote it."""
    body = struct.pack(">4sI10Q", b"SDNV", DRILL, generation, *numbers)
    return body + struct.pack(">I", zlib.crc32(body))


def test_memory_file__of_the_former_layout__is_taken_over_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    numbers = (5, 1, 2, 3, 60_000, 119_999, 120_000, NOW_MS, NOW_MS + 1)
    before = former_slot(8, 4, *numbers[1:])
    path.write_bytes(before.ljust(4096, b"\0") + former_slot(9, *numbers))
    file = MemoryFile(path, DRILL)
    assert file.memory == MEMORY
    assert file.memory.rental == 0
    file.write(replace(MEMORY, sequence=6, rental=7))
    file.close()
    content = path.read_bytes()
    assert (content[:4], content[4096:4100]) == (b"SDN2", b"SDNV")
    again = MemoryFile(path, DRILL)
    assert again.memory == replace(MEMORY, sequence=6, rental=7)
    again.write(replace(MEMORY, sequence=7, rental=7))
    again.close()
    assert path.read_bytes()[4096:4100] == b"SDN2"


@pytest.mark.parametrize("length", [0, 10, 91])
def test_memory_file__write_cut_short__leaves_the_one_before(tmp_path: Path, length: int) -> None:
    path = tmp_path / "memory"
    file = MemoryFile(path, DRILL)
    file.write(Memory(1))  # generation 2, slot 0
    file.write(Memory(2))  # generation 3, slot 4096
    file.close()
    data = bytearray(path.read_bytes())
    data[4096 + length : 4096 + 92] = os.urandom(92 - length)
    path.write_bytes(data)
    damaged = MemoryFile(path, DRILL)
    assert damaged.memory == Memory(1)
    damaged.close()


@pytest.mark.parametrize("slot", [0, 4096])
def test_memory_file__one_slot_of_a_newer_release__is_refused_and_left_alone(
    tmp_path: Path, slot: int
) -> None:
    """As after a way back: going on from the other slot would use numbers twice."""
    path = tmp_path / "memory"
    file = MemoryFile(path, DRILL)
    file.write(Memory(1))
    file.write(Memory(2))
    file.close()
    data = bytearray(path.read_bytes())
    data[slot : slot + 4] = b"SDN3"
    path.write_bytes(data)
    with pytest.raises(NonVolatileError, match=r"newer release, in the layout b'SDN3': install"):
        MemoryFile(path, DRILL)
    assert path.read_bytes() == data


def test_memory_file__both_slots_damaged__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    path.write_bytes(b"garbage")
    with pytest.raises(NonVolatileError, match="both slots are damaged"):
        MemoryFile(path, DRILL)


def test_memory_file__of_another_drill_or_in_use__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    file = MemoryFile(path, DRILL)
    with pytest.raises(NonVolatileError, match="in use"):
        MemoryFile(path, DRILL)
    file.close()
    with pytest.raises(NonVolatileError, match="memory of drill 7, not of drill 8"):
        MemoryFile(path, 8)


def test_memory_file__no_such_folder__is_refused(tmp_path: Path) -> None:
    with pytest.raises(NonVolatileError, match="No such file"):
        MemoryFile(tmp_path / "none" / "memory", DRILL)
