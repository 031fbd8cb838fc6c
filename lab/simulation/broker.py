"""A broker at its worst: QoS 1 is a promise of networks, not of disks."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from host.mqtt_client import Incoming
from lab.simulation.chance import EventTally, Fuse, SeededDice

LONGEST_DELAY_MS = 6_000
RECONNECT_MS = 1_500


@dataclass
class Manners:
    """How the broker behaves now, as probabilities of each message."""

    lost: float = 0.0
    repeated: float = 0.0
    delayed: float = 0.0


@dataclass(eq=False)
class Client:
    """One connection, whichever end."""

    broker: SimBroker
    topics: frozenset[str]
    fuse: Fuse
    connected: bool = False
    connections: int = 0
    retry_ms: int = 0
    inbox: list[tuple[int, int, str, bytes]] = field(default_factory=list)

    def close(self) -> None:
        """The process is gone."""
        self.connected = False
        self.broker.clients.remove(self)

    def take(self, limit: int) -> list[tuple[str, bytes]]:
        """What has arrived by now."""
        taken: list[tuple[str, bytes]] = []
        while self.inbox and self.inbox[0][0] <= self.broker.now_ms and len(taken) < limit:
            _, _, topic, payload = heapq.heappop(self.inbox)
            taken.append((topic, payload))
        return taken

    def say(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """Publish."""
        self.fuse.touch(f"publish {topic.rsplit('/', 1)[1]}")
        if not self.connected:
            return False
        self.broker.publish(topic, payload, retain=retain)
        return True


@dataclass(eq=False)
class SimBroker:
    """Topics, retained messages, queues; a restart forgets all of them."""

    dice: SeededDice
    tally: EventTally
    now_ms: int = 0
    down_until_ms: int = 0
    manners: Manners = field(default_factory=Manners)
    retained: dict[str, bytes] = field(default_factory=dict)
    clients: list[Client] = field(default_factory=list)
    _count: int = 0

    def join(self, topics: Iterable[str], fuse: Fuse) -> Client:
        """A new client; it connects when the broker is up."""
        client = Client(self, frozenset(topics), fuse)
        self.clients.append(client)
        return client

    def tick(self, now_ms: int) -> None:
        """Time passes: whoever is not connected tries again."""
        self.now_ms = now_ms
        if now_ms < self.down_until_ms:
            return
        for client in self.clients:
            if not client.connected and now_ms >= client.retry_ms:
                client.connected = True
                client.connections += 1
                for topic in sorted(client.topics & self.retained.keys()):
                    self._queue(client, topic, self.retained[topic], 0)

    def restart(self, down_ms: int) -> None:
        """All of it is forgotten."""
        self.down_until_ms = self.now_ms + down_ms
        self.retained.clear()
        for client in self.clients:
            self.cut(client, forget=True)

    def cut(self, client: Client, *, forget: bool) -> None:
        """A connection is lost, and with it what was on its way."""
        client.connected = False
        client.retry_ms = self.now_ms + self.dice.randrange(RECONNECT_MS)
        if forget:
            # What the process has received already stays.
            client.inbox = [one for one in client.inbox if one[0] <= self.now_ms]
            heapq.heapify(client.inbox)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """To everybody who listens."""
        if retain:
            self.retained[topic] = payload
        for client in self.clients:
            if client.connected and topic in client.topics:
                self._deliver(client, topic, payload)

    def _deliver(self, client: Client, topic: str, payload: bytes) -> None:
        manners = self.manners
        if self.dice.hits(manners.lost):
            self.tally.faults["broker loses a message"] += 1
            return
        delay_ms = 0
        if self.dice.hits(manners.delayed):
            self.tally.faults["broker delays and reorders a message"] += 1
            delay_ms = self.dice.randrange(LONGEST_DELAY_MS)
        self._queue(client, topic, payload, delay_ms)
        if self.dice.hits(manners.repeated):
            self.tally.faults["broker repeats a message"] += 1
            self._queue(client, topic, payload, self.dice.randrange(LONGEST_DELAY_MS))

    def _queue(self, client: Client, topic: str, payload: bytes, delay_ms: int) -> None:
        self._count += 1
        heapq.heappush(client.inbox, (self.now_ms + delay_ms, self._count, topic, payload))


@dataclass(eq=False)
class ClientPort:
    """A client as oracle and bridge see it."""

    client: Client

    @property
    def connections(self) -> int:
        """So far."""
        return self.client.connections

    @property
    def connected(self) -> bool:
        """Now."""
        return self.client.connected

    def receive(self, limit: int) -> list[Incoming]:
        """Oldest first."""
        return [Incoming(topic, payload) for topic, payload in self.client.take(limit)]

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """False while there is no connection."""
        return self.client.say(topic, payload, retain=retain)
