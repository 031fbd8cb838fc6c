"""Settings, keystores and the command line: bad input is refused in one clear line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from eth_account import Account
from role_settings import bare_record
from small_disk import fill, small_disk
from typer.testing import CliRunner

from chain.finality import Policy, Tier
from host.deployment_record import read_deployment
from host.errors import KeystoreError, SecretError, SettingsError
from host.keystores import new_keystore, open_keystore
from lab.rig.box_files import write_secret
from oracle.cli import app
from oracle.run import open_parts
from oracle.settings import load_settings
from oracle.signing.places import TpmPlace
from oracle.signing.sign import KeystoreSigner, open_keys
from protocol.typed_data import recover_signer

GOOD = """
[oracle]
number = 1
drills = [1, 2]
[chain]
rpc_urls = ["http://127.0.0.1:8545", "http://127.0.0.1:8546", "http://127.0.0.1:8547"]
deployment = "deployment.json"
[broker]
host = "127.0.0.1"
[keys]
signing_keystore = "signing.json"
signing_password_file = "password"
gas_keystore = "gas.json"
gas_password_file = "password"
[message_keys]
1 = "drill-1.key"
2 = "drill-2.key"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oracle.toml").write_text(GOOD)
    write_secret(tmp_path / "password", "secret\n")
    yield tmp_path
    structlog.reset_defaults()


def save_key(path: Path, key: bytes) -> None:
    write_secret(path, json.dumps(Account.encrypt(key, "secret", iterations=2)))


def test_load_settings__least_file__documented_defaults(folder: Path) -> None:
    settings = load_settings(folder / "oracle.toml")

    assert settings.oracle.drills == (1, 2)
    assert settings.chain.quorum == 2
    assert settings.chain.tiers() == (Tier(Policy("latest-1", 1)),)
    assert settings.lease_limits(3_600).reserve_ms == 84_000


def test_load_settings__environment__wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRILL_ORACLE_CHAIN__QUORUM", "3")

    assert load_settings(folder / "oracle.toml").chain.quorum == 3


def test_load_settings__key_in_a_tpm__the_kernels_device_unless_another_is_named(
    folder: Path,
) -> None:
    tpm = "signing_tpm = { handle = 0x81010001, auth_file = 'a' }"
    keystore = 'signing_keystore = "signing.json"\nsigning_password_file = "password"'
    (folder / "oracle.toml").write_text(GOOD.replace(keystore, tpm))

    place = load_settings(folder / "oracle.toml").keys.signing()

    assert place == TpmPlace(Path("/dev/tpmrm0"), 0x81010001, Path("a"))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("number = 1", "number = 0", "oracle.number"),
        ("drills = [1, 2]", "drills = [1, 1]", "listed twice"),
        ("drills = [1, 2]", "drills = []", "oracle.drills"),
        ('host = "127.0.0.1"', 'host = "127.0.0.1"\nprot = 1', "broker.prot"),
        ('host = "127.0.0.1"', 'host = "127.0.0.1"\nport = 70000', "broker.port"),
        ('host = "127.0.0.1"', 'host = "x"\ncert_file = "c"', "belong together"),
        ("http://127", "htp://127", "chain.rpc_urls.0"),
        ("rpc_urls = [", "rpc_url = 'http://x'\nrpc_urls = [", "name the endpoints in rpc_urls"),
        ("[broker]", "confirmations = 1\n[broker]", "[[chain.finality]]"),
        ("[broker]", "quorum = 4\n[broker]", "4 endpoints must agree, and rpc_urls names 3"),
        ("[broker]", "quorum = 0\n[broker]", "chain.quorum"),
        (":8546", ":8545", "names an endpoint twice"),
        ("[broker]", "[[chain.finality]]\npolicy = 'soon'\n[broker]", "'soon' is not a finality"),
        (
            "[broker]",
            "[[chain.finality]]\npolicy = 'safe'\nup_to = '5'\n[broker]",
            "last tier must have no up_to",
        ),
        (
            "[broker]",
            "[[chain.finality]]\npolicy = 'safe'\nup_to = '5 coins'\n[broker]",
            "'5 coins' is not an amount",
        ),
        ("[broker]", "[brokers]", "broker"),
        (
            "gas_keystore",
            "signing_tpm = { handle = 0x81010001, auth_file = 'a' }\ngas_keystore",
            "signing_keystore and signing_tpm are 2 places for one key",
        ),
        ("gas_keystore", "next_tpm = { handle = 1, auth_file = 'a' }\ngas_keystore", "next_tpm"),
        ("gas_keystore", "next_keystore = 'n'\ngas_keystore", "belong together"),
        (
            'signing_keystore = "signing.json"\nsigning_password_file = "password"',
            "",
            "signing_keystore, signing_token or signing_tpm is needed",
        ),
        ('2 = "drill-2.key"', "", "message_keys names no file for drills [2]"),
        ("2 = ", "3 = ", "message_keys names no file for drills [2]"),
        ("2 = ", "3 = 'x'\n2 = ", "message_keys names [3], not in oracle.drills"),
        ("2 = ", "two = ", "message_keys.two"),
        ("[message_keys]\n1 = ", "1 = ", "keys.1"),
        ("[keys]", "[keys", "not TOML"),
        ("[keys]", "[lease]\nseconds = 60\n[keys]", "lease.seconds"),
        ("[keys]", "[settlement]\nshare_of_balance = 1001\n[keys]", "settlement.share_of_balance"),
    ],
)
def test_load_settings__wrong_value__names_file_and_value(
    folder: Path, old: str, new: str, complaint: str
) -> None:
    file = folder / "oracle.toml"
    file.write_text(GOOD.replace(old, new))

    with pytest.raises(SettingsError) as raised:
        load_settings(file)

    assert complaint in str(raised.value)
    assert "oracle.toml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_load_settings__no_file__says_so(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: No such file"):
        load_settings(folder / "nowhere.toml")


def test_read_message_keys__file_for_each_drill__by_drill(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRILL_ORACLE_MESSAGE_KEYS__2", "moved.key")
    write_secret(folder / "drill-1.key", "01" * 32 + "\n")
    write_secret(folder / "moved.key", "02" * 32 + "\n")

    keys = load_settings(folder / "oracle.toml").read_message_keys()

    assert keys == {1: b"\1" * 32, 2: b"\2" * 32}


def test_read_message_keys__no_key__names_drill_and_file(folder: Path) -> None:
    with pytest.raises(SecretError, match=r"drill 1's message key file drill-1\.key: No such file"):
        load_settings(folder / "oracle.toml").read_message_keys()


def test_read_deployment__missing_or_bad__names_the_file(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"deployment record gone\.json"):
        read_deployment(Path("gone.json"))
    Path("bad.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"bad\.json: chain_id"):
        read_deployment(Path("bad.json"))


def test_new_keystore__made__opens_signs_and_is_private(folder: Path) -> None:
    path, password = folder / "key.json", folder / "password"

    address = new_keystore(path, password)

    signer = KeystoreSigner(open_keystore(path, password))
    assert signer.address == address
    assert path.stat().st_mode & 0o777 == 0o600
    assert recover_signer(b"d" * 32, signer.sign(b"d" * 32)) == address
    assert signer.sign(b"d" * 32) == signer.sign(b"d" * 32)
    assert "key" not in repr(signer).lower().replace("keystoresigner", "")


def test_new_keystore__file_exists__never_overwritten(folder: Path) -> None:
    (folder / "key.json").write_text("precious")

    with pytest.raises(KeystoreError, match="never overwritten"):
        new_keystore(folder / "key.json", folder / "password")

    assert (folder / "key.json").read_text() == "precious"


def test_new_keystore__full_disk__one_error_and_no_empty_file(folder: Path) -> None:
    path = folder / "key.json"
    with small_disk(folder / "disk", 65_536) as disk:
        fill(disk)

        with pytest.raises(KeystoreError, match=r"key\.json: No space left"):
            new_keystore(disk / path.name, folder / "password")

        assert not (disk / path.name).exists()


def test_open_keystore__each_fault__names_the_file(folder: Path) -> None:
    password = folder / "password"
    save_key(folder / "key.json", b"\x01" * 32)
    with pytest.raises(SecretError, match=r"gone\.json: No such file"):
        open_keystore(folder / "gone.json", password)
    with pytest.raises(SecretError, match=r"password file .*gone"):
        open_keystore(folder / "key.json", folder / "gone")
    write_secret(folder / "wrong", "wrong")
    with pytest.raises(KeystoreError, match="the password is wrong"):
        open_keystore(folder / "key.json", folder / "wrong")
    write_secret(folder / "empty", "\n")
    with pytest.raises(SecretError, match="empty"):
        open_keystore(folder / "key.json", folder / "empty")
    for other in ("[]", "{}", '{"address": "0x00"}', '{"version": 3, "crypto": 1}', "7"):
        write_secret(folder / "odd.json", other)
        with pytest.raises(
            KeystoreError, match=r"odd\.json .*(not an Ethereum keystore|malformed)"
        ):
            open_keystore(folder / "odd.json", password)


def test_open_keys__one_key_for_both__refused(folder: Path) -> None:
    password = folder / "password"
    for name in ("a.json", "b.json"):
        save_key(folder / name, b"\x01" * 32)

    with pytest.raises(KeystoreError, match="second keystore"):
        open_keys((folder / "a.json", password), (folder / "b.json", password))


def test_cli__bad_settings__one_line_and_status_2(folder: Path) -> None:
    for command in ("run", "check"):
        result = CliRunner().invoke(app, [command, "--settings", "nowhere.toml"])

        assert result.exit_code == 2
        assert result.stderr == "drill-oracle: settings nowhere.toml: No such file or directory\n"


def test_cli__keys_new__prints_the_address(folder: Path) -> None:
    line = ["keys", "new", "--out", "key.json", "--password-file", "password"]

    result = CliRunner().invoke(app, line)

    assert result.exit_code == 0
    assert (
        result.stdout.strip()
        == KeystoreSigner(open_keystore(Path("key.json"), Path("password"))).address
    )


@pytest.mark.parametrize("name", ["DRILL_ORACLE_CHIAN__RPC_URL", "DRILL_ORACLE_CHAIN_RPC_URL"])
def test_load_settings__misspelt_environment__stops_the_start(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")

    with pytest.raises(SettingsError, match=f"{name} is not a setting"):
        load_settings(folder / "oracle.toml")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 5_000, b"a = " + b"[" * 5_000])
def test_cli__file_that_is_no_text_or_too_deep__one_line_and_status_2(
    folder: Path, content: bytes
) -> None:
    (folder / "oracle.toml").write_bytes(content)

    result = CliRunner().invoke(app, ["run", "--settings", "oracle.toml"])

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "oracle.toml is not " in result.stderr


def test_open_keys__files_that_are_no_text_or_too_deep__named(folder: Path) -> None:
    password = folder / "password"
    write_secret(folder / "odd", "")
    (folder / "odd").write_bytes(b"\xff\xfe")
    write_secret(folder / "deep", "[" * 5_000)
    for keystore, secret in (("key.json", "odd"), ("odd", "password")):
        with pytest.raises(SecretError, match="odd is not UTF-8"):
            open_keystore(folder / keystore, folder / secret)
    with pytest.raises(KeystoreError, match="deep is not JSON"):
        open_keystore(folder / "deep", password)
    for name in ("odd", "deep"):
        with pytest.raises(SettingsError, match=f"deployment record .*{name}"):
            read_deployment(folder / name)


def test_open_parts__final_reading_later_than_the_grace_period__refused(folder: Path) -> None:
    record = bare_record(grace_period_seconds=120)
    (folder / "deployment.json").write_text(record)

    with pytest.raises(SettingsError, match=r"final_wait_seconds is 120.*120 s after its end"):
        open_parts(load_settings(folder / "oracle.toml"))
