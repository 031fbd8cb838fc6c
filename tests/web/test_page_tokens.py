"""Tokens and wallets as they are: what they do not say, cannot do, or do in another way.

No box runs here: the chain, the contract, and a wallet in a browser.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from playwright.sync_api import BrowserContext, Page, Route, expect
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web_rig import OWNER_KEY, Look, fill_in, rent
from web_wallet import Wallet, connect, new_wallet

from lab.rig.contract import compile_vyper, deploy
from lab.rig.offer import DRILL_NAMES, Offer
from lab.rig.page import PageServer
from lab.rig.page_world import bare_world
from lab.rig.premises import Premises, deploy_recorded
from lab.rig.services import DEPLOYER
from protocol.records import LevelRate, Tariff

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
DOLLAR = 10**6
CENTS = Tariff(
    (LevelRate(2000, 100, 3000), LevelRate(4000, 200, 1200), LevelRate(8000, 500, 700)),
    standing_price_per_second=20,
    least_reserve=10_000,
)
"""In millionths of a dollar."""

DECIMALS = "0x313ce567"
"""How a call of decimals() begins."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A block a second, and the contract of the coin, which `endpoint` serves."""
    with bare_world(tmp_path_factory.mktemp("t"), Account.create().address) as made:
        made.anvil.rpc("evm_setAutomine", False)
        made.anvil.rpc("evm_setIntervalMining", 1)
        yield made


class Paid:
    """A page for a contract that is paid in a token."""

    def __init__(self, world: Premises, folder: Path, source: str, *arguments: Any) -> None:
        web3 = Web3(HTTPProvider(world.anvil.url))
        self.token: Contract = deploy(web3, compile_vyper(HERE / source), DEPLOYER, *arguments)
        record = folder / "deployment.json"
        key = Account.create().address
        offer = Offer(key, [CENTS], asset=str(self.token.address))
        self.meter: Contract = deploy_recorded(web3, DEPLOYER, offer, record)
        self.endpoint = PageServer(
            folder,
            folder,
            record=record,
            rpc_url=world.anvil.url,
            broker_port=world.broker.port,
            drills=DRILL_NAMES,
        )

    def give(self, owner: str, dollars: int) -> None:
        """Tokens out of nothing."""
        web3 = self.token.w3
        mint = self.token.functions.mint(owner, dollars * DOLLAR)
        sent = mint.transact({"from": Web3.to_checksum_address(DEPLOYER)})
        web3.eth.wait_for_transaction_receipt(sent, 300, 0.1)

    def allowed(self, owner: str) -> int:
        """What the contract may take of the owner's tokens."""
        return int(self.token.functions.allowance(owner, self.meter.address).call())


@pytest.fixture(scope="module")
def usd(world: Premises, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    """Paid in a token with permits."""
    made = Paid(world, tmp_path_factory.mktemp("usd"), "usd.vy", True)
    with made.endpoint:
        yield made


@pytest.fixture(scope="module")
def old_usd(world: Premises, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    """Paid in a token as the earliest were."""
    made = Paid(world, tmp_path_factory.mktemp("old"), "old_usd.vy")
    with made.endpoint:
        yield made


@pytest.fixture
def freed(world: Premises) -> Iterator[None]:
    """The test's rentals come to nothing, so that the next one finds the drills free."""
    before = world.anvil.rpc("evm_snapshot")
    yield
    world.anvil.rpc("evm_revert", before)
    world.anvil.rpc("evm_setIntervalMining", 1)


def opened(paid: Paid, context: BrowserContext, place: str = "") -> Page:
    """The page of the contract that is paid in the token."""
    page = context.new_page()
    page.goto(paid.endpoint.url + place)
    return page


def answering(refused: Callable[[dict[str, Any]], bool]) -> Callable[[Route], None]:
    """Between page and chain: refuses some questions as an endpoint does that has had enough."""

    def handle(route: Route) -> None:
        posted = json.loads(route.request.post_data or "null")
        calls = posted if isinstance(posted, list) else [posted]
        bad = {one["id"] for one in calls if refused(one)}
        answer = route.fetch()
        found = answer.json()
        for one in found if isinstance(found, list) else [found]:
            if one["id"] in bad:
                one.pop("result", None)
                one["error"] = {"code": -32005, "message": "rate limit exceeded"}
        route.fulfill(response=answer, json=found)

    return handle


def asks_decimals(call: dict[str, Any]) -> bool:
    """Whether a question is what decimals() answers."""
    return bool(call["method"] == "eth_call" and call["params"][0]["data"] == DECIMALS)


def no_money(page: Page) -> None:
    """Neither an amount nor a way to pay is in the page."""
    text = page.locator("main").inner_text()
    assert not any(name in text for name in ("USDT", "ETH")), text
    assert page.get_by_role("textbox").count() == 0, text


def test_page__decimals_refused_for_a_moment__no_amount_and_no_button_until_they_are_known(
    world: Premises, usd: Paid, context: BrowserContext, look: Look
) -> None:
    refused = []

    def for_a_moment(call: dict[str, Any]) -> bool:
        if asks_decimals(call):
            refused.append(call)
        return asks_decimals(call) and len(refused) <= 8

    context.route(f"{world.anvil.url}/**", answering(for_a_moment))
    page = opened(usd, context)
    expect(page.get_by_role("listitem", name="Pillar drill 1")).to_contain_text("unknown")
    no_money(page)
    page.get_by_role("listitem", name="Pillar drill 1").get_by_role("link").click()
    expect(page.get_by_text("Nothing can be paid or priced until")).to_be_visible()
    no_money(page)
    look(page, "asset-unread")
    expect(page.get_by_label("Amount to set aside, in USDT")).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text("0.120\u00a0USDT")
    assert len(refused) > 8


def test_page__decimals_refused_for_good__is_said_and_can_be_tried_again(
    world: Premises, usd: Paid, context: BrowserContext, wallet: Wallet
) -> None:
    wallet.account = Account.from_key(OWNER_KEY)
    wallet.refuse["eth_call"] = {"code": -32005, "message": "rate limit exceeded"}
    refusing = [True]
    context.route(
        f"{world.anvil.url}/**", answering(lambda call: refusing[0] and asks_decimals(call))
    )
    page = opened(usd, context, "#/provider")
    connect(page)
    expect(page.get_by_role("region", name="Publish a tariff")).to_contain_text("Nothing can be")
    expect(page.get_by_label("Money")).to_contain_text("unknown")
    # What has no amounts in it goes on.
    expect(page.get_by_role("form", name="Stop new rentals")).to_be_visible()
    expect(page.locator("[data-asset=unread]")).to_contain_text(
        "is refusing further requests", timeout=120_000
    )
    refusing.clear()
    refusing.append(False)
    page.locator("[data-asset=unread]").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("form", name="Publish a tariff")).to_be_visible()
    expect(page.get_by_label("Money")).to_contain_text("USDT")


def test_page__symbol_in_bytes32__is_shown_and_a_price_of_one_is_a_million_units(
    old_usd: Paid, context: BrowserContext, wallet: Wallet
) -> None:
    wallet.account = Account.from_key(OWNER_KEY)
    page = opened(old_usd, context, "#/provider")
    connect(page)
    expect(page.get_by_label("Money")).to_contain_text("OUSD")
    form = page.get_by_role("form", name="Publish a tariff")
    for box in form.get_by_role("textbox").all():
        box.fill("1")
    form.get_by_role("button", name="Review").click()
    form.get_by_role("button", name="Sign it").click()
    expect(page.get_by_text("In block").or_(page.get_by_text("Final, in block"))).to_be_visible()
    tariff = old_usd.meter.functions.tariff(2).call()
    assert tariff[0][0] == (DOLLAR, DOLLAR, 1)
    assert tariff[1] == DOLLAR


def test_page__allowance_only_through_nothing__a_declined_deposit_can_be_repeated(
    old_usd: Paid, context: BrowserContext, wallet: Wallet, freed: None
) -> None:
    owner = wallet.account.address
    old_usd.give(owner, 100)
    page = opened(old_usd, context)
    connect(page)
    wallet.decline_to.add(str(old_usd.meter.address))
    fill_in(page, 1, "12.5")
    expect(page.get_by_text("you declined it in the wallet")).to_be_visible()
    assert old_usd.allowed(owner) == 12_500_000

    # Less than that was allowed already, and is not asked for again.
    page.get_by_label("Amount to set aside").fill("5")
    page.get_by_role("button", name="Set aside and unlock").click()
    expect(page.get_by_text("you declined it in the wallet")).to_have_count(2)
    assert len(wallet.sent) == 1

    # For more it has to go through nothing, which the token says by refusing.
    wallet.decline_to.clear()
    page.get_by_label("Amount to set aside").fill("20")
    page.get_by_role("button", name="Set aside and unlock").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rental")
    expect(page.get_by_text("Take back what was allowed before")).to_be_visible()
    assert old_usd.meter.functions.rental(1).call()[8] == 20 * DOLLAR
    assert old_usd.allowed(owner) == 0
    assert len(wallet.sent) == 1 + 4


def compact(signature: bytes) -> bytes:
    """64 bytes, with the parity in the highest bit of s (EIP-2098)."""
    s = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return signature[:32] + s.to_bytes(32, "big")


@pytest.mark.parametrize(
    "shape",
    [bytes, compact, lambda signature: signature[:64] + bytes([signature[64] - 27])],
    ids=["65 bytes", "64 bytes", "v of 0 or 1"],
)
def test_page__signature_in_any_shape__is_a_permit(
    usd: Paid,
    context: BrowserContext,
    wallet: Wallet,
    freed: None,
    shape: Callable[[bytes], bytes],
) -> None:
    wallet.shape = shape
    usd.give(wallet.account.address, 100)
    page = opened(usd, context)
    connect(page)
    assert usd.meter.functions.rental(rent(page, 1, "12.5")).call()[8] == 12_500_000
    assert usd.token.functions.nonces(wallet.account.address).call() == 1
    assert len(wallet.sent) == 2


@pytest.mark.parametrize(
    "lacks",
    [
        {"code": 4200, "message": "The Provider does not support the requested method."},
        {"code": -32601, "message": "the method eth_signTypedData_v4 does not exist"},
        {"code": -32603, "message": "Internal error"},
        None,
    ],
    ids=["4200", "-32601", "-32603", "what only a contract can check"],
)
def test_page__wallet_without_permits__an_approval_comes_instead_and_it_is_said(
    usd: Paid, context: BrowserContext, wallet: Wallet, freed: None, lacks: dict[str, Any] | None
) -> None:
    if lacks is None:
        wallet.shape = lambda signature: signature * 3
    else:
        wallet.refuse["eth_signTypedData_v4"] = lacks
    usd.give(wallet.account.address, 100)
    page = opened(usd, context)
    connect(page)
    assert usd.meter.functions.rental(rent(page, 1, "12.5")).call()[8] == 12_500_000
    expect(page.get_by_text("Your wallet asks for an approval instead.")).to_be_visible()
    assert wallet.asked.count("eth_signTypedData_v4") == 1
    assert len(wallet.sent) == 3


def test_page__signature_of_another_key__an_approval_comes_instead(
    usd: Paid, context: BrowserContext, wallet: Wallet, freed: None
) -> None:
    """As a wallet does whose contract stands for a key: 65 bytes, which the token does not take."""
    wallet.shape = lambda signature: signature[:64] + bytes([27 + 28 - signature[64]])
    usd.give(wallet.account.address, 100)
    page = opened(usd, context)
    connect(page)
    assert usd.meter.functions.rental(rent(page, 1, "12.5")).call()[8] == 12_500_000
    assert len(wallet.sent) == 3


@pytest.fixture
def smart(world: Premises, context: BrowserContext) -> Wallet:
    """A wallet that is a contract, with a coin."""
    made = new_wallet(world.anvil.url, 10**18)
    compiled = compile_vyper(HERE / "smart_wallet.vy")
    web3 = Web3(HTTPProvider(world.anvil.url))
    made.contract = str(deploy(web3, compiled, DEPLOYER, made.account.address).address)
    made.rpc("anvil_setBalance", made.contract, hex(10**18))
    made.into(context)
    return made


def test_page__smart_wallet__pays_in_coin(
    world: Premises, endpoint: PageServer, context: BrowserContext, smart: Wallet, freed: None
) -> None:
    page = context.new_page()
    page.goto(endpoint.url)
    connect(page)
    rental = world.ledger().call("rental", rent(page))
    assert (rental[0], rental[8]) == (smart.contract, 5 * 10**16)


def test_page__smart_wallet__pays_in_a_token_by_approval(
    usd: Paid, context: BrowserContext, smart: Wallet, freed: None
) -> None:
    assert smart.contract is not None
    usd.give(smart.contract, 100)
    page = opened(usd, context)
    connect(page)
    assert usd.meter.functions.rental(rent(page, 1, "12.5")).call()[8] == 12_500_000
    assert "eth_signTypedData_v4" not in smart.asked


def test_page__smart_wallet_that_does_nothing__is_no_success(
    world: Premises, endpoint: PageServer, context: BrowserContext, smart: Wallet, freed: None
) -> None:
    assert smart.contract is not None
    deaf = Web3.keccak(text="set_deaf(bool)")[:4].hex() + "1".zfill(64)
    smart.send({"to": smart.contract, "value": 0, "data": "0x" + deaf})
    page = context.new_page()
    page.goto(endpoint.url)
    connect(page)
    fill_in(page)
    expect(page.get_by_text("but it did not do this")).to_be_visible()
    assert world.ledger().call("drill", 1)[2] == 0


@pytest.fixture
def page(endpoint: PageServer, context: BrowserContext, wallet: Wallet) -> Page:
    """Paid in coin, with a wallet that is connected."""
    made = context.new_page()
    made.goto(endpoint.url)
    connect(made)
    return made


@pytest.fixture
def no_blocks(world: Premises, freed: None) -> Iterator[None]:
    """Nothing is mined until the test says so."""
    world.anvil.rpc("evm_setIntervalMining", 0)
    yield
    world.anvil.rpc("evm_setIntervalMining", 1)


@pytest.mark.parametrize("reloaded", [False, True], ids=["open", "reloaded"])
def test_page__sped_up_in_the_wallet__is_followed_as_the_same(
    world: Premises, page: Page, wallet: Wallet, no_blocks: None, reloaded: bool
) -> None:
    fill_in(page)
    expect(page.get_by_text("Sent, waiting for a block")).to_be_visible()
    first = wallet.sent[-1]
    again = {name: first[name] for name in ("to", "value", "data")}
    assert "result" in wallet.send(again, first["nonce"])
    world.anvil.rpc("evm_setIntervalMining", 1)
    if reloaded:
        page.reload()
    else:
        expect(page.get_by_role("heading", level=1)).to_contain_text("Rental")
    expect(page.get_by_text("Your wallet has replaced it with another")).to_be_visible()
    expect(page.get_by_text("Final, in block")).to_be_visible()
    assert page.get_by_text("Failed").count() == 0
    assert world.ledger().call("rental", 1)[0] == wallet.account.address


@pytest.mark.parametrize(
    ("cancelled", "said"),
    [(True, "you cancelled it in the wallet"), (False, "took its place")],
    ids=["cancelled", "another"],
)
def test_page__something_else_in_its_place__is_told(
    page: Page, wallet: Wallet, no_blocks: None, cancelled: bool, said: str
) -> None:
    fill_in(page)
    # Only of a transaction that the chain has shown can be told what took its place.
    expect(page.locator("li[data-state=sent][data-seen=true]")).to_be_visible()
    first = wallet.sent[-1]
    nothing = {"to": wallet.account.address, "value": 0, "data": "0x"}
    other = {"to": first["to"], "value": first["value"] + 1, "data": first["data"]}
    assert "result" in wallet.send(nothing if cancelled else other, first["nonce"])
    wallet.rpc("evm_setIntervalMining", 1)
    expect(page.get_by_text(said)).to_be_visible()


def test_page__something_else_in_its_place_before_the_chain_showed_it__the_wallet_knows(
    page: Page, context: BrowserContext, wallet: Wallet, no_blocks: None, world: Premises
) -> None:
    unseen = answering(lambda call: bool(call["method"] == "eth_getTransactionByHash"))
    context.route(f"{world.anvil.url}/**", unseen)
    fill_in(page)
    expect(page.get_by_text("Sent, waiting for a block")).to_be_visible()
    expect(page.get_by_text("see whether it was")).to_be_hidden()
    first = wallet.sent[-1]
    nothing = {"to": wallet.account.address, "value": 0, "data": "0x"}
    assert "result" in wallet.send(nothing, first["nonce"])
    wallet.rpc("evm_setIntervalMining", 1)
    expect(page.get_by_text("see whether it was replaced or cancelled")).to_be_visible()
    context.unroute(f"{world.anvil.url}/**")


def test_page__chain_away__a_rental_is_unreachable_and_not_missing(
    world: Premises, endpoint: PageServer, context: BrowserContext, wallet: Wallet, freed: None
) -> None:
    page = context.new_page()
    page.goto(endpoint.url)
    connect(page)
    number = rent(page)
    context.route(f"{world.anvil.url}/**", lambda route: route.abort())
    other = context.new_page()
    wallet.refuse["eth_call"] = {"code": -32603, "message": "Failed to fetch"}
    other.goto(f"{endpoint.url}#/rental/{number}")
    expect(
        other.get_by_text(f"Rental {number} could not be read: the chain does not")
    ).to_be_visible()
    expect(other.get_by_text("There is no rental")).to_be_hidden()
    context.unroute(f"{world.anvil.url}/**")
    expect(other.get_by_role("heading", level=1)).to_contain_text(f"Rental {number}")
    other.goto(f"{endpoint.url}#/rental/999")
    expect(other.get_by_text("There is no rental 999.")).to_be_visible()
