"""The page where things are otherwise: paid in a token, on a static host, and for the provider."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from playwright.sync_api import BrowserContext, Page, expect
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web_rig import OWNER_KEY, Look, fill_in, rent
from web_wallet import Wallet, connect

from lab.rig.contract import compile_vyper, deploy
from lab.rig.drill import OUR_PACKAGES, module
from lab.rig.offer import DRILL_NAMES, Offer
from lab.rig.page import BUILT, PageServer
from lab.rig.page_world import PageWorld
from lab.rig.premises import deploy_recorded
from lab.rig.services import DEPLOYER, HOST, ROOT
from protocol.records import LevelRate, Tariff

pytestmark = pytest.mark.integration

CENTS = Tariff(
    (LevelRate(2000, 100, 3000), LevelRate(4000, 200, 1200), LevelRate(8000, 500, 700)),
    standing_price_per_second=20,
    least_reserve=10_000,
)
"""In millionths of a dollar."""

DOLLAR = 10**6


@pytest.fixture(params=[True, False], ids=["permit", "approval"])
def token_page(
    request: pytest.FixtureRequest, world: PageWorld, wallet: Wallet, tmp_path: Path
) -> Iterator[tuple[PageServer, Contract, Contract]]:
    """An endpoint for a contract that is paid in a token, the token, and that contract."""
    web3 = Web3(HTTPProvider(world.anvil.url))
    compiled = compile_vyper(Path(__file__).with_name("usd.vy"))
    token = deploy(web3, compiled, DEPLOYER, request.param)
    folder = tmp_path
    record = folder / "deployment.json"
    box = Account.create().address
    meter = deploy_recorded(web3, DEPLOYER, Offer(box, [CENTS], asset=str(token.address)), record)
    mint = token.functions.mint(wallet.account.address, 100 * DOLLAR)
    web3.eth.wait_for_transaction_receipt(
        mint.transact({"from": Web3.to_checksum_address(DEPLOYER)}), 300, 0.05
    )
    with PageServer(
        folder,
        folder,
        record=record,
        rpc_url=world.anvil.url,
        broker_port=world.broker.port,
        drills=DRILL_NAMES,
    ) as served:
        yield served, token, meter


def test_page__paid_in_a_token__permit_or_approval_comes_first(
    token_page: tuple[PageServer, Contract, Contract], context: BrowserContext, wallet: Wallet
) -> None:
    endpoint, token, meter = token_page
    page = context.new_page()
    page.goto(endpoint.url)
    connect(page)
    expect(page.get_by_role("listitem", name="Pillar drill 1")).to_contain_text("USDT")
    number = rent(page, 1, "12.5")
    assert meter.functions.rental(number).call()[8] == 12_500_000
    assert token.functions.balanceOf(wallet.account.address).call() == 87_500_000
    permitted = "eth_signTypedData_v4" in wallet.asked
    assert wallet.asked.count("eth_sendTransaction") == (2 if permitted else 3)
    assert permitted == (token.functions.nonces(wallet.account.address).call() == 1)


def test_page__permit_declined__nothing_was_sent(
    token_page: tuple[PageServer, Contract, Contract], context: BrowserContext, wallet: Wallet
) -> None:
    endpoint, token, _ = token_page
    wallet.decline.update({"eth_signTypedData_v4", "eth_sendTransaction"})
    page = context.new_page()
    page.goto(endpoint.url)
    connect(page)
    fill_in(page, 2, "12.5")
    expect(page.get_by_text("you declined it in the wallet. Nothing was sent.")).to_be_visible()
    assert token.functions.balanceOf(wallet.account.address).call() == 100 * DOLLAR


def test_page__bond_in_a_token__is_approved_and_posted(
    token_page: tuple[PageServer, Contract, Contract], context: BrowserContext, wallet: Wallet
) -> None:
    endpoint, token, meter = token_page
    wallet.account = Account.from_key(OWNER_KEY)
    mint = token.functions.mint(wallet.account.address, 100 * DOLLAR)
    mint.transact({"from": Web3.to_checksum_address(DEPLOYER)})
    page = context.new_page()
    page.goto(f"{endpoint.url}#/provider")
    connect(page)
    form = page.get_by_role("form", name="Post bond")
    form.get_by_role("textbox").fill("40")
    form.get_by_role("button", name="Review").click()
    expect(form.locator("pre").first).to_contain_text('approve("0x')
    expect(form.locator("pre").last).to_have_text('post_bond("40000000")')
    form.get_by_role("button", name="Sign it").click()
    expect(page.get_by_label("Money")).to_contain_text("40.0")
    assert meter.functions.bond().call()[0] == 40 * DOLLAR
    assert token.functions.allowance(wallet.account.address, meter.address).call() == 0


@pytest.fixture
def static_host(world: PageWorld, endpoint: PageServer, tmp_path: Path) -> Iterator[str]:
    """The page on a host that only has files, with site.json beside it."""
    folder = tmp_path / "static"
    shutil.copytree(BUILT, folder)
    told = subprocess.run(
        module("live", "site", "--settings", endpoint.settings),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, **OUR_PACKAGES},
    ).stdout
    (folder / "site.json").write_text(told)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer((HOST, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://{HOST}:{server.server_port}/"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def test_page__on_a_static_host__works_from_the_chain_alone(
    world: PageWorld,
    static_host: str,
    context: BrowserContext,
    wallet: Wallet,
    free_drills: None,
) -> None:
    page = context.new_page()
    page.goto(static_host)
    expect(page.get_by_text("There is no live server here")).to_be_visible()
    connect(page)
    number = rent(page)
    controller = world.controllers[1]
    controller.do("level", level=3)
    page.wait_for_timeout(3000)
    controller.do("pull")
    expect(page.get_by_text("Figures as last settled on chain")).to_be_visible()
    # The register moves when the box settles.
    expect(page.get_by_role("row", name="Stainless steel")).not_to_contain_text("0:00:00.0")
    controller.do("release")
    page.get_by_role("button", name="End the rental").click()
    page.get_by_role("button", name="End now").click()
    expect(page.get_by_text("Refunded to your account")).to_be_visible()
    assert world.ledger().rental(number).charge > 0


def test_page__provider__each_change_is_reviewed_before_it_is_signed(
    world: PageWorld, page: Page, wallet: Wallet, look: Look
) -> None:
    page.get_by_role("link", name="Provider").click()
    expect(page.get_by_text("Only the owner of the contract")).to_be_visible()
    wallet.account = Account.from_key(OWNER_KEY)
    connect(page)
    ledger = world.ledger()
    row = page.get_by_role("row", name="Pillar drill 1")
    expect(row).to_contain_text("connected")
    expect(row).to_contain_text("ago")
    expect(page.get_by_label("Money")).to_contain_text("of all drills on offer")
    form = page.get_by_role("form", name="Post bond")
    form.get_by_role("textbox").fill("0.5")
    form.get_by_role("button", name="Review").click()
    expect(form.locator("pre")).to_have_text('post_bond("500000000000000000")')
    look(page, "provider")
    form.get_by_role("button", name="Sign it").click()
    expect(page.get_by_label("Money")).to_contain_text("0.500 ETH")
    assert ledger.call("bond")[0] == 5 * 10**17

    tariffs = ledger.call("tariff_count")
    form = page.get_by_role("form", name="Publish a tariff")
    form.get_by_role("button", name="Review").click()
    expect(form.get_by_role("alert").first).to_be_visible()
    for box in form.get_by_role("textbox").all():
        box.fill("1")
    form.get_by_role("button", name="Review").click()
    form.get_by_role("button", name="Sign it").click()
    expect(page.get_by_role("group", name="Tariff number").get_by_role("row")).to_have_count(
        tariffs + 4
    )
    assert ledger.call("tariff_count") == tariffs + 1
    assert ledger.call("tariff", tariffs + 1)[0][0] == (10**18, 10**18, 1)

    page.get_by_role("form", name="Stop new rentals").get_by_role("button").click()
    page.get_by_role("button", name="Sign it").click()
    expect(page.get_by_text("New rentals and top-ups are stopped.")).to_be_visible()
    assert ledger.call("paused") is True
    page.get_by_role("form", name="Allow new rentals").get_by_role("button").click()
    page.get_by_role("button", name="Sign it").click()
    expect(page.get_by_text("New rentals and top-ups are stopped.")).to_be_hidden()
