"""Everything real: a node with a block a second, mosquitto, drills on pseudo-terminals, the box."""

from __future__ import annotations

import json
import os
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from eth_account import Account
from web3 import HTTPProvider, Web3

from lab.chaos.proxy import RpcProxy, TcpProxy
from lab.rig import plan
from lab.rig.box_files import record_of, write_box_files
from lab.rig.contract import compile_drill_meter, deploy
from lab.rig.drill import OUR_PACKAGES, BridgeProgram, ControllerProgram, module
from lab.rig.process import Daemon, wait_until
from lab.rig.services import Anvil, Mosquitto
from lab.rig.yard import NATIVE
from protocol.leases import Provisioning
from protocol.records import Domain, LevelRate, Tariff

GRACE_SECONDS, EVIDENCE_SECONDS = 3_600, 86_400
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


class ChaosYard:
    """Use it in a `with` statement."""

    def __init__(self, folder: Path, drills: int, seed: int) -> None:
        self.folder, self.logs, self.seed = folder, folder / "logs", seed
        self.numbers = tuple(range(1, drills + 1))
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        self.anvil = stack.enter_context(Anvil(self.logs, block_seconds=1))
        self.broker = stack.enter_context(Mosquitto(self.logs))
        self.rpc = stack.enter_context(RpcProxy(self.anvil.port, self.seed))
        self.mqtt = stack.enter_context(TcpProxy(self.broker.port))
        self.web3 = Web3(HTTPProvider(self.anvil.url))
        self.provider, self.customer = map(str, [*self.web3.eth.accounts][:2])
        self.signing, self.gas = Account.create(), Account.create()
        self.anvil.rpc("anvil_setBalance", self.gas.address, hex(10**20))
        self._deploy()
        self._write()
        self.domain = Domain(self.anvil.chain_id, self.contract.address)
        self.controllers, self.bridges = {}, {}
        for drill in self.numbers:
            box = Provisioning(drill, self.signing.address, self.domain)
            controller = stack.enter_context(ControllerProgram(box, self.folder, self.logs))
            wait_until("the controller", controller.up, 60, controller)
            self.controllers[drill] = controller
            bridge = BridgeProgram(drill, controller.port, self.mqtt.port, self.folder, self.logs)
            self.bridges[drill] = stack.enter_context(bridge)
        command = module("oracle", "run", "--settings", self.folder / "oracle.toml")
        self.oracle = stack.enter_context(
            Daemon("oracle", command, self.logs / "oracle.log", OUR_PACKAGES)
        )

    def send(self, function: Any, sender: str, value: int = 0) -> Any:
        """Send a transaction and wait until it is mined; raises AssertionError if it reverts."""
        sent = function.transact({"from": sender, "value": value})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, 60, 0.05)
        if receipt["status"] != 1:
            raise AssertionError(f"reverted: {sent.to_0x_hex()}")
        return receipt

    def _deploy(self) -> None:
        terms = (NATIVE, GRACE_SECONDS, EVIDENCE_SECONDS, 0)
        self.contract = deploy(self.web3, compile_drill_meter(), self.provider, *terms)
        levels = [
            (one.price_per_second, one.price_per_1000_revolutions, one.max_rpm)
            for one in TARIFF.levels
        ]
        tariff = (levels, TARIFF.standing_price_per_second, TARIFF.least_reserve, False)
        functions = self.contract.functions
        self.send(functions.publish_tariff(tariff), self.provider)
        self.send(functions.register_oracle(self.signing.address), self.provider)
        for drill in self.numbers:
            self.send(functions.list_drill(1, 1, f"drill {drill}"), self.provider)

    def _write(self) -> None:
        record = record_of(self.web3, self.contract, self.provider, GRACE_SECONDS)
        keystores = {"signing": self.signing, "gas": self.gas}
        message_keys = {drill: os.urandom(32).hex() for drill in self.numbers}
        file = write_box_files(self.folder, record, keystores, message_keys)
        settings = plan.oracle_settings(
            self.folder,
            drills=[*self.numbers],
            rpc_url=self.rpc.url,
            broker_port=self.mqtt.port,
            record=file,
        )
        # A settlement is due every two seconds, so that each restart has one to show.
        settings = settings.replace("longest_interval_seconds = 10", "longest_interval_seconds = 2")
        (self.folder / "oracle.toml").write_text(settings)

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
