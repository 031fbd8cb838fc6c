"""P-256 keys on a chain that really checks them (EIP-7951), and on one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from contracts.builders import PENALTY, SIMPLE, TERMS, tariff_words
from contracts.evm import NOBODY, Chain
from contracts.p256 import KEY, OTHER, PRECOMPILE, digest_of, teach_p256
from contracts.wallet_signatures import TYPES
from Crypto.PublicKey.ECC import EccPoint
from eth_account.messages import SignableMessage, encode_defunct, encode_typed_data
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import ContractLogicError

from lab.rig.contract import compile_drill_meter, deploy
from lab.rig.p256 import FIELD as P
from lab.rig.p256 import P256Key
from lab.rig.plan import UNBOUND
from lab.rig.services import Anvil
from protocol.meter_word import pack_meter
from protocol.p256 import ORDER as N
from protocol.records import Registers

pytestmark = pytest.mark.integration

RESERVE = 1_000_000
BOND = 10_000_000


def node(folder: Any, rules: str) -> Anvil:
    """A chain by the rules of a hard fork."""
    return Anvil(folder, options=("--hardfork", rules))


@pytest.fixture(scope="module")
def osaka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with node(tmp_path_factory.mktemp("osaka"), "osaka") as running:
        yield running


@pytest.fixture(scope="module")
def prague(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with node(tmp_path_factory.mktemp("prague"), "prague") as running:
        yield running


def connect(anvil: Anvil) -> tuple[Web3, Contract]:
    """A new DrillMeter; the node's first account is provider, customer and sender."""
    web3 = Web3(Web3.HTTPProvider(anvil.url))
    web3.eth.default_account = web3.eth.accounts[0]
    return web3, deploy(web3, compile_drill_meter(), web3.eth.accounts[0], NOBODY, *TERMS)


def message(web3: Web3, meter: Contract, *rows: dict[str, Any]) -> SignableMessage:
    """The typed data of a batch."""
    domain = {
        "name": "DrillMeter",
        "version": "1",
        "chainId": web3.eth.chain_id,
        "verifyingContract": meter.address,
    }
    return encode_typed_data(domain, TYPES, {"readings": list(rows)})


def row(rental: int, until: int, active_ms: int) -> dict[str, Any]:
    """A reading with one register."""
    zero = dict.fromkeys([field["name"] for field in TYPES["UsageReading"]], 0)
    log = {"log_size": 1, "log_root": bytes(32)}
    return zero | {"rental": rental, "until": until, "active_ms_1": active_ms} | log


def packed(reading: dict[str, Any]) -> tuple[int, int, int, bytes]:
    """A reading as the contract takes it."""
    word = pack_meter(reading["until"], Registers(reading["active_ms_1"]))
    return reading["rental"], word, reading["log_size"], reading["log_root"]


def signature(signed: SignableMessage, *, high_s: bool = False) -> tuple[bytes, bytes]:
    """r and s of KEY, a word each."""
    r, s = KEY.sign(signed, high_s=high_s)
    return r.to_bytes(32, "big"), s.to_bytes(32, "big")


def vectors() -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """What may be asked at 0x100, digest, r, s, x and y: first what is right, then what is not."""
    text = encode_defunct(text="P-256")
    digest = int.from_bytes(digest_of(text), "big")
    r, s = KEY.sign(text)
    good = (digest, r, s, KEY.x, KEY.y)
    wrong = [(place, value) for place in (1, 2) for value in (0, 1, N - 1, N, N + 1, 2**256 - 1)]
    wrong += [(3, OTHER.x), (4, OTHER.y), (4, P - KEY.y), (3, KEY.x + 1), (4, KEY.y + 1)]
    wrong += [(place, value) for place in (3, 4) for value in (0, P, 2**256 - 1)]
    wrong += [(0, digest ^ 1), (0, 0), (0, 2**256 - 1), (1, r ^ 1), (2, s + 1)]
    changed = [(*good[:place], value, *good[place + 1 :]) for place, value in wrong]
    right = [good, (digest, r, N - s, KEY.x, KEY.y), wrapped(digest)]
    return right, [*changed, (digest, s, r, KEY.x, KEY.y), (digest, r, s, 0, 0)]


def wrapped(digest: int) -> tuple[int, ...]:
    """A good signature whose nonce's point has an x above the order, so that r is x - N."""
    x = next(x for x in range(N, P) if _root(x) is not None)
    r, s = x - N, 12_345
    inverse = pow(r, -1, N)
    base = P256Key(1)
    q = _point(x, _root(x) or 0) * (s * inverse % N)
    q += _point(base.x, base.y) * (-digest * inverse % N)
    return digest, r, s, int(q.x), int(q.y)


def _point(x: int, y: int) -> EccPoint:
    return EccPoint(x, y, "P-256")


def _root(x: int) -> int | None:
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    square = (x**3 - 3 * x + b) % P
    root = pow(square, (P + 1) // 4, P)
    return root if root * root % P == square else None


def test_precompile__right_and_wrong_signatures__the_stand_in_of_the_unit_tests_agrees(osaka):
    """tests/contracts/mocks/p256_precompile.vy answers as the chain does."""
    chain = Chain()
    teach_p256(chain)
    call = Web3(Web3.HTTPProvider(osaka.url)).eth.call
    right, wrong = vectors()
    asked = [b"".join(word.to_bytes(32, "big") for word in vector) for vector in right + wrong]
    asked += [b"", asked[0][:-1], asked[0] + b"\0"]
    expected = [bytes(31) + b"\1"] * len(right) + [b""] * (len(wrong) + 3)
    assert [bytes(call({"to": PRECOMPILE, "data": data})) for data in asked] == expected
    assert [chain.view(PRECOMPILE, data) for data in asked] == expected


def test_p256_oracle__chain_with_eip_7951__enrols_settles_and_answers_for_a_lie(osaka):
    web3, meter = connect(osaka)
    me = web3.eth.default_account

    def send(function: str, *args: Any, value: int = 0) -> Any:
        call = meter.functions[function](*args)
        return web3.eth.wait_for_transaction_receipt(call.transact({"value": value}), timeout=300)

    send("enrol_p256_key", KEY.x, KEY.y, *signature(message(web3, meter)))
    send("register_oracle", KEY.address)
    assert meter.functions.oracle(1).call() == (KEY.address, 1, False, False, True)
    send("publish_tariff", tariff_words(SIMPLE))
    send("list_drill", 1, 1, "drill")
    send("post_bond", BOND, value=BOND)
    opened = send("open_rental", 1, 1, RESERVE, *UNBOUND, value=RESERVE)
    opened_ms = web3.eth.get_block(opened["blockNumber"])["timestamp"] * 1000
    osaka.rpc("evm_increaseTime", 60)

    for until, high_s in ((opened_ms + 8_000, False), (opened_ms + 9_000, True)):
        settled = row(1, until, 6_000)
        r, s = signature(message(web3, meter, settled), high_s=high_s)
        done = send("settle", [(1, 1, r, s)], [packed(settled)])
        assert len(meter.events.UsageSettled().process_receipt(done)) == 1, high_s
    forged = row(1, until + 1, 7_000)
    done = send("settle", [(1, 1, r, s)], [packed(forged)])
    (rejected,) = meter.events.ReadingRejected().process_receipt(done)
    assert rejected["args"]["reason"] == "not signed by its oracle"

    receipt = row(1, until, 4_000)
    r, s = signature(message(web3, meter, receipt))
    with pytest.raises(ContractLogicError, match="not signed by the key"):
        send("dispute", packed(forged), KEY.address, r, s)
    send("dispute", packed(receipt), KEY.address, r, s)
    left = meter.functions.balance_of(1).call()
    assert meter.functions.account(me).call() == left + 2_000 + PENALTY
    assert meter.functions.oracle(1).call() == (KEY.address, 1, False, True, True)


def test_enrol_p256_key__chain_without_eip_7951__is_refused(prague):
    web3, meter = connect(prague)
    signed = signature(message(web3, meter))
    with pytest.raises(ContractLogicError, match="keys: P-256 signature refused"):
        meter.functions.enrol_p256_key(KEY.x, KEY.y, *signed).call()
    assert meter.functions.signing_key(KEY.address).call() == (0, 0, 0, False, False)
