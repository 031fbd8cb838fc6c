"""`drill-provider relay`, a process of its own on a real chain: a customer without a coin rents."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_account import Account
from order_letters import order_json
from provider_world import COIN, PLAN, Counter, opened, save_keystore
from web3 import Web3

from lab.rig.process import Daemon, wait_until
from lab.rig.services import Anvil
from protocol.orders import (
    EndRental,
    OpenRental,
    Order,
    SignedOrder,
    TopUp,
    Withdraw,
    order_digest,
)
from protocol.records import NO_CAP, Domain
from protocol.typed_data import sign_digest

pytestmark = pytest.mark.integration

RESERVE = 10**16
PAYER = b"\x41" * 32


@dataclass
class Relay:
    """A relay that listens, and a customer of the deployment who has tokens' worth and no coin."""

    counter: Counter
    daemon: Daemon
    customer: Any
    nonce: int = 0

    @property
    def url(self) -> str:
        """Where it listens; it has said so in its log."""
        found = re.findall(r'port["=: ]+(\d+)', self.daemon.log.read_text())
        return f"http://127.0.0.1:{found[-1]}"

    @property
    def now(self) -> int:
        """The newest block's time."""
        return int(self.counter.meter.w3.eth.get_block("latest")["timestamp"])

    def sign(self, order: Order, key: bytes | None = None) -> bytes:
        """An order as it travels."""
        contract = str(self.counter.meter.address)
        digest = order_digest(Domain(84532, contract), order)
        return order_json(SignedOrder(order, sign_digest(key or bytes(self.customer.key), digest)))

    def post(self, payload: bytes) -> requests.Response:
        """Send it to the relay."""
        return requests.post(f"{self.url}/orders", data=payload, timeout=60)

    def terms(self) -> tuple[int, int]:
        """A new nonce, and a deadline ten minutes away."""
        self.nonce += 1
        return self.nonce, self.now + 600

    def done(self, order: Order) -> dict[str, Any]:
        """Post an order, and wait until it is done."""
        answer = self.post(self.sign(order))
        assert answer.status_code == 202, answer.text
        number = answer.json()["order"]

        def told() -> dict[str, Any]:
            found: dict[str, Any] = requests.get(f"{self.url}/orders/{number}", timeout=60).json()
            return found

        wait_until("the order is mined", lambda: told()["state"] != "waiting", daemon=self.daemon)
        assert told()["state"] == "done", told()
        return told()


def start(counter: Counter, *more: str) -> Daemon:
    folder = counter.folder
    command = [
        *(sys.executable, "-m", "provider", "--rpc", counter.office.anvil.url),
        *("--deployment", str(counter.office.record), "--keystore", str(folder / "payer.json")),
        *("--password-file", str(folder / "password"), "relay", "run"),
        *("--book", str(folder / "orders.db"), "--port", "0", *more),
    ]
    return Daemon("relay", command, folder / "relay.log")


def listens(daemon: Daemon, times: int = 1) -> None:
    wait_until(
        "the relay listens",
        lambda: daemon.log.exists() and daemon.log.read_text().count("relay listens") >= times,
        daemon=daemon,
    )


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with Anvil(tmp_path_factory.mktemp("anvil"), chain_id=84532) as node:
        yield node


@pytest.fixture
def office(anvil: Anvil, tmp_path: Path) -> Counter:
    """A deployment, and a keystore with coins that is to pay for orders."""
    counter = opened(anvil, tmp_path, PLAN)
    save_keystore(tmp_path / "payer.json", PAYER)
    anvil.rpc("anvil_setBalance", Account.from_key(PAYER).address, hex(COIN))
    return counter


@pytest.fixture
def relay(office: Counter) -> Iterator[Relay]:
    customer = Account.create()
    deposit = office.meter.functions.deposit(customer.address, 5 * RESERVE)
    (friend, *_) = office.meter.w3.eth.accounts
    deposit.transact({"from": friend, "value": 5 * RESERVE})
    with start(office) as daemon:
        listens(daemon)
        yield Relay(office, daemon, customer)


def test_relay__customer_without_a_coin__rents_ends_and_withdraws(relay: Relay) -> None:
    meter, who = relay.counter.meter, relay.customer.address
    w3 = meter.w3
    assert w3.eth.get_balance(who) == 0

    opened_by = relay.done(OpenRental(who, 1, 1, RESERVE, NO_CAP, NO_CAP, *relay.terms()))
    rental = int(meter.functions.rental_count().call())
    relay.done(TopUp(who, rental, RESERVE, *relay.terms()))
    relay.done(EndRental(who, rental, *relay.terms()))
    rest = int(meter.functions.account(who).call())
    relay.done(Withdraw(who, rest, who, *relay.terms()))

    assert meter.functions.rental(rental).call()[0] == who
    assert w3.eth.get_balance(who) == rest >= 3 * RESERVE
    receipt = w3.eth.get_transaction_receipt(opened_by["transaction"])
    assert receipt["from"] == Account.from_key(PAYER).address


def test_relay__posted_twice_and_after_a_restart__is_sent_once(relay: Relay) -> None:
    who = relay.customer.address
    payload = relay.sign(Withdraw(who, RESERVE, who, *relay.terms()))
    payer = Account.from_key(PAYER).address
    w3 = relay.counter.meter.w3
    before = w3.eth.get_transaction_count(payer)
    first = relay.post(payload)
    second = relay.post(payload)
    relay.daemon.stop()
    relay.daemon.start()
    listens(relay.daemon, 2)
    wait_until(
        "the order is mined",
        lambda: relay.post(payload).json()["state"] == "done",
        daemon=relay.daemon,
    )
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["order"] == second.json()["order"] == relay.post(payload).json()["order"]
    assert w3.eth.get_transaction_count(payer) == before + 1
    other = relay.post(relay.sign(Withdraw(who, 1, who, relay.nonce, relay.now + 600)))
    assert (other.status_code, other.json()) == (
        409,
        {"error": "another order with this nonce was taken before"},
    )


def test_relay__what_the_contract_would_refuse__is_not_sent(relay: Relay) -> None:
    who, thief = relay.customer.address, Account.create()
    nonce, deadline = relay.terms()
    good = Withdraw(who, RESERVE, who, nonce, deadline)
    refused = [
        (relay.sign(good, bytes(thief.key)), "forwarder: bad signature"),
        (relay.sign(replace(good, amount=10**30)), "vault: more than the account has"),
        (relay.sign(EndRental(who, 99, nonce, deadline)), "rentals: no such rental"),
        (relay.sign(replace(good, deadline=relay.now - 1)), "fields.deadline: "),
        (relay.sign(replace(good, deadline=relay.now + 90_000)), "fields.deadline: "),
    ]
    for payload, reason in refused:
        answer = relay.post(payload)
        assert answer.status_code == 422
        assert reason in answer.json()["error"]
    assert requests.get(f"{relay.url}/orders/1", timeout=60).status_code == 404


def test_relay__what_is_no_order__is_refused_in_a_sentence(relay: Relay) -> None:
    assert relay.post(b"{").status_code == 400
    assert relay.post(b" " * 9_000).status_code == 413
    wrong = requests.post(f"{relay.url}/elsewhere", data=b"{}", timeout=60)
    assert wrong.status_code == 404
    port = int(relay.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(b"POST /orders HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b" 411 " in line.recv(4096)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(b"POST /orders HTTP/1.1\r\ncontent-length: " + b"9" * 5_000 + b"\r\n\r\n")
        assert b" 413 " in line.recv(4096)
    metrics = requests.get(f"{relay.url}/metrics", timeout=60).text
    assert "drill_relay_gas_left_today 20000000" in metrics
    health = requests.get(f"{relay.url}/health", timeout=60).json()
    assert health["address"] == Account.from_key(PAYER).address
    assert health["forwarder"] == relay.counter.meter.functions.forwarder().call()


def test_relay__more_than_a_customer_may__is_told_to_wait(office: Counter) -> None:
    customer = Account.create()
    (friend, *_) = office.meter.w3.eth.accounts
    office.meter.functions.deposit(customer.address, RESERVE).transact(
        {"from": friend, "value": RESERVE}
    )
    with start(office, "--customer-orders", "1") as daemon:
        listens(daemon)
        relay = Relay(office, daemon, customer)
        who = customer.address
        relay.done(Withdraw(who, 1, who, *relay.terms()))
        answer = relay.post(relay.sign(Withdraw(who, 1, who, *relay.terms())))
    assert (answer.status_code, answer.json()) == (
        429,
        {"error": "1 orders an hour are sent for one customer; wait"},
    )


def test_relay_check__owners_key_or_no_coins__says_what_to_do(office: Counter) -> None:
    owners = office.run("relay", "check")
    assert owners.exit_code == 2
    assert "this keystore is the provider's own" in owners.stderr
    good = office.run("relay", "check", keystore="payer.json")
    assert good.exit_code == 0, good.output
    forwarder = Web3.to_checksum_address(office.meter.functions.forwarder().call())
    assert forwarder in good.stdout
    poor = Account.create()
    save_keystore(office.folder / "poor.json", bytes(poor.key))
    empty = office.run("relay", "check", keystore="poor.json")
    assert empty.exit_code == 2
    assert f"send {poor.address} coins for gas" in empty.stderr


def test_relay_run__port_taken__is_one_line(office: Counter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        book = str(office.folder / "orders.db")
        done = office.run("relay", "run", "--book", book, "--port", port, keystore="payer.json")
    assert done.exit_code == 2
    assert f"cannot listen on 127.0.0.1 port {port}: " in done.stderr.splitlines()[-1]
