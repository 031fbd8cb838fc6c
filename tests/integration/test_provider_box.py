"""The folder of a box: made step by step, never overwritten, and taken by the programs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from eth_account import Account
from provider_world import PLAN, Office
from typer.testing import CliRunner

from device.bridge.settings import load_settings as load_bridge
from host.keystores import open_keystore
from lab.rig.services import Anvil
from live.settings import load_http_settings
from oracle.settings import load_settings as load_oracle
from provider.box import BoxOrder, make_box
from provider.box_cli import app, read_ports, require_name
from provider.errors import BoxError
from provider.meter import DeployedMeter, calldata
from provider.node import ProviderNode, http_transport
from provider.sending import Call, Sender

pytestmark = pytest.mark.integration

PORTS = {1: "/dev/serial/by-id/usb-a", 2: "/dev/serial/by-id/usb-b"}


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with Anvil(tmp_path_factory.mktemp("anvil"), chain_id=84532) as node:
        yield node


class Bench:
    """A provider who makes boxes."""

    def __init__(self, anvil: Anvil, folder: Path) -> None:
        self.office, self.said = Office(anvil, folder), list[str]()
        self.node = ProviderNode(http_transport(anvil.url), "anvil")
        self.order = BoxOrder(
            name="workshop",
            folder=folder / "boxes/workshop",
            plan=folder / "plan.toml",
            rpc_urls=(anvil.url,),
            record=self.office.record,
            ports=PORTS,
        )

    def make(self, order: BoxOrder | None = None) -> list[str]:
        return make_box(order or self.order, self.node, PLAN, self.said.append)

    def deploy(self) -> None:
        key = (self.order.folder / "oracle-key").read_text().strip()
        self.office.deploy(PLAN.model_copy(update={"oracle_key": key}))

    def send(self, name: str, *arguments: object) -> None:
        contract = json.loads(self.office.record.read_text())["contract"]
        call = Call(name, contract, calldata(name, *arguments))
        Sender(self.node, self.office.wallet, self.said.append).send(call)


@pytest.fixture
def bench(anvil: Anvil, tmp_path: Path) -> Bench:
    return Bench(anvil, tmp_path)


def make_and_deploy(anvil: Anvil, folder: Path) -> Bench:
    """A box of a contract. Its keystores are cheap to make and to open; one test makes others."""
    bench = Bench(anvil, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("host.keystores.Account.encrypt", partial(Account.encrypt, iterations=2))
        bench.make()
    bench.deploy()
    bench.make()
    return bench


@pytest.fixture
def made(anvil: Anvil, tmp_path: Path) -> Bench:
    return make_and_deploy(anvil, tmp_path)


@pytest.fixture(scope="module")
def looked_at(anvil: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """For tests that change nothing of it."""
    return make_and_deploy(anvil, tmp_path_factory.mktemp("box"))


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest() for p in files}


def test_make_box__before_there_is_a_contract__makes_the_keys_and_says_the_way(
    bench: Bench,
) -> None:
    left = bench.make()

    keys = bench.order.box / "etc/drill-oracle"
    for name in ("signing", "gas"):
        assert len(open_keystore(keys / f"{name}.json", keys / f"{name}.password")) == 32
    key = (bench.order.folder / "oracle-key").read_text().strip()
    assert "the bond of 0.1 coins" in left[0]
    assert f"--oracle-key {key}" in left[1]
    assert len(left) == 3


def test_make_box__again_and_again__changes_no_byte(looked_at: Bench) -> None:
    before = contents(looked_at.order.folder)

    looked_at.make()

    assert contents(looked_at.order.folder) == before
    assert not [name for name in before if name.endswith(".new")]


def test_make_box__for_a_box__programs_take_their_settings(looked_at: Bench) -> None:
    box = looked_at.order.box
    oracle = load_oracle(box / "etc/drill-oracle/oracle.toml")
    assert (oracle.oracle.number, oracle.oracle.drills) == (1, (1, 2))
    assert oracle.chain.quorum == 1
    assert [tier.policy for tier in oracle.chain.finality] == ["finalized"]
    named = [oracle.chain.deployment, oracle.broker.ca_file, oracle.broker.cert_file]
    named += [oracle.broker.key_file, *oracle.keys.gas(), *oracle.message_keys.values()]
    for drill, port in PORTS.items():
        bridge = load_bridge(box / f"etc/drill-bridge/{drill}.toml")
        assert (bridge.drill, bridge.port) == (drill, port)
        named += [bridge.message_key_file, bridge.broker.cert_file, bridge.broker.key_file]
        ours, theirs = oracle.message_keys[drill], bridge.message_key_file
        assert Path(f"{box}{ours}").read_text() == Path(f"{box}{theirs}").read_text()
    for path in named:
        assert path is not None
        assert Path(f"{box}{path}").is_file(), path
    listed = (box / "etc/mosquitto/drill/drill.acl").read_text()
    assert "user oracle-1\n" in listed
    assert "user bridge-2\n" in listed
    assert not list(box.rglob("ca.key")), "the authority's key has no place on a box"


def test_make_box__with_the_page__drill_http_takes_its_settings_and_browsers_get_their_endpoint(
    made: Bench,
) -> None:
    order = replace(made.order, page_rpc="https://public.example", hosts=("drill.example",))

    made.make(order)

    box = made.order.box
    http = load_http_settings(box / "etc/drill-http/http.toml")
    assert http.page.rpc_url == "https://public.example"
    assert http.index_url == made.order.rpc_urls[0]
    assert http.listen.names == ("localhost", "127.0.0.1", "drill.example")
    assert [(one.number, one.name) for one in http.drills] == [*enumerate(PLAN.drills, 1)]
    assert http.broker.cert_file is not None
    assert http.broker.cert_file.name == "page.crt"
    for path in (http.deployment, http.broker.ca_file, http.broker.cert_file, http.broker.key_file):
        assert Path(f"{box}{path}").is_file(), path
    assert Path(f"{box}{http.page.folder}/index.html").is_file()
    assert (box / "etc/systemd/system/drill-http.service").is_file()
    root = made.order.folder / "root"
    subprocess.run([box / "install", "--root", root], check=True, timeout=60)
    assert (root / "etc/drill-http/page.key").stat().st_mode & 0o777 == 0o600
    assert (root / "srv/drill-page/index.html").stat().st_mode & 0o777 == 0o644


def test_make_box__without_the_page__nothing_of_it_is_made(looked_at: Bench) -> None:
    assert not [path for path in looked_at.order.folder.rglob("*") if "http" in path.name]


def test_make_box__secrets__are_their_owners_alone(looked_at: Bench) -> None:
    for path in looked_at.order.folder.rglob("*"):
        if path.suffix in {".key", ".password", ".passphrase", ".json"} and path.is_file():
            private = path.name != "deployment.json"
            assert not private or path.stat().st_mode & 0o077 == 0, path


def test_make_box__compose_file__has_a_bridge_for_each_drill(looked_at: Bench) -> None:
    services = yaml.safe_load((looked_at.order.box / "compose.yaml").read_text())["services"]

    assert set(services) == {"broker", "oracle", "bridge-1", "bridge-2", "http"}
    assert services["bridge-2"]["command"].endswith("/etc/drill-bridge/2.toml")
    assert services["bridge-2"]["devices"] == [f"{PORTS[2]}:{PORTS[2]}"]


def test_make_box__no_page_wanted__has_the_locks_of_oracle_and_bridge(looked_at: Bench) -> None:
    locks = looked_at.order.box / "requirements"
    assert {path.name for path in locks.iterdir()} == {"oracle.lock", "bridge.lock"}


def test_make_box__port_not_known_yet__is_left_to_somebody(bench: Bench) -> None:
    bench.make()
    bench.deploy()

    left = bench.make(replace(bench.order, ports={1: PORTS[1]}))

    assert any("plug in drill 2" in task for task in left)
    assert not (bench.order.box / "etc/drill-bridge/2.toml").exists()
    left = bench.make(replace(bench.order, ports={2: PORTS[2]}))
    assert not any("plug in" in task for task in left)
    assert (bench.order.box / "compose.yaml").read_text().count("/dev/serial/by-id/usb-a") == 2


def test_make_box__settings_changed_by_hand__are_left_and_the_others_beside(made: Bench) -> None:
    path = made.order.box / "etc/drill-oracle/oracle.toml"
    path.write_text(path.read_text() + "# mine\n")

    made.make()

    assert path.read_text().endswith("# mine\n")
    assert "# mine" not in path.with_name("oracle.toml.new").read_text()
    assert any("oracle.toml is left as it is" in text for text in made.said)


@pytest.mark.parametrize("lost", ["signing.password", "gas.password"])
def test_make_box__password_lost__makes_no_new_key(made: Bench, lost: str) -> None:
    before = contents(made.order.folder)
    (made.order.box / "etc/drill-oracle" / lost).unlink()

    with pytest.raises(BoxError, match=f"{lost} is gone"):
        made.make()

    assert contents(made.order.folder).items() <= before.items()


def test_make_box__message_keys_that_differ__are_named(made: Bench) -> None:
    path = made.order.box / "etc/drill-bridge/drill-1.key"
    path.write_text("00" * 32 + "\n")

    with pytest.raises(BoxError, match="differ: the oracle would drop every sample"):
        made.make()


def test_make_box__second_box_of_a_contract__gets_its_own_oracle_and_drills(made: Bench) -> None:
    folder = made.order.folder.with_name("yard")
    second = replace(made.order, name="yard", folder=folder, ports={3: "/dev/serial/by-id/usb-c"})
    key_left = made.make(second)
    key = (folder / "oracle-key").read_text().strip()
    assert f"oracle register {key}" in key_left[0]
    made.send("register_oracle", key)
    assert "--oracle 2" in made.make(second)[0]
    made.send("list_drill", 2, 1, "Yard drill")

    made.make(second)

    oracle = load_oracle(folder / "box/etc/drill-oracle/oracle.toml")
    assert (oracle.oracle.number, oracle.oracle.drills) == (2, (3,))
    made.send("retire_drill", 2)
    with pytest.raises(BoxError, match="drill 2 is not of oracle 1"):
        made.make()


def test_make_box__key_no_longer_in_force__is_refused(made: Bench) -> None:
    made.send("revoke_oracle", 1)

    with pytest.raises(BoxError, match="of oracle 1, which is revoked"):
        made.make()


def test_install__to_another_root__copies_once_with_its_modes(
    looked_at: Bench, tmp_path: Path
) -> None:
    root, script = tmp_path / "root", looked_at.order.box / "install"
    subprocess.run([script, "--root", root], check=True, capture_output=True)
    key = root / "etc/drill-oracle/signing.json"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (root / "etc/systemd/system/drill-oracle.service").stat().st_mode & 0o777 == 0o644
    expected = {name for name in contents(looked_at.order.box) if name.startswith("etc/")}
    assert set(contents(root)) == expected
    key.write_text("another key")

    done = subprocess.run([script, "--root", root], check=True, capture_output=True, text=True)

    assert key.read_text() == "another key"
    assert f"{key} is left as it is" in done.stdout


@pytest.mark.parametrize("given", [["1"], ["x=/dev/a"], ["1="], ["1=/a", "1=/b"], ["1=/a", "2=/a"]])
def test_read_ports__what_is_no_port_of_a_drill__is_refused(given: list[str]) -> None:
    with pytest.raises(BoxError, match="--port"):
        read_ports(given)


@pytest.mark.parametrize("name", ["", "../up", "a b", "-x", "ü"])
def test_require_name__what_is_no_name__is_refused(name: str) -> None:
    with pytest.raises(BoxError, match="a box's name"):
        require_name(name)


def test_box__endpoint_that_does_not_answer__is_one_line(tmp_path: Path) -> None:
    line = ["workshop", "--rpc", "http://127.0.0.1:9", "--plan", str(tmp_path / "plan.toml")]

    done = CliRunner().invoke(app, line)

    assert done.exit_code == 2
    assert done.stderr.startswith("box: http://127.0.0.1:9 cannot be reached: Connect")
    assert done.stderr.count("\n") == 1


def test_make_box__record_of_another_contract__is_refused(made: Bench) -> None:
    record = json.loads(made.order.record.read_text())
    other = replace(made.order, record=made.order.record.with_name("other.json"))
    other.record.write_text(json.dumps({**record, "contract": made.office.wallet.address}))

    with pytest.raises(Exception, match="there is no contract"):
        made.make(other)

    assert isinstance(DeployedMeter(made.node, record["contract"], 0).view("owner"), str)
