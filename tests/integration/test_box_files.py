"""What is shipped for a box: units, compose file, broker and certificates, as files that hold."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from secure_broker import SCRIPT, certificates

from lab.rig.services import ROOT

pytestmark = pytest.mark.integration

BOX = ROOT / "box"
UNITS = {
    "drill-oracle.service": "drill-oracle.service",
    "drill-bridge@.service": "drill-bridge@1.service",
    "drill-http.service": "drill-http.service",
}


def verify(unit: Path) -> str:
    """What systemd says about a unit; empty when it has nothing to say."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout + done.stderr


def installed(name: str, folder: Path) -> Path:
    """A shipped unit as it would lie on a box where the programs are there."""
    text = (BOX / name).read_text("utf-8")
    command = re.compile(
        r"^ExecStart=/opt/smart-drill/bin/drill-[a-z]+ run --settings ", re.MULTILINE
    )
    assert len(command.findall(text)) == 1
    path = folder / UNITS[name]
    path.write_text(command.sub("ExecStart=/bin/true ", text))
    return path


@pytest.mark.parametrize("name", UNITS)
def test_unit__shipped__systemd_has_nothing_to_say(name: str, tmp_path: Path) -> None:
    assert verify(installed(name, tmp_path)) == ""


@pytest.mark.parametrize(
    ("right", "wrong"), [("NoNewPrivileges", "NoNewPrivilges"), ("RestartSec=", "RestartSec=x")]
)
def test_unit__with_an_error__systemd_says_so(tmp_path: Path, right: str, wrong: str) -> None:
    path = installed("drill-oracle.service", tmp_path)
    path.write_text(path.read_text().replace(right, wrong))

    assert "drill-oracle.service:" in verify(path)


def test_compose__shipped__is_whole_and_names_the_units_files() -> None:
    done = subprocess.run(
        ["docker-compose", "--file", BOX / "compose.yaml", "config", "--quiet"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load((BOX / "compose.yaml").read_text("utf-8"))["services"]
    assert set(services) == {"broker", "oracle", "bridge-1", "http"}
    for name, unit in (
        ("oracle", "drill-oracle.service"),
        ("bridge-1", "drill-bridge@.service"),
        ("http", "drill-http.service"),
    ):
        assert services[name]["image"] == f"smart-drill-{name.removesuffix('-1')}"
        command = services[name]["command"].replace("/1.toml", "/%i.toml")
        assert f"ExecStart=/opt/smart-drill/bin/{command}\n" in (BOX / unit).read_text("utf-8")
    mounted = [volume.split(":")[1] for volume in services["oracle"]["volumes"]]
    assert mounted == ["/etc/drill-oracle", "/srv/drill-samples", "/var/lib/drill-oracle"]


def test_certificates__authority__has_an_encrypted_key_and_a_passphrase_apart(
    tmp_path: Path,
) -> None:
    folder, passphrase = tmp_path / "ca", tmp_path / "ca.passphrase"

    certificates("ca", folder)

    assert "BEGIN ENCRYPTED PRIVATE KEY" in (folder / "ca.key").read_text()
    assert passphrase.stat().st_mode & 0o777 == 0o600
    assert len(passphrase.read_text().strip()) == 44
    before = passphrase.read_text()
    certificates("client", folder, "bridge-1")
    assert passphrase.read_text() == before


@pytest.mark.parametrize("fault", ["away", "wrong", "open"])
def test_certificates__passphrase_that_does_not_do__leaves_nothing_behind(
    tmp_path: Path, fault: str
) -> None:
    folder, passphrase = tmp_path / "ca", tmp_path / "ca.passphrase"
    certificates("ca", folder)
    kept = passphrase.read_text()
    if fault == "away":
        passphrase.unlink()
    elif fault == "wrong":
        passphrase.write_text("another\n")
    else:
        passphrase.chmod(0o644)

    failed = subprocess.run(
        [SCRIPT, "client", folder, "bridge-1"], capture_output=True, text=True, check=False
    )

    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].startswith("certificates: ")
    assert not list(folder.glob("bridge-1.*"))
    passphrase.write_text(kept)
    passphrase.chmod(0o600)
    certificates("client", folder, "bridge-1")
    assert (folder / "bridge-1.key").stat().st_mode & 0o77 == 0
