"""Whoever is paid, or whose token is asked, may call back; nothing comes of it.

The wallet of these tests is a customer and the provider at once, so that nothing but the lock can
stop its calls. A view that is called back reverts too, and never shows half-done books.
"""

from __future__ import annotations

import pytest
from contracts.builders import RESERVE, TARIFF, Yard, deploy_yard, tariff_words
from contracts.evm import Chain, Deployed, reverts
from contracts.sources import mock
from eth_account.signers.local import LocalAccount

from protocol.meter_word import settle_arguments

CALLS = (
    "deposit",
    "withdraw",
    "open_rental",
    "top_up",
    "end_rental",
    "settle",
    "close_rental",
    "publish_tariff",
    "list_drill",
    "collect",
    "pause",
    "account",
    "held",
    "revenue",
    "balance_of",
    "rental",
)
LOCKED = "wallet: could not re-enter"


class Attack:
    """A wallet with an account, an open and an ended rental, and all of the provider's powers."""

    def __init__(self, yard: Yard, wallet: Deployed, person: LocalAccount) -> None:
        self.yard = yard
        self.wallet = wallet
        self.person = person
        if yard.token is None:
            yard.meter.transact(person, "deposit", wallet.address, 4 * RESERVE, value=4 * RESERVE)
        else:
            yard.token.transact(person, "approve", yard.meter.address, 4 * RESERVE)
            yard.meter.transact(person, "deposit", wallet.address, 4 * RESERVE)
            yard.token.transact(person, "mint", wallet.address, RESERVE)
            approve = yard.token.encode("approve", yard.meter.address, RESERVE)
            wallet.transact(person, "execute", yard.token.address, approve)
        self.free_drill = yard.list_drill()
        self.do("open_rental", yard.drill, yard.tariff, RESERVE)
        self.do("open_rental", yard.list_drill(), yard.tariff, RESERVE)
        yard.chain.advance(10)
        yard.use(1, active_ms_1=5_000)
        yard.use(2, active_ms_1=5_000)
        yard.chain.advance(10)
        self.do("end_rental", 2)
        yard.chain.advance(yard.call("grace_period"))
        yard.provide("transfer_ownership", wallet.address)
        self.do("accept_ownership")

    def do(self, function: str, *args: object) -> None:
        """Have the wallet call the meter."""
        data = self.yard.meter.encode(function, *args)
        self.wallet.transact(self.person, "execute", self.yard.meter.address, data)

    def arm(self, function: str, *, quiet: bool) -> None:
        """Prepare the call that the wallet makes as soon as it is called or paid."""
        address = self.yard.meter.address
        self.wallet.transact(self.person, "arm", address, self.call(function), quiet)

    def call(self, function: str) -> bytes:
        """Calldata that succeeds at any other time."""
        yard, me = self.yard, self.wallet.address
        arguments = {
            "deposit": (me, 1),
            "withdraw": (1, self.person.address),
            "open_rental": (self.free_drill, yard.tariff, TARIFF.least_reserve),
            "top_up": (1, 1),
            "end_rental": (1,),
            "settle": settle_arguments([yard.signed(yard.reading(1, active_ms_1=6_000))]),
            "close_rental": (2,),
            "publish_tariff": (tariff_words(TARIFF),),
            "list_drill": (yard.oracle, yard.tariff, "again"),
            "collect": ([1], self.person.address),
            "pause": (),
            "account": (me,),
            "held": (),
            "revenue": (),
            "balance_of": (1,),
            "rental": (1,),
        }
        return yard.meter.encode(function, *arguments[function])


@pytest.fixture
def wallet(chain: Chain, stranger) -> Deployed:
    return chain.deploy(mock("wallet_reentrant"), stranger)


@pytest.fixture
def attack(yard: Yard, wallet, stranger) -> Attack:
    return Attack(yard, wallet, stranger)


@pytest.fixture
def token_attack(chain: Chain, compiled, people, wallet, stranger) -> Attack:
    token = chain.deploy(mock("token_hook"), stranger)
    return Attack(deploy_yard(chain, compiled, people, token), wallet, stranger)


def hook(attack: Attack, where: str) -> None:
    """Have the token call the wallet before or after it moves."""
    no, me = "0x" + "00" * 20, attack.wallet.address
    hooks = (me, no) if where == "before" else (no, me)
    attack.yard.token.transact(attack.person, "set_hooks", *hooks)


@pytest.mark.parametrize("function", CALLS)
def test_call_back__at_another_time__succeeds(token_attack: Attack, function):
    """These calls are good ones: what stops them in the other tests is the lock."""
    data = token_attack.call(function)
    yard = token_attack.yard
    token_attack.wallet.transact(token_attack.person, "execute", yard.meter.address, data)


@pytest.mark.parametrize("function", CALLS)
def test_withdraw__wallet_calls_back_when_paid__gets_nothing_more(attack: Attack, function):
    yard = attack.yard
    attack.arm(function, quiet=True)
    before, state = yard.money(), yard.call("rental", 1)
    attack.do("withdraw", RESERVE, attack.wallet.address)
    assert (attack.wallet.call("attempts"), attack.wallet.call("succeeded")) == (1, False)
    assert yard.money() - before == {"held": -RESERVE, "coins": -RESERVE}
    assert yard.call("account", attack.wallet.address) == RESERVE
    assert yard.chain.coins(attack.wallet) == RESERVE
    assert yard.call("rental", 1) == state


@pytest.mark.parametrize("function", CALLS)
def test_withdraw__wallet_insists_on_calling_back__reverts_whole(attack: Attack, function):
    yard = attack.yard
    attack.arm(function, quiet=False)
    before = yard.money()
    with reverts(LOCKED):
        attack.do("withdraw", RESERVE, attack.wallet.address)
    assert yard.money() - before == {}


@pytest.mark.parametrize("function", CALLS)
def test_collect__wallet_calls_back_when_paid__gets_nothing_more(attack: Attack, function):
    yard = attack.yard
    attack.arm(function, quiet=True)
    earned = yard.call("earned", 1)
    before = yard.money()
    attack.do("collect", [1], attack.wallet.address)
    assert (attack.wallet.call("attempts"), attack.wallet.call("succeeded")) == (1, False)
    assert yard.money() - before == {"held": -earned, "coins": -earned}
    assert yard.chain.coins(attack.wallet) == earned
    assert yard.call("earned", 1) == 0


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("function", CALLS)
def test_deposit__token_calls_back__gets_nothing_more(token_attack: Attack, function, where):
    attack, yard = token_attack, token_attack.yard
    hook(attack, where)
    attack.arm(function, quiet=True)
    before = yard.money()
    attack.do("deposit", attack.wallet.address, 100)
    assert (attack.wallet.call("attempts"), attack.wallet.call("succeeded")) == (1, False)
    assert yard.money() - before == {"held": 100, "coins": 100}


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("function", ["deposit", "withdraw", "settle"])
def test_deposit__token_insists_on_calling_back__reverts_whole(
    token_attack: Attack, function, where
):
    attack, yard = token_attack, token_attack.yard
    hook(attack, where)
    attack.arm(function, quiet=False)
    before = yard.money()
    with reverts(LOCKED):
        attack.do("deposit", attack.wallet.address, 100)
    assert yard.money() - before == {}


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("function", CALLS)
def test_withdraw__token_calls_back__gets_nothing_more(token_attack: Attack, function, where):
    attack, yard = token_attack, token_attack.yard
    hook(attack, where)
    attack.arm(function, quiet=True)
    before = yard.money()
    attack.do("withdraw", 100, attack.wallet.address)
    assert (attack.wallet.call("attempts"), attack.wallet.call("succeeded")) == (1, False)
    assert yard.money() - before == {"held": -100, "coins": -100}


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("function", ["withdraw", "collect", "open_rental", "held"])
def test_collect__token_calls_back__gets_nothing_more(token_attack: Attack, function, where):
    attack, yard = token_attack, token_attack.yard
    hook(attack, where)
    earned = yard.call("earned", 1)
    attack.arm(function, quiet=True)
    before = yard.money()
    attack.do("collect", [1], attack.wallet.address)
    assert (attack.wallet.call("attempts"), attack.wallet.call("succeeded")) == (1, False)
    assert yard.money() - before == {"held": -earned, "coins": -earned}
