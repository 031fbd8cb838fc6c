"""Deploy DrillMeter to any ape network and write the record that the other parts read.

    ape run deploy --network ecosystem:network:provider --plan scripts/deployment-plan.toml

The plan says what is deployed: the asset, the periods, the first tariff, the oracle's key and
the drills it meters. Nothing is sent before the whole plan has been checked.
"""

# No postponed annotations here: ape runs this file without registering it as a module, and the
# models of the plan could not find their own names.
import json
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import click
import vyper
from ape import chain, project
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option
from ape.contracts import ContractInstance
from eth_utils import is_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from protocol.deployment import Deployment
from protocol.records import LEVELS

PROJECT = Path(__file__).resolve().parents[1]


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"not an address: {text!r}")
    return text


Address = Annotated[str, AfterValidator(_address)]
Price = Annotated[int, Field(ge=0, lt=2**64)]


class LevelPlan(BaseModel):
    """Prices in the asset's smallest unit, and the highest plausible rpm of the level."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    price_per_second: Price
    price_per_1000_revolutions: Price
    max_rpm: int = Field(gt=0, lt=2**20)


class TariffPlan(BaseModel):
    """The first tariff."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    levels: list[LevelPlan] = Field(min_length=LEVELS, max_length=LEVELS)
    standing_price_per_second: Price
    least_reserve: int = Field(ge=0, lt=2**96)

    def as_struct(self) -> tuple[Any, ...]:
        """The contract's struct Tariff."""
        levels = [tuple(level.model_dump().values()) for level in self.levels]
        return levels, self.standing_price_per_second, self.least_reserve, False


class Plan(BaseModel):
    """What is deployed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    asset: Address
    grace_period_seconds: int = Field(ge=3600, le=30 * 86_400)
    evidence_period_seconds: int = Field(ge=86_400, le=90 * 86_400)
    penalty: int = Field(ge=0, lt=2**96)
    oracle_key: Address
    drills: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(min_length=1)
    tariff: TariffPlan


def read_plan(path: Path, oracle_key: str | None) -> Plan:
    """Read a plan; raises ClickException that names the file and the field at fault."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        if oracle_key is not None:
            content["oracle_key"] = oracle_key
        return Plan.model_validate(content)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise click.ClickException(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise click.ClickException(f"{path}: {place}: {first['msg']}") from error


def require_pinned(bytecode_sha256: str) -> None:
    """Raise ClickException unless the compiler made the code that was reviewed and tested."""
    pinned = json.loads((PROJECT / "contracts" / "DrillMeter.pin.json").read_text("ascii"))
    compiler = f"vyper {vyper.__version__}"
    for name, value in (("compiler", compiler), ("bytecode_sha256", bytecode_sha256)):
        if pinned[name] != value:
            raise click.ClickException(
                f"{name} is {value}, contracts/DrillMeter.pin.json has {pinned[name]}: "
                "nothing was deployed"
            )


def deploy(plan: Plan, provider: AccountAPI) -> tuple[ContractInstance, Deployment]:
    """Deploy the contract; returns it with its record."""
    # Ape's cache looks at DrillMeter.vy alone and would miss a change in one of its modules.
    project.load_contracts(use_cache=False)
    container = project.DrillMeter
    bytecode = str(container.contract_type.deployment_bytecode.bytecode).removeprefix("0x")
    bytecode_sha256 = sha256(bytes.fromhex(bytecode)).hexdigest()
    require_pinned(bytecode_sha256)
    contract = provider.deploy(
        container,
        plan.asset,
        plan.grace_period_seconds,
        plan.evidence_period_seconds,
        plan.penalty,
    )
    block = chain.blocks[contract.creation_metadata.block]
    return contract, Deployment(
        chain_id=chain.chain_id,
        contract=str(contract.address),
        asset=plan.asset,
        block_number=block.number,
        block_hash="0x" + bytes(block.hash).hex(),
        grace_period_seconds=plan.grace_period_seconds,
        provider=str(provider.address),
        compiler=f"vyper {vyper.__version__}",
        bytecode_sha256=bytecode_sha256,
    )


def furnish(contract: ContractInstance, plan: Plan, provider: AccountAPI) -> None:
    """Publish the tariff, register the oracle and list the drills of the plan."""
    published = contract.publish_tariff(plan.tariff.as_struct(), sender=provider)
    tariff = published.events[0].tariff
    registered = contract.register_oracle(plan.oracle_key, sender=provider)
    oracle = registered.events[0].oracle
    click.echo(f"tariff {tariff} is published, oracle {oracle} registered: {plan.oracle_key}")
    for label in plan.drills:
        listed = contract.list_drill(oracle, tariff, label, sender=provider)
        click.echo(f"drill {listed.events[0].drill} is listed: {label}")


@click.command(cls=ConnectedProviderCommand)
@account_option()
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
def cli(
    account: AccountAPI, plan_path: Path, oracle_key: str | None, record_path: Path | None
) -> None:
    """Deploy DrillMeter, publish its first tariff, register an oracle and list its drills."""
    plan = read_plan(plan_path, oracle_key)
    record_path = record_path or Path("deployments") / f"{chain.chain_id}.json"
    if record_path.exists():
        raise click.ClickException(f"{record_path} exists: move it away to deploy again")
    contract, record = deploy(plan, account)
    record_path.parent.mkdir(parents=True, exist_ok=True)
    record_path.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    click.echo(f"DrillMeter is at {record.contract} on chain {record.chain_id}: {record_path}")
    furnish(contract, plan, account)
