"""What goes wrong around the page, and that it says so and goes on."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect
from web_rig import AMOUNT_WEI, PATIENCE_MS, figure, fill_in, rent
from web_wallet import Wallet, connect

from lab.rig.ledger import Customer
from lab.rig.page import PageServer
from lab.rig.page_world import PageWorld
from lab.rig.plan import UNBOUND

pytestmark = pytest.mark.integration

FIRST_LOAD_BYTES = 250 * 1024


@pytest.fixture
def no_blocks(world: PageWorld, free_drills: None) -> Iterator[None]:
    """Nothing is mined until the test says so, and again before the drills are freed."""
    world.anvil.rpc("evm_setIntervalMining", 0)
    yield
    world.anvil.rpc("evm_setIntervalMining", 1)


def test_page__somebody_was_faster__the_reverted_transaction_says_why(
    world: PageWorld, page: Page, wallet: Wallet, no_blocks: None, free_drills: None
) -> None:
    connect(page)
    fill_in(page)
    expect(page.get_by_text("Sent, waiting for a block")).to_be_visible()
    # Another customer pays a higher fee and comes first in the block.
    ledger = world.ledger()
    rival = Customer(ledger, "rival")
    world.give_coins(rival.address)
    call = ledger.contract.functions.open_rental(1, 1, AMOUNT_WEI, *UNBOUND)
    raw = rival._account.sign_transaction(
        call.build_transaction(
            {
                "from": ledger.web3.to_checksum_address(rival.address),
                "value": ledger.web3.to_wei(AMOUNT_WEI, "wei"),
                "nonce": 0,
                "gas": 500_000,
                "maxFeePerGas": ledger.web3.to_wei(100, "gwei"),
                "maxPriorityFeePerGas": ledger.web3.to_wei(50, "gwei"),
            }
        )
    )
    ledger.web3.eth.send_raw_transaction(raw.raw_transaction)
    world.anvil.rpc("evm_mine")
    expect(page.get_by_text("somebody else is renting this drill")).to_be_visible()
    assert ledger.call("account", wallet.account.address) == 0


def test_page__reloaded_in_the_middle__takes_the_transaction_up_again(
    world: PageWorld, page: Page, wallet: Wallet, no_blocks: None, free_drills: None
) -> None:
    connect(page)
    fill_in(page)
    expect(page.get_by_text("Sent, waiting for a block")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Sent, waiting for a block")).to_be_visible()
    world.anvil.rpc("evm_setIntervalMining", 1)
    expect(page.get_by_text(re.compile(r"Final, in block \d+"))).to_be_visible()
    page.get_by_role("button", name="Disconnect").wait_for()  # the wallet is known as well
    page.get_by_role("link", name="Drills", exact=True).click()
    expect(page.get_by_role("listitem", name="Pillar drill 1")).to_contain_text("Rented by you")


def test_page__block_dropped__the_rental_is_said_to_be_not_done(
    world: PageWorld, page: Page, wallet: Wallet, no_blocks: None, free_drills: None
) -> None:
    connect(page)
    fill_in(page)
    expect(page.get_by_text("Sent, waiting for a block")).to_be_visible()
    world.anvil.rpc("evm_mine")
    expect(page.get_by_text("waiting until it is final")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rental")
    world.anvil.rpc("anvil_reorg", 1, [])
    expect(page.get_by_text("Not done: the chain has dropped block")).to_be_visible()
    expect(page.get_by_text("There is no rental")).to_be_visible()
    page.reload()  # and it is still known
    expect(page.get_by_text("Not done: the chain has dropped block")).to_be_visible()
    # Doing it again takes the place of the first.
    world.anvil.rpc("evm_setIntervalMining", 1)
    page.get_by_role("button", name="Disconnect").wait_for()
    rent(page)
    expect(page.get_by_text("another transaction from your wallet took its place")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Final, in block \d+"))).to_be_visible()


def test_page__two_tabs__both_know_what_was_sent(
    page: Page, context: BrowserContext, wallet: Wallet, free_drills: None
) -> None:
    other = context.new_page()
    other.goto(page.url)
    connect(page)
    number = rent(page)
    expect(other.get_by_text("Rent drill 1")).to_be_visible()
    expect(other.get_by_text(re.compile(r"Final, in block \d+"))).to_be_visible()
    expect(other.get_by_role("listitem", name="Pillar drill 1")).not_to_contain_text("Free")
    other.goto(f"{page.url.split('#')[0]}#/rental/{number}")
    expect(other.locator("[data-verdict=verified]")).to_be_visible()


def test_page__oracle_stopped__the_drill_locks_and_money_comes_back_later(
    world: PageWorld, page: Page, wallet: Wallet, free_drills: None
) -> None:
    connect(page)
    rent(page)
    expect(page.locator("[data-lock=ready]")).to_be_visible()
    oracle = next(daemon for daemon in world.daemons if daemon.name == "oracle")
    oracle.stop()
    try:
        expect(page.locator("[data-lock=locked]")).to_be_visible()
        page.get_by_role("button", name="End the rental").click()
        page.get_by_role("button", name="End now").click()
        expect(page.get_by_text("anybody can close the rental after")).to_be_visible()
    finally:
        oracle.start()
    expect(page.get_by_text("Refunded to your account")).to_be_visible(timeout=4 * PATIENCE_MS)


def test_page__our_server_gone__the_chain_goes_on_and_live_figures_come_back(
    endpoint: PageServer, page: Page, wallet: Wallet, free_drills: None
) -> None:
    connect(page)
    rent(page)
    expect(page.locator(".link-live")).to_be_visible()
    endpoint.stop()
    try:
        expect(page.locator(".link-lost")).to_be_visible()
        page.get_by_label("Amount to add").fill("0.01")
        page.get_by_role("button", name="Top up").click()
        # Of the balance it is not known how soon the first reading takes something off.
        expect(figure(page, "Set aside")).to_contain_text("0.0600")
    finally:
        endpoint.start()
        endpoint.wait()
    expect(page.locator(".link-live")).to_be_visible()


def test_page__chain_endpoint_down__it_is_said_and_the_wallet_stands_in(
    world: PageWorld, page: Page, context: BrowserContext, wallet: Wallet, free_drills: None
) -> None:
    context.route(f"{world.anvil.url}/**", lambda route: route.abort())
    page.reload()
    expect(page.get_by_text("The chain is not answering at the moment.")).to_be_visible()
    expect(page.get_by_text("The drills could not be read from the chain.")).to_be_visible()
    connect(page)
    expect(page.get_by_role("listitem", name="Pillar drill 1")).to_be_visible()
    rent(page)
    context.unroute(f"{world.anvil.url}/**")


def test_page__first_load__weighs_little(endpoint: PageServer) -> None:
    html = requests.get(endpoint.url, timeout=300).text
    weight = 0
    for path in re.findall(r'(?:src|href)="\./([^"]+)"', html):
        answer = requests.get(endpoint.url + path, timeout=300)
        weight += len(gzip.compress(answer.content, 9))
    assert 100_000 < weight + len(html) <= FIRST_LOAD_BYTES


def test_page__keyboard_alone__rents_a_drill(page: Page, wallet: Wallet, free_drills: None) -> None:
    connect(page)
    page.goto(f"{page.url.split('#')[0]}#/drill/2")
    page.get_by_label("Amount to set aside").focus()
    page.keyboard.type("0.05")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rental", timeout=PATIENCE_MS)
