"""`drill-provider`: every call is shown, tried and confirmed, and what is wrong is one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from provider_world import COIN, PLAN, Counter, opened
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3

from lab.rig.box_keys import element_key
from lab.rig.contract import compile_vyper, deploy
from lab.rig.plan import UNBOUND
from lab.rig.services import ROOT, Anvil
from protocol.records import Domain
from protocol.typed_data import batch_digest
from provider.cli import app

pytestmark = pytest.mark.integration

KEY = str(Account.from_key(b"\x31" * 32).address)


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with Anvil(tmp_path_factory.mktemp("anvil"), chain_id=84532) as node:
        yield node


@pytest.fixture
def counter(anvil: Anvil, tmp_path: Path) -> Counter:
    return opened(anvil, tmp_path, PLAN)


def test_bond__posted_announced_and_too_early__is_shown_and_told(counter: Counter) -> None:
    posted = counter.run("--yes", "bond", "post", "0.25 ether")
    announced = counter.run("--yes", "bond", "announce", "100000000 gwei")
    early = counter.run("--yes", "bond", "release")

    assert posted.exit_code == announced.exit_code == 0, posted.output
    assert "post a bond of 0.25 ether: post_bond(250000000000000000) with 0.25 ether, to 0x" in (
        posted.stdout
    )
    assert "on chain 84532, from " + counter.office.wallet.address in posted.stdout
    assert re.search(r"about \d+ gas, at most 0\.0\d+ coins for it", posted.stdout)
    assert re.search(r"mined in block \d+: 0x[0-9a-f]{64}", posted.stdout)
    assert "BondPosted: amount 250000000000000000, bond 350000000000000000" in posted.stdout
    assert tuple(counter.meter.functions.bond().call()[:2]) == (35 * 10**16, 10**17)
    assert early.exit_code == 2
    assert early.stderr == (
        "drill-provider: release the bond is refused: bonds: notice has not passed\n"
    )


def test_oracle_enrol__p256_key_of_a_box__can_be_registered(tmp_path: Path) -> None:
    with Anvil(tmp_path / "anvil", chain_id=84532, options=("--hardfork", "osaka")) as node:
        counter = opened(node, tmp_path, PLAN)
        element = element_key(1)
        domain = Domain(84532, counter.meter.address)
        r, s = element.sign(batch_digest(domain, []))
        x, y = (f"0x{one:064x}" for one in element.point)
        words = [x, y, "0x" + r.hex(), "0x" + s.hex()]

        odd = counter.run("--yes", "oracle", "enrol", *words[:3], "0x12")
        another = counter.run("--yes", "oracle", "enrol", *words[:2], words[3], words[2])
        done = counter.run("--yes", "oracle", "enrol", *words)
        registered = counter.run("--yes", "oracle", "register", element.address)

        assert (odd.exit_code, odd.stderr) == (
            2,
            "drill-provider: 0x12 is not 0x and 64 hexadecimal digits\n",
        )
        assert another.exit_code == 2
        assert another.stderr.endswith("is refused: keys: P-256 signature refused\n")
        assert done.exit_code == 0, done.output
        assert f"enrol the P-256 key {element.address}: enrol_p256_key(" in done.stdout
        assert f"KeyEnrolled: key {element.address}" in done.stdout
        assert registered.exit_code == 0, registered.output
        assert counter.meter.functions.signing_key(element.address).call()[4] is True


def test_provider_calls__each__changes_the_contract(counter: Counter, tmp_path: Path) -> None:
    tariff = tmp_path / "tariff.toml"
    tariff.write_text((ROOT / "scripts" / "deployment-plan.toml").read_text("utf-8"))
    steps = [
        ("tariff", "publish", str(tariff)),
        ("oracle", "register", KEY),
        ("drill", "list", "Tischbohrmaschine ü", "--oracle", "2", "--tariff", "2"),
        ("drill", "reassign", "1", "--oracle", "2", "--tariff", "2"),
        ("drill", "retire", "2"),
        ("tariff", "retire", "1"),
        ("oracle", "rotate", "1", str(Account.from_key(b"\x33" * 32).address)),
        ("oracle", "revoke", "1"),
        ("operator", "set", KEY),
        ("pause",),
        ("owner", "transfer", str(Account.from_key(b"\x32" * 32).address)),
    ]

    for words in steps:
        done = counter.run("--yes", *words)
        assert done.exit_code == 0, (words, done.output)
    shown = counter.run("status")

    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[1] == f"operator {KEY}, who may end rentals"
    assert counter.run("--yes", "operator", "clear").exit_code == 0
    del lines[1]
    assert counter.run("status").stdout.splitlines() == lines
    assert lines[1:4] == [
        "paused: no opening and no topping up",
        "bond 0.1 ether",
        "revenue of closed rentals 0 ether",
    ]
    assert lines[4].startswith("tariff 1 (retired): 0.000000000000000001 ether a second")
    assert lines[5].startswith("tariff 2: 0.000002 ether a second, 0.000008 ether for 1000 turns")
    assert lines[6].startswith("oracle 1 (revoked): key 2 is 0x")
    assert lines[7] == f"oracle 2: key 1 is {KEY}"
    assert lines[8:] == [
        "drill 1: Pillar drill: oracle 2, tariff 2",
        "drill 2: Säulenbohrmaschine: retired",
        "drill 3: Tischbohrmaschine ü: oracle 2, tariff 2",
    ]
    assert counter.run("--yes", "unpause").exit_code == 0
    counter.office.anvil.rpc("anvil_setBalance", Account.from_key(b"\x32" * 32).address, hex(COIN))
    accepted = counter.run("--yes", "owner", "accept", keystore="other.json")
    assert accepted.exit_code == 0, accepted.output
    refused = counter.run("--yes", "pause")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("drill-provider: the provider is 0x")
    assert refused.stderr.count("\n") == 1


def test_collect__from_closed_and_running_rentals__goes_where_it_is_told(counter: Counter) -> None:
    meter, web3 = counter.meter.functions, counter.meter.w3
    customer = web3.eth.accounts[3]
    meter.open_rental(1, 1, COIN // 100, *UNBOUND).transact(
        {"from": customer, "value": COIN // 100}
    )
    web3.provider.make_request("evm_increaseTime", [100])
    web3.provider.make_request("evm_mine", [])

    nothing = counter.run("--yes", "collect", "--running")

    assert nothing.exit_code == 2
    assert "collect is refused: collect: nothing to collect" in nothing.stderr
    assert "drill 1: Pillar drill: oracle 1, tariff 1, in rental 1, 0 ether to collect" in (
        counter.run("status").stdout
    )
    ended = counter.run("--yes", "rental", "end", "1")
    assert ended.exit_code == 0, ended.output
    assert "RentalEnded: rental 1" in ended.stdout


def test_send__dry_run__sends_nothing(counter: Counter) -> None:
    before = counter.sent()

    done = counter.run("--dry-run", "--yes", "bond", "post", "0.1 ether")
    refused = counter.run("--dry-run", "drill", "retire", "9")

    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == ("dry run: the contract would take it; nothing was sent")
    assert refused.stderr == ("drill-provider: retire drill 9 is refused: drills: no such drill\n")
    assert counter.sent() == before


def test_send__nobody_to_ask__sends_nothing(counter: Counter) -> None:
    before = counter.sent()

    done = counter.run("bond", "post", "0.1 ether")

    assert done.exit_code == 2
    assert "nothing was sent" in done.stderr
    assert counter.sent() == before


@pytest.mark.parametrize(
    "amount", ["0.1", "0,1 ether", "ether", "-1 ether", "1e3 wei", "0.5 wei", "1 coin", "٣ ether"]
)
def test_bond_post__what_is_no_amount__is_refused(counter: Counter, amount: str) -> None:
    done = counter.run("--dry-run", "bond", "post", "--", amount)

    assert done.exit_code == 2
    assert done.stderr.startswith("drill-provider: ")
    assert repr(amount) in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("oracle", "register", "0x12"), "'0x12' is not an address"),
        (("oracle", "register", KEY.lower()[:-1] + "z"), "'0x"),
        (("collect", "--to", KEY.swapcase().replace("X", "x")), "'0x"),
        (("tariff", "publish", "nowhere.toml"), "nowhere.toml: No such file"),
        (("oracle", "revoke", "7"), "revoke oracle 7 is refused: oracles: no such oracle"),
    ],
)
def test_command__bad_argument__is_one_line(
    counter: Counter, words: tuple[str, ...], said: str
) -> None:
    done = counter.run("--yes", *words)

    assert done.exit_code == 2
    assert done.stderr.startswith(f"drill-provider: {said}")
    assert done.stderr.count("\n") == 1


def test_desk__wrong_chain_contract_or_record__is_named(
    counter: Counter, anvil: Anvil, tmp_path: Path
) -> None:
    record = json.loads(counter.office.record.read_text())
    cases = {
        "chain_id": (1, "serves chain 84532, the deployment record is of 1"),
        "contract": (KEY, f"there is no contract at {KEY}"),
        "asset": (KEY, "asset of the contract is 0x"),
    }
    for field, (value, said) in cases.items():
        counter.office.record.write_text(json.dumps({**record, field: value}))
        done = counter.run("status")
        assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
    counter.office.record.unlink()
    assert "no such file" in counter.run("status").stderr
    lost = CliRunner().invoke(app, ["--rpc", "http://127.0.0.1:9", "status"])
    assert lost.exit_code == 2
    assert lost.stderr.count("\n") == 1


def test_bond_post__in_tokens__approves_first(anvil: Anvil, tmp_path: Path) -> None:
    web3 = Web3(HTTPProvider(anvil.url))
    rich = web3.eth.accounts[6]
    source = ROOT / "tests" / "web" / "usd.vy"
    token = deploy(web3, compile_vyper(source), rich, False)
    counter = opened(anvil, tmp_path, PLAN.model_copy(update={"asset": token.address, "bond": 0}))
    symbol, decimals = token.functions.symbol().call(), token.functions.decimals().call()
    token.functions.mint(counter.office.wallet.address, 10 ** (decimals + 2)).transact(
        {"from": rich}
    )

    done = counter.run("--yes", "bond", "post", f"12.5 {symbol}")
    again = counter.run("--yes", "bond", "post", f"12.5 {symbol}")
    ether = counter.run("--yes", "bond", "post", "1 ether")

    assert done.exit_code == again.exit_code == 0, done.output
    assert done.stdout.startswith(f"approve {125 * 10 ** (decimals - 1)} units of {token.address}")
    assert counter.meter.functions.bond().call()[0] == 25 * 10**decimals
    assert "'1 ether' is not an amount" in ether.stderr


def test_version__asked__is_said() -> None:
    done = CliRunner().invoke(app, ["--version"])

    assert done.exit_code == 0
    assert re.fullmatch(r"drill-provider \d+\.\d+\.\d+\n", done.stdout)
