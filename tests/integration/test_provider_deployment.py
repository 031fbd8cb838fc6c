"""Deploying: the rehearsal knows every limit, what stopped goes on, and all is read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from provider_world import COIN, NATIVE, ORACLE_KEY, PLAN, Line, Office, StoppedError, our_code
from pydantic import ValidationError
from web3 import HTTPProvider, Web3

from lab.rig.contract import compile_drill_meter, compile_vyper, deploy
from lab.rig.services import DEV_MNEMONIC, ROOT, Anvil
from protocol.abi import drill_meter_abi
from provider.deployment import DeploymentOrder, creation_data, planned_steps
from provider.errors import ContractRefusedError, PlanError, ProviderError
from provider.node import ProviderNode, http_transport
from provider.plan import LevelPlan, Plan
from provider.rehearsal import rehearse
from provider.verification import IMMUTABLES_BYTES

pytestmark = pytest.mark.integration

PUBLIC = 84532
SUCCESSOR = Web3.to_checksum_address("0x" + "5a" * 20)
STEPS = 6
"""Creation, tariff, oracle, two drills, bond."""


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    """A chain that is nobody's test chain by its number."""
    with Anvil(tmp_path_factory.mktemp("public"), chain_id=PUBLIC) as node:
        yield node


@pytest.fixture
def office(public: Anvil, tmp_path: Path) -> Office:
    return Office(public, tmp_path)


def contract(office: Office) -> Any:
    web3 = Web3(HTTPProvider(office.anvil.url))
    address = json.loads(office.record.read_text())["contract"]
    return web3.eth.contract(address, abi=drill_meter_abi())


def with_value(place: str, value: object) -> Plan:
    """The plan with one value that its own limits have not seen."""
    plan = PLAN.model_copy(deep=True)
    name, _, rest = place.partition(".")
    if name != "tariff":
        return plan.model_copy(update={name: value})
    if not rest.startswith("levels"):
        return plan.model_copy(update={"tariff": plan.tariff.model_copy(update={rest: value})})
    levels = list(plan.tariff.levels)
    field = rest.rpartition(".")[2]
    levels[2] = LevelPlan.model_construct(**{**levels[2].model_dump(), field: value})
    return plan.model_copy(update={"tariff": plan.tariff.model_copy(update={"levels": levels})})


def plan_takes(plan: Plan) -> bool:
    try:
        Plan.model_validate(plan.model_dump(warnings=False))
    except ValidationError:
        return False
    return True


LIMITS = {
    "grace_period_seconds": (3600, 30 * 86_400),
    "evidence_period_seconds": (86_400, 90 * 86_400),
    "penalty": (0, 2**96 - 1),
    "tariff.least_reserve": (0, 2**96 - 1),
    "tariff.standing_price_per_second": (0, 2**64 - 1),
    "tariff.levels.2.price_per_second": (0, 2**64 - 1),
    "tariff.levels.2.price_per_1000_revolutions": (0, 2**64 - 1),
    "tariff.levels.2.max_rpm": (1, 2**20 - 1),
}


@pytest.mark.parametrize("place", LIMITS)
def test_limits__of_plan_and_contract__are_the_same(office: Office, place: str) -> None:
    node = ProviderNode(http_transport(office.anvil.url), "anvil")
    lowest, highest = LIMITS[place]
    for value, good in ((lowest, True), (highest, True), (highest + 1, False), (lowest - 1, False)):
        if value < 0:
            continue  # no integer of the contract's
        plan = with_value(place, value)
        assert plan_takes(plan) is good, value
        order = DeploymentOrder(plan, our_code(), office.record)
        if good:
            assert rehearse(node, office.wallet.address, creation_data(order), planned_steps(plan))
            continue
        with pytest.raises(ContractRefusedError, match=r"would be refused: [a-z]+: "):
            rehearse(node, office.wallet.address, creation_data(order), planned_steps(plan))


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("oracle_key", NATIVE, "oracle_key would be refused: keys: zero address"),
        ("drills", [""], "drill '' would be refused: drills: label is empty"),
        ("asset", ORACLE_KEY, "creation would be refused: vault: asset is not a contract"),
    ],
)
def test_rehearse__what_only_the_contract_knows__is_refused_by_name(
    office: Office, place: str, value: object, said: str
) -> None:
    plan = with_value(place, value)
    node = ProviderNode(http_transport(office.anvil.url), "anvil")
    order = DeploymentOrder(plan, our_code(), office.record)

    with pytest.raises(ContractRefusedError, match=said):
        rehearse(node, office.wallet.address, creation_data(order), planned_steps(plan))


def test_rehearse__label_of_32_umlauts__is_the_longest(office: Office) -> None:
    node = ProviderNode(http_transport(office.anvil.url), "anvil")
    for label, good in (("ü" * 32, True), ("ü" * 32 + "a", False)):
        plan = with_value("drills", [label])
        assert plan_takes(plan) is good
        line = [
            node,
            office.wallet.address,
            creation_data(DeploymentOrder(plan, our_code(), office.record)),
        ]
        if good:
            assert rehearse(*line, planned_steps(plan))  # type: ignore[arg-type]
        else:
            with pytest.raises(ContractRefusedError, match=r"drill .* would be refused"):
                rehearse(*line, planned_steps(plan))  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["asset", "drills"])
def test_deploy__value_that_the_chain_refuses__nothing_is_sent(office: Office, bad: str) -> None:
    plan = with_value(bad, ORACLE_KEY if bad == "asset" else ["x" * 65])
    line = Line(office.anvil.url)

    with pytest.raises(ContractRefusedError, match="would be refused"):
        office.deploy(plan, line)

    assert line.sent == []
    assert not office.record.exists()


def test_deploy__whole_plan__is_on_the_chain_and_said(office: Office) -> None:
    line = office.deploy(PLAN)

    meter = contract(office).functions
    assert len(line.sent) == STEPS
    assert meter.owner().call() == office.wallet.address
    assert meter.bond().call()[0] == PLAN.bond
    assert meter.drill_count().call() == 2
    assert meter.oracle(1).call()[0] == ORACLE_KEY
    assert any("nothing sent: 6 transactions" in text for text in office.said)
    assert office.said[-1] == "the bond is 0.1 coins"
    assert not office.record.with_name("record.json.begun").exists()


def test_deploy__no_bond_in_the_plan__says_what_that_means(office: Office) -> None:
    line = office.deploy(PLAN.model_copy(update={"bond": 0}))

    assert len(line.sent) == STEPS - 1
    assert "no bond is posted" in office.said[-1]


@pytest.mark.parametrize("sent", range(STEPS))
@pytest.mark.parametrize("lost", [True, False])
def test_deploy__stopped_at_any_step__goes_on_and_does_nothing_twice(
    office: Office, sent: int, lost: bool
) -> None:
    place = {"break_before": sent} if lost else {"break_after": sent + 1}
    with pytest.raises(StoppedError):
        office.deploy(PLAN, Line(office.anvil.url, **place))

    office.deploy(PLAN)
    line = office.deploy(PLAN)  # and once more: there is nothing left to do

    assert line.sent == []
    meter = contract(office).functions
    counts = [meter.drill_count, meter.tariff_count, meter.oracle_count]
    assert [count().call() for count in counts] == [2, 1, 1]
    assert meter.bond().call()[0] == PLAN.bond
    web3 = Web3(HTTPProvider(office.anvil.url))
    assert web3.eth.get_transaction_count(office.wallet.address) == STEPS
    assert "the bond is 0.1 coins" in office.said


def test_deploy__begun_with_other_terms__is_not_mixed_up(office: Office) -> None:
    with pytest.raises(StoppedError):
        office.deploy(PLAN, Line(office.anvil.url, break_before=0))

    with pytest.raises(ProviderError, match="has begun another deployment"):
        office.deploy(PLAN.model_copy(update={"penalty": 7}))


def test_deploy__keys_that_everybody_has__only_on_local_chains(
    public: Anvil, tmp_path: Path
) -> None:
    known = bytes(Web3().eth.account.from_mnemonic(DEV_MNEMONIC).key)
    office = Office(public, tmp_path, known)
    theirs = PLAN.model_copy(update={"oracle_key": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"})
    line = Line(public.url)

    with pytest.raises(PlanError, match=r"the provider is .*account 0 of anvil"):
        office.deploy(PLAN, line)
    with pytest.raises(PlanError, match=r"oracle_key is .*account 1 of anvil"):
        Office(public, tmp_path).deploy(theirs, line)
    as_public = Line(public.url, client_version="Geth/v1.15.11")
    with pytest.raises(PlanError, match="everybody has its key"):
        office.deploy(PLAN, as_public, local=True)
    assert line.sent + as_public.sent == []

    office.deploy(theirs, local=True)


def test_deploy__oracle_with_the_providers_key__is_refused(office: Office) -> None:
    with pytest.raises(PlanError, match="the provider's own account"):
        office.deploy(PLAN.model_copy(update={"oracle_key": office.wallet.address}))


def test_deploy__too_few_coins_for_gas_and_bond__says_how_many(office: Office) -> None:
    office.anvil.rpc("anvil_setBalance", office.wallet.address, hex(PLAN.bond + 1000))
    line = Line(office.anvil.url)

    with pytest.raises(ProviderError, match=r"has 0.100000000000001 coins and may need 0.1"):
        office.deploy(PLAN, line)

    assert line.sent == []


def test_deploy__contract_changed_since__says_each_difference(office: Office) -> None:
    office.deploy(PLAN)
    meter = contract(office)
    office.anvil.rpc("anvil_impersonateAccount", office.wallet.address)
    sender = {"from": office.wallet.address}
    meter.functions.retire_drill(2).transact(sender)
    meter.functions.retire_tariff(1).transact(sender)
    meter.functions.rotate_oracle(1, SUCCESSOR).transact(sender)

    with pytest.raises(ProviderError) as caught:
        office.deploy(PLAN)

    assert str(caught.value).splitlines()[1:] == [
        "  tariff 1 is retired",
        f"  oracle 1 signs with {SUCCESSOR} now",
        "  drill 2, 'Säulenbohrmaschine', is retired",
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("penalty", 1, "penalty is 10000000000000000 on the chain, and 1 in plan"),
        ("grace_period_seconds", 3601, "grace_period_seconds is 3600"),
        ("evidence_period_seconds", 86_401, "evidence_period_seconds is 86400"),
    ],
)
def test_deploy__record_of_another_plan__is_refused(
    office: Office, name: str, value: int, said: str
) -> None:
    office.deploy(PLAN)

    with pytest.raises(ProviderError, match=said):
        office.deploy(PLAN.model_copy(update={name: value}))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("block_hash", "0x" + "12" * 32, "the chain has been reorganised"),
        ("bytecode_sha256", "00" * 32, "the record's bytecode_sha256"),
        ("contract", ORACLE_KEY, "is not DrillMeter's"),
        ("provider", ORACLE_KEY, "is of provider"),
        ("chain_id", 1, "on chain 1, this is"),
        ("asset", ORACLE_KEY, "asset is"),
    ],
)
def test_deploy__record_that_the_chain_contradicts__is_refused(
    office: Office, name: str, value: object, said: str
) -> None:
    office.deploy(PLAN)
    record = json.loads(office.record.read_text())
    office.record.write_text(json.dumps({**record, name: value}))

    with pytest.raises(ProviderError, match=said):
        office.deploy(PLAN)


def test_deploy__other_code_at_the_address__is_refused(office: Office) -> None:
    office.deploy(PLAN)
    record = json.loads(office.record.read_text())
    code = str(office.anvil.rpc("eth_getCode", record["contract"], "latest"))
    office.anvil.rpc("anvil_setCode", record["contract"], code[:500] + "5b" + code[502:])

    with pytest.raises(ProviderError, match="is not DrillMeter's"):
        office.deploy(PLAN)


def test_deploy__bond_in_tokens__is_approved_and_posted(office: Office) -> None:
    web3 = Web3(HTTPProvider(office.anvil.url))
    rich = web3.eth.accounts[5]
    source = ROOT / "tests" / "contracts" / "mocks" / "token.vy"
    token = deploy(web3, compile_vyper(source), rich)
    plan = PLAN.model_copy(update={"asset": token.address, "bond": 500})
    with pytest.raises(ProviderError, match="has 0 units of the token"):
        office.deploy(plan)

    token.functions.mint(office.wallet.address, 500).transact({"from": rich})
    line = office.deploy(plan)

    assert len(line.sent) == STEPS + 1
    assert contract(office).functions.bond().call()[0] == 500
    assert token.functions.balanceOf(office.wallet.address).call() == 0
    assert office.said[-1] == f"the bond is 500 units of {token.address}"


def test_immutables__size__is_the_compilers() -> None:
    places = compile_drill_meter().layout["code_layout"]
    size = sum(one["length"] for module in places.values() for one in module.values())

    assert size == IMMUTABLES_BYTES
    assert PLAN.bond < COIN
