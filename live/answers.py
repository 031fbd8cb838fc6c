"""What the endpoint answers with, as the OpenAPI description tells it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from live.settings import HttpSettings
from protocol.deployment import Deployment
from protocol.messages import Address, DrillNumber, UInt


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Fault(_Answer):
    """Why there is no better answer."""

    error: str


class Coin(_Answer):
    """The chain's native coin."""

    symbol: str
    decimals: int


class DrillCard(_Answer):
    """A drill in its customers' words; terms and state are in the contract."""

    number: DrillNumber
    name: str
    tool: str
    levels: tuple[str, str, str] | None


class Site(_Answer):
    """Where the contract is and what the page needs to know besides."""

    chain_id: UInt
    chain_name: str
    contract: Address
    asset: Address
    block_number: UInt
    grace_period_seconds: UInt
    rpc_url: str
    coin: Coin
    confirmations: int
    reserve_seconds: int
    drills: tuple[DrillCard, ...]


class Rentals(_Answer):
    """A customer's rentals, as this server has looked them through."""

    customer: Address
    rentals: tuple[UInt, ...]
    through: UInt
    count: UInt | None


class Health(_Answer):
    """Whether the endpoint is of use."""

    broker: bool
    time_ms: UInt


def site(settings: HttpSettings, deployment: Deployment) -> Site:
    """The same for everybody; a static host serves it as `site.json`."""
    page = settings.page
    return Site(
        chain_id=deployment.chain_id,
        chain_name=page.chain_name,
        contract=deployment.contract,
        asset=deployment.asset,
        block_number=deployment.block_number,
        grace_period_seconds=deployment.grace_period_seconds,
        rpc_url=page.rpc_url,
        coin=Coin(symbol=page.currency, decimals=page.decimals),
        confirmations=page.confirmations,
        reserve_seconds=page.reserve_seconds,
        drills=tuple(
            DrillCard(number=d.number, name=d.name, tool=d.tool, levels=d.levels)
            for d in settings.drills
        ),
    )
