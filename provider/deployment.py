"""Deploying a plan, in steps of which each is looked for on the chain before it is made.

What was sent is on the chain, so a deployment that stopped half way, at whatever place, goes on
when it is run again with the same plan and account. Only the creation leaves nothing to look for
while it is on its way: its signed bytes are in a file beside the record before they go out.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from eth_abi.abi import encode
from pydantic import BaseModel, ConfigDict, ValidationError

from protocol.deployment import Deployment, parse_deployment
from protocol.errors import RecordError, UnknownNameError
from provider.errors import PlanError, ProviderError
from provider.known_keys import is_local, require_own_keys
from provider.meter import DeployedMeter, calldata
from provider.node import checksummed
from provider.plan import Plan
from provider.rehearsal import RehearsedCall, rehearse
from provider.sending import Call, Say, Sender, coins
from provider.token import Token, approvals
from provider.verification import require_code, state_of, verify

STEPS_AT_A_TIME = 64

TERMS = ("address", "uint256", "uint256", "uint256")
"""Types of the constructor's arguments."""


@dataclass(frozen=True, slots=True)
class Code:
    """What the compiler made of the contract: creation and run-time code without arguments."""

    compiler: str
    creation: bytes
    runtime: bytes

    @property
    def sha256(self) -> str:
        """Of the creation code, as the pin and the record have it."""
        return sha256(self.creation).hexdigest()


class Begun(BaseModel):
    """A creation that was signed: enough to send it again, and never a second one."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    chain_id: int
    provider: str
    nonce: int
    transaction: str
    raw: str
    data_sha256: str


@dataclass(frozen=True, slots=True)
class DeploymentOrder:
    """What is to be deployed, from what, and where that is written down."""

    plan: Plan
    code: Code
    record: Path
    local: bool = False
    """Whether somebody says that this is a local chain, where everybody's keys will do."""

    @property
    def begun(self) -> Path:
        """Where the creation's signed bytes are until the record is written."""
        return self.record.with_name(self.record.name + ".begun")


def deploy(order: DeploymentOrder, sender: Sender, say: Say) -> Deployment:
    """Check the whole plan, make the steps that are missing, and verify all of it on the chain.

    Raises ProviderError for the first thing that is wrong; before the plan has been checked
    nothing is sent.
    """
    plan, node = order.plan, sender.node
    chain_id, provider = node.chain_id(), sender.wallet.address
    if not is_local(chain_id, str(node.ask("web3_clientVersion")), said_to_be=order.local):
        require_own_keys({"the provider": provider, "oracle_key": plan.oracle_key})
    if plan.oracle_key == provider:
        raise PlanError(
            f"oracle_key is {provider}, the provider's own account; whoever has the box could then "
            "take everything. Give the oracle a key of its own"
        )
    record = read_record(order.record)
    if record is None:
        _require_means(order, sender, say)
        record = _create(order, sender, say)
    else:
        say(f"{order.record} is there: contract {record.contract}; what is missing is made")
        if (record.chain_id, record.provider) != (chain_id, provider):
            raise ProviderError(
                f"{order.record} is of provider {record.provider} on chain {record.chain_id}, this "
                f"is {provider} on chain {chain_id}; name another --record"
            )
    require_code(node, record, order.code.runtime, order.code.sha256, plan)
    _furnish(order, sender, record, say)
    verify(DeployedMeter(node, record.contract, record.block_number), record, plan, say)
    return record


def read_record(path: Path) -> Deployment | None:
    """The deployment record, None where there is none yet; raises ProviderError."""
    try:
        return parse_deployment(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderError(f"{path}: {error}") from error
    except UnknownNameError as error:
        raise ProviderError(str(error)) from error
    except RecordError as error:
        raise ProviderError(f"{error}; move it away to deploy again") from error


def planned_steps(plan: Plan) -> list[RehearsedCall]:
    """The calls of a plan on a new contract, in order. A bond in tokens is left out: nobody can
    approve a contract that is not there yet."""
    steps = [
        RehearsedCall("tariff", calldata("publish_tariff", plan.tariff.as_struct())),
        RehearsedCall("oracle_key", calldata("register_oracle", plan.oracle_key)),
        *(
            RehearsedCall(f"drill {label!r}", calldata("list_drill", 1, 1, label))
            for label in plan.drills
        ),
    ]
    if plan.bond and plan.is_native:
        steps.append(RehearsedCall("bond", calldata("post_bond", plan.bond), plan.bond))
    return steps


def creation_data(order: DeploymentOrder) -> bytes:
    """The creation code with the plan's values behind it."""
    return order.code.creation + encode(TERMS, order.plan.terms())


def _require_means(order: DeploymentOrder, sender: Sender, say: Say) -> None:
    """Play the whole plan on the chain, and see that the account can pay for it."""
    plan, node, provider = order.plan, sender.node, sender.wallet.address
    steps, gas = planned_steps(plan), 0
    for at in range(0, len(steps), STEPS_AT_A_TIME):
        # Each portion is played on a contract of its own, which needs a tariff and an oracle.
        portion = steps[at : at + STEPS_AT_A_TIME]
        gas += rehearse(node, provider, creation_data(order), steps[:2] * bool(at) + portion)
    gas += 21_000 * len(steps)
    price = sender.fees().highest
    needs = gas * price + (plan.bond if plan.is_native else 0)
    has = node.number("eth_getBalance", provider, "latest")
    bond = coins(plan.bond) if plan.is_native else f"{plan.bond} units of {plan.asset}"
    say(
        f"the whole plan was played on chain {node.chain_id()} and nothing sent: {1 + len(steps)} "
        f"transactions, about {gas} gas, at most {coins(gas * price)} for it; bond {bond}"
    )
    if has < needs:
        raise ProviderError(
            f"{provider} has {coins(has)} and may need {coins(needs)}, gas and bond together; "
            "send it more, and run this again"
        )
    if plan.bond and not plan.is_native:
        Token(node, plan.asset).require_funds(provider, plan.bond)


def _create(order: DeploymentOrder, sender: Sender, say: Say) -> Deployment:
    """The contract, by the creation that was begun if there is one, and its record."""
    data, begun = creation_data(order), _read_begun(order.begun)
    digest = sha256(data).hexdigest()
    chain_id, provider = sender.node.chain_id(), sender.wallet.address
    if begun is None:
        order.record.parent.mkdir(parents=True, exist_ok=True)

        def note(transaction: str, nonce: int, raw: bytes) -> None:
            content = Begun(
                chain_id=chain_id,
                provider=provider,
                nonce=nonce,
                transaction=transaction,
                raw=raw.hex(),
                data_sha256=digest,
            )
            _write(order.begun, content.model_dump_json(indent=2) + "\n")

        receipt = sender.send(Call("DrillMeter", None, data), note)
    else:
        if (begun.chain_id, begun.provider, begun.data_sha256) != (chain_id, provider, digest):
            raise ProviderError(
                f"{order.begun}: {begun.provider} has begun another deployment on chain "
                f"{begun.chain_id}; continue with that plan, or move the file away if that "
                f"creation (nonce {begun.nonce}) is not wanted"
            )
        say(f"continuing with the creation that was signed before: {begun.transaction}")
        receipt = sender.finish(
            "DrillMeter", begun.transaction, begun.nonce, bytes.fromhex(begun.raw)
        )
    head = sender.node.head(int(str(receipt["blockNumber"]), 16))
    record = Deployment(
        chain_id=chain_id,
        contract=checksummed(receipt["contractAddress"]),
        asset=order.plan.asset,
        block_number=head.number,
        block_hash=head.hash,
        grace_period_seconds=order.plan.grace_period_seconds,
        provider=provider,
        compiler=order.code.compiler,
        bytecode_sha256=order.code.sha256,
    )
    _write(order.record, record.model_dump_json(indent=2) + "\n")
    order.begun.unlink(missing_ok=True)
    say(f"DrillMeter is at {record.contract} on chain {chain_id}: {order.record}")
    return record


def _furnish(order: DeploymentOrder, sender: Sender, record: Deployment, say: Say) -> None:
    """Make the steps of the plan that the chain does not show yet."""
    plan = order.plan
    meter = DeployedMeter(sender.node, record.contract, record.block_number)

    def send(what: str, name: str, *arguments: object, value: int = 0) -> None:
        sender.send(Call(what, meter.address, meter.calldata(name, *arguments), value))

    if state_of(meter, plan).tariff is None:
        send("publish the tariff", "publish_tariff", plan.tariff.as_struct())
    if state_of(meter, plan).oracle is None:
        send(f"register the oracle {plan.oracle_key}", "register_oracle", plan.oracle_key)
    state = state_of(meter, plan)
    say(f"tariff {state.tariff} is published, oracle {state.oracle} registered: {plan.oracle_key}")
    for label in plan.drills:
        if label not in state.drills:
            send(f"list {label!r}", "list_drill", state.oracle, state.tariff, label)
    for label, number in state_of(meter, plan).drills.items():
        say(f"drill {number} is listed: {label}")
    if state.bond_missing:
        if not plan.is_native:
            for call in approvals(Token(sender.node, plan.asset), sender, meter.address, plan.bond):
                sender.send(call)
        value = plan.bond if plan.is_native else 0
        send("post the bond", "post_bond", plan.bond, value=value)


def _read_begun(path: Path) -> Begun | None:
    try:
        return Begun.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ProviderError(
            f"{path} cannot be read: {str(error).splitlines()[0]}; it is of a creation that may be "
            "on its way: look at the account's transactions, then move the file away"
        ) from error


def _write(path: Path, text: str) -> None:
    """Write a file as a whole, on the disk before this returns; raises ProviderError."""
    draft = path.with_name(path.name + ".new")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise ProviderError(f"{path}: {error.strerror}") from error
