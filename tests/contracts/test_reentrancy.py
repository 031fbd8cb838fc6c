"""Whoever is paid, or whose token is asked, may call back; nothing comes of it.

The wallet of these tests is a customer and the provider at once, so that nothing but the lock can
stop its calls. A view that is called back reverts too, and never shows half-done books.
"""

from __future__ import annotations

import pytest
from contracts.evm import Chain, Deployed, reverts
from contracts.reentry import CHANGES, FREE, SIGNATURE, TOKENS_ONLY, VIEWS, WHERE, Attack
from contracts.sources import mock

CALLS = (*CHANGES, *VIEWS)
NATIVE_CALLS = tuple(call for call in CALLS if call not in TOKENS_ONLY)
LOCKED = "wallet: could not re-enter"

PAYMENTS = ("withdraw", "collect", "release_bond")
RECEIPTS = ("deposit", "deposit_with_permit", "deposit_with_authorization", "post_bond")
FEW = ("withdraw", "settle", "open_rental", "release_bond", "dispute", "account")
"""Enough where the lock is the same and only what holds it differs."""


@pytest.fixture
def wallet(chain: Chain, stranger) -> Deployed:
    return chain.deploy(mock("wallet_reentrant"), stranger)


@pytest.fixture
def attack(yard, wallet, stranger) -> Attack:
    return Attack(yard, wallet, stranger)


@pytest.fixture
def token_attack(make_yard, wallet, stranger) -> Attack:
    return Attack(make_yard("token_hook"), wallet, stranger)


def begin(attack: Attack, way: str) -> dict[str, int]:
    """Have the wallet do what calls out; returns the money that should move."""
    me, earned = attack.wallet.address, attack.yard.call("earned", 1)
    arguments, amount = {
        "deposit": ((me, 100), 100),
        "deposit_with_permit": ((me, 100, 0, *SIGNATURE), 100),
        "deposit_with_authorization": ((me, 100, 0, 0, bytes(32), *SIGNATURE), 100),
        "post_bond": ((100,), 100),
        "withdraw": ((100, me), -100),
        "collect": (([1], me), -earned),
        "release_bond": ((me,), -40),
    }[way]
    attack.do(way, *arguments)
    return {"held": amount, "coins": amount}


def nothing_came_of_it(attack: Attack, way: str, function: str) -> None:
    """Arm the wallet, begin, and find that only what was begun has happened."""
    yard, wallet = attack.yard, attack.wallet
    attack.arm(function, quiet=True)
    before, state = yard.money(), [yard.call("rental", number) for number in (1, 2)]
    purse, account = yard.wallet(wallet), yard.call("account", wallet.address)
    moved = begin(attack, way)
    assert (wallet.call("attempts"), wallet.call("succeeded")) == (1, False)
    assert yard.money() - before == moved
    assert yard.wallet(wallet) == purse - moved["coins"]
    booked = moved["held"] if way.startswith("deposit") or way == "withdraw" else 0
    assert yard.call("account", wallet.address) == account + booked
    after = [yard.call("rental", number) for number in (1, 2)]
    assert after[1] == state[1]
    assert after[0] | {"collected": 0} == state[0]
    assert (yard.call("rental_count"), yard.call("drill_count")) == (2, 3)


@pytest.mark.parametrize("function", CALLS)
def test_call_back__at_another_time_with_tokens__succeeds(token_attack: Attack, function):
    """These calls are good ones: what stops them in the other tests is the lock."""
    attack = token_attack
    data, address = attack.call(function), attack.yard.meter.address
    attack.wallet.transact(attack.person, "execute", address, data)


@pytest.mark.parametrize("function", NATIVE_CALLS)
def test_call_back__at_another_time_with_coins__succeeds(attack: Attack, function):
    data, address = attack.call(function), attack.yard.meter.address
    coins = attack.coins_of(function)
    attack.wallet.transact(attack.person, "execute", address, data, value=coins)


def test_every_function__of_the_interface__is_locked_or_free_here(compiled):
    """A new function has to be added to one list or the other."""
    functions = {e["name"] for e in compiled.abi if e["type"] == "function"}
    assert functions == {*CALLS} | FREE
    assert not {*CALLS} & FREE


@pytest.mark.parametrize("function", NATIVE_CALLS)
def test_withdraw__wallet_calls_back_when_paid__gets_nothing_more(attack: Attack, function):
    nothing_came_of_it(attack, "withdraw", function)


@pytest.mark.parametrize("way", ["collect", "release_bond"])
@pytest.mark.parametrize("function", FEW)
def test_pay__wallet_calls_back_when_paid__gets_nothing_more(attack: Attack, way, function):
    nothing_came_of_it(attack, way, function)


@pytest.mark.parametrize("way", PAYMENTS)
@pytest.mark.parametrize("function", FEW)
def test_pay__wallet_insists_on_calling_back__reverts_whole(attack: Attack, way, function):
    yard = attack.yard
    attack.arm(function, quiet=False)
    before = yard.money()
    with reverts(LOCKED):
        begin(attack, way)
    assert yard.money() - before == {}
    assert yard.call("bond")["posted"] == 1_000


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("function", CALLS)
def test_deposit__token_calls_back__gets_nothing_more(token_attack: Attack, function, where):
    token_attack.hook(where)
    nothing_came_of_it(token_attack, "deposit", function)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("function", CHANGES)
def test_withdraw__token_calls_back__gets_nothing_more(token_attack: Attack, function, where):
    token_attack.hook(where)
    nothing_came_of_it(token_attack, "withdraw", function)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("function", FEW)
@pytest.mark.parametrize("way", [*RECEIPTS[1:], "collect", "release_bond"])
def test_move__token_calls_back__gets_nothing_more(token_attack: Attack, way, function, where):
    token_attack.hook(where)
    nothing_came_of_it(token_attack, way, function)


@pytest.mark.parametrize("function", CALLS)
def test_deposit_with_permit__token_calls_back_at_the_permit__gets_nothing_more(
    token_attack: Attack, function
):
    token_attack.hook("permit")
    nothing_came_of_it(token_attack, "deposit_with_permit", function)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("function", FEW[:3])
@pytest.mark.parametrize("way", [*RECEIPTS, *PAYMENTS])
def test_move__token_insists_on_calling_back__reverts_whole(
    token_attack: Attack, way, function, where
):
    attack, yard = token_attack, token_attack.yard
    attack.hook(where)
    attack.arm(function, quiet=False)
    before = yard.money()
    with reverts(LOCKED):
        begin(attack, way)
    assert yard.money() - before == {}


def test_deposit_with_permit__token_insists_at_the_permit__is_as_without_one(
    token_attack: Attack,
):
    """The permit has failed; the wallet has approved enough for the deposit before."""
    attack, yard = token_attack, token_attack.yard
    attack.hook("permit")
    attack.arm("withdraw", quiet=False)
    before = yard.money()
    moved = begin(attack, "deposit_with_permit")
    assert yard.money() - before == moved
    assert attack.wallet.call("attempts") == 0


@pytest.mark.parametrize("function", sorted(FREE - {"accept_ownership"}))
def test_pay__wallet_calls_what_is_free__changes_no_money(attack: Attack, function):
    yard, person = attack.yard, attack.person
    arguments = {
        "isTrustedForwarder": (person.address,),
        "read_meter": (2**200,),
        "transfer_ownership": (person.address,),
    }
    data = yard.meter.encode(function, *arguments.get(function, ()))
    attack.wallet.transact(person, "arm", yard.meter.address, data, 0, True)
    before = yard.money()
    moved = begin(attack, "withdraw")
    assert attack.wallet.call("succeeded") is True
    assert yard.money() - before == moved


def test_pay__wallet_hands_the_contract_on_when_paid__loses_only_its_own_powers(
    attack: Attack,
):
    """What it has begun as the owner is finished; what follows is the new owner's."""
    yard, person = attack.yard, attack.person
    data = yard.meter.encode("transfer_ownership", person.address)
    attack.wallet.transact(person, "arm", yard.meter.address, data, 0, False)
    before = yard.money()
    moved = begin(attack, "collect")
    assert yard.money() - before == moved
    yard.meter.transact(person, "accept_ownership")
    with reverts("ownable: caller is not the owner"):
        begin(attack, "release_bond")
    assert yard.call("owner") == person.address
