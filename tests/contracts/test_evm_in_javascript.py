"""The contract does the same on both machines: pyrevm, and EthereumJS where pyrevm has no wheel."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest
from contracts.builders import RESERVE, Yard, deploy_yard
from contracts.evm import Chain, Event, Halted, Reverted
from contracts.sources import drill_meter, mock

from contracts import evm, evm_in_javascript
from lab.mutation.forks import first_answer

NAMES = ("EVM", "AccountInfo", "BlockEnv", "CfgEnv", "Env")
MACHINES = sorted({evm.EVM.__module__, evm_in_javascript.__name__})


@pytest.fixture(params=MACHINES)
def chain(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    if request.param == evm_in_javascript.__name__:
        for name in NAMES:
            monkeypatch.setattr(evm, name, getattr(evm_in_javascript, name))
    return Chain()


@pytest.fixture
def yard(chain: Chain, people) -> Yard:
    return deploy_yard(chain, drill_meter("gas"), people)


def test_story__either_machine__same_events_money_and_reasons(yard: Yard, customer, stranger):
    events: list[Event] = list(yard.deposit(2 * RESERVE).events)
    rental = yard.open()
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=20_000)
    events += yard.meter.transact(customer, "top_up", rental, 5_000).events
    with pytest.raises(Reverted) as reason:
        yard.meter.transact(stranger, "end_rental", rental)
    charge = yard.call("charge", rental)
    yard.finish(rental)

    assert [event.name for event in events] == ["Deposited", "ToppedUp"]
    assert reason.value.reason == "rentals: not yours to end"
    assert charge == 20 * 1_103 + 60 * 97
    assert yard.account(customer) == 3 * RESERVE - (20 * 1_103 + 61 * 97)
    assert yard.wallet(yard.meter) == yard.call("held") == 3 * RESERVE


def test_snapshot__reverted__nothing_since_is_left(yard: Yard):
    before = yard.chain._evm.snapshot()
    yard.deposit(7)
    assert yard.call("held") == 7
    yard.chain._evm.revert(before)
    assert yard.call("held") == 0


def test_transact__too_little_gas__halts_and_changes_nothing(yard: Yard, customer):
    data = yard.meter.encode("deposit", customer.address, 5)
    with pytest.raises(Halted):
        yard.chain.transact(customer, yard.meter, data, value=5, gas=30_000)
    assert yard.call("held") == 0


def test_transact__transient_storage__gone_with_the_transaction(chain: Chain, people, provider):
    token = chain.deploy(mock("token"), provider)
    yard = deploy_yard(chain, drill_meter("gas"), people, token=token)
    for _ in range(2):  # a lock that stayed would refuse the second
        yard.deposit(RESERVE)
    assert yard.call("held") == 2 * RESERVE


def test_program__of_a_process_with_little_of_the_processor_left__is_not_ended_before_it():
    def work(say):
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (5, hard))
        pid = evm_in_javascript._program(os.getpid()).pid
        limits = (resource.prlimit(one, resource.RLIMIT_CPU)[0] for one in (os.getpid(), pid))
        say(limits=[*limits], hard=hard)

    said = first_answer(work)
    assert said["limits"] == [5, said["hard"]]
