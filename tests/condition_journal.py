"""A journal as an oracle writes it, with the samples of a drill that really drills."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from oracle_builders import NOW_MS, logged, make_sample

from lab.bench.condition.worlds import TUNED, Bit, Play
from oracle.journal.journal import Journal, Received
from oracle.journal.store import Store
from protocol.records import Registers

QUICK = replace(TUNED, cut_s=2.0, depth_spread=0.1, approach_s=1.0)


class JournalWriter:
    """Writes samples in order; `written` counts them by drill."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written: dict[int, int] = {}
        self._store = Store(f"sqlite:///{path}")
        self._journal = Journal(self._store)

    def drill(self, drill: int, dice: random.Random, holes: int, bit: Bit | None = None) -> None:
        """Append so many holes, with a bit that wears or a good one; stops when the bit fails."""
        play = Play(QUICK, dice, time_ms=NOW_MS + 200.0 * self.written.get(drill, 0))
        active = 0
        for _ in range(holes):
            if bit is not None and bit.failed:
                break
            made = []
            for moment in play.hole(bit.wear if bit else 0.0):
                self.written[drill] = self.written.get(drill, 0) + 1
                active += 100 * moment.motor_on
                made.append(
                    logged(
                        make_sample(
                            self.written[drill],
                            moment.time_ms,
                            drill=drill,
                            level=moment.level,
                            motor_on=moment.motor_on,
                            rpm=round(abs(moment.rpm)),
                            torque_mnm=round(moment.torque_nm * 1000),
                            current_ma=round((moment.current_a or 0) * 1000),
                            temperature_mc=40_000,
                            odometer=Registers(0, active, 0, 0, 0, 0),
                        )
                    )
                )
            self._journal.add_samples(Received(made, []))
            if bit is not None:
                bit.holes += 1

    def close(self) -> None:
        """No more samples come."""
        self._store.close()
