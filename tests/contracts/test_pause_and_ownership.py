"""pause, unpause and who is the provider.

That each customer's exit works while paused is in the files of those functions.
"""

from __future__ import annotations

import pytest
from contracts.builders import RESERVE, SIMPLE, Yard, new_key, tariff_words
from contracts.evm import NOBODY, event, reverts

NOT_OWNER = "ownable: caller is not the owner"
OTHERS = pytest.mark.parametrize("role", ["customer", "oracle", "stranger"])


def test_pause__by_the_provider__is_kept_and_logged(yard: Yard, provider):
    receipt = yard.provide("pause")
    assert receipt.events == [event("Paused", account=provider.address)]
    assert yard.call("paused") is True


def test_pause__twice__reverts(yard: Yard):
    yard.provide("pause")
    with reverts("pausable: contract is paused"):
        yard.provide("pause")


@OTHERS
def test_pause__by_anybody_else__reverts(yard: Yard, role):
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "pause")
    assert yard.call("paused") is False


def test_pause__the_providers_own_functions__go_on(yard: Yard):
    yard.provide("pause")
    tariff = yard.publish(SIMPLE)
    drill = yard.list_drill(tariff=tariff)
    yard.provide("reassign_drill", drill, yard.oracle, yard.tariff)
    yard.provide("retire_drill", drill)
    yard.provide("retire_tariff", tariff)
    yard.provide("rotate_oracle", yard.oracle, new_key("other").address)
    yard.provide("revoke_oracle", yard.oracle)


def test_unpause__by_the_provider__allows_opening_and_topping_up_again(yard: Yard, provider):
    yard.provide("pause")
    receipt = yard.provide("unpause")
    assert receipt.events == [event("Unpaused", account=provider.address)]
    assert yard.call("paused") is False
    rental = yard.open()
    yard.meter.transact(yard.customer, "top_up", rental, 5, value=5)
    assert yard.call("balance_of", rental) == RESERVE + 5


def test_unpause__not_paused__reverts(yard: Yard):
    with reverts("pausable: contract is not paused"):
        yard.provide("unpause")


@OTHERS
def test_unpause__by_anybody_else__reverts(yard: Yard, role):
    yard.provide("pause")
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "unpause")
    assert yard.call("paused") is True


def test_transfer_ownership__by_the_provider__only_offers_it(yard: Yard, provider, stranger):
    receipt = yard.provide("transfer_ownership", stranger.address)
    offer = {"previous_owner": provider.address, "new_owner": stranger.address}
    assert receipt.events == [event("OwnershipTransferStarted", **offer)]
    assert yard.call("owner") == provider.address
    assert yard.call("pending_owner") == stranger.address
    with reverts(NOT_OWNER):
        yard.meter.transact(stranger, "pause")


@OTHERS
def test_transfer_ownership__by_anybody_else__reverts(yard: Yard, role):
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "transfer_ownership", yard.people[role].address)


def test_accept_ownership__by_the_one_it_is_offered__moves_all_powers(
    yard: Yard, provider, stranger
):
    yard.provide("transfer_ownership", stranger.address)
    receipt = yard.meter.transact(stranger, "accept_ownership")
    moved = {"previous_owner": provider.address, "new_owner": stranger.address}
    assert receipt.events == [event("OwnershipTransferred", **moved)]
    assert yard.call("owner") == stranger.address
    assert yard.call("pending_owner") == NOBODY
    yard.meter.transact(stranger, "publish_tariff", tariff_words(SIMPLE))
    with reverts(NOT_OWNER):
        yard.provide("publish_tariff", tariff_words(SIMPLE))


@OTHERS
def test_accept_ownership__by_anybody_else__reverts(yard: Yard, role):
    yard.provide("transfer_ownership", new_key("heir").address)
    with reverts("ownable_2step: caller is not the new owner"):
        yard.meter.transact(yard.people[role], "accept_ownership")


def test_accept_ownership__not_offered__reverts(yard: Yard, stranger):
    with reverts("ownable_2step: caller is not the new owner"):
        yard.meter.transact(stranger, "accept_ownership")


def test_accept_ownership__offer_was_withdrawn__reverts(yard: Yard, stranger):
    yard.provide("transfer_ownership", stranger.address)
    yard.provide("transfer_ownership", NOBODY)
    with reverts("ownable_2step: caller is not the new owner"):
        yard.meter.transact(stranger, "accept_ownership")


def test_renounce_ownership__is_not_there(yard: Yard):
    assert "renounce_ownership" not in yard.meter.functions
    with reverts(""):
        yard.chain.transact(yard.provider, yard.meter, bytes.fromhex("715018a6"))
    assert yard.call("owner") == yard.provider.address
