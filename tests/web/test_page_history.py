"""My rentals on a long chain whose endpoints answer little at a time, with and without an index.

No box runs here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
import requests
from eth_account import Account
from eth_utils.crypto import keccak
from playwright.sync_api import BrowserContext, Page, Route, expect
from web_rig import OWNER_KEY, Look
from web_wallet import Wallet, connect

from lab.rig.page import PageServer
from lab.rig.page_world import bare_world
from lab.rig.plan import UNBOUND
from lab.rig.premises import Premises
from lab.rig.process import wait_until
from lab.rig.services import DEPLOYER

pytestmark = pytest.mark.integration

RENTALS = 120
BLOCKS = 500
MINE = (1, 61, 120)
CUSTOMER_KEY = "0x" + "5a" * 32
RENTAL = "0x" + keccak(text="rental(uint256)")[:4].hex()
REQUESTS = 40
"""A few for each figure in the page; with halves of block ranges it was hundreds."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """Rentals of drill 1, one after the other: opened, ended, and closed after the grace period."""
    with bare_world(tmp_path_factory.mktemp("h"), Account.create().address) as made:
        ledger = made.ledger()
        functions = ledger.contract.functions
        provider = ledger.web3.to_checksum_address(DEPLOYER)
        mine = ledger.web3.to_checksum_address(Account.from_key(CUSTOMER_KEY).address)
        for person in (mine, provider):
            made.anvil.rpc("anvil_setBalance", person, hex(10**21))
        made.anvil.rpc("anvil_impersonateAccount", mine)
        grace = int(functions.grace_period().call())
        for number in range(1, RENTALS + 1):
            customer = mine if number in MINE else provider
            value = ledger.web3.to_wei(10**15, "wei")
            opening = functions.open_rental(1, 1, 10**15, *UNBOUND)
            opening.transact({"from": customer, "value": value})
            ended = functions.end_rental(number).transact({"from": customer})
            # The node answers before it has mined, and says until then that the drill is rented.
            ledger.web3.eth.wait_for_transaction_receipt(ended)
            if functions.drill(1).call()[2] != 0:  # ended in a later second than it was opened in
                made.anvil.rpc("evm_increaseTime", grace + 1)
                made.anvil.rpc("evm_mine")
                functions.close_rental(number).transact({"from": customer})
        for _ in range(10):
            made.anvil.rpc("anvil_mine", BLOCKS // 10)
        made.anvil.rpc("evm_setAutomine", False)
        made.anvil.rpc("evm_setIntervalMining", 1)
        yield made


@pytest.fixture
def asked(world: Premises, context: BrowserContext) -> list[str]:
    """What the page asks the chain, and "request" for each time that it does."""
    methods: list[str] = []

    def note(route: Route) -> None:
        posted = json.loads(route.request.post_data or "null")
        calls = posted if isinstance(posted, list) else [posted]
        methods.extend(["request", *(one["method"] for one in calls)])
        route.continue_()

    context.route(f"{world.anvil.url}/**", note)
    return methods


def rows(page: Page) -> None:
    """My three rentals, newest first."""
    table = page.get_by_role("group", name="My rentals")
    expect(table.get_by_role("row")).to_have_count(1 + len(MINE))
    for place, number in enumerate(reversed(MINE), start=1):
        expect(table.get_by_role("row").nth(place)).to_contain_text(f"Rental {number}")


@pytest.fixture
def mine(wallet: Wallet) -> Wallet:
    """The wallet with the three rentals."""
    wallet.account = Account.from_key(CUSTOMER_KEY)
    return wallet


def test_page__long_chain_and_no_index__goes_through_rentals_and_not_blocks(
    endpoint: PageServer, context: BrowserContext, mine: Wallet, asked: list[str]
) -> None:
    context.route("**/api/v1/rentals**", lambda route: route.fulfill(status=404, body="{}"))
    page = context.new_page()
    page.goto(f"{endpoint.url}#/rentals")
    connect(page)
    rows(page)
    expect(page.get_by_role("progressbar")).to_be_hidden()
    assert page.locator("[data-index]").count() == 0
    # No question spans blocks, so no endpoint's limit on them matters.
    assert not any(one in {"eth_getLogs", "eth_newFilter"} for one in asked)
    assert asked.count("request") < REQUESTS


def test_page__index__each_entry_is_read_from_the_chain_and_the_rest_is_said(
    endpoint: PageServer, context: BrowserContext, mine: Wallet, asked: list[str], look: Look
) -> None:
    with_index(endpoint)
    page = context.new_page()
    page.goto(f"{endpoint.url}#/rentals")
    connect(page)
    rows(page)
    expect(page.locator(f"[data-index='{RENTALS}']")).to_contain_text("only the server vouches")
    look(page, "history-index")
    page.get_by_role("button", name="Search all rentals without the index").click()
    expect(page.locator("[data-index]")).to_be_hidden()
    rows(page)
    assert "eth_getLogs" not in asked


def test_page__index_that_lies__shows_nobody_elses_rental(
    endpoint: PageServer, context: BrowserContext, mine: Wallet, asked: list[str]
) -> None:
    told = {"customer": mine.address, "rentals": [120, 119, 61, 1], "through": 120, "count": 120}
    context.route(
        "**/api/v1/rentals**",
        lambda route: route.fulfill(json=told),
    )
    page = context.new_page()
    page.goto(f"{endpoint.url}#/rentals")
    connect(page)
    rows(page)
    expect(page.get_by_role("alert")).to_contain_text(
        "named rentals that are not yours on the chain (1)"
    )


def test_page__refused_on_the_way__progress_is_shown_and_it_goes_on_when_asked(
    world: Premises, endpoint: PageServer, context: BrowserContext, mine: Wallet
) -> None:
    context.route("**/api/v1/rentals**", lambda route: route.fulfill(status=404, body="{}"))
    refusing = [True]
    context.route(f"{world.anvil.url}/**", after_some(refusing))
    mine.refuse["eth_call"] = {"code": -32005, "message": "rate limit"}
    page = context.new_page()
    page.goto(f"{endpoint.url}#/rentals")
    connect(page)
    expect(page.get_by_text("Searching the contract’s rentals: 50 of 120")).to_be_visible()  # noqa: RUF001
    expect(page.get_by_role("row", name="Rental 120")).to_be_visible()
    expect(page.get_by_text("Not all of your rentals could be read")).to_be_visible()
    refusing.clear()
    page.get_by_role("button", name="Try again").click()
    rows(page)


def after_some(refusing: list[bool]) -> Callable[[Route], None]:
    """An endpoint that refuses what concerns rentals up to 70, as long as it refuses."""

    def handle(route: Route) -> None:
        posted = json.loads(route.request.post_data or "null")
        calls = posted if isinstance(posted, list) else [posted]
        bad = {one["id"] for one in calls if refusing and is_old(one)}
        answer = route.fetch()
        found = answer.json()
        for one in found if isinstance(found, list) else [found]:
            if one["id"] in bad:
                one.pop("result", None)
                one["error"] = {"code": -32005, "message": "rate limit"}
        route.fulfill(response=answer, json=found)

    return handle


def is_old(call: dict[str, object]) -> bool:
    """Whether it asks for one of the first rentals."""
    if call["method"] != "eth_call":
        return False
    params = call["params"]
    assert isinstance(params, list)
    data = str(params[0]["data"])
    return len(data) == 2 + 8 + 64 and 0 < int(data[10:], 16) <= 70 and data.startswith(RENTAL)


def with_index(endpoint: PageServer) -> None:
    """Return when the endpoint has gone through all rentals."""
    url = f"{endpoint.url}api/v1/rentals?customer={Account.from_key(OWNER_KEY).address}"
    wait_until(
        "the index is through",
        lambda: bool(requests.get(url, timeout=300).json()["through"] == RENTALS),
    )
