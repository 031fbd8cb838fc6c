"""Dust, and money or powers that somebody gives to himself or to the contract."""

from __future__ import annotations

from contracts.builders import RESERVE, SIMPLE, Yard
from contracts.evidence import announce_release, post_bond
from contracts.evm import event, reverts

from lab.rig.plan import UNBOUND
from protocol.meter_word import settle_arguments

ELSEWHERE = "vault: cannot pay there"


# Dust --------------------------------------------------------------------------------------------


def test_dust__deposits_top_ups_and_a_rental_of_one_unit__add_up(any_yard: Yard, customer):
    yard = any_yard
    tariff = yard.publish(SIMPLE)
    drill = yard.list_drill(tariff=tariff)
    before = yard.money()
    for _ in range(11):
        yard.deposit(1)
    arguments = (drill, tariff, 1)
    rental = yard.meter.transact(customer, "open_rental", *arguments, *UNBOUND).result
    for _ in range(5):
        yard.meter.transact(customer, "top_up", rental, 1)
    assert yard.money() - before == {
        "held": 11,
        "coins": 11,
        "customer.account": 5,
        "customer.wallet": -11,
    }
    yard.chain.advance(1)
    for _ in range(3):
        yard.meter.transact(yard.people["stranger"], "settle", *settle_arguments([]))
    yard.use(rental, active_ms_1=2)
    assert yard.provide("collect", [rental], yard.provider.address).result == 2
    yard.finish(rental)
    for _ in range(9):
        yard.meter.transact(customer, "withdraw", 1, customer.address)
    assert yard.account(customer) == yard.call("held") == yard.wallet(yard.meter) == 0


def test_dust__a_reading_each_millisecond__bills_like_one(yard: Yard):
    """Each costs a fraction of a unit; rounding is done once, on the whole."""
    rental, other = yard.open(), yard.open(drill=yard.list_drill())
    start = yard.now_ms
    yard.chain.advance(1)
    for step in range(1, 51):
        yard.use(rental, start + step, active_ms_1=step // 3)
    yard.use(other, start + 50, active_ms_1=50 // 3)
    assert (
        yard.call("charge", rental) == yard.call("charge", other) == (16 * 1_103 + 50 * 97) // 1000
    )


# Oneself -----------------------------------------------------------------------------------------


def test_deposit__for_the_contract_itself__is_nobodys_and_stays_owed(any_yard: Yard, provider):
    """A mistake that cannot be taken back, and that nobody else gains or loses by."""
    yard = any_yard
    me = yard.meter.address
    value = 0
    if yard.token is None:
        value = 700
    else:
        yard.token.transact(yard.customer, "approve", me, 700)
    yard.meter.transact(yard.customer, "deposit", me, 700, value=value)
    assert yard.call("account", me) == yard.call("held") == yard.wallet(me) == 700
    with reverts("collect: nothing to collect"):
        yard.provide("collect", [], provider.address)
    with reverts("vault: more than the account has"):
        yard.provide("withdraw", 1, provider.address)


def test_pay__to_the_contract_itself__reverts(any_yard: Yard, customer):
    yard = any_yard
    me = yard.meter.address
    rental = yard.open()
    yard.deposit(500)
    post_bond(yard, 500)
    yard.chain.advance(10)
    yard.use(rental)
    yard.chain.set_time(announce_release(yard, 500))
    before = yard.money()
    with reverts(ELSEWHERE):
        yard.meter.transact(customer, "withdraw", 500, me)
    with reverts(ELSEWHERE):
        yard.provide("collect", [rental], me)
    with reverts(ELSEWHERE):
        yard.provide("release_bond", me)
    assert yard.money() - before == {}


def test_transfer_ownership__to_the_contract_itself__changes_nothing(yard: Yard, provider):
    """It can never accept; the provider stays, and may name somebody else."""
    receipt = yard.provide("transfer_ownership", yard.meter.address)
    assert receipt.events == [
        event(
            "OwnershipTransferStarted",
            previous_owner=provider.address,
            new_owner=yard.meter.address,
        )
    ]
    assert yard.call("owner") == provider.address
    yard.provide("pause")
    yard.provide("transfer_ownership", provider.address)
    assert yard.call("pending_owner") == provider.address


def test_rental__of_the_provider_itself__moves_the_money_in_a_circle(any_yard: Yard, provider):
    yard = any_yard
    before = yard.money()
    rental = yard.open(who=provider)
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=5_000)
    yard.chain.advance(1)
    yard.provide("end_rental", rental)
    yard.use(rental, active_ms_1=5_000)
    yard.provide("collect", [], provider.address)
    yard.provide("withdraw", yard.account(provider), provider.address)
    assert yard.money() - before == {}


def test_rental__customers_key_is_the_oracles__is_believed_within_the_same_limits(
    yard: Yard, customer
):
    """A customer who meters the drill in person can bill little, and owes no more than any."""
    oracle = yard.provide("register_oracle", customer.address).result
    rental = yard.open(drill=yard.list_drill(oracle))
    yard.chain.advance(10)
    lie = yard.signed(yard.reading(rental, active_ms_1=10_001), key=customer, oracle=oracle)
    (rejected,) = yard.settle(lie).named("ReadingRejected")
    assert rejected.args["reason"] == "implausible registers"
    true = yard.signed(yard.reading(rental, active_ms_1=10_000), key=customer, oracle=oracle)
    yard.settle(true, sender=customer)
    assert yard.call("charge", rental) == 10 * (1_103 + 97)
    assert yard.call("balance_of", rental) == RESERVE - 12_000
