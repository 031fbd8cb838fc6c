"""A drill's controller and bridge as real processes, with what can go wrong between them."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import time
import tty
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from device_builders import DRILL, lease_message, make_lease, sign_lease
from device_rig import PATIENCE_S, Bridge, Controller, Oracle, now_ms

from lab.rig.process import wait_until
from lab.rig.services import Mosquitto, free_port
from protocol.messages import Channel, topic
from protocol.records import NO_NONCE

pytestmark = pytest.mark.integration


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def oracle(broker: Mosquitto) -> Iterator[Oracle]:
    with Oracle(broker.port) as oracle:
        yield oracle


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Controller]:
    with Controller(tmp_path) as controller:
        yield controller


@pytest.fixture
def bridge(tmp_path: Path, broker: Mosquitto, controller: Controller) -> Iterator[Bridge]:
    with Bridge(tmp_path, broker.port) as bridge:
        yield bridge


def clock_is_set(controller: Controller) -> None:
    wait_until("the clock", lambda: controller.do("state")["time_ms"] > 0, PATIENCE_S, controller)


def start_drilling(controller: Controller, oracle: Oracle) -> None:
    clock_is_set(controller)
    oracle.lease()
    controller.wait_for("READY")
    assert controller.do("pull")["motor_on"]


def test_drill__no_lease__refuses_and_with_a_lease_starts_on_a_fresh_edge(
    controller: Controller, bridge: Bridge, oracle: Oracle
) -> None:
    oracle.wait_for("locked", lambda: oracle.status is not None and oracle.status.state == "LOCKED")
    refused = controller.do("pull")
    assert (refused["error"], refused["motor_on"], refused["trigger"]) == ("no lease", False, False)
    controller.do("pull", hold=True)
    oracle.lease(8_000)
    controller.wait_for_reason("trigger held")
    controller.do("release")
    controller.wait_for("READY")
    assert controller.do("pull")["state"] == "RUNNING"
    controller.wait_for_reason("lease expired")  # and the stroke goes on
    state = controller.do("state")
    assert (state["state"], state["reason"], state["rpm"]) == ("RUNNING", "lease expired", 2500)
    controller.do("release")
    controller.wait_for("LOCKED")
    assert controller.do("pull")["error"] == "lease expired"
    oracle.wait_for(
        "events",
        lambda: (
            {"unlocked", "started", "stopped", "start_refused"}
            <= {event["event"] for event in oracle.events}
        ),
    )


def test_drill__running__every_sample_arrives_in_order_and_soon(
    controller: Controller, bridge: Bridge, oracle: Oracle
) -> None:
    start_drilling(controller, oracle)
    # Sent as they come: more at once only where this machine is behind.
    oracle.wait_for("samples by themselves", lambda: oracle.alone_and_running > 3)
    time.sleep(3)
    controller.let_go()
    newest = controller.do("state")["sequence"]
    oracle.wait_for("all samples", lambda: newest in oracle.samples)
    assert oracle.order == sorted(set(oracle.order))
    assert sorted(oracle.samples) == list(range(1, newest + 1))
    running = [sample.time_ms for sample in oracle.samples.values() if sample.motor_on]
    steps = {later - earlier for earlier, later in itertools.pairwise(running)}
    assert max(steps) == 100


def test_lease__published__unlocks(controller: Controller, bridge: Bridge, oracle: Oracle) -> None:
    clock_is_set(controller)
    oracle.lease()
    controller.wait_for("READY")


def test_lease__forged_replayed_or_of_the_past__keeps_the_drill_locked(
    controller: Controller, bridge: Bridge, oracle: Oracle
) -> None:
    clock_is_set(controller)
    name = topic(DRILL, Channel.LEASE)
    oracle.wait_for("a nonce", lambda: oracle.nonce != NO_NONCE)

    def is_refused() -> bool:
        lease = make_lease(now_ms(), nonce=oracle.nonce)
        oracle.publish(name, lease_message(lease, sign_lease(lease, b"\x22" * 32)).to_json())
        return any("is signed by" in event["reason"] for event in oracle.events)

    lease = make_lease(now_ms(), nonce=oracle.nonce)
    oracle.lease(issued_at=now_ms() - 60_000)
    oracle.publish(topic(DRILL + 1, Channel.LEASE), lease_message(lease).to_json())
    other = make_lease(now_ms(), drill=DRILL + 1)
    oracle.publish(name, lease_message(other).to_json())
    oracle.publish(name, b"\xff" * 20_000)
    oracle.publish(name, b"{}")
    oracle.wait_for("the forged lease's refusal", is_refused)
    wait_until("the log", lambda: "message dropped" in bridge.log.read_text(), PATIENCE_S, bridge)
    assert controller.do("state")["state"] == "LOCKED"
    oracle.lease()
    controller.wait_for("READY")


def test_port__garbage_on_the_line__is_counted_and_the_drill_goes_on(
    controller: Controller, bridge: Bridge, oracle: Oracle
) -> None:
    start_drilling(controller, oracle)
    line = os.open(controller.port, os.O_RDWR | os.O_NOCTTY)
    for _ in range(50):
        os.write(line, os.urandom(100))  # to the controller, as from a faulty edge box
        time.sleep(0.01)
    os.close(line)
    controller.let_go()
    newest = controller.do("state")["sequence"]
    oracle.wait_for("all samples", lambda: len(oracle.samples) >= newest)
    assert max(oracle.samples) >= newest


def test_controller__killed_and_started_again__never_uses_a_sequence_twice(
    controller: Controller, bridge: Bridge, oracle: Oracle
) -> None:
    taken: dict[int, int] = {}
    for _ in range(3):
        start_drilling(controller, oracle)
        time.sleep(0.5)
        controller.kill()
        time.sleep(0.3)
        for sequence, sample in oracle.samples.items():
            assert taken.setdefault(sequence, sample.time_ms) == sample.time_ms
        controller.start()
        controller.wait_until_up()
    clock_is_set(controller)
    newest = controller.do("state")["sequence"]
    oracle.wait_for("the newest", lambda: newest in oracle.samples)
    by_sequence = [oracle.samples[sequence] for sequence in sorted(oracle.samples)]
    times = [sample.time_ms for sample in by_sequence]
    assert times == sorted(set(times))
    odometer = [sample.odometer.active_ms_1 for sample in by_sequence]
    assert odometer == sorted(odometer)


def test_port__vanishes_and_returns__status_tells_and_samples_go_on(
    controller: Controller, bridge: Bridge, oracle: Oracle
) -> None:
    clock_is_set(controller)
    oracle.wait_for("link up", lambda: oracle.status is not None and oracle.status.link_up)
    controller.stop()
    oracle.wait_for("link down", lambda: oracle.status is not None and not oracle.status.link_up)
    controller.start()
    controller.wait_until_up()
    oracle.wait_for("link up again", lambda: oracle.status is not None and oracle.status.link_up)
    start_drilling(controller, oracle)


def test_bridge__killed_while_drilling__loses_nothing(
    controller: Controller, bridge: Bridge, oracle: Oracle
) -> None:
    start_drilling(controller, oracle)
    for _ in range(3):
        time.sleep(0.7)
        bridge.kill()
        time.sleep(0.3)
        bridge.start()
    time.sleep(0.5)
    controller.do("release")
    newest = controller.do("state")["sequence"]
    oracle.wait_for("all samples", lambda: len(oracle.samples) >= newest)
    assert sorted(oracle.samples)[:newest] == list(range(1, newest + 1))


def test_bridge__oracle_does_not_journal__resends_until_it_does(
    controller: Controller, bridge: Bridge, oracle: Oracle, tmp_path: Path
) -> None:
    oracle.journalling = False
    start_drilling(controller, oracle)
    time.sleep(1)
    controller.let_go()
    oracle.wait_for("samples", lambda: len(oracle.samples) > 10)
    oracle.journalled(0, resend=True)  # a gap: everything again, at once
    oracle.wait_for("the first again", lambda: oracle.order.count(1) == 2)
    oracle.wait_for("again unasked", lambda: oracle.order.count(1) >= 3)
    newest = max(oracle.samples)
    oracle.journalled(newest)
    oracle.journalling = True
    oracle.wait_for("news", lambda: max(oracle.samples) > newest)
    bridge.stop()
    with sqlite3.connect(tmp_path / "spool") as spool:
        (oldest,) = spool.execute("SELECT min(sequence) FROM sample").fetchone()
    spool.close()
    assert oldest is None or oldest > newest


def test_bridge__broker_refuses_then_comes__delivers_what_was_kept(
    controller: Controller, tmp_path: Path
) -> None:
    port = free_port()
    with Bridge(tmp_path, port) as bridge:
        clock_is_set(controller)
        time.sleep(2)
        assert bridge.exit_code is None
        with Mosquitto(tmp_path, port=port), Oracle(port) as oracle:
            oracle.wait_for("the first sample", lambda: 1 in oracle.samples)


def test_bridge__broker_restarts__samples_of_the_meantime_arrive(
    controller: Controller, bridge: Bridge, broker: Mosquitto, oracle: Oracle
) -> None:
    start_drilling(controller, oracle)
    time.sleep(0.5)
    broker.kill()
    time.sleep(1)
    broker.start()
    time.sleep(1)
    controller.do("release")
    newest = controller.do("state")["sequence"]
    oracle.wait_for("all samples", lambda: set(range(1, newest + 1)) <= set(oracle.samples))


def test_bridge__stopped__says_offline_and_killed_lets_the_will_say_it(
    controller: Controller, bridge: Bridge, oracle: Oracle
) -> None:
    oracle.wait_for("online", lambda: oracle.status is not None and oracle.status.online)
    assert bridge.stop() == 0
    oracle.wait_for("offline", lambda: oracle.status is not None and not oracle.status.online)
    assert oracle.status is not None
    assert oracle.status.reason == "stopped"
    bridge.start()
    oracle.wait_for("online", lambda: oracle.status is not None and oracle.status.online)
    bridge.kill()
    oracle.wait_for(
        "the will", lambda: oracle.status is not None and oracle.status.reason == "connection lost"
    )


def test_programs__log_on_a_full_disk__drill_as_ever(
    tmp_path: Path, broker: Mosquitto, oracle: Oracle
) -> None:
    controller, bridge = Controller(tmp_path), Bridge(tmp_path, broker.port)
    controller.log = bridge.log = Path("/dev/full")
    with controller, bridge:
        start_drilling(controller, oracle)
        time.sleep(0.5)
        controller.let_go()
        newest = controller.do("state")["sequence"]
        oracle.wait_for("all samples", lambda: newest in oracle.samples)
        assert bridge.stop() == 0


def test_controller__asked_to_stop__cleans_up_and_ends_with_0(tmp_path: Path) -> None:
    with Controller(tmp_path) as controller:
        controller.process.send_signal(signal.SIGTERM)
        assert controller.process.wait(PATIENCE_S) == 0
        assert not controller.port.is_symlink()
        assert not controller.operator.exists()


def test_controller__second_one_with_the_same_memory__ends_with_2(controller: Controller) -> None:
    second = Controller(controller.log.parent)
    second.start()
    assert second.process.wait(PATIENCE_S) == 2
    assert "in use by another controller" in second.log_end()
    assert controller.do("state")["state"] == "LOCKED"


def test_controller__trace__rpm_torque_and_level_come_from_the_file(
    tmp_path: Path, broker: Mosquitto, oracle: Oracle
) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("\ufeffspeed [rpm],Torque [Nm]\n1551,42.8\n1408,5\n", encoding="utf-8")
    columns = "rpm=speed [rpm],torque=Torque [Nm]"
    options = ("--trace", str(trace), "--columns", columns, "--sample-period-ms", "500")
    with Controller(tmp_path, *options) as controller, Bridge(tmp_path, broker.port):
        start_drilling(controller, oracle)
        time.sleep(1.5)
        controller.let_go()
        oracle.wait_for("news", lambda: not max(oracle.samples.items())[1].motor_on)
        running = {(s.rpm, s.torque_mnm, s.level) for s in oracle.samples.values() if s.rpm > 1400}
    assert {(1551, 42_800, 3), (1408, 5_000, 2)} <= running


def test_bridge__other_drills_controller_at_the_port__is_told_and_nothing_is_taken(
    controller: Controller, broker: Mosquitto, tmp_path: Path
) -> None:
    with Oracle(broker.port, drill=8) as oracle, Bridge(tmp_path, broker.port, drill=8):
        reason = f"the port leads to drill {DRILL}, not 8"
        oracle.wait_for(
            "the reason", lambda: oracle.status is not None and oracle.status.reason == reason
        )
        assert not oracle.samples


def test_bridges__two_with_the_same_ports__each_finds_its_drill(
    tmp_path: Path, broker: Mosquitto
) -> None:
    folders = {drill: tmp_path / str(drill) for drill in (DRILL, DRILL + 1)}
    for folder in folders.values():
        folder.mkdir()
    ports = [folder / "port" for folder in folders.values()]
    with ExitStack() as stack:
        oracles = {}
        for drill, folder in folders.items():
            oracles[drill] = stack.enter_context(Oracle(broker.port, drill=drill))
            stack.enter_context(Controller(folder, drill=drill))
        for drill, folder in reversed(folders.items()):  # the first one takes the wrong port first
            stack.enter_context(Bridge(folder, broker.port, drill=drill, ports=ports))
        for oracle in oracles.values():
            oracle.wait_for("its samples", lambda oracle=oracle: len(oracle.samples) > 2)
        targets = [port.readlink() for port in ports]
        for port, target in zip(ports, reversed(targets), strict=True):  # swapped at the hub
            port.unlink()
            port.symlink_to(target)
        counts = {drill: len(oracle.samples) for drill, oracle in oracles.items()}
        for drill, oracle in oracles.items():
            more = counts[drill] + 2
            oracle.wait_for("more", lambda oracle=oracle, more=more: len(oracle.samples) > more)
            assert {sample.drill for sample in oracle.samples.values()} == {drill}


def test_bridge__controller_of_another_baud_rate__says_that_bytes_come(
    tmp_path: Path, broker: Mosquitto, oracle: Oracle
) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    port = tmp_path / "port"
    port.symlink_to(os.ttyname(slave))
    reason = "bytes come and no frame among them: has the controller another baud rate?"

    def told() -> bool:
        os.write(master, bytes(range(0x80, 0xA0)))  # what comes of frames at another speed
        return oracle.status is not None and oracle.status.reason == reason

    with Bridge(tmp_path, broker.port) as bridge:
        oracle.wait_for("the reason", told)
        wait_until("the log", lambda: reason in bridge.log.read_text(), PATIENCE_S, bridge)
    os.close(master)
    os.close(slave)
