"""The machine's clocks, as whatever is paced by them is given them."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Time."""

    def now_ms(self) -> int:
        """Unix ms, by the machine's clock, which may be set at any time."""
        ...

    def monotonic_ms(self) -> int:
        """ms of a clock that only runs on."""
        ...


class SystemClock:
    """This machine's clocks."""

    def now_ms(self) -> int:
        """Unix ms."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """ms since some moment."""
        return time.monotonic_ns() // 1_000_000
