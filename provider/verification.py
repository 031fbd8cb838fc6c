"""A deployment as the chain has it, held against plan, record and reviewed code.

Everything is read anew from the chain, what was just sent as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from protocol.deployment import Deployment
from provider.errors import ProviderError
from provider.meter import DeployedMeter
from provider.node import ProviderNode, checksummed
from provider.plan import ZERO_ADDRESS, Plan
from provider.sending import Say, coins

IMMUTABLES_BYTES = 512
"""The values fixed at deployment lie behind the code; a test holds this against the compiler."""


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """How much of a plan the chain shows: numbers of tariff and oracle, None for none yet; of the
    plan's drills those that are listed, by label; and whether the bond has still to be posted."""

    tariff: int | None
    oracle: int | None
    drills: dict[str, int]
    bond_missing: bool


def state_of(meter: DeployedMeter, plan: Plan) -> PlanProgress:
    """Look for each step of the plan; raises ProviderError when the chain cannot be asked."""
    rates = plan.tariff.as_struct()[:3]
    tariff = next(
        (
            number
            for number in range(1, int(meter.view("tariff_count")) + 1)
            if _same_rates(meter.view("tariff", number), rates)
        ),
        None,
    )
    oracle = int(meter.view("signing_key", plan.oracle_key)[0]) or None
    labels = meter.listed() if int(meter.view("drill_count")) else {}
    drills = {label: number for number, label in labels.items() if label in plan.drills}
    # Once there have been rentals, a smaller bond may have been paid out or released on purpose.
    posted = int(meter.view("bond")[0])
    return PlanProgress(
        tariff=tariff,
        oracle=oracle,
        drills=drills,
        bond_missing=plan.bond > 0 and posted == 0 and int(meter.view("rental_count")) == 0,
    )


def require_code(
    node: ProviderNode, record: Deployment, runtime: bytes, creation_sha256: str, plan: Plan
) -> None:
    """Raise ProviderError unless record, code and fixed values are the plan's and compiler's."""
    if record.bytecode_sha256 != creation_sha256:
        raise ProviderError(
            f"the record's bytecode_sha256 is {record.bytecode_sha256}, the compiler made "
            f"{creation_sha256}: use the version that the contract was deployed with"
        )
    code = node.data("eth_getCode", record.contract, "latest")
    if len(code) != len(runtime) + IMMUTABLES_BYTES or code[: len(runtime)] != runtime:
        raise ProviderError(
            f"the code at {record.contract} is not DrillMeter's: {len(code)} bytes, and the "
            f"compiler made {len(runtime)} and {IMMUTABLES_BYTES} of values"
        )
    head = node.head(record.block_number)
    if head.hash != record.block_hash:
        raise ProviderError(
            f"block {record.block_number} is {head.hash}, the record has {record.block_hash}: the "
            "chain has been reorganised; correct the record, or deploy again"
        )
    meter = DeployedMeter(node, record.contract, record.block_number)
    found = {
        "asset": (checksummed(meter.view("asset")), plan.asset, record.asset),
        "grace_period_seconds": (
            meter.view("grace_period"),
            plan.grace_period_seconds,
            record.grace_period_seconds,
        ),
        "evidence_period_seconds": (meter.view("evidence_period"), plan.evidence_period_seconds),
        "penalty": (meter.view("penalty"), plan.penalty),
        "provider": (checksummed(meter.view("owner")), record.provider),
        "chain_id": (meter.view("eip712Domain")[3], record.chain_id),
        "contract": (checksummed(meter.view("eip712Domain")[4]), checksummed(record.contract)),
    }
    for name, (on_chain, *others) in found.items():
        if any(str(on_chain).lower() != str(other).lower() for other in others):
            raise ProviderError(
                f"{name} is {on_chain} on the chain, and {' and '.join(map(str, others))} in plan "
                "and record: this is another deployment"
            )


def verify(meter: DeployedMeter, record: Deployment, plan: Plan, say: Say) -> None:
    """Say what the chain has of the plan; raises ProviderError that lists what differs."""
    differences = list(_differences(meter, plan))
    if differences:
        raise ProviderError(
            f"the contract {record.contract} is there, and differs from the plan:\n  "
            + "\n  ".join(differences)
        )
    say(
        f"verified on chain {record.chain_id}: code {record.bytecode_sha256[:16]}..., fixed "
        f"values, tariff, oracle and {len(plan.drills)} drills are as planned"
    )
    posted = int(meter.view("bond")[0])
    if posted == 0:
        say(
            "no bond is posted: a customer who wins a dispute gets only what you have not "
            "collected. Post one with `drill-provider bond post`"
        )
    elif plan.asset == ZERO_ADDRESS:
        say(f"the bond is {coins(posted)}")
    else:
        say(f"the bond is {posted} units of {plan.asset}")


def _differences(meter: DeployedMeter, plan: Plan) -> Iterator[str]:
    state = state_of(meter, plan)
    if state.tariff is None:
        yield "its tariff is not published"
    elif meter.view("tariff", state.tariff)[3]:
        yield f"tariff {state.tariff} is retired"
    if state.oracle is None:
        yield f"oracle_key {plan.oracle_key} is not registered"
    else:
        key, _, revoked, suspended, _ = meter.view("oracle", state.oracle)
        if checksummed(key) != plan.oracle_key:
            yield f"oracle {state.oracle} signs with {checksummed(key)} now"
        if revoked or suspended:
            yield f"oracle {state.oracle} is {'revoked' if revoked else 'suspended'}"
    for label in plan.drills:
        number = state.drills.get(label)
        if number is None:
            yield f"drill {label!r} is not listed"
            continue
        oracle, tariff, _, retired = meter.view("drill", number)
        if (oracle, tariff, retired) != (state.oracle, state.tariff, False):
            fate = "retired" if retired else f"with oracle {oracle} at tariff {tariff}"
            yield f"drill {number}, {label!r}, is {fate}"
    posted = int(meter.view("bond")[0])
    if posted != plan.bond:
        yield f"the bond is {posted}, the plan has {plan.bond}"


def _same_rates(found: tuple[object, ...], rates: tuple[object, ...]) -> bool:
    levels, standing, least = found[:3]
    return (list(levels), standing, least) == rates  # type: ignore[call-overload]
