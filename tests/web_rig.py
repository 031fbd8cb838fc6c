"""What the tests of the page in a browser share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from lab.rig.services import HOST, BrokerProcess, find_program

PATIENCE_MS = 180_000
"""For what a block, a settlement or a process has to happen for, on a machine that is busy."""

AMOUNT = "0.05"
AMOUNT_WEI = 5 * 10**16

OWNER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Of the first account of anvil's mnemonic, which deploys here; worth nothing anywhere."""

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

Look = Callable[[Page, str], None]


def chromium() -> str:
    """Where the browser is."""
    program = find_program("chromium")
    assert program is not None, "chromium is not installed; run scripts/setup --with-debian"
    return str(program)


def launch(playwright: Playwright, environment: Mapping[str, str] | None = None) -> Browser:
    """Chromium, with more in its environment."""
    return playwright.chromium.launch(
        executable_path=chromium(), args=ARGUMENTS, env={**os.environ, **(environment or {})}
    )


def serious(page: Page, axe: str) -> list[str]:
    """What axe finds in the page that is serious or critical."""
    # Through the debugger: the page's own policy would not let this script in.
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:120]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def figure(page: Page, name: str) -> Locator:
    """What stands beside a figure's name."""
    of_that_name = page.locator("dt").get_by_text(name, exact=True)
    return page.locator(".figure").filter(has=of_that_name).locator("dd")


def fill_in(page: Page, drill: int = 1, amount: str = AMOUNT) -> None:
    """From anywhere to the form of a free drill, filled in and sent off."""
    page.get_by_role("link", name="Drills", exact=True).click()
    page.get_by_role("listitem", name=f"Pillar drill {drill}").get_by_role("link").click()
    page.get_by_label("Amount to set aside").fill(amount)
    page.get_by_role("button", name="Set aside and unlock").click()


def rent(page: Page, drill: int = 1, amount: str = AMOUNT) -> int:
    """From anywhere to the panel of a new rental; its number."""
    fill_in(page, drill, amount)
    try:
        expect(page.get_by_role("heading", level=1)).to_contain_text("Rental", timeout=PATIENCE_MS)
    except AssertionError as error:
        raise AssertionError(page.locator("body").inner_text()) from error
    return int(page.get_by_role("heading", level=1).inner_text().split()[-1])


class HasBroker(Protocol):
    """A world with a broker in it."""

    @property
    def broker(self) -> BrokerProcess:
        """Which lets anybody in."""


def publish(world: HasBroker, topic: str, payload: bytes) -> None:
    """As somebody on the broker who should not be there."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, world.broker.port)
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=True).wait_for_publish(120)
    client.disconnect()
    client.loop_stop()
