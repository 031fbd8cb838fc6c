"""The demo's world with the page in it, for the tests in a browser: deployed without ape, which
takes a minute on a busy machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.types import TxParams

from lab.rig import plan
from lab.rig.contract import compile_drill_meter, deploy
from lab.rig.errors import RigError
from lab.rig.ledger import ContractLedger
from lab.rig.services import Anvil, Mosquitto
from lab.rig.world import DEPLOYER, World
from protocol.deployment import Deployment
from protocol.records import Tariff

NATIVE = "0x" + "00" * 20
DRILL_NAMES = {1: "Pillar drill 1", 2: "Pillar drill 2"}


def furnish(contract: Contract, web3: Web3, tariff: Tariff, oracle_key: str) -> None:
    """Publish the tariff, register the oracle and list two drills, as `ape run deploy` does."""
    levels = [
        (rate.price_per_second, rate.price_per_1000_revolutions, rate.max_rpm)
        for rate in tariff.levels
    ]
    terms = (levels, tariff.standing_price_per_second, tariff.least_reserve, False)
    sender: TxParams = {"from": Web3.to_checksum_address(DEPLOYER)}
    calls = [
        contract.functions.publish_tariff(terms),
        contract.functions.register_oracle(oracle_key),
        *(contract.functions.list_drill(1, 1, name) for name in DRILL_NAMES.values()),
    ]
    for call in calls:
        receipt = web3.eth.wait_for_transaction_receipt(call.transact(sender), 300, 0.02)
        if receipt["status"] != 1:
            raise RigError(f"{call.fn_name} reverted")


def deploy_for_page(
    anvil: Anvil, record: Path, tariff: Tariff, oracle_key: str, asset: str = NATIVE
) -> Contract:
    """Deploy and furnish the contract; the record is written for the programs that read it."""
    web3 = Web3(HTTPProvider(anvil.url, request_kwargs={"timeout": 60}))
    compiled = compile_drill_meter()
    terms = (asset, plan.GRACE_SECONDS, plan.EVIDENCE_SECONDS, plan.PENALTY)
    contract = deploy(web3, compiled, DEPLOYER, *terms)
    furnish(contract, web3, tariff, oracle_key)
    block = web3.eth.get_block(0)
    code = bytes.fromhex(compiled.bytecode.removeprefix("0x"))
    written = Deployment(
        chain_id=anvil.chain_id,
        contract=str(contract.address),
        asset=asset,
        block_number=0,
        block_hash="0x" + bytes(block["hash"]).hex(),
        grace_period_seconds=plan.GRACE_SECONDS,
        provider=DEPLOYER,
        compiler="vyper",
        bytecode_sha256=sha256(code).hexdigest(),
    )
    record.write_text(written.model_dump_json(indent=2) + "\n")
    return contract


class PageWorld(World):
    """A chain, a broker, the contract, two drills and their oracle."""

    @property
    def record(self) -> Path:
        """The deployment record."""
        return self.folder / "deployment.json"

    def _deploy(self, oracle_key: str) -> Path:
        deploy_for_page(self.anvil, self.record, self.tariff, oracle_key)
        return self.record


@dataclass(frozen=True)
class BareWorld:
    """A chain, a broker and the contract with two drills listed: no box runs, and no drill."""

    folder: Path
    anvil: Anvil
    broker: Mosquitto
    address: str

    @property
    def logs(self) -> Path:
        """What its programs wrote."""
        return self.folder

    @property
    def record(self) -> Path:
        """The deployment record."""
        return self.folder / "deployment.json"

    def ledger(self) -> ContractLedger:
        """A connection to the contract, for one thread."""
        return ContractLedger(self.anvil.url, self.address)


@contextmanager
def bare_world(folder: Path, oracle_key: str, options: tuple[str, ...] = ()) -> Iterator[BareWorld]:
    """It stops when it is left. `options` are anvil's; each transaction is mined at once."""
    with Anvil(folder, options=options) as anvil, Mosquitto(folder) as broker:
        contract = deploy_for_page(anvil, folder / "deployment.json", plan.STEADY, oracle_key)
        yield BareWorld(folder, anvil, broker, str(contract.address))
