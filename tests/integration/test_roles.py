"""The wheel, installed for one role at a time: what is there, what is not, and that it starts.

Nothing of the checkout is on the path of these programs. They are started in an empty folder.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from role_settings import CONTRACT, NOBODY, write_settings

from lab.rig.roles import PROGRAMS, build_wheel, install_locked, install_role, lock_of, packages_in
from lab.rig.services import ROOT

pytestmark = pytest.mark.integration

ROOMS = {
    "protocol",
    "host",
    "chain",
    "device",
    "oracle",
    "live",
    "position",
    "provider",
    "audit",
    "condition",
}

FIGURES = ROOT / "docs" / "install.json"

SIGNING = {"coincurve", "eth-account", "eth-keys", "python-pkcs11", "web3"}
MACHINE = {"cobs", "pynmeagps", "pyserial"}
SERVER = {"fastapi", "starlette", "uvicorn"}
STORE = {"psycopg", "sqlalchemy"}
TOOLS = {"eth-ape", "pip", "pytest", "setuptools", "vyper"}

ABSENT = {
    "audit": {"eth-account", "python-pkcs11", "web3", "paho-mqtt", *MACHINE, *SERVER, *STORE},
    "bridge": {"eth-account", "python-pkcs11", "web3", "fpdf2", "pynmeagps", *SERVER, *STORE},
    "condition": {"fpdf2", "paho-mqtt", "rlp", "trie", *SIGNING, *MACHINE, *SERVER, *STORE},
    "http": {"eth-utils", "fpdf2", "rlp", "trie", *SIGNING, *MACHINE, *STORE},
    "oracle": {"fpdf2", "psycopg", *MACHINE, *SERVER},
    "position": {"cobs", "fpdf2", "paho-mqtt", "rlp", "trie", *SIGNING, *SERVER, *STORE},
    "provider": {"fpdf2", "paho-mqtt", "python-pkcs11", *MACHINE, *SERVER, *STORE},
}
"""What each role does without; TOOLS are in none."""

STARTS_ALL_THE_SAME = {
    "audit": {"audit", "condition"},
    "bridge": {"audit", "bridge", "condition"},
    "condition": {"condition"},
    "http": {"condition", "http"},
    "oracle": {"audit", "condition", "oracle", "provider"},
    "position": {"condition", "position"},
    "provider": {"condition", "provider"},
}
"""The roles whose programs start with the packages of a role."""

SECONDS = 600
"""More than any of them takes on a busy machine; one that hangs would take for ever."""


@dataclass(frozen=True, slots=True)
class Role:
    """A virtual environment with one role in it, and settings for the programs of all."""

    name: str
    bin: Path
    settings: dict[str, Path]
    empty: Path

    def run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.start(self.bin / program, *arguments)

    def imported(self, program: str, *arguments: str | Path) -> set[str]:
        """The modules that a program loads on its way."""
        done = self.start(self.bin / "python", "-X", "importtime", self.bin / program, *arguments)
        return set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE))

    def start(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.empty,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def role(request: pytest.FixtureRequest, wheel: Path) -> Iterator[Role]:
    with tempfile.TemporaryDirectory(prefix=f"role-{request.param}-") as name:
        folder = Path(name)
        (folder / "empty").mkdir()
        settings = write_settings(folder / "root")
        bin_folder = install_role(request.param, wheel, folder / "venv")
        yield Role(request.param, bin_folder, settings, folder / "empty")


def test_wheel__built__holds_the_programs_and_nothing_of_the_laboratory(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == ROOMS
    assert {Path(name).suffix for name in names if "dist-info" not in name} == {
        *(".py", ".json", ".typed")
    }
    shipped = {name for name in names if name.endswith(".py")}
    here = {str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert shipped == here


def test_figures__in_the_docs__are_those_of_the_locks() -> None:
    """What is measured on another machine, by `scripts/bench install`, for Python 3.11 on Linux."""
    figures = {one["extra"]: one for one in json.loads(FIGURES.read_text("ascii"))}
    for role in PROGRAMS:
        assert figures[role]["packages"] == len(pinned(role)) + 1
    for page in ("README.md", "docs/operating-an-edge-box.md"):
        lines = [line.split("|") for line in (ROOT / page).read_text("utf-8").splitlines()]
        shown = [
            (extra, int(row[-3]), int(row[-2]))
            for row in lines
            for extra in figures
            if len(row) > 4 and f" `{extra}` " in row[1:3]
        ]
        assert len(shown) >= 5
        for extra, packages, megabytes in shown:
            assert figures[extra] == {
                "extra": extra,
                "packages": packages,
                "megabytes": megabytes,
            }


def pinned(role: str) -> set[str]:
    """The packages that a role's lock has for Python 3.11 on Linux."""
    here = {
        "python_full_version": "3.11.2",
        "python_version": "3.11",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    lines = re.findall(r"^[\w.-]+==[^\\\n]+", lock_of(role).read_text("utf-8"), re.MULTILINE)
    wanted = [Requirement(line.strip()) for line in lines]
    return {one.name for one in wanted if one.marker is None or one.marker.evaluate(here)}


def test_role__installed__has_the_packages_of_its_lock_and_no_others(role: Role) -> None:
    found = packages_in(role.bin)

    assert not {*found} & {*ABSENT[role.name], *TOOLS}
    pinned = dict(
        re.findall(r"^([\w.-]+)==(\S+)", lock_of(role.name).read_text("utf-8"), re.MULTILINE)
    )
    assert found.pop("smart-drill")
    assert found.items() <= pinned.items()


def test_role__its_programs__start_and_say_version_and_help(role: Role) -> None:
    for program in PROGRAMS[role.name]:
        told = role.run(program, "--version")
        assert told.stderr == ""
        assert told.returncode == 0
        assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", told.stdout)
        helped = role.run(program, "--help")
        assert helped.stderr == ""
        assert helped.returncode == 0
        assert f"Usage: {program}" in helped.stdout


def test_role__its_work__begins_and_misses_no_package(role: Role) -> None:
    """As far as it can without chain and broker: what it says is missing is not a package."""
    for program in PROGRAMS[role.name]:
        if program in role.settings:
            done = role.run(program, "check", "--settings", role.settings[program])
            assert done.returncode == 1, done.stderr
            assert done.stdout.rstrip().endswith("missing.")
            assert "is not installed" not in done.stdout
            assert done.stderr == ""
    if role.name == "oracle":
        only_what_is_asked_for(role)
    if role.name == "audit":
        done = role.run("drill-audit", "run", "--rpc", NOBODY, "--contract", CONTRACT)
        assert done.returncode == 2
        assert re.fullmatch(r"drill-audit: .* cannot be reached.*\n", done.stderr)
    if role.name == "provider":
        record = role.settings["drill-oracle"].with_name("deployment.json")
        done = role.run("drill-provider", "--rpc", NOBODY, "--deployment", record, "status")
        assert done.returncode == 2
        assert re.fullmatch(r"drill-provider: .*\n", done.stderr)


def test_role__programs_of_other_roles__one_line_with_the_command_to_type(role: Role) -> None:
    """Every program lies in the wheel; those whose packages are not there say what to do.

    The oracle's packages contain the provider's, and a bridge's all of the auditor's but those that
    make a bill's PDF, which is looked for when a bill is asked for.
    """
    for other, programs in PROGRAMS.items():
        for program in programs if other not in STARTS_ALL_THE_SAME[role.name] else ():
            done = role.run(program, "--help")
            assert done.returncode == 2, f"{program} in {role.name}"
            assert re.fullmatch(
                rf"{program}: the Python package \w+ is not installed; type: "
                rf"{re.escape(str(role.bin))}/python3? -m pip install 'smart-drill\[{other}\]'\n",
                done.stderr,
            ), done.stderr
            assert done.stdout == ""


def only_what_is_asked_for(role: Role) -> None:
    """An oracle loads no token's library for keystores, and asks for PostgreSQL's when it must."""
    settings = role.settings["drill-oracle"]
    loaded = role.imported("drill-oracle", "check", "--settings", settings)
    assert "web3" in loaded
    assert not {name.partition(".")[0] for name in loaded} & {"pkcs11", "psycopg", "asn1crypto"}

    elsewhere = settings.with_name("elsewhere.toml")
    elsewhere.write_text(
        re.sub('"sqlite://.*"', '"postgresql+psycopg://drill@db/drill"', settings.read_text())
    )
    done = role.run("drill-oracle", "export", "--settings", elsewhere, "--to", role.empty / "new")
    assert done.returncode == 2
    assert re.fullmatch(
        r"drill-oracle: the Python package psycopg is not installed; type: .*"
        r" -m pip install 'smart-drill\[postgres\]'\n",
        done.stderr,
    )


def test_program__only_the_bare_package__the_command_that_it_names_installs_the_rest(
    wheel: Path, tmp_path: Path
) -> None:
    """With pip in it, as a user's is; in the versions of the lock, which this does not try."""
    bin_folder = install_locked([], wheel, tmp_path / "venv")
    pins = re.findall(r"^[\w.-]+==\S+", lock_of("http").read_text("utf-8"), re.MULTILINE)
    (tmp_path / "pins").write_text("\n".join(pins))
    said = subprocess.run([bin_folder / "drill-http"], capture_output=True, text=True, check=False)
    assert said.returncode == 2
    command = said.stderr.rstrip().partition("; type: ")[2]

    subprocess.run([bin_folder / "python", "-m", "ensurepip"], capture_output=True, check=True)
    subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, "PIP_CONSTRAINT": str(tmp_path / "pins")},
        capture_output=True,
        check=True,
    )

    told = subprocess.run([bin_folder / "drill-http", "--version"], check=False)
    assert told.returncode == 0
