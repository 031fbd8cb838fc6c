"""Where the provider's commands meet the contract: each is shown, tried, confirmed, sent, told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from protocol.deployment import Deployment
from provider.amounts import PlanAsset, asset_of
from provider.deployment import read_record
from provider.errors import ProviderError
from provider.meter import DeployedMeter, meter_of
from provider.node import checksummed, open_node
from provider.sending import Call, Say, Sender
from provider.token import Token, approvals
from provider.wallet import KeystoreWallet, open_wallet

Confirm = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Access:
    """What a command line names; without a keystore the contract can only be looked at."""

    rpc: str
    deployment: Path
    keystore: Path | None
    password_file: Path | None
    dry_run: bool


class Desk:
    """One command's view of the contract; raises ProviderError or HostError."""

    def __init__(self, access: Access, say: Say, confirm: Confirm) -> None:
        self._access, self._say, self._confirm = access, say, confirm

    @cached_property
    def record(self) -> Deployment:
        """The deployment record."""
        record = read_record(self._access.deployment)
        if record is None:
            raise ProviderError(f"deployment record {self._access.deployment}: no such file")
        return record

    @cached_property
    def meter(self) -> DeployedMeter:
        """The contract, looked at before anything else is asked of it."""
        if not self._access.rpc:
            raise ProviderError("name the chain's endpoint: --rpc, or DRILL_PROVIDER_RPC")
        return meter_of(open_node(self._access.rpc), self.record)

    @cached_property
    def asset(self) -> PlanAsset:
        """What it is paid in."""
        return asset_of(self.meter)

    @property
    def keystore_files(self) -> tuple[Path | None, Path | None]:
        """The keystore that was named, and its password file."""
        return self._access.keystore, self._access.password_file

    @cached_property
    def wallet(self) -> KeystoreWallet:
        """The account that signs."""
        keystore, password_file = self._access.keystore, self._access.password_file
        if keystore is None or password_file is None:
            raise ProviderError("this sends a transaction: name --keystore and --password-file")
        return open_wallet(keystore, password_file)

    def send(
        self, what: str, name: str, *arguments: object, value: int = 0, owner: bool = True
    ) -> None:
        """Call the contract as its owner, and say what it logged."""
        meter, wallet = self.meter, self.wallet
        provider = checksummed(meter.view("owner"))
        if owner and provider != wallet.address:
            raise ProviderError(
                f"the provider is {provider}, and this keystore's is {wallet.address}"
            )
        shown = ", ".join(map(_short, arguments))
        with_value = f" with {self.asset.show(value)}" if value else ""
        self._say(
            f"{what}: {name}({shown}){with_value}, to {meter.address} on chain "
            f"{self.record.chain_id}, from {wallet.address}"
        )
        receipt = self._dispatch(Call(what, meter.address, meter.calldata(name, *arguments), value))
        if receipt is None:
            return
        for event, found in meter.events(receipt):
            self._say(
                f"  {event}: " + ", ".join(f"{key} {_short(one)}" for key, one in found.items())
            )

    def post_bond(self, amount: int) -> None:
        """Post a bond; tokens are approved first."""
        what = f"post a bond of {self.asset.show(amount)}"
        if self.asset.is_native:
            self.send(what, "post_bond", amount, value=amount)
            return
        token, sender = Token(self.meter.node, self.asset.address), self._sender
        for call in approvals(token, sender, self.meter.address, amount):
            self._say(f"{call.what}, for {self.meter.address}")
            if self._dispatch(call) is None:
                return
        self.send(what, "post_bond", amount)

    @cached_property
    def _sender(self) -> Sender:
        return Sender(self.meter.node, self.wallet, self._say)

    def _dispatch(self, call: Call) -> Mapping[str, Any] | None:
        """The receipt; None when nothing was sent."""
        limit = self._sender.show(call)
        if self._access.dry_run:
            self._say("dry run: the contract would take it; nothing was sent")
            return None
        if not self._confirm("send it?"):
            raise ProviderError("nothing was sent; answer y, or give --yes where nobody can answer")
        receipt = self._sender.dispatch(call, limit)
        self._say(
            f"mined in block {int(str(receipt['blockNumber']), 16)}: {receipt['transactionHash']}"
        )
        return receipt


def _short(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
