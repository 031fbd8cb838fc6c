"""A world with the page in it, and a browser with a wallet to look at it with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from web_rig import PATIENCE_MS, Look, launch, serious
from web_wallet import Wallet, new_wallet

from lab.rig.offer import DRILL_NAMES
from lab.rig.page import PageServer
from lab.rig.page_world import PageWorld
from lab.rig.process import wait_until
from lab.rig.services import DEPLOYER, ROOT

COIN = 10**18
CLOSE_SECONDS = 300
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageWorld]:
    # The path of a Unix socket must be short.
    with PageWorld(tmp_path_factory.mktemp("w"), None, lambda _text: None, embedded=False) as made:
        yield made


@pytest.fixture(scope="module")
def endpoint(world: PageWorld) -> Iterator[PageServer]:
    with PageServer(
        world.folder,
        world.logs,
        record=world.record,
        rpc_url=world.anvil.url,
        broker_port=world.broker.port,
        drills=DRILL_NAMES,
    ) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = launch(playwright)
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """An empty profile."""
    made = browser.new_context(viewport={"width": 1200, "height": 900}, locale="en-GB")
    made.set_default_timeout(PATIENCE_MS)
    yield made
    # What a test has put between page and chain may be in the middle of an answer.
    made.unroute_all(behavior="ignoreErrors")
    made.close()


@pytest.fixture
def wallet(world: PageWorld, context: BrowserContext) -> Wallet:
    made = new_wallet(world.anvil.url, COIN)
    made.into(context)
    return made


@pytest.fixture
def page(context: BrowserContext, endpoint: PageServer, wallet: Wallet) -> Iterator[Page]:
    """The storefront, with a wallet in it that is not connected yet.

    Whatever the browser complains about fails the test.
    """
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    opened.goto(endpoint.url)
    yield opened
    assert complaints == []


@pytest.fixture
def free_drills(world: PageWorld) -> Iterator[None]:
    """Whatever the test rented is ended by the provider, and closed by its last reading."""
    yield
    ledger = world.ledger()
    for number in DRILL_NAMES:
        rental = int(ledger.call("drill", number)[2])
        if rental == 0:
            continue
        if ledger.rental(rental).ended_at == 0:
            call = ledger.contract.functions.end_rental(rental)
            ended = call.transact({"from": ledger.web3.to_checksum_address(DEPLOYER)})
            receipt = ledger.web3.eth.wait_for_transaction_receipt(ended, CLOSE_SECONDS, 0.2)
            assert receipt["status"] == 1, f"rental {rental} could not be ended"
        wait_until(
            f"rental {rental} is closed",
            lambda n=number: int(ledger.call("drill", n)[2]) == 0,  # type: ignore[misc]
            CLOSE_SECONDS,
        )


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which looks for what keeps people out."""
    return (ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def look(tmp_path: Path, axe: str) -> Look:
    """Looks at the page as axe does, and takes a picture of it.

    With DRILL_SCREENSHOTS=docs/page those that are there, and so committed, are taken anew.
    """
    shown = Path(os.environ.get("DRILL_SCREENSHOTS", tmp_path))

    def take(page: Page, name: str) -> None:
        assert serious(page, axe) == [], name
        picture = Path(f"{name}.png")
        folder = shown if (shown / picture).exists() else tmp_path
        page.screenshot(path=folder / picture, full_page=True)

    return take
