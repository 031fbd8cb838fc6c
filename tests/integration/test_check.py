"""`check` of each program: all that is missing, with what to do, and nothing changed by looking."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from oracle_world import World
from role_settings import bare_record
from secure_broker import SecureBroker, certificates, let_expire
from small_disk import small_disk

from device.bridge.check import steps as bridge_steps
from device.bridge.settings import load_settings as load_bridge_settings
from device.bridge.spool import Spool
from host import broker_check
from host.checks import CheckLine, Mark, MissingError, lines_of, print_findings, run_steps
from host.errors import SecretError, SettingsError
from host.settings import BrokerSettings
from lab.rig.box_files import write_secret
from lab.rig.process import wait_until
from lab.rig.services import Mosquitto, free_port
from live.check import steps as http_steps
from live.settings import load_http_settings
from oracle.checks.check import OracleCheck
from oracle.journal.store import Store
from oracle.settings import load_settings


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder, World(Path(folder)) as world:
        yield world


@pytest.fixture(autouse=True)
def _as_written(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the world's settings and record as they were."""
    if "world" not in request.fixturenames:
        yield
        return
    world: World = request.getfixturevalue("world")
    before = {path: path.read_bytes() for path in world.folder.glob("*.*") if path.is_file()}
    yield
    for path, content in before.items():
        path.write_bytes(content)


def found(world: World, **changes: str) -> list[CheckLine]:
    world.settings.write_text(world.settings_text(**changes))
    return [*run_steps(OracleCheck(load_settings(world.settings)).steps())]


def missing(findings: list[CheckLine]) -> dict[str, str]:
    return {one.what: one.text for one in findings if one.mark is Mark.MISSING}


def test_check__all_is_there__nothing_is_missing(world: World) -> None:
    findings = found(world)

    assert missing(findings) == {}
    said: list[str] = []
    assert print_findings(iter(findings), said.append) == 0
    assert said[-1] == "Nothing is missing."


@pytest.mark.parametrize(
    ("kept", "mark", "text"),
    [
        (True, Mark.OK, "kept in step"),
        (False, Mark.NOTE, "set up NTP"),
        (None, Mark.NOTE, "the kernel does not say"),
    ],
)
def test_check__clock_kept_or_not__said_and_stops_nothing(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    kept: bool | None,
    mark: Mark,
    text: str,
) -> None:
    monkeypatch.setattr("oracle.checks.check.clock_is_synchronised", lambda: kept)
    findings = found(world)

    (said,) = [one for one in findings if one.what == "clock"]
    assert said.mark is mark
    assert text in said.text
    assert missing(findings) == {}


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("asset", "0x" + "1" * 40, "asset is 0x1111"),
        ("block_number", 0, "block_hash is"),
        ("block_hash", "0x" + "1" * 64, "block_hash is"),
        ("grace_period_seconds", 7_200, "grace_period_seconds is 7200"),
        ("bytecode_sha256", "1" * 64, "bytecode_sha256 is 1111"),
    ],
)
def test_check__record_differs_from_the_chain__named(
    world: World, field: str, value: object, complaint: str
) -> None:
    file = world.folder / "deployment.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), field: value}))

    texts = missing(found(world, settlement__asset_units_per_ether="1"))

    assert list(texts) == ["deployment"]
    assert complaint in texts["deployment"]


def test_check__record_of_a_block_without_the_contract__named(world: World) -> None:
    file = world.folder / "deployment.json"
    record = json.loads(file.read_text())
    block = world.web3.eth.get_block(record["block_number"] + 1)
    later = {"block_number": block["number"], "block_hash": "0x" + bytes(block["hash"]).hex()}
    file.write_text(json.dumps({**record, **later}))

    assert "no transaction of that block made" in missing(found(world))["deployment"]


def test_check__everything_wrong_at_once__each_is_named(world: World) -> None:
    """It does not stop at the first fault; what rests on one is said not to be looked at."""
    world.anvil.rpc("anvil_setBalance", world.gas.address, "0x1")
    world.anvil.rpc("anvil_mine", 3)  # the blocks before do not have it, and cannot prove it
    (world.folder / "message-1.key").chmod(0o644)
    try:
        findings = found(
            world,
            oracle__number="7",
            broker__port=str(free_port()),
            journal__url=f'"sqlite:///{world.folder}/nowhere/journal.sqlite"',
            publication__folder='"/nowhere"',
        )
    finally:
        world.anvil.rpc("anvil_setBalance", world.gas.address, hex(10**19))
        world.anvil.rpc("anvil_mine", 3)
        (world.folder / "message-1.key").chmod(0o600)

    texts = missing(findings)
    assert {
        *("message keys", "gas key", "oracle key", "drill 1", "journal", "disk"),
        *("publication", "broker"),
    } == {*texts}
    assert "chmod 600" in texts["message keys"]
    assert f"send {world.gas.address} some" in texts["gas key"]
    assert "register_oracle" in texts["oracle key"]
    assert "is not a folder" in texts["journal"]
    assert "cannot be reached" in texts["broker"]


def test_check__keys_that_cannot_be_opened__what_needs_them_is_not_seen(world: World) -> None:
    findings = found(world, keys__signing_keystore='"/nowhere.json"')

    assert "No such file" in missing(findings)["keys"]
    unseen = [one.what for one in findings if one.mark is Mark.UNSEEN]
    assert unseen == ["gas key", "oracle key", "journal"]


def test_check__newest_block_too_old__named_with_its_age(world: World) -> None:
    world.anvil.rpc("evm_setIntervalMining", 0)
    head = world.web3.eth.get_block("latest")["timestamp"]
    try:
        wait_until("the block is old", lambda: __import__("time").time() > head + 3)
        text = missing(found(world, chain__head_age_seconds="1"))["newest block"]
    finally:
        world.anvil.rpc("evm_setIntervalMining", 1)
    assert "s old" in text
    assert "no drill would start" in text


def test_check__address_without_code__there_is_no_contract(world: World) -> None:
    file = world.folder / "deployment.json"
    file.write_text(file.read_text().replace(world.contract.address, world.customer))

    assert f"there is no contract at {world.customer}" in missing(found(world))["endpoints"]


def test_check__disk_too_small_for_the_reserve__says_how_much(world: World) -> None:
    with small_disk(world.folder / "small", 20_000_000) as disk:
        texts = missing(
            found(world, journal__url=f'"sqlite:///{disk}/j"', journal__reserve_megabytes="64")
        )
    assert "MB are free" in texts["disk"]
    assert "where 128 are needed" in texts["disk"]


def test_check__finality__in_words(world: World) -> None:
    tiers = '[{policy = "latest-2", up_to = "50"}, {policy = "finalized"}]'
    texts = {one.what: one.text for one in found(world, chain__finality=tiers)}

    assert "up to 50 smallest units as soon as 2 more blocks are on top" in texts["finality"]
    assert "any amount as soon as its block is finalized" in texts["finality"]


def tree(folder: Path) -> dict[str, Any]:
    """All that could change in a folder, but for what the rig writes there."""
    return {
        str(path): (path.lstat().st_mode, path.lstat().st_uid, path.lstat().st_mtime_ns)
        + ((path.read_bytes(),) if path.is_file() else ())
        for path in sorted(folder.rglob("*"))
        if "logs" not in path.parts
    }


@pytest.mark.parametrize("journal", ["none", "closed", "in use", "not closed"])
def test_check__whatever_it_finds__changes_nothing(world: World, journal: str) -> None:
    """Not a file, not a time, not a transaction; beside an oracle that runs as well."""
    place = world.folder / f"journal {journal}"
    place.mkdir()
    (place / "samples").mkdir()
    url = f"sqlite:///{place}/journal.sqlite"
    changes = {"journal__url": f'"{url}"', "publication__folder": f'"{place}/samples"'}
    stores = []
    if journal != "none":
        stores.append(Store(url, 1_000_000))
        stores[0].lock()
        stores[0].bind(world.domain)
    if journal == "not closed":
        kept = world.folder / "copy"
        shutil.copytree(place, kept)
        stores.pop().close()
        shutil.rmtree(place)
        kept.rename(place)
        (place / "journal.sqlite-shm").unlink()
    if journal == "closed":
        stores.pop().close()
    found(world, **changes)
    before = tree(world.folder)
    sent = [
        world.web3.eth.get_transaction_count(one)
        for one in (world.gas.address, world.signing.address)
    ]

    findings = found_without_writing(world)

    assert missing(findings) == {}
    assert tree(world.folder) == before
    assert sent == [
        world.web3.eth.get_transaction_count(one)
        for one in (world.gas.address, world.signing.address)
    ]
    said = {one.what: one for one in findings}
    assert ("in use by an oracle that runs" in said["journal"].text) == (journal == "in use")
    assert (said["broker"].mark is Mark.NOTE) == (journal == "in use")
    for store in stores:
        store.close()
    shutil.rmtree(place)


def found_without_writing(world: World) -> list[CheckLine]:
    return [*run_steps(OracleCheck(load_settings(world.settings)).steps())]


def test_check__journal_of_another_contract_or_behind_its_tally__named(world: World) -> None:
    place = world.folder / "other"
    place.mkdir()
    store = Store(f"sqlite:///{place}/journal.sqlite")
    store.bind(type(world.domain)(1, world.contract.address))
    store.close()
    changes = {"journal__url": f'"sqlite:///{place}/journal.sqlite"'}
    assert "on chain 1" in missing(found(world, **changes))["journal"]

    shutil.rmtree(place)
    place.mkdir()
    tally = f"{world.signing.address} {7:020}\n"
    (place / "journal.sqlite.signed").write_text(tally)
    store = Store(f"sqlite:///{place}/journal.sqlite")
    store.bind(world.domain)
    store.close()
    assert "restored from a backup" in missing(found(world, **changes))["journal"]


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def test_bridge_check__as_another_user__says_what_that_one_may_not(tmp_path: Path) -> None:
    """As root with --user, or as whoever runs the tests with a folder that may not be written."""
    with open_folder() as folder:
        settings = bridge_settings(folder, free_port())
        locked = folder / "locked"
        locked.mkdir(0o555)
        settings.write_text(settings.read_text().replace(f"{folder}/spool", f"{locked}/spool"))
        user = []
        if os.geteuid() == 0:
            shutil.chown(folder / "key", "nobody")
            user = ["--user", "nobody"]
        line = [sys.executable, "-m", "device", "bridge", "check", "--settings", settings, *user]
        done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)

    said = " ".join(done.stdout.split())
    assert done.returncode == 1, done.stderr
    assert "MISSING spool:" in said
    assert f"{locked} cannot be written" in said
    assert "ok message key:" in said
    assert done.stderr == ""


def test_check__user_that_is_not_there__status_2_and_one_line(tmp_path: Path) -> None:
    settings = bridge_settings(tmp_path, 1)
    line = [sys.executable, "-m", "device", "bridge", "check", "--settings", settings]
    done = subprocess.run(
        [*line, "--user", "nobody-at-all"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("drill-bridge: --user nobody-at-all: there is no such user")
    assert done.stderr.count("\n") == 1


def bridge_settings(folder: Path, port: int) -> Path:
    write_secret(folder / "key", "ab" * 32 + "\n")
    settings = folder / "bridge.toml"
    settings.write_text(
        f'drill = 7\nport = "/dev/ptmx"\nspool = "{folder}/spool"\n'
        f'message_key_file = "{folder}/key"\n[broker]\nport = {port}\n'
    )
    return settings


def bridge_found(settings: Path) -> list[CheckLine]:
    return [*run_steps(bridge_steps(load_bridge_settings(settings)))]


def test_bridge_check__all_is_there__nothing_is_missing_and_nothing_changed(
    tmp_path: Path,
) -> None:
    with Mosquitto(tmp_path / "logs") as broker:
        settings = bridge_settings(tmp_path, broker.port)
        before = tree(tmp_path)
        assert missing(bridge_found(settings)) == {}
        assert tree(tmp_path) == before

        spool = Spool(tmp_path / "spool", 7, 1_000)
        before = tree(tmp_path)
        findings = {one.what: one for one in bridge_found(settings)}
        assert tree(tmp_path) == before
        spool.close()
        assert "in use by a bridge that runs, 0 samples wait" in findings["spool"].text
        assert findings["broker"].mark is Mark.NOTE


def test_bridge_check__each_fault__named(tmp_path: Path) -> None:
    settings = bridge_settings(tmp_path, free_port())
    settings.write_text(
        settings.read_text().replace("/dev/ptmx", "/dev/gone")
        + "[strict]\nchain_id = 1\ncontract = '0x"
        + "d" * 40
        + f"'\nquorum = 1\nrpc_urls = ['http://127.0.0.1:{free_port()}']\n"
    )
    (tmp_path / "key").chmod(0o640)
    Spool(tmp_path / "spool", 8, 1_000).close()

    texts = missing(bridge_found(settings))

    assert {*texts} == {"message key", "port", "spool", "broker", "strict mode"}
    assert "/dev/serial/by-id" in texts["port"]
    assert "is the spool of drill 8" in texts["spool"]
    assert texts["strict mode"] == "0 of 1 endpoints are fit, 1 must agree"


def test_http_check__each_fault__named(tmp_path: Path) -> None:
    record = bare_record(grace_period_seconds=3_600)
    (tmp_path / "deployment.json").write_text(record)
    settings = tmp_path / "http.toml"

    with Mosquitto(tmp_path / "logs") as broker:
        ports = {"listen": free_port(), "broker": broker.port}

        def http_missing(listen: int) -> Mapping[str, str]:
            settings.write_text(
                f'deployment = "{tmp_path}/deployment.json"\n'
                f'[page]\nfolder = "{tmp_path}"\nrpc_url = "http://127.0.0.1:1"\n'
                f'[broker]\nhost = "127.0.0.1"\nport = {ports["broker"]}\n'
                f'[listen]\nport = {listen}\n[[drills]]\nnumber = 1\nname = "one"\n'
            )
            return missing([*run_steps(http_steps(load_http_settings(settings)))])

        assert {*http_missing(ports["listen"])} == {"page"}
        (tmp_path / "index.html").write_text("<!doctype html>")
        assert http_missing(ports["listen"]) == {}
        assert "Address already in use" in http_missing(ports["broker"])["port"]
        said = {step.what: step for step in http_steps(load_http_settings(settings))}
        assert said["settings"].look() == "shows drill 1"


def settings_of(broker: SecureBroker, **changes: object) -> BrokerSettings:
    folder = broker.folder
    files = {
        "ca_file": folder / "ca.crt",
        "cert_file": folder / "oracle-1.crt",
        "key_file": folder / "oracle-1.key",
    }
    return BrokerSettings.model_validate(
        {"host": "127.0.0.1", "port": broker.port, **files, **changes}
    )


def test_certificate__each_fault__named(tmp_path: Path) -> None:
    with SecureBroker(tmp_path / "broker", 1) as broker:
        certificates("ca", tmp_path / "foreign")
        good = settings_of(broker)
        assert "of oracle-1, valid until" in broker_check.certificate(good, "oracle-1")
        assert "takes our connection" in broker_check.connection(good, "drill-oracle-1-check")

        with pytest.raises(MissingError, match="certificate of oracle-1, and this is bridge-1"):
            broker_check.certificate(good, "bridge-1")
        foreign = settings_of(broker, ca_file=tmp_path / "foreign" / "ca.crt")
        with pytest.raises(MissingError, match="is not accepted by whoever trusts"):
            broker_check.certificate(foreign, "oracle-1")
        with pytest.raises(MissingError, match="its certificate is refused"):
            broker_check.connection(foreign, "x")
        mixed = settings_of(broker, key_file=broker.folder / "bridge-1.key")
        with pytest.raises(SettingsError, match=r"(?i)mismatch"):
            broker_check.certificate(mixed, "oracle-1")
        (broker.folder / "oracle-1.key").chmod(0o640)
        with pytest.raises(SecretError, match="chmod 600"):
            broker_check.certificate(good, "oracle-1")

        plain = BrokerSettings(host="127.0.0.1", port=broker.port)
        with pytest.raises(MissingError, match=r"does it speak TLS there\? Then name"):
            broker_check.connection(plain, "x")
        nameless = settings_of(broker, cert_file=None, key_file=None)
        with pytest.raises(MissingError, match="does it want a certificate"):
            broker_check.connection(nameless, "x")


def test_certificate__expired__whose_it_is_and_what_to_do(tmp_path: Path) -> None:
    broker = SecureBroker(tmp_path / "broker", 1)
    ours = settings_of(broker)
    with broker:
        let_expire(broker.folder, "oracle-1")
        with pytest.raises(MissingError, match=r"oracle-1\.crt has expired; .*certificates client"):
            broker_check.certificate(ours, "oracle-1")
        with pytest.raises(MissingError, match="or has that expired"):
            broker_check.connection(ours, "x")
    let_expire(broker.folder, "server")
    with broker, pytest.raises(MissingError, match=r"has expired; .*certificates server"):
        broker_check.connection(ours, "x")


def test_connection__tls_to_a_broker_without__says_so(tmp_path: Path) -> None:
    certificates("ca", tmp_path / "ca")
    with Mosquitto(tmp_path / "logs") as broker:
        settings = BrokerSettings(
            host="127.0.0.1", port=broker.port, ca_file=tmp_path / "ca" / "ca.crt"
        )
        with pytest.raises(MissingError, match="does it speak TLS on that port"):
            broker_check.connection(settings, "x")


def test_lines_of__long_finding__80_columns_and_harmless() -> None:
    lines = lines_of(CheckLine(Mark.MISSING, "drill 1", "word \x1b[2J " * 40 + "0x" + "a" * 90))

    assert all(len(line) <= 80 for line in lines[:-1])
    assert lines[0].startswith("MISSING  drill 1: word \\x1b[2J")
    assert lines[-1].split()[-1] == "0x" + "a" * 90
