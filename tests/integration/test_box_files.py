"""What is shipped for a box: units, compose file, broker and certificates, as files that hold."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
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
    "drill-position.service": "drill-position.service",
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


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        (
            "drill-oracle",
            {
                "etc/drill-oracle": ("drill-oracle", 0o700),
                "etc/drill-bridge": ("drill-oracle", 0o700),
                "etc/mosquitto/drill": ("mosquitto", 0o700),
                "var/lib/drill-oracle": ("drill-oracle", 0o700),
                "var/lib/drill-bridge": ("drill-oracle", 0o700),
                "srv/drill-samples": ("drill-oracle", 0o755),
            },
        ),
        ("drill-http", {"etc/drill-http": ("drill-http", 0o700)}),
        (
            "drill-position",
            {
                "etc/drill-position": ("drill-position", 0o700),
                "var/lib/drill-position": ("drill-position", 0o700),
                "var/lib/drill-theft": ("drill-position", 0o755),
            },
        ),
    ],
)
def test_users_and_folders__shipped__are_made_by_systemd(
    tmp_path: Path, name: str, folders: dict[str, tuple[str, int]]
) -> None:
    """In a root of its own; its packages would have brought the broker's user."""
    (tmp_path / "etc").mkdir()
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for command in (
        ["systemd-sysusers", "--inline", "u mosquitto -"],
        ["systemd-sysusers", BOX / f"{name}.sysusers"],
        ["systemd-tmpfiles", "--create", BOX / f"{name}.tmpfiles"],
    ):
        program, *arguments = command
        done = subprocess.run(
            [*sudo, program, f"--root={tmp_path}", *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    lines = [line.split(":") for line in (tmp_path / "etc/passwd").read_text().splitlines()]
    users = {int(fields[2]): fields[0] for fields in lines}
    assert {fields[6] for fields in lines} == {"/usr/sbin/nologin"}
    found = {path: (tmp_path / path).stat() for path in folders}
    assert folders == {
        path: (users[status.st_uid], status.st_mode & 0o7777) for path, status in found.items()
    }


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


def test_images__shipped__one_a_role_with_all_that_the_wheel_is_made_of() -> None:
    """`scripts/fresh --images` builds them; here it is held against what is in the house."""
    text = (BOX / "Containerfile").read_text("utf-8")
    targets = {"oracle", "bridge", "http", "audit"}
    packages = {f"{one}-packages" for one in targets}
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE))
    assert stages == {"base", "builder", *targets, *packages}
    locks = re.findall(r"--requirement (requirements/\w+\.lock)", text)
    assert {*locks} == {f"requirements/{one}.lock" for one in targets}
    copied = set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE)) - {"LICENSES", "requirements"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    rooms = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert copied == {room.removesuffix("*") for room in rooms}
    let_in = (ROOT / ".dockerignore").read_text("utf-8")
    sources = {
        word
        for line in re.findall(r"^COPY ([^-].*)$", text, re.MULTILINE)
        for word in line.split()[:-1]
    }
    assert sources == set(re.findall(r"^!(.*)$", let_in, re.MULTILINE))


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
