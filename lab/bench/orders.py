"""Gas of customers' orders, as whoever sends them pays it: the forwarder's work and the meter's.

The nonces share a storage slot, and one was used before. The state is what `functions` leaves
behind it. The signature is a key's own.
"""

from __future__ import annotations

from eth_account.signers.local import LocalAccount
from web3.contract import Contract
from web3.types import TxParams, Wei

from lab.bench.gas import COIN, TRANSACTION_GAS_CAP, Bench
from lab.rig.errors import RigError
from protocol.abi import drill_forwarder_abi
from protocol.orders import (
    EndRental,
    OpenRental,
    Order,
    SignedOrder,
    TopUp,
    Withdraw,
    forwarder_domain,
    order_digest,
)
from protocol.records import NO_CAP
from protocol.typed_data import sign_digest

FOREVER = 2**64


def measure_orders(bench: Bench, key: LocalAccount) -> dict[str, int]:
    """Gas by order, as "order.function"; `key` is a customer that nobody else uses."""
    address = forwarder_domain(bench.domain).contract
    forwarder = bench.web3.eth.contract(
        bench.web3.to_checksum_address(address), abi=drill_forwarder_abi()
    )
    bench.send(bench.relayer, "deposit", key.address, 10 * COIN, value=10 * COIN)
    owner = bench.contract.functions.owner().call()
    bench.send(owner, "list_drill", 2, 1, "Pillar drill no. 1002")
    drill = bench.contract.functions.drill_count().call()
    who, gas = key.address, {}
    for nonce in range(2):
        gas["order.withdraw"] = _send(
            bench, forwarder, key, Withdraw(who, COIN, bench.customer, nonce, FOREVER)
        )
    opened = OpenRental(who, drill, 1, COIN, NO_CAP, NO_CAP, 2, FOREVER)
    gas["order.open_rental"] = _send(bench, forwarder, key, opened)
    rental = bench.contract.functions.rental_count().call()
    gas["order.top_up"] = _send(bench, forwarder, key, TopUp(who, rental, COIN, 3, FOREVER))
    bench.wait(60)
    gas["order.end_rental"] = _send(bench, forwarder, key, EndRental(who, rental, 4, FOREVER))
    return gas


def _send(bench: Bench, forwarder: Contract, key: LocalAccount, order: Order) -> int:
    signature = sign_digest(bytes(key.key), order_digest(bench.domain, order))
    function, arguments = SignedOrder(order, signature).call()
    options: TxParams = {"from": bench.relayer, "value": Wei(0), "gas": TRANSACTION_GAS_CAP}
    sent = forwarder.functions[function](*arguments).transact(options)
    receipt = bench.web3.eth.wait_for_transaction_receipt(sent, timeout=30, poll_latency=0.01)
    if receipt["status"] != 1:
        raise RigError(f"an order to {function} reverted")
    return receipt["gasUsed"]
