"""The chain as the demo's customers and its audience see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.exceptions import ContractLogicError

from lab.rig.errors import RigError
from protocol.abi import drill_meter_abi
from protocol.records import RentalState

MINED_SECONDS = 120.0
RICH_WEI = 10**18


@dataclass(frozen=True, slots=True)
class RentalFacts:
    """What the contract says about a rental, at one block."""

    rental: int
    state: RentalState
    opened_at: int
    ended_at: int
    funded: int
    charge: int
    balance: int


class ContractLedger:
    """Read access to one deployed DrillMeter. One for each thread."""

    def __init__(self, url: str, address: str) -> None:
        self.web3 = Web3(HTTPProvider(url, request_kwargs={"timeout": 10}))
        checksummed = Web3.to_checksum_address(address)
        self.contract: Contract = self.web3.eth.contract(checksummed, abi=drill_meter_abi())

    def call(self, name: str, *arguments: object, block: int | None = None) -> Any:
        """Call a view, at `block` or the newest."""
        function = self.contract.functions[name](*arguments)
        return function.call(block_identifier="latest" if block is None else block)

    def rental(self, rental: int) -> RentalFacts:
        """A rental at the newest block."""
        block = self.web3.eth.block_number
        fields = self.call("rental", rental, block=block)
        _, _, _, _, state, opened_at, ended_at, _, funded, _ = fields
        return RentalFacts(
            rental=rental,
            state=RentalState(state),
            opened_at=opened_at,
            ended_at=ended_at,
            funded=funded,
            charge=self.call("charge", rental, block=block),
            balance=self.call("balance_of", rental, block=block),
        )

    def events(self, name: str, **filters: object) -> list[Any]:
        """All events of that name since the first block, oldest first."""
        return list(self.contract.events[name].get_logs(from_block=0, argument_filters=filters))

    def block_time(self, number: int) -> int:
        """A block's timestamp, Unix s."""
        return int(self.web3.eth.get_block(number)["timestamp"])

    def solvent(self) -> bool:
        """Whether the contract has what it says it owes, at the newest block."""
        block = self.web3.eth.block_number
        has = self.web3.eth.get_balance(self.contract.address, block)
        return has >= int(self.call("held", block=block))

    def owes(self, customers: Sequence[str], rentals: Sequence[int]) -> int:
        """What it owes, added up: accounts, open balances, what the provider has earned and not
        collected, and the bond."""
        total = sum(int(self.call("account", customer)) for customer in customers)
        total += int(self.call("revenue")) + int(self.call("bond")[0])
        for rental in map(self.rental, rentals):
            if rental.state is not RentalState.CLOSED:
                total += rental.balance + int(self.call("earned", rental.rental))
        return total


class Customer:
    """Somebody with a fresh key and a coin of their own."""

    def __init__(self, ledger: ContractLedger, name: str) -> None:
        self.name, self._ledger = name, ledger
        self._account = Account.create()
        self.address = str(self._account.address)

    def coins(self) -> int:
        """What is in the wallet, in wei."""
        return self._ledger.web3.eth.get_balance(Web3.to_checksum_address(self.address))

    def send(self, name: str, *arguments: object, value: int = 0) -> Any:
        """Send a transaction to the contract and wait for its receipt; raises RigError."""
        eth = self._ledger.web3.eth
        sender = Web3.to_checksum_address(self.address)
        try:
            transaction = self._ledger.contract.functions[name](*arguments).build_transaction(
                {
                    "from": sender,
                    "value": Web3.to_wei(value, "wei"),
                    "nonce": eth.get_transaction_count(sender),
                }
            )
        except ContractLogicError as error:
            raise RigError(f"{self.name}: {name} is refused: {error}") from error
        signed = self._account.sign_transaction(transaction)
        sent = eth.send_raw_transaction(signed.raw_transaction)
        receipt = eth.wait_for_transaction_receipt(sent, MINED_SECONDS, 0.05)
        if receipt["status"] != 1:
            raise RigError(f"{self.name}: {name} reverted: {sent.to_0x_hex()}")
        return receipt
