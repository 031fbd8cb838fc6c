"""Promises 4 and 5 of the protocol: a customer can always leave, and signatures do not travel.

Each docstring names a one-line break of the contract that makes the test fail.
"""

from __future__ import annotations

import pytest
from contracts.builders import (
    GRACE_PERIOD,
    RESERVE,
    TARIFF,
    TERMS,
    Yard,
    new_key,
    sign,
    tariff_words,
)
from contracts.evm import CHAIN_ID, NOBODY, Chain

from lab.rig.plan import UNBOUND
from protocol.meter_word import SignedBatch, settle_arguments
from protocol.records import Domain, Reading, Registers

BURNT = new_key("a key that is lost")


def paused(yard: Yard) -> None:
    yard.provide("pause")


def oracle_revoked(yard: Yard) -> None:
    yard.provide("revoke_oracle", yard.oracle)


def oracle_rotated_to_nobody(yard: Yard) -> None:
    yard.provide("rotate_oracle", yard.oracle, "0x" + "00" * 19 + "01")


def provider_gone(yard: Yard) -> None:
    yard.provide("transfer_ownership", BURNT.address)
    yard.meter.transact(BURNT, "accept_ownership")


def tariff_retired(yard: Yard) -> None:
    yard.provide("retire_tariff", yard.tariff)


def everything(yard: Yard) -> None:
    for obstacle in (paused, oracle_revoked, tariff_retired, provider_gone):
        obstacle(yard)


def collected(yard: Yard) -> None:
    yard.provide("collect", [1], yard.provider.address)


@pytest.mark.parametrize(
    "obstacle",
    [
        paused,
        oracle_revoked,
        oracle_rotated_to_nobody,
        provider_gone,
        tariff_retired,
        collected,
        everything,
    ],
    ids=lambda obstacle: obstacle.__name__,
)
@pytest.mark.parametrize("when", ["open", "ended"])
def test_promise_4__whatever_the_others_do__the_customer_gets_the_rest(
    yard: Yard, customer, obstacle, when
):
    """Broken by `pausable._require_not_paused()` in `end_rental`, `close_rental` or `withdraw`."""
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=1_000)
    rest = RESERVE - (1_000 * 1_103 + 10_000 * 97) // 1000
    if when == "ended":
        yard.end(rental)
    obstacle(yard)
    if when == "open":
        yard.end(rental)
    yard.chain.advance(GRACE_PERIOD)
    yard.meter.transact(customer, "close_rental", rental)
    assert yard.account(customer) == rest
    before = yard.wallet(customer)
    yard.meter.transact(customer, "withdraw", rest, customer.address)
    assert yard.wallet(customer) - before == rest


def test_promise_4__the_provider_ends_the_rental__the_customer_gets_the_rest(
    yard: Yard, customer, stranger
):
    """Broken by the grace period starting anew in `_end` or lying in the provider's hands."""
    rental = yard.open()
    yard.chain.advance(10)
    yard.provide("end_rental", rental)
    yard.chain.advance(GRACE_PERIOD)
    yard.meter.transact(stranger, "close_rental", rental)
    yard.meter.transact(customer, "withdraw", RESERVE, customer.address)


# 5. No signature is worth anything elsewhere. -----------------------------------------------------


def rejections(yard: Yard, batch: SignedBatch) -> set[str]:
    """The reasons for which every reading of a batch is rejected."""
    events = yard.settle(batch).events
    assert {e.name for e in events} == {"ReadingRejected"}
    return {e.args["reason"] for e in events}


def test_promise_5__signed_for_another_contract_or_chain__is_worth_nothing(yard: Yard, compiled):
    """Broken by `empty(bytes32)` in place of the domain separator in `settle`."""
    rental = yard.open()
    yard.chain.advance(10)
    reading = yard.reading(rental)
    twin = yard.chain.deploy(compiled, yard.provider, NOBODY, *TERMS)
    for domain in (Domain(CHAIN_ID, twin.address), Domain(1, yard.meter.address)):
        batch = SignedBatch(yard.oracle, (reading,), sign(domain, yard.oracle_key, reading))
        assert rejections(yard, batch) == {"not signed by its oracle"}


def test_promise_5__signed_for_another_rental_or_drill__is_worth_nothing(yard: Yard, stranger):
    """Broken by leaving `r.rental` out of `_hash_reading`."""
    mine = yard.open()
    other = yard.open(who=stranger, drill=yard.list_drill())
    yard.chain.advance(10)
    batch = yard.signed(yard.reading(other, active_ms_1=5_000))
    moved = SignedBatch(yard.oracle, (yard.reading(mine, active_ms_1=5_000),), batch.signature)
    assert rejections(yard, moved) == {"not signed by its oracle"}
    assert yard.call("charge", mine) == 0


def test_promise_5__a_box_signs_for_anothers_drill__is_worth_nothing(yard: Yard):
    """Broken by leaving out the check "not a rental of this oracle" in `_settle`."""
    rental = yard.open()
    key = new_key("second box")
    oracle = yard.provide("register_oracle", key.address).result
    yard.chain.advance(10)
    batch = yard.signed(yard.reading(rental, active_ms_1=9_000), key=key, oracle=oracle)
    assert rejections(yard, batch) == {"not a rental of this oracle"}
    assert yard.call("charge", rental) == 0


def test_promise_5__the_chain_forks__each_side_takes_its_own_signatures(yard: Yard):
    """Broken by a domain separator that is fixed at deployment, whatever the chain is now."""
    fork = Chain(chain_id=1)
    fork.adopt(yard.meter, yard.chain.code(yard.meter))
    meter = fork.attach(yard.meter.address, yard.meter.abi)
    # A fresh fork has no storage: the zero address owns it.
    fork.give(yard.customer, RESERVE)
    for function, *args in (
        ("publish_tariff", tariff_words(TARIFF)),
        ("register_oracle", yard.oracle_key.address),
        ("list_drill", 1, 1, "forked"),
    ):
        meter.transact(NOBODY, function, *args)
    meter.transact(yard.customer, "open_rental", 1, 1, RESERVE, *UNBOUND, value=RESERVE)
    now = fork.advance(10)
    reading = Reading(1, now * 1000, Registers(active_ms_1=1), 1, bytes(32))
    results = []
    for chain_id in (CHAIN_ID, 1):
        domain = Domain(chain_id, meter.address)
        batch = SignedBatch(1, (reading,), sign(domain, yard.oracle_key, reading))
        receipt = meter.transact(yard.customer, "settle", *settle_arguments([batch]))
        results.append(receipt.events[0].name)
    assert results == ["ReadingRejected", "UsageSettled"]
