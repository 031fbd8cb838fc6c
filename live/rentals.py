"""Who opened which rental: an index that saves the page a search, and that it need not believe.

Rentals are numbered from 1 on, and who opened one never changes: so the contract's views are
read, one number after the other, and no log. An endpoint may limit how many blocks a question
spans, and a chain may have any number of them. The page reads each entry from the contract itself
before it shows it; only whether one is missing is this server's word, and the page says so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, Protocol

import structlog
from eth_hash.auto import keccak

from host.errors import NonsenseError, RpcError
from host.json_rpc import JsonRpc, Patience

log = structlog.get_logger()

PIECE = 50
"""Questions in one batch; free endpoints take about a hundred."""

PAUSE_SECONDS = 0.5
"""Between batches, so that an index which is behind does not use up an endpoint's allowance."""

LOOK_SECONDS = 15.0
"""How often it is asked whether there are new rentals, once all are known."""

YOUNG_SECONDS = 1800.0
"""For so long a rental is read anew: its block may be dropped, and its number used again."""

LONGEST_PAUSE_SECONDS = 300.0
"""What the pause after failures grows to."""

PATIENCE = Patience(timeout_seconds=20.0, attempts=3, seconds=40.0)

LARGEST_ANSWER = 1_000_000
"""Bytes. An answer about a rental has under a thousand."""

_WORDS = re.compile(r"0x(?:[0-9a-fA-F]{64})+")

RENTAL_COUNT = keccak(b"rental_count()")[:4]
RENTAL = keccak(b"rental(uint256)")[:4]


class RentalViews(Protocol):
    """What is asked of the contract; each raises RpcError when there is no answer."""

    def count(self) -> int:
        """How many rentals were ever opened."""

    def customers(self, rentals: Sequence[int]) -> list[str]:
        """Who opened each of them: 0x and 40 hexadecimal digits in lower case."""


class HttpViews:
    """The views over JSON-RPC. For one thread."""

    def __init__(self, url: str, contract: str) -> None:
        """Raises HostError for what is not an address."""
        self._contract = contract
        self._rpc = JsonRpc(url, PATIENCE, LARGEST_ANSWER)

    def count(self) -> int:
        """How many rentals were ever opened."""
        return int.from_bytes(self._words([RENTAL_COUNT])[0], "big")

    def customers(self, rentals: Sequence[int]) -> list[str]:
        """Who opened each: the first word of what `rental` answers."""
        words = self._words([RENTAL + n.to_bytes(32, "big") for n in rentals])
        return ["0x" + word[12:].hex() for word in words]

    def _words(self, questions: Sequence[bytes]) -> list[bytes]:
        """The first word of each answer."""
        at = self._contract
        calls = [({"to": at, "data": "0x" + data.hex()}, "latest") for data in questions]
        found = self._rpc.batch([("eth_call", parameters) for parameters in calls])
        return [self._word(one) for one in found]

    def _word(self, found: Any) -> bytes:
        if not isinstance(found, str) or _WORDS.fullmatch(found) is None:
            raise NonsenseError(f"{self._rpc.place} gives no word of the contract's")
        return bytes.fromhex(found[2:66])


@dataclass
class RentalIndex:
    """Which rentals each customer has opened, as far as they have been looked through.

    Two threads may use it: one steps, others ask. `clock` is monotonic, in seconds.
    """

    views: RentalViews
    clock: Callable[[], float] = time.monotonic
    count: int | None = None
    """How many there were when it was last asked; None before the first answer."""
    _customers: list[str] = field(default_factory=list)
    _young: dict[int, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @property
    def through(self) -> int:
        """All rentals up to this number have been looked through."""
        return len(self._customers)

    def of(self, customer: str) -> tuple[int, tuple[int, ...]]:
        """`through`, and the customer's rentals among those, newest first."""
        wanted = customer.lower()
        with self._lock:
            known = list(self._customers)
        return len(known), tuple(
            n
            for n, one in zip(range(len(known), 0, -1), reversed(known), strict=True)
            if one == wanted
        )

    def step(self) -> bool:
        """Look through some more; True when there is more to do at once.

        Raises RpcError, and then knows what it knew before.
        """
        if self.count is None or self.through >= self.count:
            count = self.views.count()
            self._forget_past(count)
            self.count = count
            self._renew()
        piece = range(self.through + 1, min(self.through + PIECE, self.count) + 1)
        if piece:
            found = self.views.customers(piece)
            now = self.clock()
            with self._lock:
                self._customers += found
            self._young.update(dict.fromkeys(piece, now))
        return self.through < self.count

    def _forget_past(self, count: int) -> None:
        """The chain has dropped blocks, and rentals with them."""
        with self._lock:
            del self._customers[count:]
        self._young = {n: since for n, since in self._young.items() if n <= count}

    def _renew(self) -> None:
        """Read those again whose block may have been dropped since."""
        now = self.clock()
        self._young = {n: t for n, t in self._young.items() if now - t < YOUNG_SECONDS}
        young = sorted(self._young)[-PIECE:]
        if not young:
            return
        found = self.views.customers(young)
        with self._lock:
            for number, customer in zip(young, found, strict=True):
                self._customers[number - 1] = customer


class Indexing:
    """The thread that keeps an index up to date."""

    def __init__(self, index: RentalIndex) -> None:
        self._index = index
        self._stop = Event()
        self._thread = Thread(target=self._run, name="rentals", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the question that is under way."""
        self._stop.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        pause, silent = 0.0, 0.0
        while not self._stop.wait(pause):
            try:
                pause = PAUSE_SECONDS if self._index.step() else LOOK_SECONDS
            except RpcError as error:
                if not silent:
                    log.warning("index of rentals waits for the chain", why=str(error))
                silent = min(LONGEST_PAUSE_SECONDS, 2 * silent or LOOK_SECONDS)
                pause = silent
            else:
                if silent:
                    log.info("index of rentals goes on", through=self._index.through)
                silent = 0.0
