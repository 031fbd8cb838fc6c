"""Gas from receipts: what a settlement costs a reading, and what opening a rental costs.

Steady state: every slot that is written holds something already, registers are those of weeks of
drilling, log roots are random. The chain is anvil on the Osaka rules, so that EIP-7825's limit of
16,777,216 gas a transaction and the calldata floor of EIP-7623 apply. Times, keys and addresses are
always the same, so the figures are too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.logs import DISCARD
from web3.types import RPCEndpoint, TxParams, TxReceipt, Wei

from lab.rig.contract import compile_drill_meter, deploy
from lab.rig.errors import RigError
from lab.rig.plan import UNBOUND
from lab.rig.services import Anvil
from protocol.meter_word import SignedBatch, settle_arguments
from protocol.records import Domain, Reading, Registers
from protocol.typed_data import batch_digest, sign_digest

TRANSACTION_GAS_CAP = 16_777_216
"""EIP-7825."""

AIMS = {
    "settle_1": 55_000,
    "settle_10": 19_000,
    "settle_64": 15_000,
    "settle_64_boxes": 21_000,
    "open": 130_000,
}
"""Gas a reading, and gas for depositing and opening in one transaction."""

ZERO_ADDRESS = "0x" + "00" * 20
COIN = 10**18
TARIFF = (
    [(2 * 10**12, 8 * 10**12, 3000), (4 * 10**12, 2 * 10**13, 1200), (8 * 10**12, 4 * 10**13, 700)],
    2 * 10**10,
    10**15,
    False,
)
BOXES = 64
ROUND_SECONDS = 5 * 86_400
START = 1_800_000_000
GRACE_PERIOD, EVIDENCE_PERIOD, PENALTY = TERMS = 86_400, 14 * 86_400, 10**16
ANVIL = ("--hardfork", "osaka", "--accounts", "80", "--timestamp", str(START))


@contextmanager
def chain() -> Iterator[Web3]:
    """A chain of one's own, with a second from block to block."""
    with tempfile.TemporaryDirectory() as folder, Anvil(Path(folder), options=ANVIL) as anvil:
        web3 = Web3(HTTPProvider(anvil.url))
        web3.provider.make_request(RPCEndpoint("anvil_setBlockTimestampInterval"), [1])
        yield web3


class Bench:
    """One provider, 64 boxes, 128 rented drills: the first 64 of box 1, then one of each box."""

    def __init__(self, web3: Web3, asset: str = ZERO_ADDRESS) -> None:
        self.web3 = web3
        accounts: Sequence[ChecksumAddress] = web3.eth.accounts
        self.provider, self.customer, self.relayer = accounts[:3]
        compiled = compile_drill_meter()
        self.contract: Contract = deploy(web3, compiled, self.provider, asset, *TERMS)
        self.domain = Domain(web3.eth.chain_id, self.contract.address)
        self.keys: list[LocalAccount] = [
            Account.from_key(sha256(f"box {number}".encode()).digest()) for number in range(BOXES)
        ]
        self.round = 0

    def send(self, sender: str, function: str, *arguments: object, value: int = 0) -> TxReceipt:
        """Send within the transaction gas cap; raises RigError when it reverts."""
        call = self.contract.functions[function](*arguments)
        options: TxParams = {"from": sender, "value": Wei(value), "gas": TRANSACTION_GAS_CAP}
        receipt = self.web3.eth.wait_for_transaction_receipt(
            call.transact(options), timeout=30, poll_latency=0.01
        )
        if receipt["status"] != 1:
            raise RigError(f"{function} reverted")
        return receipt

    @property
    def now(self) -> int:
        """The time of the newest block (Unix s)."""
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def wait(self, seconds: int) -> int:
        """Let the next block come this much later; returns its time (Unix s)."""
        time = self.now + seconds
        self.web3.provider.make_request(RPCEndpoint("evm_setNextBlockTimestamp"), [time])
        return time

    def furnish(self) -> int:
        """List and rent 128 drills; returns the gas of the last deposit-and-open."""
        self.send(self.provider, "publish_tariff", TARIFF)
        for key in self.keys:
            self.send(self.provider, "register_oracle", key.address)
        oracles = [1] * BOXES + list(range(1, BOXES + 1))
        opened = 0
        for number, oracle in enumerate(oracles, start=1):
            self.send(self.provider, "list_drill", oracle, 1, f"Pillar drill no. {number}")
            receipt = self.send(self.customer, "open_rental", number, 1, COIN, *UNBOUND, value=COIN)
            opened = receipt["gasUsed"]
        return opened

    def reading(self, rental: int, until: int) -> Reading:
        """Two hours of each level a round: 2,400, 780 and 440 rpm."""
        active = 7_200_000 * self.round
        registers = Registers.from_levels(
            (active + 13 * rental, active + 7 * rental, active + rental),
            (288_000 * self.round, 93_600 * self.round, 52_800 * self.round),
        )
        root = sha256(f"{rental} {self.round}".encode()).digest()
        return Reading(rental, until, registers, 216_000 * self.round, root)

    def settle(self, groups: Sequence[tuple[int, Sequence[int]]]) -> int:
        """Settle one new reading of each rental, by (oracle, rentals); returns the gas a reading.

        Raises RigError unless every reading has settled.
        """
        self.round += 1
        time = self.wait(ROUND_SECONDS)
        batches = []
        for oracle, rentals in groups:
            readings = tuple(self.reading(rental, time * 1000 - 137) for rental in rentals)
            digest = batch_digest(self.domain, readings)
            signature = sign_digest(bytes(self.keys[oracle - 1].key), digest)
            batches.append(SignedBatch(oracle, readings, signature))
        receipt = self.send(self.relayer, "settle", *settle_arguments(batches))
        settled = self.contract.events.UsageSettled().process_receipt(receipt, errors=DISCARD)
        expected = sum(len(rentals) for _oracle, rentals in groups)
        if len(settled) != expected:
            raise RigError(f"{len(settled)} of {expected} readings settled")
        return -(-receipt["gasUsed"] // expected)


def measure_settling(bench: Bench) -> dict[str, int]:
    """Gas a reading for settlements, gas for opening; keys as in AIMS, rounded up."""
    opened = bench.furnish()
    one_box = list(range(1, BOXES + 1))
    boxes = [(oracle, [BOXES + oracle]) for oracle in range(1, BOXES + 1)]
    # The first reading of a rental differs in nothing but its registers being zero before.
    bench.settle([(1, one_box)])
    bench.settle(boxes)
    return {
        "settle_1": bench.settle([(1, one_box[:1])]),
        "settle_10": bench.settle([(1, one_box[:10])]),
        "settle_64": bench.settle([(1, one_box)]),
        "settle_64_boxes": bench.settle(boxes),
        "open": opened,
    }
