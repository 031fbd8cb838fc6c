"""How many samples one edge box takes in, from the broker through meter and journal to signatures.

A feeder plays the bridges: each drill sends its samples, ten a second, so many to a message, sealed
and at QoS 1. The box is the oracle's edge side in a process of its own (`ingest_box`): it checks,
orders, journals, meters, signs a receipt a second for each drill, grants leases, and acknowledges
what is durable. A sample's delay runs from its own time to the end of the commit that holds it, so
it counts whatever waits: for the message to fill, for the broker, for the disk. With several
oracles each has a part of the drills, as the boxes of a fleet have.

Broker and feeder run on the same cores. What they took of them is told, and what everybody else on
the machine took meanwhile. Beside it a bare paho client that subscribes to the same and throws
everything away.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from lab.bench.ingest_box import READY, message_key
from lab.bench.mqtt import RawPublisher, publish
from lab.rig.errors import RigError
from lab.rig.services import ROOT, Mosquitto
from protocol.leases import NONCE_MS
from protocol.messages import Channel, JournalledMessage, encode_samples, parse_message, topic
from protocol.records import Registers
from protocol.sample import SAMPLE_PERIOD_MS, ControllerFault, Sample
from protocol.sealing import seal, unseal

CONNECTIONS = 8
SAMPLES_PER_MESSAGE = 5
"""As a bridge sends with `gather_ms = 400`. Without it each sample is a message of its own, and
costs the box two or three times as much."""

SETTLE_SECONDS = 15.0
AIM_DELAY_MS = 1_000


@dataclass(frozen=True, slots=True)
class IngestFigure:
    """One run. `delay_ms` are the 50th, 95th and 99th percentile and the longest.

    `cores` says how many cores, on average over the run, were busy with the oracles, the broker,
    the feeder with its listener, and everybody else on the machine.
    """

    drills: int
    oracles: int
    samples_per_message: int
    offered_per_second: int
    taken_per_second: float
    acknowledged: int
    sent: int
    delay_ms: tuple[int, int, int, int]
    cpu_microseconds_per_sample: float
    cores: tuple[float, float, float, float]
    bare_per_second: int
    bare_cpu_microseconds_per_sample: float

    @property
    def behind(self) -> bool:
        """Whether the box could not keep up: a sample was not durable in time."""
        return self.acknowledged < self.sent or self.delay_ms[-1] > AIM_DELAY_MS


INGEST_HEADING = (
    "| drills | oracles | samples a second | durable after ms: half, 95 %, 99 %, all | lost "
    "| us of CPU each | cores busy: oracles, broker, feeder, others "
    "| a bare paho subscriber: samples a second, us of CPU |\n|---|---|---|---|---|---|---|---|"
)


def ingest_row(one: IngestFigure) -> str:
    """A line of the table."""
    delays = ", ".join(f"{ms:,}" for ms in one.delay_ms)
    return (
        f"| {one.drills:,} | {one.oracles} | {one.offered_per_second:,} | {delays} "
        f"| {one.sent - one.acknowledged} | {one.cpu_microseconds_per_sample} "
        f"| {', '.join(map(str, one.cores))} | {one.bare_per_second:,}, "
        f"{one.bare_cpu_microseconds_per_sample} |"
    )


@dataclass
class AckListener:
    """Hears how far each drill's samples are acknowledged."""

    journalled: dict[int, int] = field(default_factory=dict)

    def on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        """Take an acknowledgement."""
        drill = int(message.topic.split("/")[1])
        payload = unseal(message_key(drill), message.topic, bytes(message.payload))
        sequence = parse_message(JournalledMessage, drill, payload).sequence
        self.journalled[drill] = max(sequence, self.journalled.get(drill, 0))


def sample_of(drill: int, sequence: int, first_ms: int) -> Sample:
    """What a turning drill reports; the first sample is at rest, as a rental begins."""
    on = sequence > 1
    return Sample(
        sequence=sequence,
        time_ms=first_ms + sequence * SAMPLE_PERIOD_MS,
        drill=drill,
        level=1 + sequence // 100 % 3,
        motor_on=on,
        trigger=on,
        inhibited=False,
        fault_flags=ControllerFault.NONE,
        rpm=1_000 if on else 0,
        torque_mnm=800,
        current_ma=2_000,
        temperature_mc=30_000,
        rental=drill,
        odometer=Registers(),
    )


def prepare(drills: int, each: int, per_message: int, first_ms: int) -> list[list[bytes]]:
    """Packets by tick of 100 ms and connection: drills send at different ticks, so that the load
    is even. A message goes out when its last sample is due."""
    ticks: list[list[bytearray]] = [
        [bytearray() for _ in range(CONNECTIONS)] for _ in range(each + per_message + 1)
    ]
    numbers = count(1)
    for drill in range(1, drills + 1):
        name, key = topic(drill, Channel.SAMPLE), message_key(drill)
        # The first message is shorter, at another place for each drill.
        start, end = 1, 1 + drill % per_message
        while start <= each:
            end = min(end, each)
            samples = [sample_of(drill, number, first_ms) for number in range(start, end + 1)]
            sealed = seal(key, name, encode_samples(samples, 1, 1 + samples[0].time_ms // NONCE_MS))
            ticks[end][drill % CONNECTIONS] += publish(name, sealed, next(numbers))
            start, end = end + 1, end + per_message
    return [[bytes(one) for one in tick] for tick in ticks]


def feed(port: int, ticks: list[list[bytes]], first_ms: int, pace: float = 1.0) -> None:
    """Send each tick's packets at its time; at `pace` 0 as fast as the broker takes them."""
    publishers = [RawPublisher(port, f"bench-feeder-{one}") for one in range(CONNECTIONS)]
    for number, tick in enumerate(ticks):
        due = first_ms / 1000 + number * SAMPLE_PERIOD_MS / 1000
        if pace and (wait := due - time.time()) > 0:
            time.sleep(wait)
        for publisher, packets in zip(publishers, tick, strict=True):
            publisher.send(packets)
    time.sleep(1)
    for publisher in publishers:
        publisher.close()


@contextmanager
def box(folder: Path, port: int, drills: range) -> Iterator[Callable[[], dict[str, Any]]]:
    """The oracle's side for these drills; calling what it gives ends it and returns its figures."""
    numbers = [str(drills.start), str(len(drills))]
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.bench.ingest_box", str(folder), str(port), *numbers],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )

    if process.stdout is None or process.stdout.readline().strip() != READY.encode():
        raise RigError("the box did not start")

    def finish() -> dict[str, Any]:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
        if process.returncode != 0:
            raise RigError(f"the box ended with {process.returncode}")
        figures: dict[str, Any] = json.loads(output)
        return figures

    try:
        yield finish
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far (proc(5), fields 14 and 15, in hundredths)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def bare(mosquitto: Mosquitto, ticks: list[list[bytes]], messages: int) -> tuple[float, float]:
    """Messages a second that a paho client takes and throws away, and its CPU seconds for one."""
    seen = 0
    done = threading.Event()

    def on_message(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == messages:
            done.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-bare")
    client.on_message = on_message
    client.connect("127.0.0.1", mosquitto.port)
    client.subscribe("drill/+/sample", 1)
    client.loop_start()
    time.sleep(0.5)
    feeder = threading.Thread(target=feed, args=(mosquitto.port, ticks, 0, 0.0))
    began, used = time.monotonic(), time.process_time()
    feeder.start()
    done.wait(120)
    wall, cpu = time.monotonic() - began, time.process_time() - used
    feeder.join()
    client.disconnect()
    client.loop_stop()
    if not seen:
        raise RigError("the bare subscriber saw nothing")
    return seen / wall, cpu / seen


def percentile(counted: list[tuple[int, int]], part: float) -> int:
    """The delay that this part of the samples did not exceed; pairs of ms and count, rising."""
    wanted = part * sum(times for _, times in counted)
    for delay_ms, times in counted:
        wanted -= times
        if wanted <= 0:
            return delay_ms
    return -1


def busy_seconds() -> float:
    """CPU time that all programs on the machine have had so far (proc(5): user, nice, system)."""
    fields = Path("/proc/stat").read_text("ascii").split("\n", maxsplit=1)[0].split()
    return sum(int(one) for one in fields[1:4]) / 100


def shares(drills: int, parts: int) -> list[range]:
    """The drills from 1 on, in so many parts of about the same size."""
    edges = [1 + drills * part // parts for part in range(parts + 1)]
    return [range(one, two) for one, two in pairwise(edges)]


@dataclass(frozen=True, slots=True)
class _Run:
    acknowledged: int
    took_seconds: float
    boxes: list[dict[str, Any]]
    cores: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Load:
    drills: int
    each: int
    per_message: int
    oracles: int


def _run(folder: Path, mosquitto: Mosquitto, load: _Load) -> tuple[_Run, list[list[bytes]]]:
    """Let the drills send, and wait until everything is acknowledged or it takes too long."""
    drills, each = load.drills, load.each
    with ExitStack() as stack:
        finish = [
            stack.enter_context(box(folder, mosquitto.port, part))
            for part in shares(drills, load.oracles)
        ]
        first_ms = time.time_ns() // 1_000_000 + 2_000 + drills * each // 10
        ticks = prepare(drills, each, load.per_message, first_ms)
        heard = AckListener()
        listener = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-listener")
        listener.on_message = heard.on_message
        listener.connect("127.0.0.1", mosquitto.port)
        listener.subscribe("drill/+/journalled", 1)
        listener.loop_start()
        time.sleep(max(0.0, first_ms / 1000 - time.time()))
        before = busy_seconds(), time.process_time(), cpu_seconds(mosquitto.process.pid)
        feed(mosquitto.port, ticks, first_ms)
        deadline = time.monotonic() + SETTLE_SECONDS
        while sum(heard.journalled.values()) < drills * each and time.monotonic() < deadline:
            time.sleep(0.1)
        took = time.time() - first_ms / 1000
        feeder = time.process_time() - before[1]
        broker = cpu_seconds(mosquitto.process.pid) - before[2]
        busy = busy_seconds() - before[0]
        listener.disconnect()
        listener.loop_stop()
        figures = [one() for one in finish]
    ours = sum(one["cpu_seconds"] for one in figures)
    used = (ours, broker, feeder, max(busy - ours - broker - feeder, 0.0))
    one, two, three, four = (round(seconds / took, 2) for seconds in used)
    return _Run(sum(heard.journalled.values()), took, figures, (one, two, three, four)), ticks


def measure_ingest(drills: int, per_message: int, seconds: int, oracles: int = 1) -> IngestFigure:
    """One run of so many drills at ten samples a second each."""
    each = seconds * 10
    with tempfile.TemporaryDirectory() as name, Mosquitto(Path(name)) as mosquitto:
        run, ticks = _run(Path(name), mosquitto, _Load(drills, each, per_message, oracles))
        messages = sum(one.count(b"/sample") for tick in ticks for one in tick)
        rate, cost = bare(mosquitto, ticks, messages)
    delays: Counter[int] = Counter()
    for figures in run.boxes:
        for delay_ms, times in figures["delay_ms"]:
            delays[delay_ms] += times
    at = [percentile(sorted(delays.items()), part) for part in (0.5, 0.95, 0.99, 1)]
    per = drills * each / messages
    samples = sum(figures["samples"] for figures in run.boxes)
    cpu = sum(figures["cpu_seconds"] for figures in run.boxes)
    return IngestFigure(
        drills=drills,
        oracles=oracles,
        samples_per_message=per_message,
        offered_per_second=drills * 10,
        taken_per_second=round(run.acknowledged / max(run.took_seconds, seconds), 1),
        acknowledged=run.acknowledged,
        sent=drills * each,
        delay_ms=(at[0], at[1], at[2], at[3]),
        cpu_microseconds_per_sample=round(1e6 * cpu / max(samples, 1), 1),
        cores=run.cores,
        bare_per_second=round(rate * per),
        bare_cpu_microseconds_per_sample=round(1e6 * cost / per, 1),
    )
