"""The demo on the terminal: a live board where there is one, plain lines where there is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lab.rig.drill import State
from lab.rig.ledger import RentalFacts
from lab.rig.story import StoryProgress, coins
from lab.rig.world import World
from protocol.messages import ReadingMessage

BOARD_ROWS = 20
"""Rows of a terminal that the table and the frames take; the rest shows what happens."""

LEAST_LINES = 3
LOOK_SECONDS = 0.25
PLAIN_SECONDS = 5.0
COLOURS = {"LOCKED": "red", "READY": "green", "RUNNING": "bold green", "FAULT": "bold red"}


@dataclass(slots=True)
class Look:
    """What is to be seen of one drill now."""

    progress: StoryProgress
    state: State = field(default_factory=dict)
    reading: ReadingMessage | None = None
    chain: RentalFacts | None = None
    lease_seconds: float = 0.0
    inhibited: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of everything shown."""
        reading, chain = self.reading, self.chain
        torque = self.state.get("torque_mnm", 0) / 1000
        lease = f"{self.lease_seconds:.1f} s" if self.lease_seconds else f"none: {self.inhibited}"
        rows = [
            ("state", f"{self.state.get('state', '?')}  {self.state.get('reason', '')}".strip()),
            ("spindle", f"{self.state.get('rpm', 0):>4} rpm  {torque:.1f} Nm"),
            ("level", str(self.state.get("level", "?"))),
            ("lease", lease),
        ]
        if reading is not None:
            active = (reading.active_ms_1, reading.active_ms_2, reading.active_ms_3)
            turns = (reading.revolutions_1, reading.revolutions_2, reading.revolutions_3)
            rows += [
                ("active s", "  ".join(f"{ms / 1000:.1f}" for ms in active)),
                ("revolutions", "  ".join(map(str, turns))),
                ("charge now", coins(int(reading.charge))),
                ("balance now", coins(int(reading.balance))),
                ("runway", f"{reading.runway_seconds} s, warning: {reading.warning}"),
            ]
        if chain is not None:
            rows += [
                ("funded", f"{coins(chain.funded)}  rental {chain.rental} {chain.state.name}"),
                ("debited on chain", coins(chain.charge)),
                ("balance on chain", coins(chain.balance)),
            ]
        return rows

    def line(self) -> str:
        """The same in one line."""
        parts = [
            f"drill {self.progress.drill}",
            f"{self.state.get('state', '?'):8}",
            f"{self.state.get('rpm', 0):>4} rpm",
            f"level {self.state.get('level', '?')}",
            f"lease {self.lease_seconds:.1f} s" if self.lease_seconds else "no lease",
        ]
        if self.reading is not None:
            parts += [
                f"charge {coins(int(self.reading.charge))}",
                f"balance {coins(int(self.reading.balance))}",
                f"runway {self.reading.runway_seconds} s",
            ]
        if self.chain is not None:
            parts.append(f"on chain {coins(self.chain.charge)} of {coins(self.chain.funded)}")
        return " | ".join(parts)


class DemoView:
    """Says what happens and shows how things stand; usable from any thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begin = time.monotonic()
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._live: Live | None = None

    def say(self, text: str) -> None:
        """One line of the story."""
        line = f"{time.monotonic() - self._begin:5.1f}  {text}"
        with self._lock:
            self._lines.append(line)
            if self._live is None:
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def say_of_drill(self, drill: int, text: str) -> None:
        """One line of one drill's story."""
        self.say(f"drill {drill}: {text}")

    def watch(
        self, world: World, progress: Sequence[StoryProgress], over: Callable[[], bool]
    ) -> None:
        """Show the drills until `over`."""
        looks = [Look(p) for p in progress]
        ledger = world.ledger()

        def look(*, at_chain: bool) -> None:
            for one in looks:
                drill, rental = one.progress.drill, one.progress.rental
                one.state = world.controllers[drill].state()
                one.reading = world.listener.reading(drill, rental)
                one.lease_seconds = world.listener.lease_seconds(drill)
                one.inhibited = world.listener.inhibit_reason(drill)
                if rental and at_chain:
                    one.chain = ledger.rental(rental)

        if self._console.is_terminal:
            self._watch_live(looks, look, over)
        else:
            self._watch_plainly(looks, look, over)

    def _watch_live(
        self, looks: list[Look], look: Callable[..., None], over: Callable[[], bool]
    ) -> None:
        printed = len(self._lines)
        with Live(console=self._console, refresh_per_second=8, transient=True) as live:
            self._live = live
            try:
                while not over():
                    look(at_chain=True)
                    live.update(self._board(looks))
                    time.sleep(LOOK_SECONDS)
            finally:
                self._live = None
        for line in self._lines[printed:]:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _watch_plainly(
        self, looks: list[Look], look: Callable[..., None], over: Callable[[], bool]
    ) -> None:
        due = time.monotonic() + PLAIN_SECONDS
        while not over():
            time.sleep(LOOK_SECONDS)
            if time.monotonic() > due:
                due += PLAIN_SECONDS
                look(at_chain=True)
                for one in looks:
                    self.say("  " + one.line())

    def _board(self, looks: list[Look]) -> Group:
        table = Table(expand=True, title="Smart Drill: prepaid drilling")
        table.add_column("")
        for one in looks:
            table.add_column(f"drill {one.progress.drill}", ratio=1)
        cells = [dict(one.rows()) for one in looks]
        for name in max(cells, key=len):
            table.add_row(name, *(_styled(name, cell.get(name, "")) for cell in cells))
        room = max(self._console.height - BOARD_ROWS, LEAST_LINES)
        with self._lock:
            lines = "\n".join(self._lines[-room:])
        return Group(
            table,
            Panel(
                Text(lines, no_wrap=True, overflow="ellipsis"),
                title="what happens",
                title_align="left",
            ),
        )


def _styled(name: str, value: str) -> Text:
    if name == "state":
        return Text(value, style=COLOURS.get(value.split(maxsplit=1)[0], "yellow"))
    if name == "runway" and "none" not in value:
        return Text(value, style="yellow")
    return Text(value)
