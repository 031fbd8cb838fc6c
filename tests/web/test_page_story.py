"""The whole story in a browser: from the storefront to the refund, with a real chain and drill."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect
from web_rig import AMOUNT, AMOUNT_WEI, PATIENCE_MS, Look, fill_in, publish, rent
from web_wallet import Wallet, connect

from lab.rig.page_world import PageWorld
from lab.rig.services import HOST

pytestmark = pytest.mark.integration


def test_page__storefront_to_refund__every_step_is_shown(
    world: PageWorld, page: Page, wallet: Wallet, free_drills: None, look: Look
) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2].split(":")[0]))
    controller = world.controllers[1]
    expect(page.get_by_role("listitem", name="Pillar drill 1")).to_contain_text("Free")
    look(page, "storefront")

    connect(page)
    page.get_by_role("listitem", name="Pillar drill 1").get_by_role("link").click()
    page.get_by_label("Amount to set aside").fill(AMOUNT)
    expect(page.get_by_text("of drilling at the highest rate")).to_be_visible()
    look(page, "rent")
    number = rent(page)

    # One signature was asked for, and the chain holds what was agreed.
    assert wallet.asked.count("eth_sendTransaction") == 1
    ledger = world.ledger()
    assert ledger.rental(number).funded == AMOUNT_WEI
    (opened,) = ledger.events("RentalOpened", rental=number)
    sent = ledger.web3.eth.get_transaction(opened["transactionHash"])
    _, wish = ledger.contract.decode_function_input(sent["input"])
    mined = ledger.block_time(sent["blockNumber"])
    assert mined <= wish["deadline"] <= mined + 900
    expect(page.get_by_text(re.compile(r"Final, in block \d+"))).to_be_visible()
    expect(page.locator("[data-lock=ready]")).to_be_visible()

    controller.do("level", level=2)
    controller.do("pull")
    expect(page.locator("[data-lock=running]")).to_be_visible()
    expect(page.locator("[data-verdict=verified]")).to_contain_text("signed by the oracle")
    expect(page.locator(".speed-now")).to_contain_text("Steel")
    page.wait_for_timeout(6000)
    look(page, "drilling")
    controller.do("release")

    page.get_by_label("Amount to add").fill("0.01")
    page.get_by_role("button", name="Top up").click()
    expect(page.get_by_text(re.compile(r"^0\.0600"))).to_be_visible()
    assert ledger.rental(number).funded == AMOUNT_WEI + 10**16

    page.get_by_role("button", name="End the rental").click()
    page.get_by_role("button", name="End now").click()
    expect(page.get_by_text("Refunded to your account")).to_be_visible(timeout=2 * PATIENCE_MS)
    facts = ledger.rental(number)
    assert 0 < facts.charge < facts.funded
    look(page, "closed")

    page.get_by_role("link", name="My rentals").click()
    row = page.get_by_role("row", name=f"Rental {number}")
    expect(row).to_contain_text("Closed")
    look(page, "history")
    assert ledger.call("account", wallet.account.address) == facts.balance
    page.get_by_role("button", name="Withdraw all").click()
    expect(page.get_by_role("button", name="Withdraw all")).to_be_disabled()
    expect(page.locator("output")).to_contain_text("0.00 ETH")
    assert ledger.call("account", wallet.account.address) == 0
    assert hosts == {HOST}  # nobody else was asked for anything


def test_page__declined_in_the_wallet__nothing_was_sent_and_it_is_said(
    page: Page, wallet: Wallet, free_drills: None
) -> None:
    connect(page)
    wallet.decline.add("eth_sendTransaction")
    fill_in(page)
    expect(page.get_by_text("you declined it in the wallet. Nothing was sent.")).to_be_visible()
    wallet.decline.clear()
    expect(page.get_by_label("Amount to set aside")).to_have_value(AMOUNT)
    rent(page)


def test_page__wallet_on_another_network__one_click_switches(page: Page, wallet: Wallet) -> None:
    wallet.chain_id = 1
    wallet.known_chains = {1}
    wallet.decline.add("wallet_switchEthereumChain")
    page.get_by_role("button", name="Connect wallet").click()
    expect(page.get_by_text("you declined it in the wallet")).to_be_visible()
    wallet.decline.clear()
    wallet.decline.add("wallet_addEthereumChain")
    page.get_by_role("button", name="Connect wallet").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    wallet.decline.clear()
    page.get_by_role("button", name="Connect wallet").click()
    page.get_by_role("button", name="Disconnect").wait_for()
    assert wallet.chain_id == 31337

    wallet.chain_id = 1  # and in the middle of it
    page.evaluate(
        "window.__testWallet.request({ method: 'wallet_switchEthereumChain',"
        " params: [{ chainId: '0x1' }] })"
    )
    expect(page.get_by_text("Your wallet is on another network.")).to_be_visible()
    page.get_by_role("button", name="Switch to Local test chain").click()
    expect(page.get_by_text("Your wallet is on another network.")).to_be_hidden()
    assert wallet.chain_id == 31337


def test_page__too_little_in_the_wallet__is_said_before_the_wallet_asks(
    page: Page, wallet: Wallet
) -> None:
    wallet.rpc("anvil_setBalance", wallet.account.address, hex(10**15))
    connect(page)
    fill_in(page, 2, "0.5")
    expect(page.get_by_text("Your wallet holds 0.00100")).to_be_visible()
    # All of it leaves nothing for the fee, which the simulation or the chain finds out.
    page.get_by_label("Amount to set aside").fill("0.001")
    page.get_by_role("button", name="Set aside and unlock").click()
    expect(page.get_by_text("the wallet does not hold enough")).to_be_visible()
    assert "eth_sendRawTransaction" not in wallet.asked


def test_page__forged_reading__is_shown_as_such_and_not_counted(
    world: PageWorld, page: Page, wallet: Wallet, free_drills: None
) -> None:
    connect(page)
    number = rent(page)
    expect(page.locator("[data-verdict=verified]")).to_be_visible()
    balance = page.locator("output").inner_text()
    real = world.listener.reading(1, number)
    assert real is not None
    forged = json.loads(real.to_json())
    forged["until"] += 1
    forged["active_ms_3"] += 5_000_000
    forged["balance"] = "0"
    publish(world, "drill/1/reading", json.dumps(forged).encode())
    expect(page.locator("[data-verdict=not-signed]")).to_contain_text("is not signed")
    assert page.locator("output").inner_text()[:4] == balance[:4]
