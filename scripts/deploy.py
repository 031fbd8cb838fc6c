"""Deploy DrillMeter to any ape network and write the record that the other parts read.

    ape run deploy --network ecosystem:network:provider --plan scripts/deployment-plan.toml

The plan says what is deployed: the asset, the periods, the bond, the first tariff, the oracle's key
and the drills it meters. The whole plan is played on the chain before anything is sent, what was
sent is read back and held against it, and a deployment that stopped goes on when it is run again:
all that is in `provider/deployment.py`. Here are ape's parts: compiler, network and accounts.
"""

import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import vyper

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ape import chain, project
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option
from eth_utils.address import to_checksum_address

from host.errors import HostError
from provider.deployment import Code, DeploymentOrder, deploy
from provider.errors import ProviderError
from provider.node import ProviderNode
from provider.plan import read_plan
from provider.sending import Sender, Wallet
from provider.wallet import open_wallet

PROJECT = Path(__file__).resolve().parents[1]


class ApeWallet:
    """An account of ape's, which asks by itself before it signs."""

    def __init__(self, account: AccountAPI) -> None:
        self._account = account
        self.address = str(to_checksum_address(account.address))

    def sign(self, transaction: dict[str, Any]) -> bytes:
        """The signed bytes; raises ProviderError when its owner declines."""
        # Ape names a transaction's fields as web3 does, and takes the sender for the signature.
        made = chain.provider.network.ecosystem.create_transaction(
            **{**transaction, "from": self.address, "requiredConfirmations": 0}
        )
        signed = self._account.sign_transaction(made)
        if signed is None:
            raise ProviderError(f"{self.address} has not signed; nothing was sent")
        return bytes(signed.serialize_transaction())


def compiled() -> Code:
    """What ape's compiler makes of the contract; raises ProviderError unless it is what was
    reviewed and tested."""
    # Ape's cache looks at DrillMeter.vy alone and would miss a change in one of its modules.
    with warnings.catch_warnings():
        # The compiler's plugin reads a setting of its own in a way that pydantic warns about.
        warnings.filterwarnings("ignore", "Field 'import_remapping' has an incomplete definition")
        project.load_contracts(use_cache=False)
    made = project.DrillMeter.contract_type
    parts = [made.deployment_bytecode.bytecode, made.runtime_bytecode.bytecode]
    creation, runtime = (bytes.fromhex(str(part).removeprefix("0x")) for part in parts)
    code = Code(f"vyper {vyper.__version__}", creation, runtime)
    pinned = json.loads((PROJECT / "contracts" / "DrillMeter.pin.json").read_text("ascii"))
    for name, value in (("compiler", code.compiler), ("bytecode_sha256", code.sha256)):
        if pinned[name] != value:
            raise ProviderError(
                f"{name} is {value}, contracts/DrillMeter.pin.json has {pinned[name]}: "
                "nothing was deployed"
            )
    return code


def transport(method: str, parameters: Sequence[object]) -> Mapping[str, Any]:
    """Over ape's connection."""
    return dict(chain.provider.web3.provider.make_request(method, list(parameters)))


@click.command(cls=ConnectedProviderCommand)
@account_option(prompt=False)
@click.option(
    "--keystore",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The provider's keystore, instead of an account of ape's.",
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The file with the keystore's password.",
)
@click.option(
    "--plan",
    "plan_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=Path(__file__).parent / "deployment-plan.toml",
    show_default="scripts/deployment-plan.toml",
    help="What to deploy.",
)
@click.option("--oracle-key", help="The oracle's address, instead of the plan's.")
@click.option(
    "--record",
    "record_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the record.  [default: deployments/CHAIN_ID.json]",
)
@click.option(
    "--local",
    is_flag=True,
    help="A local chain with an unusual id, where keys that everybody knows are accepted.",
)
def cli(  # noqa: PLR0917  click calls it by keyword
    account: AccountAPI | None,
    keystore: Path | None,
    password_file: Path | None,
    plan_path: Path,
    oracle_key: str | None,
    record_path: Path | None,
    local: bool,
) -> None:
    """Deploy DrillMeter with all that a plan names, continue a deployment that was interrupted, or
    verify a complete one."""
    try:
        plan = read_plan(plan_path, oracle_key)
        wallet = chosen_wallet(account, keystore, password_file)
        record = record_path or Path("deployments") / f"{chain.chain_id}.json"
        node = ProviderNode(transport, "the endpoint")
        deploy(
            DeploymentOrder(plan, compiled(), record, local),
            Sender(node, wallet, click.echo),
            click.echo,
        )
    except (ProviderError, HostError) as error:
        raise click.ClickException(str(error)) from error


def chosen_wallet(
    account: AccountAPI | None, keystore: Path | None, password_file: Path | None
) -> Wallet:
    """Who signs; raises ProviderError unless exactly one is named."""
    if (account is None) == (keystore is None) or (keystore is None) != (password_file is None):
        raise ProviderError("name --account, or --keystore and --password-file")
    if keystore is not None and password_file is not None:
        return open_wallet(keystore, password_file)
    return ApeWallet(account)
