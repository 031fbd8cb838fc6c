"""A real chain with a contract on it, for tests of what the oracle and the bridge read."""

from __future__ import annotations

from typing import Any

from eth_utils.address import to_checksum_address
from oracle_world import TARIFF
from web3 import HTTPProvider, Web3

from lab.rig.contract import compile_drill_meter, deploy
from lab.rig.plan import NO_DEADLINE
from lab.rig.services import Anvil

ZERO = "0x" + 40 * "0"


class Place:
    """A chain with a contract, one drill and, with `deposit`, one capped rental of it."""

    def __init__(self, anvil: Anvil, oracle_key: str, *, deposit: bool = True) -> None:
        self.anvil = anvil
        self.web3 = Web3(HTTPProvider(anvil.url))
        self.provider, self.customer = self.web3.eth.accounts[:2]
        self.contract = deploy(
            self.web3, compile_drill_meter(), self.provider, ZERO, 3600, 86_400, 0
        )
        functions = self.contract.functions
        levels = [
            (one.price_per_second, one.price_per_1000_revolutions, one.max_rpm)
            for one in TARIFF.levels
        ]
        self.send(functions.publish_tariff((levels, 0, TARIFF.least_reserve, False)))
        self.send(functions.register_oracle(to_checksum_address(oracle_key)))
        self.send(functions.list_drill(1, 1, "drill 1"))
        opening = functions.open_rental(1, 1, 10**18, (10**17, 10**16), NO_DEADLINE)
        if deposit:
            self.opened = self.send(opening, self.customer, 10**18)["blockNumber"]
        self.mine(2)

    def send(self, function: Any, sender: str | None = None, value: int = 0) -> Any:
        sent = function.transact({"from": sender or self.provider, "value": value})
        return self.web3.eth.wait_for_transaction_receipt(sent, 300, 0.05)

    def mine(self, count: int = 1) -> None:
        self.anvil.rpc("anvil_mine", hex(count))
