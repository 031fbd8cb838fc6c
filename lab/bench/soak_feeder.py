"""Several hundred drills with their bridges in one process, for `scripts/bench soak`.

    python -m lab.bench.soak_feeder ORDER

ORDER is a JSON file (`FeedOrder`). The drills go on until there is a file `ended` beside it. What
goes out when, and again, is decided by the bridge's own `device.bridge.publisher`. On top of that
some messages go out twice, some old ones once more, and half way to the middle one connection in
eight is cut and made anew. It ends when everything is journalled, or when nothing was for
PATIENCE_SECONDS, and writes what it sent beside ORDER: `feeder.json`, and `meter-DRILL.bin` with
what each drill's own meter noted.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from device.bridge.bridge import MESSAGES_PER_STEP
from device.bridge.publisher import SpoolPublisher
from lab.bench.mqtt import RawPublisher, publish
from lab.bench.soak_drill import TurningDrill
from protocol.leases import NONCE_MS
from protocol.messages import Channel, JournalledMessage, parse_message, topic
from protocol.sample import SAMPLE_PERIOD_MS
from protocol.sealing import seal, unseal

CONNECTIONS = 8
SAMPLES_PER_MESSAGE = 5
"""As with `gather_ms = 400`."""

TWICE, OLD = 0.05, 0.02
"""Of the messages: sent twice at once, and followed by the one before."""

PATIENCE_SECONDS = 60.0
COUNT_OFFSET = 3
"""Where a sample message says how many it holds."""


@dataclass(frozen=True, slots=True)
class FeedOrder:
    """What to feed: each of the drills sends at least `each` samples, from `first_ms` on.

    `keys` are the message keys in hexadecimal, `highest` the highest speeds billed, `rentals` the
    rentals' numbers, all by drill.
    """

    port: int
    each: int
    first_ms: int
    seed: int
    keys: dict[str, str]
    highest: dict[str, list[int]]
    rentals: dict[str, int]


@dataclass
class Counts:
    """What went out: samples in all messages, messages sent twice or late, connections cut."""

    samples_sent: int = 0
    messages: int = 0
    repeated_messages: int = 0
    reconnects: int = 0
    asked_to_resend: int = 0


@dataclass
class FeedingBridge:
    """One drill's."""

    drill: TurningDrill
    key: bytes = field(repr=False)
    publisher: SpoolPublisher
    name: str
    last: bytes = b""


class Feeder:
    """All of them."""

    def __init__(self, order: FeedOrder, ended: Path) -> None:
        self._order, self._ended = order, ended
        self._dice = random.Random(order.seed)  # noqa: S311
        self._producing = True
        self.counts, self.bridges = Counts(), [self._bridge(int(one)) for one in order.keys]
        self._by_drill = {one.drill.drill: one for one in self.bridges}
        self._words: deque[tuple[str, bytes]] = deque()
        self._lines = [self._connect(number) for number in range(CONNECTIONS)]
        self._listener = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="soak-listener")

    def _bridge(self, number: int) -> FeedingBridge:
        order = self._order
        drill = TurningDrill(
            number,
            order.rentals[str(number)],
            order.seed,
            order.first_ms,
            order.highest[str(number)],
        )
        publisher = SpoolPublisher(drill.kept)
        key = bytes.fromhex(order.keys[str(number)])
        return FeedingBridge(drill, key, publisher, topic(number, Channel.SAMPLE))

    def _connect(self, number: int) -> RawPublisher:
        return RawPublisher(self._order.port, f"soak-feeder-{number}")

    def run(self) -> None:
        """Send until told to stop, and return when it is journalled or patience is over."""
        self._listener.on_message = self._hear
        self._listener.connect("127.0.0.1", self._order.port)
        self._listener.subscribe("drill/+/journalled", 1)
        self._listener.loop_start()
        tick, journalled, progress = 0, 0, time.monotonic()
        while self._producing or journalled < sum(one.drill.kept.newest for one in self.bridges):
            if time.monotonic() - progress > PATIENCE_SECONDS:
                break
            tick += 1
            due = (self._order.first_ms + (tick + 1) * SAMPLE_PERIOD_MS) / 1000
            if (pause := due - time.time()) > 0:
                time.sleep(pause)
            self._tick(tick)
            now = sum(one.drill.kept.journalled for one in self.bridges)
            if now > journalled:
                journalled, progress = now, time.monotonic()
        self._listener.disconnect()
        self._listener.loop_stop()
        for line in self._lines:
            line.close()

    def _tick(self, tick: int) -> None:
        now_ms = time.monotonic_ns() // 1_000_000
        self._take_words(now_ms)
        if tick == self._order.each // 4:
            self._cut(now_ms)
        self._producing = tick <= self._order.each or not self._ended.exists()
        packets = [bytearray() for _ in self._lines]
        for bridge in self.bridges:
            drill = bridge.drill
            if self._producing:
                drill.produce()
            if (tick + drill.drill) % SAMPLES_PER_MESSAGE == 0 or not self._producing:
                packets[drill.drill % CONNECTIONS] += self._messages(bridge, now_ms)
        for line, some in zip(self._lines, packets, strict=True):
            if some:
                line.send(bytes(some))

    def _messages(self, bridge: FeedingBridge, now_ms: int) -> bytes:
        packets = b""
        for _ in range(MESSAGES_PER_STEP):
            payload = bridge.publisher.next(now_ms, 1 + now_ms // NONCE_MS)
            if payload is None:
                break
            packets += self._packet(bridge, payload)
            if self._dice.random() < TWICE:
                self.counts.repeated_messages += 1
                packets += self._packet(bridge, payload)
            if bridge.last and self._dice.random() < OLD:
                self.counts.repeated_messages += 1
                packets += self._packet(bridge, bridge.last)
            bridge.last = payload
        return packets

    def _packet(self, bridge: FeedingBridge, payload: bytes) -> bytes:
        self.counts.messages += 1
        self.counts.samples_sent += payload[COUNT_OFFSET]
        return publish(bridge.name, seal(bridge.key, bridge.name, payload), self.counts.messages)

    def _cut(self, now_ms: int) -> None:
        """The bridges of one connection lose it, and what was on its way may be lost."""
        self._lines[0].close()
        self._lines[0] = self._connect(0)
        self.counts.reconnects += 1
        for bridge in self.bridges:
            if bridge.drill.drill % CONNECTIONS == 0:
                bridge.publisher.restart(now_ms)

    def _hear(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._words.append((message.topic, bytes(message.payload)))

    def _take_words(self, now_ms: int) -> None:
        while self._words:
            name, payload = self._words.popleft()
            bridge = self._by_drill[int(name.split("/")[1])]
            word = parse_message(
                JournalledMessage, bridge.drill.drill, unseal(bridge.key, name, payload)
            )
            self.counts.asked_to_resend += word.resend
            bridge.publisher.journalled(word.sequence, now_ms, resend=word.resend)

    def write(self, folder: Path) -> None:
        """Everything that was sent, for whoever checks."""
        drills = {}
        for bridge in self.bridges:
            drill = bridge.drill
            (folder / f"meter-{drill.drill}.bin").write_bytes(drill.notes)
            drills[drill.drill] = {
                "sha256": drill.digest.hexdigest(),
                "journalled": drill.kept.journalled,
            }
        result = {"counts": asdict(self.counts), "drills": drills}
        (folder / "feeder.json").write_text(json.dumps(result))


def main(file: Path) -> None:
    """Feed as ordered."""
    feeder = Feeder(FeedOrder(**json.loads(file.read_text())), file.with_name("ended"))
    feeder.run()
    feeder.write(file.parent)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
