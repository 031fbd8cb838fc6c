"""What the soak runs on: anvil, mosquitto, a deployed contract with a rental on every drill, and
the oracle's daemon with the settings of production but for how often it settles and publishes.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from eth_account import Account
from web3 import HTTPProvider, Web3

from lab.rig import plan
from lab.rig.box_files import record_of, write_box_files
from lab.rig.contract import compile_drill_meter, deploy
from lab.rig.drill import OUR_PACKAGES, module
from lab.rig.errors import RigError
from lab.rig.process import Daemon, wait_until
from lab.rig.services import Anvil, Mosquitto
from lab.rig.yard import NATIVE, TARIFFS
from protocol.records import Domain

GRACE_SECONDS, EVIDENCE_SECONDS = 3_600, 86_400
FUNDS = 5 * 10**18
"""For each rental: credit is not to run out, and anvil's accounts have enough for thousands."""

GAS = 500_000
"""More than any call here uses."""

MINED_SECONDS = 60.0
START_SECONDS = 120.0
BLOCK_SECONDS = 2
CLOSED = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the box settles each rental and publishes, in seconds."""

    settle_least: int
    settle_longest: int
    publish: int

    @classmethod
    def of(cls, seconds: int) -> Pace:
        """Several settlements within so many seconds, at most one a minute."""
        longest = min(60, max(seconds // 4, 2))
        return cls(min(10, longest // 2), longest, min(20, max(seconds // 10, 1)))


class SoakYard:
    """Use it in a `with` statement."""

    def __init__(self, folder: Path, drills: int, pace: Pace) -> None:
        self.folder, self.logs, self._pace = folder, folder / "logs", pace
        self.samples = folder / plan.SAMPLES_FOLDER
        self.numbers = range(1, drills + 1)
        self.keys = {drill: os.urandom(32).hex() for drill in self.numbers}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        self.anvil = stack.enter_context(Anvil(self.logs, block_seconds=BLOCK_SECONDS))
        self.broker = stack.enter_context(Mosquitto(self.logs))
        self.web3 = Web3(HTTPProvider(self.anvil.url, request_kwargs={"timeout": 30}))
        self.provider, *self._customers = map(str, self.web3.eth.accounts)
        self._signing, self._gas = Account.create(), Account.create()
        self.anvil.rpc("anvil_setBalance", self._gas.address, hex(10**20))
        terms = (NATIVE, GRACE_SECONDS, EVIDENCE_SECONDS, 0)
        self.contract = deploy(self.web3, compile_drill_meter(), self.provider, *terms)
        self.domain = Domain(self.anvil.chain_id, self.contract.address)
        calls: list[tuple[str, str, list[object], int]] = [
            (self.provider, "publish_tariff", [tariff], 0) for tariff in TARIFFS
        ]
        calls.append((self.provider, "register_oracle", [self._signing.address], 0))
        for drill in self.numbers:
            listing = [1, self.tariff(drill), f"drill {drill}"]
            calls.append((self.provider, "list_drill", listing, 0))
        self.send(calls)
        self._write()
        command = module("oracle", "run", "--settings", self.folder / "oracle.toml")
        log = self.logs / "oracle.log"
        self.oracle = stack.enter_context(Daemon("oracle", command, log, OUR_PACKAGES))

    @staticmethod
    def tariff(drill: int) -> int:
        """The drill's tariff, in turn."""
        return 1 + (drill - 1) % len(TARIFFS)

    def highest(self, drill: int) -> list[int]:
        """The highest speeds that the drill's tariff bills, by level."""
        return [highest for _, _, highest in TARIFFS[self.tariff(drill) - 1][0]]

    def send(self, calls: list[tuple[str, str, list[object], int]]) -> None:
        """Send (sender, function, arguments, value) all at once, and wait until they are mined;
        raises RigError when one reverts."""
        hashes = [
            self.anvil.rpc(
                "eth_sendTransaction",
                {
                    "from": sender,
                    "to": self.contract.address,
                    "data": self.contract.encode_abi(function, args=arguments),
                    "value": hex(value),
                    "gas": hex(GAS),
                },
            )
            for sender, function, arguments, value in calls
        ]
        for (_, function, arguments, _), sent in zip(calls, hashes, strict=True):
            receipt = self.web3.eth.wait_for_transaction_receipt(str(sent), MINED_SECONDS, 0.2)  # type: ignore[arg-type]
            if receipt["status"] != 1:
                raise RigError(f"{function}{tuple(arguments)} reverted: {sent}")

    def open(self) -> None:
        """Open a rental of every drill, and wait until the oracle has taken them up."""
        self.send(
            [
                (self._customer(drill), "open_rental", [drill, self.tariff(drill), FUNDS], FUNDS)
                for drill in self.numbers
            ]
        )
        events: Any = self.contract.events["RentalOpened"].get_logs(from_block=0)
        self.rentals = {int(one["args"]["drill"]): int(one["args"]["rental"]) for one in events}
        self.wait_for_oracle("rentals are taken up")

    def wait_for_oracle(self, what: str, since: int = 0) -> None:
        """Return when the oracle has taken up all rentals, by its log from byte `since` on."""

        def taken() -> bool:
            with self.oracle.log.open("rb") as log:
                log.seek(since)
                return log.read().count(b"rental taken up") >= len(self.numbers)

        wait_until(what, taken, START_SECONDS, self.oracle)

    def end(self) -> None:
        """End all of them."""
        self.send(
            [(self._customer(one), "end_rental", [self.rentals[one]], 0) for one in self.numbers]
        )

    def closed(self) -> bool:
        """Whether all are closed."""
        functions = self.contract.functions
        return all(functions.rental(one).call()[4] == CLOSED for one in self.rentals.values())

    def _customer(self, drill: int) -> str:
        return self._customers[drill % len(self._customers)]

    def _write(self) -> None:
        record = record_of(self.web3, self.contract, self.provider, GRACE_SECONDS)
        keystores = {"signing": self._signing, "gas": self._gas}
        file = write_box_files(self.folder, record, keystores, self.keys)
        self.samples.mkdir()
        sections = plan.oracle_sections(
            self.folder,
            drills=[*self.numbers],
            rpc_url=self.anvil.url,
            broker_port=self.broker.port,
            record=file,
        )
        pace = self._pace
        sections["settlement"] = {
            "least_interval_seconds": pace.settle_least,
            "longest_interval_seconds": pace.settle_longest,
        }
        sections["publication"] = {"folder": str(self.samples), "period_seconds": pace.publish}
        (self.folder / "oracle.toml").write_text(plan.as_toml(sections))
