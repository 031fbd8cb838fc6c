"""Gas of every function that changes state, each called once in a stated steady state.

The deployment is weeks old. What belongs to it, to the provider or to the customer holds something
already: accounts, revenue, bond, counters, wallets. What the call itself creates is new: a tariff,
an oracle, a drill, a rental, a record of a key. Native coin, but for the two deposits that only a
token has; those include the token's own work.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3.types import TxReceipt, Wei

from lab.bench.gas import COIN, EVIDENCE_PERIOD, GRACE_PERIOD, TARIFF, Bench
from lab.bench.orders import measure_orders
from lab.rig.contract import compile_vyper, deploy
from lab.rig.errors import RigError
from lab.rig.p256 import named_key
from lab.rig.plan import NO_DEADLINE, UNBOUND
from lab.rig.services import ROOT
from protocol.meter_word import SignedBatch, settle_arguments
from protocol.records import Reading, Registers
from protocol.typed_data import batch_digest, sign_digest

TOKEN = ROOT / "tests" / "contracts" / "mocks" / "token_permit.vy"
FOREVER = 2**256 - 1

PERMIT = ("owner:address", "spender:address", "value:uint256", "nonce:uint256", "deadline:uint256")
AUTHORIZATION = (
    "from:address",
    "to:address",
    "value:uint256",
    "validAfter:uint256",
    "validBefore:uint256",
    "nonce:bytes32",
)


def new_key(name: str) -> LocalAccount:
    """A key that nobody has used."""
    account: LocalAccount = Account.from_key(sha256(f"bench {name}".encode()).digest())
    return account


class Functions:
    """Calls everything once and keeps the gas. The bench has settled for weeks before."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.gas: dict[str, int] = {}

    def measure(self, sender: str, function: str, *arguments: object, value: int = 0) -> TxReceipt:
        """Send and keep the gas under the function's name."""
        receipt = self.bench.send(sender, function, *arguments, value=value)
        self.gas[function] = receipt["gasUsed"]
        return receipt

    def run(self) -> dict[str, int]:
        """Measure all; returns the gas by function."""
        self._accounts()
        self._offers()
        self._rental()
        self._capped()
        self._bond_and_dispute()
        self._revenue_and_powers()
        return dict(sorted(self.gas.items()))

    def _accounts(self) -> None:
        bench, customer = self.bench, self.bench.customer
        bench.send(customer, "deposit", customer, 20 * COIN, value=20 * COIN)
        self.measure(customer, "deposit", customer, COIN, value=COIN)
        self.measure(customer, "withdraw", COIN, customer)

    def _offers(self) -> None:
        bench, provider = self.bench, self.bench.provider
        self.measure(provider, "publish_tariff", TARIFF)
        tariff = bench.contract.functions.tariff_count().call()
        self.measure(provider, "register_oracle", new_key("one").address)
        oracle = bench.contract.functions.oracle_count().call()
        self.measure(provider, "list_drill", oracle, tariff, "Pillar drill no. 1000")
        drill = bench.contract.functions.drill_count().call()
        self.measure(provider, "rotate_oracle", oracle, new_key("two").address)
        self.measure(provider, "reassign_drill", drill, 1, 1)
        self.measure(provider, "retire_drill", drill)
        self.measure(provider, "revoke_oracle", oracle)
        self.measure(provider, "retire_tariff", tariff)
        key = named_key("secure element")
        digest = batch_digest(bench.domain, ())
        self.measure(provider, "enrol_p256_key", key.x, key.y, *key.sign_words(digest))

    def _list(self) -> int:
        self.bench.send(self.bench.provider, "list_drill", 1, 1, "Pillar drill no. 1001")
        return int(self.bench.contract.functions.drill_count().call())

    def _rental(self) -> None:
        bench, customer = self.bench, self.bench.customer
        drill = self._list()
        self.measure(customer, "open_rental", drill, 1, COIN, *UNBOUND)
        rental = bench.contract.functions.rental_count().call()
        self.measure(customer, "top_up", rental, COIN)
        bench.wait(3_600)
        self._settle(rental, 3_000_000)
        bench.wait(3_600)
        self.gas["settle"] = self._settle(rental, 6_000_000)["gasUsed"]
        self.measure(customer, "end_rental", rental)
        bench.wait(GRACE_PERIOD)
        self.measure(bench.relayer, "close_rental", rental)

    def _capped(self) -> None:
        caps = (COIN // 2, COIN // 10)
        opening = (self._list(), 1, COIN, caps, NO_DEADLINE)
        receipt = self.bench.send(self.bench.customer, "open_rental", *opening)
        self.gas["open_rental.capped"] = receipt["gasUsed"]

    def _reading(self, rental: int, active_ms: int) -> Reading:
        root = sha256(f"{rental} {active_ms}".encode()).digest()
        registers = Registers(active_ms_1=active_ms, revolutions_1=active_ms // 40)
        return Reading(rental, self.bench.now * 1000, registers, active_ms // 100, root)

    def _signed(self, reading: Reading) -> SignedBatch:
        digest = batch_digest(self.bench.domain, (reading,))
        signature = sign_digest(bytes(self.bench.keys[0].key), digest)
        return SignedBatch(1, (reading,), signature)

    def _settle(self, rental: int, active_ms: int) -> TxReceipt:
        batch = self._signed(self._reading(rental, active_ms))
        return self.bench.send(self.bench.relayer, "settle", *settle_arguments([batch]))

    def _bond_and_dispute(self) -> None:
        """The first dispute that shows a key's lie: refund, penalty and suspension."""
        bench, provider = self.bench, self.bench.provider
        bench.send(provider, "post_bond", COIN, value=COIN)
        self.measure(provider, "post_bond", 10 * COIN, value=10 * COIN)
        bench.send(provider, "announce_bond_release", 2 * COIN)
        self.measure(provider, "announce_bond_release", COIN)
        bench.wait(GRACE_PERIOD + 2 * EVIDENCE_PERIOD)
        self.measure(provider, "release_bond", provider)
        rental = bench.contract.functions.rental_count().call()
        bench.wait(7_200)
        bench.send(bench.relayer, "deposit", bench.relayer, 1, value=1)
        self._settle(rental, 6_000_000)
        signatures, readings = settle_arguments([self._signed(self._reading(rental, 1_000_000))])
        (_oracle, _count, r, vs), key = signatures[0], bench.keys[0].address
        self.measure(bench.relayer, "dispute", readings[0], key, r, vs)

    def _revenue_and_powers(self) -> None:
        bench, provider = self.bench, self.bench.provider
        self.measure(provider, "collect", [1], provider)
        self.measure(provider, "set_operator", bench.relayer)
        self.measure(provider, "pause")
        self.measure(provider, "unpause")
        self.measure(provider, "transfer_ownership", bench.relayer)
        self.measure(bench.relayer, "accept_ownership")


def measure_functions(bench: Bench) -> dict[str, int]:
    """Gas by function; `bench` has settled its readings already."""
    gas = Functions(bench).run() | measure_token(bench)
    known = {
        e["name"]
        for e in bench.contract.abi
        if e["type"] == "function" and e["stateMutability"] in ("nonpayable", "payable")
    }
    known.add("open_rental.capped")
    if known != set(gas):
        raise RigError(f"not measured, or not there: {sorted(known ^ set(gas))}")
    gas |= measure_orders(bench, new_key("customer without a coin"))
    return dict(sorted(gas.items()))


def measure_token(native: Bench) -> dict[str, int]:
    """The deposits by signature, the second of each, with the token of the tests."""
    web3 = native.web3
    token = deploy(web3, compile_vyper(TOKEN), native.provider)
    bench = Bench(web3, token.address)
    owner = new_key("token owner")
    token.functions.mint(owner.address, 10 * COIN).transact({"from": native.provider})
    web3.eth.send_transaction({"from": native.provider, "to": owner.address, "value": Wei(COIN)})
    domain = {
        "name": "Signed Token",
        "version": "1",
        "chainId": web3.eth.chain_id,
        "verifyingContract": token.address,
    }
    meter = bench.contract.address
    gas = {}
    for nonce in range(2):
        permit = (owner.address, meter, COIN, nonce, FOREVER)
        signature = sign(owner, domain, "Permit", PERMIT, permit)
        call = bench.contract.functions.deposit_with_permit(
            owner.address, COIN, FOREVER, *signature
        )
        gas["deposit_with_permit"] = send_signed(bench, owner, call)
        word = sha256(b"%d" % nonce).digest()
        transfer = (owner.address, meter, COIN, 0, FOREVER, word)
        signature = sign(owner, domain, "ReceiveWithAuthorization", AUTHORIZATION, transfer)
        arguments = (owner.address, COIN, 0, FOREVER, word, *signature)
        receipt = bench.send(bench.relayer, "deposit_with_authorization", *arguments)
        gas["deposit_with_authorization"] = receipt["gasUsed"]
    return gas


def sign(
    key: LocalAccount, domain: dict[str, Any], kind: str, fields: tuple[str, ...], values: Any
) -> tuple[int, bytes, bytes]:
    """v, r and s over typed data whose fields are given as name:type."""
    named = [dict(zip(("name", "type"), field.split(":"), strict=True)) for field in fields]
    message = {field["name"]: value for field, value in zip(named, values, strict=True)}
    signed = Account.sign_typed_data(key.key, domain, {kind: named}, message)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def send_signed(bench: Bench, key: LocalAccount, call: Any) -> int:
    """Send from a key that the chain does not hold; returns the gas."""
    web3 = bench.web3
    transaction = call.build_transaction(
        {"from": key.address, "nonce": web3.eth.get_transaction_count(key.address)}
    )
    raw = key.sign_transaction(transaction).raw_transaction
    receipt = web3.eth.wait_for_transaction_receipt(
        web3.eth.send_raw_transaction(raw), timeout=30, poll_latency=0.01
    )
    if receipt["status"] != 1:
        raise RigError("deposit_with_permit reverted")
    return int(receipt["gasUsed"])
