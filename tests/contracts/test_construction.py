"""What a deployment starts as, and what it takes no notice of or no coins with."""

from __future__ import annotations

import pytest
from contracts.builders import GRACE_PERIOD, RESERVE, TERMS, Yard, deploy_yard, tariff_words
from contracts.evm import CHAIN_ID, NOBODY, reverts

from lab.rig.contract import compile_drill_meter
from protocol.records import LevelRate, Tariff

HOUR = 60 * 60
DAY = 24 * HOUR
MONTH = 30 * DAY
QUARTER = 90 * DAY


def test_init__native__is_empty_and_the_deployers(chain, compiled, provider):
    meter = chain.deploy(compiled, provider, NOBODY, *TERMS)
    assert meter.call("asset") == NOBODY
    assert meter.call("grace_period") == GRACE_PERIOD
    assert meter.call("owner") == provider.address
    assert meter.call("pending_owner") == NOBODY
    assert meter.call("paused") is False
    counts = ("rental_count", "drill_count", "tariff_count", "oracle_count")
    assert [meter.call(view) for view in (*counts, "held", "revenue")] == [0] * 6


def test_init__token__is_the_asset(chain, compiled, provider, token):
    meter = chain.deploy(compiled, provider, token.address, *TERMS)
    assert meter.call("asset") == token.address


def test_init__domain__is_this_contract_on_this_chain(yard: Yard):
    fields, name, version, chain_id, contract, salt, extensions = yard.call("eip712Domain")
    assert (fields, name, version) == (b"\x0f", "DrillMeter", "1")
    assert (chain_id, contract) == (CHAIN_ID, yard.meter.address)
    assert (salt, extensions) == (bytes(32), [])


def test_init__asset_is_not_a_contract__reverts(chain, compiled, provider, stranger):
    with reverts("vault: asset is not a contract"):
        chain.deploy(compiled, provider, stranger.address, *TERMS)


@pytest.mark.parametrize("grace_period", [HOUR, HOUR + 1, MONTH - 1, MONTH])
def test_init__grace_period_in_range__is_kept(chain, compiled, provider, grace_period):
    meter = chain.deploy(compiled, provider, NOBODY, grace_period, *TERMS[1:])
    assert meter.call("grace_period") == grace_period


@pytest.mark.parametrize("grace_period", [0, 1, HOUR - 1])
def test_init__grace_period_under_an_hour__reverts(chain, compiled, provider, grace_period):
    with reverts("rentals: grace period under an hour"):
        chain.deploy(compiled, provider, NOBODY, grace_period, *TERMS[1:])


@pytest.mark.parametrize("grace_period", [MONTH + 1, 2**256 - 1])
def test_init__grace_period_over_30_days__reverts(chain, compiled, provider, grace_period):
    with reverts("rentals: grace period over 30 days"):
        chain.deploy(compiled, provider, NOBODY, grace_period, *TERMS[1:])


@pytest.mark.parametrize("period", [DAY, DAY + 1, QUARTER - 1, QUARTER])
@pytest.mark.parametrize("penalty", [0, 1, 2**96 - 1])
def test_init__evidence_period_and_penalty_in_range__are_kept(
    chain, compiled, provider, period, penalty
):
    meter = chain.deploy(compiled, provider, NOBODY, GRACE_PERIOD, period, penalty)
    assert meter.call("evidence_period") == period
    assert meter.call("penalty") == penalty
    assert meter.call("grace_period") == GRACE_PERIOD


@pytest.mark.parametrize("period", [0, 1, DAY - 1])
def test_init__evidence_period_under_a_day__reverts(chain, compiled, provider, period):
    with reverts("disputes: evidence period under a day"):
        chain.deploy(compiled, provider, NOBODY, GRACE_PERIOD, period, 0)


@pytest.mark.parametrize("period", [QUARTER + 1, 2**256 - 1])
def test_init__evidence_period_over_90_days__reverts(chain, compiled, provider, period):
    with reverts("disputes: evidence period over 90 days"):
        chain.deploy(compiled, provider, NOBODY, GRACE_PERIOD, period, 0)


@pytest.mark.parametrize("penalty", [2**96, 2**256 - 1])
def test_init__penalty_wider_than_funds__reverts(chain, compiled, provider, penalty):
    with reverts("disputes: penalty exceeds 2**96 - 1"):
        chain.deploy(compiled, provider, NOBODY, GRACE_PERIOD, DAY, penalty)


def test_init__as_deployed__fits_the_limit_of_a_chain(chain, people):
    yard = deploy_yard(chain, compile_drill_meter(), people)
    assert len(chain.code(yard.meter)) <= 24_576, "EIP-170"


def test_init__coins_sent_along__reverts(chain, compiled, provider):
    chain.give(provider, 5)
    with reverts(""):
        chain.deploy(compiled, provider, NOBODY, *TERMS, value=5)


def test_coins__sent_without_a_call__are_refused(any_yard: Yard, stranger):
    for data in (b"", b"\x00", b"\xde\xad\xbe\xef"):
        for value in (0, 5):
            with reverts(""):
                any_yard.chain.transact(stranger, any_yard.meter, data, value)


def test_coins__forced_in__belong_to_nobody(yard: Yard, customer, provider):
    yard.deposit(100)
    before = yard.money()
    yard.chain.give(yard.meter, 50)
    assert yard.money() - before == {"coins": 50}
    yard.meter.transact(customer, "withdraw", 100, customer.address)
    with reverts("collect: nothing to collect"):
        yard.provide("collect", [], provider.address)
    assert (yard.call("held"), yard.chain.coins(yard.meter)) == (0, 50)


def test_tokens__sent_without_a_deposit__belong_to_nobody(token_yard: Yard, customer, stranger):
    token_yard.deposit(100)
    before = token_yard.money()
    token_yard.token.transact(stranger, "transfer", token_yard.meter.address, 50)
    assert token_yard.money() - before == {"coins": 50, "stranger.wallet": -50}
    token_yard.meter.transact(customer, "withdraw", 100, customer.address)
    assert token_yard.call("held") == 0


def test_functions__that_take_no_coins__refuse_them(yard: Yard, customer):
    zero = tariff_words(Tariff((LevelRate(0, 0, 0),) * 3, 0, 0))
    rental = yard.open()
    calls = {
        "withdraw": (1, customer.address),
        "end_rental": (rental,),
        "close_rental": (rental,),
        "settle": ([], []),
        "dispute": ((rental, 0, 0, bytes(32)), customer.address, bytes(32), bytes(32)),
        "deposit_with_permit": (customer.address, 1, 0, 27, bytes(32), bytes(32)),
        "deposit_with_authorization": (
            *(customer.address, 1, 0, 0, bytes(32), 27),
            *(bytes(32), bytes(32)),
        ),
        "enrol_p256_key": (1, 1, bytes(32), bytes(32)),
        "set_operator": (customer.address,),
        "announce_bond_release": (0,),
        "release_bond": (customer.address,),
        "publish_tariff": (zero,),
        "retire_tariff": (yard.tariff,),
        "register_oracle": (customer.address,),
        "rotate_oracle": (yard.oracle, customer.address),
        "revoke_oracle": (yard.oracle,),
        "list_drill": (yard.oracle, yard.tariff, "x"),
        "reassign_drill": (yard.drill, yard.oracle, yard.tariff),
        "retire_drill": (yard.drill,),
        "collect": ([], customer.address),
        "pause": (),
        "unpause": (),
        "transfer_ownership": (customer.address,),
        "accept_ownership": (),
    }
    changing = {
        name for name, abi in yard.meter.functions.items() if abi["stateMutability"] == "nonpayable"
    }
    assert set(calls) == changing
    for name, arguments in calls.items():
        for sender in (customer, yard.provider):
            with reverts(""):
                yard.meter.transact(sender, name, *arguments, value=1)
    assert yard.call("held") == yard.chain.coins(yard.meter) == RESERVE
