"""A box that keeps its key in a secure element: the page checks P-256 signatures as well.

The oracle here signs with secp256k1, so the test is the box: it signs and publishes by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from eth_account import Account
from playwright.sync_api import Page, expect
from web3.contract.contract import ContractFunction
from web_rig import publish, rent
from web_wallet import Wallet, connect

from lab.rig import plan
from lab.rig.box_keys import element_key
from lab.rig.ledger import ContractLedger
from lab.rig.page_world import bare_world
from lab.rig.premises import Premises
from lab.rig.process import wait_until
from lab.rig.services import DEPLOYER
from protocol.messages import CreditWarning, ReadingMessage
from protocol.meter_word import SignedBatch, settle_arguments
from protocol.publication import PublishedReading
from protocol.records import Domain, Reading, Registers
from protocol.typed_data import batch_digest

pytestmark = pytest.mark.integration

BOX = element_key(1)
BOND_WEI = 10**17
TRUE_MS, MADE_UP_MS = 500, 2_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """The oracle was registered with a secp256k1 key, and got a secure element later.

    The chain checks P-256 signatures (EIP-7951).
    """
    folder, first = tmp_path_factory.mktemp("e"), Account.create().address
    with bare_world(folder, first, ("--hardfork", "osaka")) as made:
        contract = made.ledger().contract
        proof = BOX.sign(batch_digest(domain_of(made), []))
        send(contract.functions.enrol_p256_key(*BOX.point, *proof))
        send(contract.functions.rotate_oracle(1, BOX.address))
        send(contract.functions.post_bond(BOND_WEI), BOND_WEI)
        made.anvil.rpc("evm_setAutomine", False)
        made.anvil.rpc("evm_setIntervalMining", 1)
        yield made


def domain_of(world: Premises) -> Domain:
    """Where signatures are valid."""
    return Domain(world.anvil.chain_id, world.address)


def send(call: ContractFunction, value: int = 0) -> None:
    """By the provider, and mined."""
    web3 = call.w3
    provider = web3.to_checksum_address(DEPLOYER)
    sent = call.transact({"from": provider, "value": web3.to_wei(value, "wei")})
    assert web3.eth.wait_for_transaction_receipt(sent, 300, 0.1)["status"] == 1


def sign(world: Premises, reading: Reading) -> bytes:
    """As the box does: r, s and a v."""
    return BOX.sign_for_publication(batch_digest(domain_of(world), [reading]))


def say(world: Premises, reading: Reading, signature: bytes) -> None:
    """Publish it as the newest of drill 1; the claims beside it are not signed and not used."""
    signed = PublishedReading.of(domain_of(world), 1, 1, reading, signature)
    message = ReadingMessage(
        **signed.model_dump(),
        charge="0",
        balance="0",
        headroom="0",
        runway_seconds=0,
        settled_until=0,
        settled_charge="0",
        warning=CreditWarning.NONE,
    )
    publish(world, "drill/1/reading", message.to_json())


def head_ms(ledger: ContractLedger) -> int:
    """When the newest block is dated."""
    return int(ledger.web3.eth.get_block("latest")["timestamp"]) * 1000


def test_page__oracle_with_a_secure_element__verifies_readings_and_wins_the_dispute(
    world: Premises, page: Page, wallet: Wallet
) -> None:
    ledger = world.ledger()
    connect(page)
    number = rent(page)
    opened = head_ms(ledger)
    wait_until("time to drill", lambda: head_ms(ledger) > opened + 2 * MADE_UP_MS)
    until = int(time.time() * 1000)
    true = Reading(number, until, Registers(active_ms_3=TRUE_MS), 1, bytes(32))
    forged = Reading(number, until, Registers(active_ms_3=MADE_UP_MS), 1, bytes(32))

    # Somebody on the broker changes a reading of the box: it does not count.
    say(world, forged, sign(world, true))
    expect(page.locator("[data-verdict=not-signed]")).to_be_visible()
    assert page.locator("[data-verdict=verified]").count() == 0
    say(world, true, sign(world, true))
    expect(page.locator("[data-verdict=verified]")).to_contain_text(BOX.address[-4:])
    expect(page.locator("[data-verdict=not-signed]")).to_be_hidden()

    # The box settles what it made up, and gets another key: the receipt is of its former one.
    wait_until("the block of the settlement may come", lambda: head_ms(ledger) > until)
    batch = SignedBatch(1, (forged,), sign(world, forged))
    send(ledger.contract.functions.settle(*settle_arguments([batch])))
    send(ledger.contract.functions.rotate_oracle(1, Account.create().address))
    said = page.get_by_role("alert", name="Too much was settled")
    expect(said).to_be_visible()
    due = int(page.locator("[data-dispute]").get_attribute("data-dispute") or 0)
    price = plan.STEADY.levels[2].price_per_second
    assert due == (MADE_UP_MS - TRUE_MS) * price // 1000
    page.get_by_role("button", name="Dispute it").click()
    expect(page.get_by_text("was returned to the customer")).to_be_visible()
    assert ledger.call("refunded", number) == due
