"""What protects customers from a box that makes things up: caps, and receipts that win disputes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect
from web3 import HTTPProvider, Web3
from web_rig import Look, rent
from web_wallet import Wallet, connect

from host.keystores import open_keystore
from lab.rig.page_world import PageWorld
from lab.rig.process import wait_until
from lab.rig.services import DEPLOYER
from oracle.signing.sign import KeystoreSigner
from protocol.meter_word import SignedBatch, settle_arguments
from protocol.typed_data import batch_digest

pytestmark = pytest.mark.integration

COIN = 10**18
BOND_WEI = 10**17
MADE_UP_MS = 2_000


def test_page__capped_rental__the_contract_has_the_limits_and_the_panel_shows_them(
    world: PageWorld, page: Page, wallet: Wallet, free_drills: None, look: Look
) -> None:
    connect(page)
    page.get_by_role("listitem", name="Pillar drill 2").get_by_role("link").click()
    page.get_by_text("Limit what it can cost").click()
    page.get_by_label("At most for each hour").fill("0.000001")
    page.get_by_label("Amount to set aside").fill("0.05")
    expect(page.get_by_role("alert").filter(has_text="At least")).to_be_visible()
    page.get_by_role("button", name="Set aside and unlock").click()
    assert "eth_sendTransaction" not in wallet.asked
    page.get_by_label("At most for each hour").fill("0.03")
    page.get_by_label("At most for the whole rental").fill("0.04")
    look(page, "caps")
    page.get_by_role("button", name="Set aside and unlock").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rental")
    number = int(page.get_by_role("heading", level=1).inner_text().split()[-1])
    assert world.ledger().call("caps", number) == (4 * 10**16, 3 * 10**16)
    expect(page.get_by_text("Your limit for the rental")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^0\.0400"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"^0\.0300"))).to_be_visible()


def test_page__bond_and_its_announced_release__said_before_renting_and_while_it_runs(
    world: PageWorld, page: Page, wallet: Wallet, free_drills: None
) -> None:
    """What is announced to be taken out does not count."""
    functions = world.ledger().contract.functions
    world.send(functions.post_bond(BOND_WEI), value=BOND_WEI)
    posted = int(functions.bond().call()[0])
    page.get_by_role("listitem", name="Pillar drill 2").get_by_role("link").click()
    expect(page.locator("[data-bond]")).to_have_attribute("data-bond", str(posted))
    expect(page.locator("[data-leaving]")).to_have_count(0)

    leaving = posted // 4
    world.send(functions.announce_bond_release(leaving))
    expect(page.locator("[data-leaving]")).to_have_attribute("data-leaving", str(leaving))
    expect(page.locator("[data-bond]")).to_have_attribute("data-bond", str(posted - leaving))

    connect(page)
    page.get_by_label("Amount to set aside").fill("0.05")
    page.get_by_role("button", name="Set aside and unlock").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rental")
    expect(page.locator("[data-bond]")).to_have_attribute("data-bond", str(posted - leaving))

    world.send(functions.announce_bond_release(posted))
    expect(page.get_by_text("The provider has no bond that counts")).to_be_visible()
    expect(page.locator("[data-leaving]")).to_have_attribute("data-leaving", str(posted))


def forge_a_settlement(world: PageWorld, number: int) -> int:
    """Settle registers that never were, with the box's own key; returns when they are dated.

    The box is stopped, so that it does not go on settling what is true.
    """
    ledger = world.ledger()

    def unsettled_ms() -> int:
        reading = world.listener.reading(1, number)
        return 0 if reading is None else reading.until - int(ledger.call("rental", number)[7])

    wait_until("time that is not settled", lambda: unsettled_ms() > 2 * MADE_UP_MS)
    next(daemon for daemon in world.daemons if daemon.name == "oracle").kill()
    newest = world.listener.reading(1, number)
    assert newest is not None
    true = newest.reading()
    registers = replace(true.registers, active_ms_3=true.registers.active_ms_3 + MADE_UP_MS)
    forged = replace(true, registers=registers)
    key = KeystoreSigner(
        open_keystore(world.folder / "signing.json", world.folder / "signing.password")
    )
    signature = key.sign(batch_digest(newest.domain(), [forged]))
    web3 = Web3(HTTPProvider(world.anvil.url))
    settle = ledger.contract.functions.settle(
        *settle_arguments([SignedBatch(newest.oracle, (forged,), signature)])
    )
    sent = settle.transact({"from": ledger.web3.to_checksum_address(DEPLOYER)})
    web3.eth.wait_for_transaction_receipt(sent, 300, 0.1)
    return forged.until


def test_page__registers_made_up__the_kept_receipt_wins_the_dispute(
    world: PageWorld, page: Page, wallet: Wallet, look: Look
) -> None:
    ledger = world.ledger()
    world.send(ledger.contract.functions.post_bond(BOND_WEI), value=BOND_WEI)
    posted = int(ledger.call("bond")[0])
    connect(page)
    number = rent(page)
    expect(page.locator("[data-verdict=verified]")).to_be_visible()
    forged_until = forge_a_settlement(world, number)
    assert int(ledger.call("rental", number)[7]) == forged_until
    assert ledger.call("charge", number) > 0

    # Another browser has no receipt and says nothing; this one has.
    said = page.get_by_role("alert", name="Too much was settled")
    expect(said).to_contain_text("receipt of")
    expect(said).to_contain_text(f"{posted / COIN:.3f} ETH")
    due = int(page.locator("[data-dispute]").get_attribute("data-dispute") or 0)
    # 2 s of heavy load, of which nothing was true.
    assert due == MADE_UP_MS * world.tariff.levels[2].price_per_second // 1000
    look(page, "dispute")
    page.get_by_role("button", name="Dispute it").click()
    expect(page.get_by_text("was returned to the customer")).to_be_visible()
    expect(said).to_be_hidden()
    assert ledger.call("refunded", number) == due
    penalty = posted - int(ledger.call("bond")[0])
    left = int(ledger.call("balance_of", number))
    assert ledger.call("account", wallet.account.address) == left + due + penalty
    page.reload()
    expect(page.get_by_text("was returned to the customer")).to_be_visible()
    expect(said).to_be_hidden()
