"""The bridge's settings and the commands' options: what is wrong is said in one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from device_builders import DOMAIN, ORACLE
from typer.testing import CliRunner

from device import cli
from device.bridge.hearing import bridge_client
from device.bridge.settings import BridgeSettings, load_settings
from host.errors import SecretError, SettingsError
from host.settings import BrokerSettings


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command sets up logging on the stderr of its run, which is gone afterwards."""
    yield
    structlog.reset_defaults()


GOOD = 'drill = 7\nport = "/dev/serial/by-id/usb-1"\nspool = "spool"\nmessage_key_file = "key"\n'


STRICT = f"""[strict]
chain_id = 31337
contract = "{DOMAIN.contract}"
rpc_urls = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bridge.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_load_settings__small_file__has_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD))
    assert (settings.drill, settings.baudrate, settings.spool) == (7, 115_200, Path("spool"))
    assert settings.broker == BrokerSettings(host="127.0.0.1", port=1883)


def test_load_settings__strict_mode__two_endpoints_must_agree(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, GOOD)).strict is None

    strict = load_settings(write(tmp_path, GOOD + STRICT)).strict

    assert strict is not None
    assert (strict.quorum, strict.proof_age_seconds, strict.domain) == (2, 120, DOMAIN)


def test_load_settings__environment__is_above_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRILL_BRIDGE_PORT", "/dev/ttyS0")
    monkeypatch.setenv("DRILL_BRIDGE_BROKER__HOST", "broker.example")
    settings = load_settings(write(tmp_path, GOOD + "[broker]\nport = 8883\n"))
    assert settings.port == "/dev/ttyS0"
    assert (settings.broker.host, settings.broker.port) == ("broker.example", 8883)


def test_load_settings__several_ports__in_the_file_or_as_json_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = GOOD.replace('"/dev/serial/by-id/usb-1"', '["/dev/ttyUSB0", "/dev/ttyUSB1"]')
    assert load_settings(write(tmp_path, several)).ports == ("/dev/ttyUSB0", "/dev/ttyUSB1")
    assert load_settings(write(tmp_path, GOOD)).ports == ("/dev/serial/by-id/usb-1",)
    monkeypatch.setenv("DRILL_BRIDGE_PORT", '["/dev/ttyS0", "/dev/ttyS1"]')
    assert load_settings(write(tmp_path, GOOD)).ports == ("/dev/ttyS0", "/dev/ttyS1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drill = ", "not TOML"),
        (GOOD.replace("7", "0"), "drill: Input should be greater"),
        (GOOD.replace("7", '"x"'), "drill: Input should be a valid integer"),
        (GOOD.replace('port = "/dev/serial/by-id/usb-1"\n', ""), "port: Field required"),
        (GOOD.replace('message_key_file = "key"\n', ""), "message_key_file: Field required"),
        (GOOD + "colour = 1\n", "colour: Extra inputs"),
        (GOOD + 'dtr = "up"\n', "dtr: Input should be 'leave', 'on' or 'off'"),
        (GOOD.replace('"/dev/serial/by-id/usb-1"', '["a", "a"]'), "a port is named twice"),
        (GOOD.replace('"/dev/serial/by-id/usb-1"', "[]"), "port"),
        (GOOD + "[strict]\nchain_id = 1\n", "strict.contract: Field required"),
        (GOOD + STRICT.replace("http:", "ftp:"), "strict.rpc_urls.0"),
        (GOOD + STRICT + "quorum = 3\n", "3 endpoints must agree, and rpc_urls names 2"),
        (GOOD + STRICT.replace(":2", ":1"), "names an endpoint twice"),
        (GOOD + STRICT + "proof_age_seconds = 1\n", "strict.proof_age_seconds"),
        (GOOD + "baudrate = 1\n", "baudrate: Input should be greater"),
        (GOOD + "[broker]\nport = 70000\n", "broker.port: Input should be less"),
        (GOOD + "[broker]\nhots = 'x'\n", "broker.hots: Extra inputs"),
        (GOOD + "[broker]\npassword_file = 'x'\n", "password_file needs a username"),
        (GOOD + "[broker]\ncert_file = 'x'\n", "belong together"),
        (GOOD + "[broker]\ncert_file = 'x'\nkey_file = 'y'\n", "cert_file needs a ca_file"),
    ],
)
def test_load_settings__wrong_value__names_file_and_field(
    tmp_path: Path, text: str, message: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_load_settings__misspelt_environment__is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRILL_BRIDGE_PROT", "/dev/ttyS0")
    with pytest.raises(SettingsError, match="DRILL_BRIDGE_PROT is not a setting"):
        load_settings(write(tmp_path, GOOD))


def test_load_settings__no_file__is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: No such file"):
        load_settings(tmp_path / "none.toml")


def test_settings__changed__are_frozen() -> None:
    settings = BridgeSettings(drill=7, port="x", spool=Path("y"), message_key_file=Path("z"))
    with pytest.raises(ValueError, match="frozen"):
        settings.drill = 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (BrokerSettings(username="a", password_file=Path("/none")), "password file /none: No such"),
        (BrokerSettings(ca_file=Path("/none")), "TLS files of the broker .*/none"),
    ],
)
def test_broker__file_that_is_not_there__is_named(settings: BrokerSettings, message: str) -> None:
    with pytest.raises((SettingsError, SecretError), match=message):
        bridge_client(7, settings, b"", lambda: None)


def controller_options(tmp_path: Path, **changes: str) -> list[str]:
    options = {
        "drill": "7",
        "oracle-key": ORACLE,
        "chain-id": "31337",
        "contract": DOMAIN.contract,
        "port-link": str(tmp_path / "port"),
        "operator": str(tmp_path / "operator"),
        "memory": str(tmp_path / "memory"),
    }
    options.update({name.replace("_", "-"): value for name, value in changes.items()})
    return [part for name, value in options.items() for part in (f"--{name}", value)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drill": "0"}, "--drill: drill numbers lie in 1"),
        ({"contract": "0x12"}, "contract must be an address"),
        ({"oracle_key": "nobody"}, "must be an address"),
        ({"trace": "/none.csv"}, "--trace needs --columns"),
        ({"columns": "rpm=a,torque=b"}, "need --trace"),
        ({"trace": "/none.csv", "columns": "rpm=a"}, "torque is missing"),
        ({"trace": "/none.csv", "columns": "rpm=a,torque=b"}, "/none.csv: No such file"),
        ({"memory": "/none/memory"}, "/none/memory: No such file"),
    ],
)
def test_controller__bad_option__ends_with_2_and_one_line(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    result = CliRunner().invoke(cli.controller, controller_options(tmp_path, **changes))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("drill-controller: ")
    assert message in line
    assert not list(tmp_path.iterdir())


def test_bridge__bad_settings__ends_with_2_and_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("7", "0"))
    result = CliRunner().invoke(cli.bridge, ["run", "--settings", str(path)])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"drill-bridge: settings {path}: drill: ")
    assert len(result.stderr.splitlines()) == 1
