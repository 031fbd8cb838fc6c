"""A browser that keeps nothing for the page: site data blocked, or no room left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from web_rig import ARGUMENTS, PATIENCE_MS, Look, chromium, rent
from web_wallet import Wallet, connect, new_wallet

from lab.rig.page import PageServer
from lab.rig.page_world import bare_world
from lab.rig.premises import Premises

pytestmark = pytest.mark.integration

COIN = 10**18

BLOCKED = {"profile": {"default_content_setting_values": {"cookies": 2}}}
"""What Chromium writes down when site data is not allowed: `localStorage` throws then."""

FILL_UP = """() => {
  localStorage.clear()
  let piece = 'x'.repeat(1024 * 1024)
  for (let n = 0; piece.length > 0; ) {
    try { localStorage.setItem(`filler ${n++}`, piece) }
    catch { piece = piece.slice(0, piece.length / 2) }
  }
}"""
"""To the last character, and with nothing of the page's that it could write over."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """A block a second; no box runs."""
    with bare_world(tmp_path_factory.mktemp("m"), Account.create().address) as made:
        made.anvil.rpc("evm_setAutomine", False)
        made.anvil.rpc("evm_setIntervalMining", 1)
        yield made


@pytest.fixture
def blocked(tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser whose owner allows no site data."""
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps(BLOCKED))
    with sync_playwright() as playwright:
        made = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium(), args=ARGUMENTS, locale="en-GB"
        )
        made.set_default_timeout(PATIENCE_MS)
        yield made
        made.close()


def test_page__site_data_blocked__works_without_memory_and_says_so(
    world: Premises, endpoint: PageServer, blocked: BrowserContext
) -> None:
    new_wallet(world.anvil.url, COIN).into(blocked)
    page = blocked.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(endpoint.url)
    with pytest.raises(Exception, match="SecurityError"):
        page.evaluate("window.localStorage.length")
    expect(page.locator("[data-memory=blocked]")).to_contain_text(
        "does not let this page store anything"
    )
    connect(page)
    number = rent(page)
    assert world.ledger().call("rental", number)[4] == 1
    expect(page.get_by_text("Final, in block")).to_be_visible()
    page.get_by_label("Language").select_option("de")
    expect(page.locator("[data-memory=blocked]")).to_contain_text("nichts speichern")
    assert complaints == []


def test_page__no_room_left__works_without_memory_and_says_so(
    page: Page, wallet: Wallet, look: Look
) -> None:
    page.add_init_script(f"({FILL_UP})()")  # before the page's own scripts
    page.reload()
    expect(page.locator("[data-memory=full]")).to_contain_text("no room left")
    connect(page)
    page.get_by_role("listitem", name="Pillar drill 2").get_by_role("link").click()
    page.get_by_label("Amount to set aside").fill("0.05")
    page.get_by_role("button", name="Set aside and unlock").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rental")
    expect(page.get_by_text("Final, in block")).to_be_visible()
    # No box has said anything: what was signed is not known, and is not nothing.
    expect(page.get_by_text("Signed, not yet settled").locator("..")).to_contain_text("unknown")
    expect(page.locator(".speed-now")).to_have_text("known after two signed readings")
    look(page, "memory-full")
