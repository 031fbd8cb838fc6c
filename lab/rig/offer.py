"""A deployed contract with what a provider offers on it, made in a second: `ape run deploy` without
ape, which takes a minute on a busy machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.types import TxParams

from lab.rig import plan
from lab.rig.contract import compile_drill_meter, deploy
from lab.rig.errors import RigError
from protocol.records import Tariff

NATIVE = "0x" + "00" * 20
DRILL_NAMES = {1: "Pillar drill 1", 2: "Pillar drill 2"}

MINED_SECONDS = 300.0
GAS = 500_000
"""More than any call here uses; asking for an estimate takes longer than the call."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What is deployed: the drills of one box with their names, and their tariffs in turn."""

    oracle_key: str
    tariffs: Sequence[Tariff] = (plan.STEADY,)
    drills: Mapping[int, str] = field(default_factory=lambda: DRILL_NAMES)
    asset: str = NATIVE
    penalty: int = plan.PENALTY

    def tariff_of(self, drill: int) -> int:
        """The number of the drill's tariff."""
        return 1 + (drill - 1) % len(self.tariffs)


def words_of(tariff: Tariff) -> tuple[list[tuple[int, int, int]], int, int, bool]:
    """A tariff as `publish_tariff` takes it."""
    levels = [
        (rate.price_per_second, rate.price_per_1000_revolutions, rate.max_rpm)
        for rate in tariff.levels
    ]
    return levels, tariff.standing_price_per_second, tariff.least_reserve, False


def deploy_offer(web3: Web3, provider: str, offer: Offer) -> Contract:
    """Deploy the contract from an unlocked account, publish the tariffs, register the box and list
    its drills; raises RigError when something reverts."""
    terms = (offer.asset, plan.GRACE_SECONDS, plan.EVIDENCE_SECONDS, offer.penalty)
    contract = deploy(web3, compile_drill_meter(), provider, *terms)
    functions = contract.functions
    calls = [functions.publish_tariff(words_of(tariff)) for tariff in offer.tariffs]
    calls.append(functions.register_oracle(offer.oracle_key))
    calls += [
        functions.list_drill(1, offer.tariff_of(drill), name)
        for drill, name in sorted(offer.drills.items())
    ]
    send_all(web3, [(call, provider, 0) for call in calls])
    return contract


def send_all(web3: Web3, calls: Sequence[tuple[Any, str, int]]) -> list[Any]:
    """Send (call, sender, value in wei) all at once and wait until they are mined; their receipts.
    Raises RigError when one reverts."""
    sent = [call.transact(_options(sender, value)) for call, sender, value in calls]
    return [mined(web3, call, one) for (call, _, _), one in zip(calls, sent, strict=True)]


def mined(web3: Web3, call: Any, transaction: Any) -> Any:
    """The receipt of a call that was sent, when it is mined; raises RigError if it reverted."""
    receipt = web3.eth.wait_for_transaction_receipt(transaction, MINED_SECONDS, 0.02)
    if receipt["status"] != 1:
        raise RigError(f"{call.fn_name}{tuple(call.args)} reverted: {transaction.to_0x_hex()}")
    return receipt


def _options(sender: str, value: int) -> TxParams:
    return {
        "from": Web3.to_checksum_address(sender),
        "value": Web3.to_wei(value, "wei"),
        "gas": GAS,
    }
