"""Each program as a process, started with what it cannot use: one line, and no traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import fill, small_disk
from typer.testing import CliRunner

import audit.cli
import condition.cli
import device.cli
import live.cli
import oracle.cli
import position.cli
import provider.cli
from lab.rig.box_files import write_secret
from lab.rig.services import Mosquitto, free_port

PROGRAMS = {
    "drill-oracle": ["oracle"],
    "drill-http": ["live"],
    "drill-audit": ["audit"],
    "drill-bridge": ["device", "bridge"],
    "drill-controller": ["device", "controller"],
    "drill-condition": ["condition"],
    "drill-position": ["position"],
    "drill-provider": ["provider"],
}
APPS = {
    "drill-oracle": oracle.cli.app,
    "drill-http": live.cli.app,
    "drill-audit": audit.cli.app,
    "drill-bridge": device.cli.bridge,
    "drill-condition": condition.cli.app,
    "drill-controller": device.cli.controller,
    "drill-position": position.cli.app,
    "drill-provider": provider.cli.app,
}
WITH_SETTINGS = [
    ("drill-oracle", ["run"]),
    ("drill-oracle", ["check"]),
    ("drill-oracle", ["export", "--to", "."]),
    ("drill-oracle", ["ocmf", "--rental", "1"]),
    ("drill-http", ["run"]),
    ("drill-http", ["site"]),
    ("drill-bridge", ["run"]),
    ("drill-position", ["run"]),
    ("drill-position", ["status"]),
]
CONTRACT = "0x" + "d" * 40
AUDIT = ["--rpc", "http://127.0.0.1:1", "--contract", CONTRACT]
CONTROLLER = ["--drill", "1", "--oracle-key", CONTRACT, "--chain-id", "1", "--contract", CONTRACT]
SECONDS = 120
"""More than any of them takes on a busy machine; one that hangs would take for ever."""


def command(program: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", *PROGRAMS[program], *map(str, arguments)]


def refusal(program: str, *arguments: str | Path) -> str:
    """The one line of a program that ends with status 2; in this process, which is faster."""
    done = CliRunner().invoke(APPS[program], [str(one) for one in arguments])
    assert done.exit_code == 2, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"{program}: ")
    return lines[0]


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, Path]:
    """Things that are not settings, by what is wrong with them."""
    files = {
        name: tmp_path / name for name in ("gone", "folder", "empty", "binary", "other", "pipe")
    }
    files["folder"].mkdir()
    files["empty"].touch()
    files["binary"].write_bytes(bytes(range(256)))
    files["other"].write_text("[somebody]\nelse = 1\n")
    os.mkfifo(files["pipe"])
    files["endless"] = Path("/dev/zero")
    return files


@pytest.mark.parametrize(("program", "arguments"), WITH_SETTINGS)
def test_program__settings_of_every_wrong_kind__named_in_one_line(
    odd: dict[str, Path], program: str, arguments: list[str]
) -> None:
    for path in odd.values():
        assert str(path) in refusal(program, *arguments, "--settings", path)


@pytest.mark.parametrize("program", PROGRAMS)
def test_program__output_that_nobody_takes__status_2_and_one_line(program: str) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123  a device
        done = subprocess.run(
            command(program, "--help"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr

    closed = ["sh", "-c", 'exec "$@" <&- >&-', "sh", *command(program, "--help")]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Bad file descriptor" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_program__errors_that_nobody_takes__status_2_all_the_same(
    program: str, unbuffered: str
) -> None:
    """With a buffer Python tries once more at its end, and fails with a status of its own."""
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    for redirection in ("2>&-", "2>/dev/full"):
        line = ["sh", "-c", f'exec "$@" {redirection}', "sh", *command(program, "--nothing")]
        done = subprocess.run(line, timeout=SECONDS, check=False, env=environment)
        assert done.returncode == 2


def test_program__packages_missing_and_nobody_takes_errors__status_2_all_the_same() -> None:
    call = "from host.start import start; start('drill-x', 'no_such_package', 'main', extra='edge')"
    line = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh", sys.executable, "-c", call]
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(line, timeout=SECONDS, check=False, env=environment)
    assert done.returncode == 2


@pytest.mark.parametrize("program", PROGRAMS)
def test_program__interrupted_while_it_loads__ends_at_once_without_a_traceback(
    program: str,
) -> None:
    """The interrupt comes when the first library of others is loaded: `-v` says each."""
    line = command(program, "--help")
    line.insert(1, "-v")
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        assert one.stderr is not None
        for said in one.stderr:
            if "import 'structlog'" in said or "import 'typer'" in said:
                one.send_signal(signal.SIGINT)
                break
        rest = one.stderr.read()
        assert one.wait(SECONDS) == (2 if program == "drill-audit" else -signal.SIGINT)
    assert "Traceback" not in rest
    assert "KeyboardInterrupt" not in rest
    # The auditor's statuses mean something, so it makes one of its own of an interrupt.


def test_program__interrupt_ignored_by_who_started_it__stays_ignored() -> None:
    line = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command("drill-oracle", "--version")]
    line.insert(line.index("-m"), "-v")
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        assert one.stderr is not None
        for said in one.stderr:
            if "import 'typer'" in said:
                one.send_signal(signal.SIGINT)
                break
        one.stderr.read()
        assert one.wait(SECONDS) == 0


def test_http__port_in_use__said_and_status_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal("drill-http", "run", "--settings", http_settings(tmp_path, port))
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_http__told_to_stop__ends_with_status_0(tmp_path: Path, number: signal.Signals) -> None:
    with Mosquitto(tmp_path / "logs") as broker:
        settings = http_settings(tmp_path, free_port(), broker.port)
        line = command("drill-http", "run", "--settings", settings)
        with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as one:
            assert one.stderr is not None
            for said in one.stderr:
                if '"page served"' in said:
                    break
            one.send_signal(number)
            rest = one.stderr.read()
            assert one.wait(SECONDS) == 0, rest
    assert "page no longer served" in rest
    assert "Traceback" not in rest


def http_settings(folder: Path, port: int, broker_port: int = 1) -> Path:
    record = (
        f'{{"chain_id": 1, "contract": "{CONTRACT}", "asset": "{CONTRACT}", "block_number": 0, '
        f'"block_hash": "0x{"1" * 64}", "grace_period_seconds": 3600, "provider": "{CONTRACT}", '
        '"compiler": "", "bytecode_sha256": ""}'
    )
    (folder / "deployment.json").write_text(record)
    (folder / "index.html").write_text("<!doctype html>")
    settings = folder / "http.toml"
    settings.write_text(
        f'deployment = "{folder}/deployment.json"\n'
        f'[page]\nfolder = "{folder}"\nrpc_url = "http://127.0.0.1:1"\n'
        f'[broker]\nhost = "127.0.0.1"\nport = {broker_port}\n[listen]\nport = {port}\n'
        '[[drills]]\nnumber = 1\nname = "one"\n'
    )
    return settings


def test_keys_new__full_disk__one_line_and_no_file_left(tmp_path: Path) -> None:
    write_secret(tmp_path / "password", "secret\n")
    with small_disk(tmp_path / "disk", 1_000_000) as disk:
        fill(disk)
        line = refusal(
            "drill-oracle",
            *("keys", "new", "--out", disk / "key.json"),
            *("--password-file", tmp_path / "password"),
        )
        assert "key.json: No space left on device" in line
        assert not (disk / "key.json").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run"], "cannot be reached"),
        (["run", "--samples", "/gone"], "/gone"),
        (["mirror", "--samples", "/gone", "--to", "/proc/nowhere"], "/gone"),
    ],
)
def test_audit__what_it_cannot_use__one_line_and_status_2(
    arguments: list[str], complaint: str
) -> None:
    assert complaint in refusal("drill-audit", arguments[0], *AUDIT, *arguments[1:])


def test_audit_verify__no_proof_of_every_kind__one_line_and_status_2(odd: dict[str, Path]) -> None:
    for name, path in odd.items():
        line = refusal("drill-audit", "verify", path, "--block-hash", "0x" + "1" * 64)
        assert str(path) in line or "not a proof: " in line, name


@pytest.mark.parametrize("option", ["--port-link", "--operator", "--memory", "--trace"])
def test_controller__place_of_every_wrong_kind__one_line_and_status_2(
    odd: dict[str, Path], tmp_path: Path, option: str
) -> None:
    places = {
        name: tmp_path / name.strip("-") for name in ("--port-link", "--operator", "--memory")
    }
    wrong = [odd["folder"], tmp_path / "gone" / "file", odd["empty"] / "file"]
    wrong += [odd["binary"]] if option in ("--memory", "--trace") else []
    for path in wrong:
        chosen = {**places, option: path}
        more = ["--columns", "rpm=rpm,torque=torque"] if option == "--trace" else []
        words = [str(word) for pair in chosen.items() for word in pair]
        assert str(path) in refusal("drill-controller", *CONTROLLER, *more, *words)


def test_bridge__spool_that_cannot_be_made__one_line_and_status_2(
    odd: dict[str, Path], tmp_path: Path
) -> None:
    write_secret(tmp_path / "key", "ab" * 32 + "\n")
    for spool in (odd["folder"], tmp_path / "gone" / "spool", odd["binary"]):
        settings = tmp_path / "bridge.toml"
        settings.write_text(
            f'drill = 1\nport = "/dev/null"\nspool = "{spool}"\n'
            f'message_key_file = "{tmp_path}/key"\n'
        )
        assert str(spool) in refusal("drill-bridge", "run", "--settings", settings)
