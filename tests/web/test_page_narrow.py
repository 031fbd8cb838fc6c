"""The page on a small phone: every place of it, in the longer language, with a wide font.

The fonts are named here and come from Debian (fonts-dejavu-core, fonts-liberation); what else the
machine has is hidden from the browser, so that the outcome is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from playwright.sync_api import Browser, Page, expect, sync_playwright
from web_rig import OWNER_KEY, PATIENCE_MS, Look, launch
from web_wallet import Wallet

pytestmark = pytest.mark.integration

FONTS = {
    "DejaVu Sans": Path("/usr/share/fonts/truetype/dejavu"),
    "Liberation Sans": Path("/usr/share/fonts/truetype/liberation"),
}
"""The widest that a Linux desktop falls back to, and the one with the widths of Arial."""

WIDTHS = (360, 320)

STICKING_OUT = """() => {
  const width = document.documentElement.clientWidth
  return [...document.querySelectorAll('body *')]
    .filter((one) => one.closest('.scroll') === null || one.classList.contains('scroll'))
    .filter((one) => !one.classList.contains('skip') && one.closest('svg') === null)
    .filter((one) => one.getBoundingClientRect().right > width + 0.5)
    .map((one) => one.outerHTML.slice(0, 120))
}"""
"""Whatever ends right of the screen; tables scroll in a frame of their own."""

CUT_OFF = """() =>
  [...document.querySelectorAll('button, .button, select, dd, dt, h1, h2, p')]
    .filter((one) => getComputedStyle(one).display !== 'inline')
    .filter((one) => one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.outerHTML.slice(0, 120))"""
"""Whatever is wider than the box that it stands in."""

BROKEN = """() => {
  const found = []
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const node = texts.currentNode
    if (node.parentElement.closest('.code, .skip, script') !== null) continue
    for (const word of node.data.matchAll(/[^ \\n\\-\\/…]+/g)) {
      const range = document.createRange()
      range.setStart(node, word.index)
      range.setEnd(node, word.index + word[0].length)
      const lines = new Set([...range.getClientRects()].map((one) => Math.round(one.top)))
      if (lines.size > 1) found.push(word[0])
    }
  }
  return found
}"""
"""Words and amounts that end on another line than they begin on; addresses and hashes may."""


@pytest.fixture(scope="module", params=FONTS)
def font(request: pytest.FixtureRequest) -> str:
    """The only one that the browser has."""
    return str(request.param)


@pytest.fixture(scope="module")
def browser(font: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that knows the fonts of one folder."""
    files = sorted(FONTS[font].glob("*.ttf"))
    assert files, f"{font} is not in {FONTS[font]}; run scripts/setup --with-debian"
    folder = tmp_path_factory.mktemp("fonts")
    known = folder / "fonts.conf"
    known.write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>\n'
        f"<dir>{FONTS[font]}</dir>\n<cachedir>{folder / 'cache'}</cachedir>\n"
        f"<alias><family>sans-serif</family><prefer><family>{font}</family></prefer></alias>\n"
        "</fontconfig>\n"
    )
    with sync_playwright() as playwright:
        launched = launch(playwright, {"FONTCONFIG_FILE": str(known)})
        yield launched
        launched.close()


def fonts_of(page: Page, selector: str) -> set[str]:
    """The families that an element is in fact drawn with."""
    debugger = page.context.new_cdp_session(page)
    debugger.send("DOM.enable")
    debugger.send("CSS.enable")
    root = debugger.send("DOM.getDocument")["root"]["nodeId"]
    node = debugger.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    fonts = debugger.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    debugger.detach()
    return {one["familyName"] for one in fonts}


def misfits(page: Page, where: str) -> list[str]:
    """What sticks out or is cut off at any of the widths."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 780})
        reached = page.evaluate("document.documentElement.scrollWidth")
        if reached > width:
            found.append(f"{where} at {width}: it reaches to {reached}")
        found += [f"{where} at {width}: {one}" for one in page.evaluate(STICKING_OUT)]
        found += [f"{where} at {width}, cut off: {one}" for one in page.evaluate(CUT_OFF)]
        found += [f"{where} at {width}, broken: {one}" for one in page.evaluate(BROKEN)]
    return found


def test_page__narrow_dark_and_german__nothing_sticks_out(
    page: Page, wallet: Wallet, font: str, free_drills: None, look: Look
) -> None:
    wallet.account = Account.from_key(OWNER_KEY)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": WIDTHS[0], "height": 780})
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Bohrmaschinen zu mieten")
    assert fonts_of(page, "h1") == fonts_of(page, ".lead") == {font}
    found = misfits(page, "storefront, no wallet")
    page.get_by_role("button", name="Wallet verbinden").click()
    page.get_by_role("button", name="Trennen").wait_for()
    found += misfits(page, "storefront")
    name = "panel-narrow-german" if font == "Liberation Sans" else f"panel-narrow-{font}"

    page.get_by_role("link", name="Diese Maschine mieten").first.click()
    page.get_by_text("Kosten begrenzen").click()
    page.get_by_label("Betrag, der bereitgestellt wird").fill("0,05")
    found += misfits(page, "drill")
    look(page, f"rent-narrow-{font}")
    page.get_by_role("button", name="Bereitstellen und entsperren").click()
    expect(page.locator("[data-verdict=verified]")).to_be_visible(timeout=2 * PATIENCE_MS)
    found += misfits(page, "rental")
    look(page, name)
    page.get_by_role("button", name="Miete beenden").click()
    found += misfits(page, "ending a rental")
    page.get_by_role("link", name="Meine Mieten").click()
    page.get_by_role("row", name="Miete ").first.wait_for()
    found += misfits(page, "rentals")
    look(page, f"rentals-narrow-{font}")
    page.get_by_role("link", name="Anbieter").click()
    page.get_by_role("form", name="Tarif veröffentlichen").wait_for()
    page.get_by_role("form", name="Abholen").get_by_role("button").click()
    found += misfits(page, "provider")
    look(page, f"provider-narrow-{font}")
    assert not found, "\n".join(found)
