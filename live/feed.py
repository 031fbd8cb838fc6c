"""From the broker to the listeners: one thread takes messages, each stream has a bounded queue."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING

from host.mqtt_client import MqttClient, MqttLimits
from live.board import Board, Update
from protocol.messages import MAX_JSON_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUE_UPDATES = 64
"""What waits for one slow listener. More than that, and the stream ends: a browser asks again and
gets the newest of everything, which is all that it needs."""

BEAT_SECONDS = 5.0
"""How often a stream shows that it is alive; the page takes three of them for a lost connection."""

TAKE_SECONDS = 0.2
TAKE_MESSAGES = 200

LIMITS = MqttLimits(largest=lambda _topic: MAX_JSON_BYTES, inbox_messages=10_000)
"""At most 82 MB, where a stream of ten thousand messages comes at once."""


class TooManyStreamsError(Exception):
    """This address, or everybody together, has as many streams as are allowed."""


@dataclass(eq=False)
class Listener:
    """One open stream."""

    address: str
    drills: frozenset[int]
    queue: asyncio.Queue[Update | None] = field(
        default_factory=lambda: asyncio.Queue(QUEUE_UPDATES)
    )

    def offer(self, update: Update) -> None:
        """Queue it, or end a stream that cannot keep up."""
        if update.drill not in self.drills:
            return
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(None)
            return
        self.queue.put_nowait(update)


class Feed:
    """The board, whoever listens to it, and the thread that fills it. Of one event loop."""

    def __init__(
        self, board: Board, broker: MqttClient | None, *, streams: int, streams_per_address: int
    ) -> None:
        self.board = board
        self._broker = broker
        self._streams, self._per_address = streams, streams_per_address
        self._listeners: list[Listener] = []
        self._by_address: Counter[str] = Counter()
        self._stop = Event()
        self._thread: Thread | None = None

    @property
    def broker_up(self) -> bool:
        """Whether there is a connection to the broker now."""
        return self._broker is not None and self._broker.connected

    def start(self) -> None:
        """Begin to take what the broker sends; call it on the event loop."""
        if self._broker is None:
            return
        loop = asyncio.get_running_loop()
        self._thread = Thread(
            target=self._take, args=(self._broker, loop), name="feed", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread and every stream."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        for listener in self._listeners:
            while not listener.queue.empty():
                listener.queue.get_nowait()
            listener.queue.put_nowait(None)

    def _take(self, broker: MqttClient, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stop.is_set():
            broker.arrived.wait(TAKE_SECONDS)
            for message in broker.receive(TAKE_MESSAGES):
                loop.call_soon_threadsafe(self.tell, message.topic, message.payload)

    def tell(self, topic: str, payload: bytes) -> None:
        """Take one message and pass it on; on the event loop."""
        update = self.board.take(topic, payload)
        if update is not None:
            for listener in self._listeners:
                listener.offer(update)

    @contextmanager
    def listening(self, address: str, drills: Iterable[int]) -> Iterator[Listener]:
        """A stream for the time of the block; raises TooManyStreamsError."""
        if len(self._listeners) >= self._streams:
            raise TooManyStreamsError(f"all {self._streams} streams are taken")
        if self._by_address[address] >= self._per_address:
            raise TooManyStreamsError(f"{self._per_address} streams go to one address")
        listener = Listener(address, frozenset(drills))
        self._listeners.append(listener)
        self._by_address[address] += 1
        try:
            yield listener
        finally:
            self._listeners.remove(listener)
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    async def updates(self, listener: Listener) -> AsyncIterator[Update | None]:
        """The newest of everything, then what arrives; None for each beat without an update."""
        yield None
        for update in self.board.everything(listener.drills):
            yield update
        while True:
            try:
                update_or_end = await asyncio.wait_for(listener.queue.get(), BEAT_SECONDS)
            except TimeoutError:
                yield None
                continue
            if update_or_end is None:
                return
            yield update_or_end
