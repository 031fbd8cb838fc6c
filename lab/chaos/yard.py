"""Everything real: a node with a block a second, mosquitto, drills on pseudo-terminals, the box."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.chaos.proxy import RpcProxy, TcpProxy
from lab.rig import plan
from lab.rig.premises import Premises
from protocol.records import LevelRate, Tariff

PRICE = 10**12
TARIFF = Tariff(
    (
        LevelRate(2 * PRICE, PRICE // 10, 3000),
        LevelRate(4 * PRICE, PRICE // 5, 1200),
        LevelRate(8 * PRICE, PRICE // 2, 700),
    ),
    standing_price_per_second=PRICE // 50,
    least_reserve=PRICE,
)
FUNDS = 10**18
"""More than any run will use: here nobody is to be locked out for want of money."""


class ChaosYard(Premises):
    """Use it in a `with` statement."""

    def __init__(self, folder: Path, drills: int, seed: int) -> None:
        names = {drill: f"drill {drill}" for drill in range(1, drills + 1)}
        super().__init__(folder, drills=names, tariffs=[TARIFF], penalty=0)
        self.seed = seed

    def _start(self) -> None:
        super()._start()
        self.start_drills(broker_port=self.mqtt.port)
        self.start_oracle()

    def start_services(self) -> None:
        """Start anvil and the broker, and what stands between them and the box."""
        super().start_services()
        self.rpc = self._stack.enter_context(RpcProxy(self.anvil.port, self.seed))
        self.mqtt = self._stack.enter_context(TcpProxy(self.broker.port))

    def oracle_sections(self) -> plan.Sections:
        """A settlement is due every two seconds, whatever it costs, so that each restart has one to
        show."""
        sections = super().oracle_sections()
        sections["chain"]["rpc_urls"] = [self.rpc.url]
        sections["broker"]["port"] = self.mqtt.port
        sections["settlement"] |= {"longest_interval_seconds": 2, "gas_share": 1000}
        return sections

    def events(self, name: str, since: int = 0) -> list[dict[str, Any]]:
        """The lines of a process' log with a JSON object in them, from byte `since` on."""
        found = []
        with (self.logs / f"{name}.log").open("rb") as log:
            log.seek(since)
            for line in log:
                with suppress(ValueError):
                    found.append(json.loads(line))
        return [one for one in found if isinstance(one, dict)]


class Operators(threading.Thread):
    """Whoever holds the triggers: strokes of about a second, for as long as the drills permit."""

    def __init__(self, yard: ChaosYard) -> None:
        super().__init__(daemon=True)
        self._yard, self.stopping = yard, threading.Event()
        self.strokes = 0

    def run(self) -> None:
        """Pull and release in turn."""
        turn = 0
        while not self.stopping.is_set():
            turn += 1
            for drill, controller in self._yard.controllers.items():
                # While it is killed it does not answer, and nobody can pull its trigger.
                with suppress(Exception):
                    controller.do("level", level=1 + (turn + drill) % 3)
                    state = controller.do("pull")
                    self.strokes += bool(state.get("motor_on"))
            self.stopping.wait(0.9)
            self._release()
            self.stopping.wait(0.3)
        self._release()

    def _release(self) -> None:
        for controller in self._yard.controllers.values():
            with suppress(Exception):
                controller.do("release")
