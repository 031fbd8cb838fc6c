"""What a record and a rental cost here and elsewhere: the same hour told on contracts of others.

The story: somebody pays in, uses a machine for an hour with a record for every minute, stops, and
gets the rest back. Each tells it with the means that it has:

- ours: deposit and open, a signed reading settled every minute, end; by itself, or in batches of 64
  rentals of one box;
- Sablier Flow streams money at a rate: create with a deposit, a new rate every minute, void, refund
  and withdraw. It knows no reading, so nobody can check what the rate came from;
- a token's transfer, or one authorised by signature (EIP-3009, as x402 settles payments), every
  minute: there is no deposit, and no record of what was paid for;
- an attestation (EAS) every minute that holds what our reading holds: a record, and no money.

Everybody's second and later records are measured, on the same chain under the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD
from web3.types import RPCEndpoint, TxParams, Wei

from lab.bench.functions import AUTHORIZATION, FOREVER, TOKEN, new_key, sign
from lab.bench.gas import BOXES, COIN, TRANSACTION_GAS_CAP, Bench, chain
from lab.bench.peer_packages import EAS, FLOW, FLOW_UTILS, deploy_peer
from lab.rig.contract import compile_vyper, deploy
from lab.rig.errors import RigError
from lab.rig.services import ROOT
from protocol.meter_word import SignedBatch, pack_meter, settle_arguments
from protocol.records import Reading, Registers
from protocol.typed_data import batch_digest, sign_digest

MINUTES = 60
MINUTE_SECONDS = 60
DOLLARS = ROOT / "tests" / "web" / "usd.vy"
"""Flow streams tokens that say their decimals."""

NOWHERE = "0x" + "00" * 20
SCHEMA = "uint256 rental,uint64 until,uint256 meter,uint64 logSize,bytes32 logRoot"
FIELDS = ("uint256", "uint64", "uint256", "uint64", "bytes32")
PAYMENT = 10**12
DEPOSIT = 10**9
"""1,000 dollars; rates have 18 decimals, whatever the token has."""


@dataclass(frozen=True, slots=True)
class PeerFigure:
    """Gas for a record of a minute in steady state, and for the whole hour with its beginning and
    its end, None where there is none of these."""

    who: str
    record: int
    whole: int | None


class _Payer:
    """Who sends on the others' contracts, and what it costs."""

    def __init__(self, web3: Web3) -> None:
        self.web3 = web3
        accounts: Sequence[ChecksumAddress] = web3.eth.accounts
        self.provider, self.customer = accounts[:2]

    def send(self, sender: str, call: Any) -> int:
        """Gas; raises RigError when it reverts."""
        options: TxParams = {
            "from": Web3.to_checksum_address(sender),
            "gas": TRANSACTION_GAS_CAP,
            "value": Wei(0),
        }
        receipt = self.web3.eth.wait_for_transaction_receipt(call.transact(options), 30, 0.01)
        if receipt["status"] != 1:
            raise RigError(f"{call.fn_name} reverted")
        return int(receipt["gasUsed"])

    def token(self, source: Path, *arguments: object) -> Contract:
        """A token of the tests, with plenty for the customer and some for the provider."""
        token = deploy(self.web3, compile_vyper(source), self.provider, *arguments)
        self.send(self.provider, token.functions.mint(self.customer, 1000 * COIN))
        self.send(self.provider, token.functions.mint(self.provider, COIN))
        return token


def measure_peers() -> list[PeerFigure]:
    """All of them on one chain each."""
    return [*_measured(_ours), *_measured(_flow), *_measured(_tokens), *_measured(_attestations)]


def _measured(story: Callable[[Web3], list[PeerFigure]]) -> list[PeerFigure]:
    with chain() as web3:
        return story(web3)


def _ours(web3: Web3) -> list[PeerFigure]:
    bench = Bench(web3)
    opened = bench.furnish()
    # Box 1 meters the first 65 drills.
    alone, together = [BOXES + 1], list(range(1, BOXES + 1))
    return [
        _hour(bench, "DrillMeter, by itself", opened, alone),
        _hour(bench, f"DrillMeter, {BOXES} rentals together", opened, together),
    ]


def _hour(bench: Bench, who: str, opened: int, rentals: list[int]) -> PeerFigure:
    whole, record = opened, 0
    for minute in range(1, MINUTES):
        until = bench.wait(MINUTE_SECONDS) * 1000
        record = _settle(bench, [_reading(minute, rental, until) for rental in rentals])
        whole += record
    bench.wait(MINUTE_SECONDS)
    ends = [bench.send(bench.customer, "end_rental", rental)["gasUsed"] for rental in rentals]
    last = [
        _reading(MINUTES, rental, int(bench.contract.functions.rental(rental).call()[6]) * 1000)
        for rental in rentals
    ]
    return PeerFigure(who, record, whole + ends[-1] + _settle(bench, last))


def _reading(minute: int, rental: int, until: int) -> Reading:
    """40 s of each minute at level 1 and 15 s at level 2."""
    registers = Registers.from_levels(
        (40_000 * minute + rental, 15_000 * minute, 0), (1_600 * minute, 195 * minute, 0)
    )
    root = sha256(f"{rental} {minute}".encode()).digest()
    return Reading(rental, until, registers, 600 * minute, root)


def _settle(bench: Bench, readings: list[Reading]) -> int:
    """Gas of each; raises RigError unless all have settled."""
    batch = tuple(readings)
    signature = sign_digest(bytes(bench.keys[0].key), batch_digest(bench.domain, batch))
    arguments = settle_arguments([SignedBatch(1, batch, signature)])
    receipt = bench.send(bench.relayer, "settle", *arguments)
    settled = bench.contract.events.UsageSettled().process_receipt(receipt, errors=DISCARD)
    if len(settled) != len(batch):
        raise RigError(f"{len(settled)} of {len(batch)} readings settled")
    return -(-int(receipt["gasUsed"]) // len(batch))


def _flow(web3: Web3) -> list[PeerFigure]:
    payer = _Payer(web3)
    token = payer.token(DOLLARS, False)
    comptroller = _comptroller(web3, payer.provider)
    descriptor = deploy_peer(web3, payer.provider, FLOW, "FlowNFTDescriptor")
    flow = deploy_peer(
        web3, payer.provider, FLOW, "SablierFlow", comptroller.address, descriptor.address
    )
    functions, customer, provider = flow.functions, payer.customer, payer.provider
    payer.send(customer, token.functions.approve(flow.address, FOREVER))

    def create(rate: int) -> int:
        return payer.send(
            customer,
            functions.createAndDeposit(customer, provider, rate, 0, token.address, False, DEPOSIT),
        )

    create(COIN)  # somebody was here before
    whole, stream = create(COIN), 2
    for minute in range(1, MINUTES + 1):
        _wait(web3, MINUTE_SECONDS)
        record = payer.send(
            customer, functions.adjustRatePerSecond(stream, COIN // 1000 * (minute + 1))
        )
        whole += record
    whole += payer.send(customer, functions.void(stream))
    whole += payer.send(customer, functions.refundMax(stream))
    whole += payer.send(provider, functions.withdrawMax(stream, provider))
    return [PeerFigure("Sablier Flow, a new rate", record, whole)]


def _comptroller(web3: Web3, admin: str) -> Contract:
    """Sablier's own, behind its proxy, without a fee."""
    logic = deploy_peer(web3, admin, FLOW_UTILS, "SablierComptroller", admin)
    begin = logic.encode_abi("initialize", args=[admin, 0, 0, 0, 0, NOWHERE])
    return deploy_peer(web3, admin, FLOW_UTILS, "ERC1967Proxy", logic.address, begin)


def _tokens(web3: Web3) -> list[PeerFigure]:
    payer = _Payer(web3)
    token, owner = payer.token(TOKEN), new_key("payer of every minute")
    payer.send(payer.provider, token.functions.mint(owner.address, 100 * COIN))
    plain = [
        payer.send(payer.customer, token.functions.transfer(payer.provider, PAYMENT))
        for _ in range(MINUTES)
    ]
    authorised = [
        payer.send(payer.provider, _authorised(token, owner, payer.provider, minute))
        for minute in range(MINUTES)
    ]
    return [
        PeerFigure("token transfer", plain[-1], sum(plain)),
        PeerFigure("token transfer by signature (EIP-3009)", authorised[-1], sum(authorised)),
    ]


def _authorised(token: Contract, owner: LocalAccount, to: str, minute: int) -> Any:
    domain = {
        "name": "Signed Token",
        "version": "1",
        "chainId": token.w3.eth.chain_id,
        "verifyingContract": token.address,
    }
    transfer = (owner.address, to, PAYMENT, 0, FOREVER, sha256(b"%d" % minute).digest())
    signature = sign(owner, domain, "TransferWithAuthorization", AUTHORIZATION, transfer)
    return token.functions.transferWithAuthorization(*transfer, *signature)


def _attestations(web3: Web3) -> list[PeerFigure]:
    payer = _Payer(web3)
    registry = deploy_peer(web3, payer.provider, EAS, "contracts/SchemaRegistry.sol/SchemaRegistry")
    eas = deploy_peer(web3, payer.provider, EAS, "contracts/EAS.sol/EAS", registry.address)
    register = registry.functions.register(SCHEMA, NOWHERE, False)
    schema = register.call({"from": payer.provider})
    payer.send(payer.provider, register)

    def attestation(minute: int, rental: int) -> tuple[object, ...]:
        one = _reading(minute, rental, 1_800_000_000_000 + minute)
        meter = pack_meter(one.until, one.registers)
        values = (one.rental, one.until, meter, one.log_size, one.log_root)
        return payer.provider, 0, False, bytes(32), encode(FIELDS, values), 0

    alone = [
        payer.send(payer.provider, eas.functions.attest((schema, attestation(minute, 1))))
        for minute in range(1, MINUTES + 1)
    ]
    many = [attestation(MINUTES, rental) for rental in range(1, BOXES + 1)]
    together = payer.send(payer.provider, eas.functions.multiAttest([(schema, many)]))
    return [
        PeerFigure("EAS attestation, by itself", alone[-1], sum(alone)),
        PeerFigure(f"EAS attestation, {BOXES} together", -(-together // BOXES), None),
    ]


def _wait(web3: Web3, seconds: int) -> None:
    newest = int(web3.eth.get_block("latest")["timestamp"])
    web3.provider.make_request(RPCEndpoint("evm_setNextBlockTimestamp"), [newest + seconds])


def peers_table(figures: Sequence[PeerFigure]) -> str:
    """As docs/gas.md has it."""
    lines = ["| who | a record | the hour |", "|---|---:|---:|"]
    for figure in figures:
        whole = "" if figure.whole is None else f"{figure.whole:,}"
        lines.append(f"| {figure.who} | {figure.record:,} | {whole} |")
    return "\n".join(lines)
