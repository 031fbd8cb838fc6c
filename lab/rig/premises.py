"""What every world of processes stands on: a chain, a broker, the contract with its people and one
box with its drills, all local and all real."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3
from web3.contract import Contract

from lab.rig import plan
from lab.rig.box_files import record_of, write_keystore, write_message_key
from lab.rig.drill import OUR_PACKAGES, BridgeProgram, ControllerProgram, module
from lab.rig.ledger import ContractLedger
from lab.rig.offer import DRILL_NAMES, Offer, deploy_offer, mined
from lab.rig.process import Daemon, wait_until
from lab.rig.services import Anvil, BrokerProcess, Mosquitto
from protocol.leases import Provisioning
from protocol.records import Domain, Tariff

RICH_WEI = 10**20
"""So much that nobody here runs out of it."""

_D = TypeVar("_D", bound=Daemon)


class Premises:
    """Use it in a `with` statement: chain, broker and contract are there, the box's files are
    written, and no program of ours runs yet. Whatever it has started stops when it is left.

    The contract is deployed before the first block is waited for; from then on anvil mines one each
    `block_seconds`, or each transaction at once if that is None.
    """

    anvil: Anvil
    broker: BrokerProcess
    web3: Web3
    contract: Contract
    domain: Domain
    provider: str
    customer: str
    controllers: dict[int, ControllerProgram]
    bridges: dict[int, BridgeProgram]
    oracle: Daemon

    def __init__(
        self,
        folder: Path,
        *,
        drills: Mapping[int, str] | None = None,
        tariffs: Sequence[Tariff] = (plan.STEADY,),
        penalty: int = plan.PENALTY,
        oracle_address: str | None = None,
        block_seconds: float | None = 1,
        anvil_options: tuple[str, ...] = (),
        make_broker: Callable[[Path], BrokerProcess] = Mosquitto,
    ) -> None:
        self.folder, self.logs = folder, folder / "logs"
        self.samples = folder / plan.SAMPLES_FOLDER
        """The folder of published samples, as an auditor reads it."""
        self.names = DRILL_NAMES if drills is None else drills
        self.numbers = tuple(self.names)
        self.tariffs, self.penalty = tariffs, penalty
        self._oracle_address = oracle_address
        self.signing: LocalAccount = Account.create()
        self.gas: LocalAccount = Account.create()
        self.message_keys = {drill: os.urandom(32) for drill in self.numbers}
        self.controllers, self.bridges = {}, {}
        self.daemons: list[Daemon] = []
        self._block_seconds, self._anvil_options = block_seconds, anvil_options
        self._make_broker = make_broker
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as self._stack:
            self._start()
            kept = self._stack.pop_all()
        self._stack = kept
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        """What is there when the `with` statement begins."""
        self.start_services()
        self.write_keys()
        self.give_coins(str(self.gas.address))
        self.deploy()
        self.write_settings()
        self.let_time_pass()

    # --- chain and contract ----------------------------------------------------------------------

    def start_services(self) -> None:
        """Start anvil and the broker."""
        # Blocks of less than a second can be asked for at the start only.
        ticking = self._block_seconds if (self._block_seconds or 1) < 1 else None
        self.anvil = self.run(Anvil(self.logs, block_seconds=ticking, options=self._anvil_options))
        self.broker = self.run(self._make_broker(self.logs))
        self.web3 = Web3(HTTPProvider(self.anvil.url, request_kwargs={"timeout": 60}))
        self.provider, self.customer, *self.others = map(str, self.web3.eth.accounts)

    def deploy(self) -> None:
        """Deploy the contract with tariffs, box and drills, and write the record of it."""
        offer = Offer(self.oracle_address, self.tariffs, self.names, penalty=self.penalty)
        self.contract = deploy_recorded(self.web3, self.provider, offer, self.record)
        self.domain = Domain(self.anvil.chain_id, self.contract.address)

    def let_time_pass(self) -> None:
        """From here on a block comes when it is due, and not when it is wanted."""
        if self._block_seconds is not None and self._block_seconds >= 1:
            self.anvil.rpc("evm_setAutomine", False)
            self.anvil.rpc("evm_setIntervalMining", round(self._block_seconds))

    @property
    def oracle_address(self) -> str:
        """The address of the key that the box is registered with."""
        return self._oracle_address or str(self.signing.address)

    @property
    def address(self) -> str:
        """The contract's address."""
        return self.domain.contract

    @property
    def record(self) -> Path:
        """The deployment record."""
        return self.folder / "deployment.json"

    def ledger(self) -> ContractLedger:
        """A connection to the contract, for one thread."""
        return ContractLedger(self.anvil.url, self.address)

    def give_coins(self, address: str) -> None:
        """Make somebody rich enough for anything here."""
        self.anvil.rpc("anvil_setBalance", address, hex(RICH_WEI))

    def send(self, call: Any, sender: str | None = None, value: int = 0) -> Any:
        """Send a transaction, by default as the provider, and wait until it is mined; its receipt.
        Raises ContractLogicError if it would revert, RigError if it did."""
        options = {"from": sender or self.provider, "value": value}
        return mined(self.web3, call, call.transact(options))

    # --- the box ---------------------------------------------------------------------------------

    @property
    def settings(self) -> Path:
        """The oracle's."""
        return self.folder / "oracle.toml"

    def write_keys(self) -> None:
        """Write the box's keystores, and what it shares with each drill's bridge."""
        write_keystore(self.folder, "signing", self.signing)
        write_keystore(self.folder, "gas", self.gas)
        for drill, key in self.message_keys.items():
            write_message_key(self.folder, drill, key)

    def write_settings(self) -> None:
        """Write the oracle's settings."""
        self.samples.mkdir(exist_ok=True)
        self.settings.write_text(plan.as_toml(self.oracle_sections()))

    def oracle_sections(self) -> plan.Sections:
        """The oracle's settings; by default short leases and eager settlements."""
        return plan.eager_sections(
            self.folder,
            drills=self.numbers,
            rpc_url=self.anvil.url,
            broker_port=self.broker.port,
            record=self.record,
        )

    def provisioning(self, drill: int) -> Provisioning:
        """What a drill's controller is made to trust."""
        return Provisioning(drill, self.oracle_address, self.domain)

    def run(self, daemon: _D) -> _D:
        """Start a process that stops when the premises are left."""
        self.daemons.append(self._stack.enter_context(daemon))
        return daemon

    def start_drills(self, options: Sequence[str] = (), broker_port: int | None = None) -> None:
        """Start each drill's controller and bridge. `options` are `drill-controller`'s."""
        for drill in self.numbers:
            controller = ControllerProgram(
                self.provisioning(drill), self.folder, self.logs, options
            )
            self.controllers[drill] = self.run(controller)
        for drill, controller in self.controllers.items():
            wait_until(f"{controller.name} is up", controller.up, daemon=controller)
            port = broker_port or self.broker.port
            bridge = BridgeProgram(drill, controller.port, port, self.folder, self.logs)
            self.bridges[drill] = self.run(bridge)

    def start_oracle(self) -> None:
        """Start `drill-oracle` with the box's settings."""
        line = module("oracle", "run", "--settings", self.settings)
        self.oracle = self.run(Daemon("oracle", line, self.logs / "oracle.log", OUR_PACKAGES))

    def require_running(self) -> None:
        """Raise RigError when any process has ended."""
        for daemon in self.daemons:
            daemon.require_running()


def deploy_recorded(web3: Web3, provider: str, offer: Offer, record: Path) -> Contract:
    """Deploy, and write the record for the programs that read it."""
    contract = deploy_offer(web3, provider, offer)
    found = record_of(web3, contract, provider, offer.asset)
    record.write_text(found.model_dump_json(indent=2) + "\n")
    return contract
