"""`scripts/check` and `scripts/test`: what they run for which arguments, in which order."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from lab.rig.services import ROOT

SECONDS = 600
"""More than any of them takes on a busy machine; one that hangs would take for ever."""

STYLE = ["ruff check {0}", "ruff format --check {0}"]
ROOMS = "protocol host chain device oracle live position provider audit condition lab"
WHOLE = ["lint-imports", "vulture", f"vulture {ROOMS}", "mypy"]

CAMPAIGNS = ("fuzz", "symbolic", "simulate", "fuzz-audit", "chaos")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A few rooms with tests, and programs that note how they are called in `calls`."""
    noted = f'#!/bin/sh\necho "${{0##*/}} $*" >>{tmp_path}/calls\n'
    programs = [
        f".venv/bin/{name}" for name in ("ruff", "lint-imports", "vulture", "mypy", "python")
    ]
    commands = [f"scripts/{name}" for name in ("setup", "page", *CAMPAIGNS)]
    for name in (*programs, *commands):
        stand_in = tmp_path / name
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.write_text(noted, "ascii")
        stand_in.chmod(0o755)
    for name in ("check", "test"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts" / name)
    for folder in ("oracle/leasing", "lab/simulation", "lab/bench", "contracts", "web", "docs"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("oracle", "simulation", "contracts", "web", "integration"):
        (tmp_path / "tests" / folder).mkdir(parents=True)
    for file in ("oracle/leasing/run.py", "tests/oracle/test_run.py", "contracts/DrillMeter.vy"):
        (tmp_path / file).touch()
    for name in "ab":
        (tmp_path / "tests" / "integration" / f"test_oracle_{name}.py").touch()
    (tmp_path / ".venv" / "complete").touch()
    return tmp_path


def called(checkout: Path, command: str, *arguments: str, **variables: str) -> list[str]:
    """The calls that a command makes, in order; raises CalledProcessError."""
    subprocess.run(
        [checkout / "scripts" / command, *arguments],
        cwd=checkout,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return [line.rstrip() for line in (checkout / "calls").read_text("utf-8").splitlines()]


def test_check__no_arguments__all_but_what_takes_long(checkout: Path) -> None:
    *before, tests = called(checkout, "check")
    assert before == [*(line.format(".") for line in STYLE), *WHOLE]
    for folder in ("contracts", "integration", "e2e", "web"):
        assert f" --ignore=tests/{folder}" in tests
    assert "-m not campaign and not integration and not e2e" in tests


@pytest.mark.parametrize(
    ("path", "styled", "tested"),
    [
        ("oracle", "oracle", "tests/oracle"),
        ("./oracle/leasing/", "oracle/leasing", "tests/oracle"),
        ("oracle/leasing/run.py", "oracle/leasing/run.py", "tests/oracle"),
        ("lab/simulation", "lab/simulation", "tests/simulation"),
        ("tests/oracle", "tests/oracle", "tests/oracle"),
        ("tests/oracle/test_run.py::test_x", "tests/oracle/test_run.py", None),
        ("contracts/DrillMeter.vy", "", "tests/contracts"),
        ("lab/bench", "lab/bench", ""),
        ("docs", "docs", ""),
    ],
)
def test_check__a_path__its_style_and_its_tests(
    checkout: Path, path: str, styled: str, tested: str | None
) -> None:
    style = [line.format(styled) for line in STYLE] if styled else []
    named = path if tested is None else tested
    tests = [f"python -m pytest --quiet {named}"] if named else []
    assert called(checkout, "check", path) == [*style, *WHOLE, *tests]


def test_check__the_page__its_own_checks(checkout: Path) -> None:
    assert called(checkout, "check", "web") == [*WHOLE, "page --check"]


def test_check__no_such_path__refused_before_anything(checkout: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        called(checkout, "check", "oracle", "orcale")
    assert refused.value.returncode == 2
    assert refused.value.stderr == "check: there is no orcale here; see scripts/check --help\n"
    assert not (checkout / "calls").exists()


def test_check__something_fails__ends_there(checkout: Path) -> None:
    (checkout / ".venv" / "bin" / "mypy").write_text("#!/bin/sh\nexit 1\n", "ascii")
    with pytest.raises(subprocess.CalledProcessError):
        called(checkout, "check")
    assert "python" not in (checkout / "calls").read_text("utf-8")


@pytest.mark.parametrize("command", ["check", "test"])
def test_commands__bytecode_not_wanted_by_the_environment__kept_all_the_same(
    checkout: Path, command: str
) -> None:
    """Each program that a test starts would compile all that it imports, which takes most of it."""
    python = checkout / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "kept: ${PYTHONDONTWRITEBYTECODE-yes}" >>calls\n', "ascii")
    assert "kept: yes" in called(checkout, command, "tests/oracle", PYTHONDONTWRITEBYTECODE="1")


def test_check__nothing_set_up__sets_up_first(checkout: Path) -> None:
    (checkout / ".venv" / "complete").unlink()
    assert called(checkout, "check", "docs")[0] == "setup"


def test_test__paths__set_up_and_these_tests_and_nothing_else(checkout: Path) -> None:
    assert called(checkout, "test", "tests/oracle", "-k", "run") == [
        "setup --quiet --with-debian",
        "python -m pytest --optimisers=all tests/oracle -k run",
    ]


@pytest.mark.parametrize(
    ("arguments", "page"), [([], ["-p no:cacheprovider tests/e2e tests/web"]), (["--fast"], [])]
)
def test_test__everything__each_test_in_one_of_the_runs(
    checkout: Path, arguments: list[str], page: list[str]
) -> None:
    """What one run is told to take, the others are told to leave."""
    found = called(checkout, "test", *arguments)
    runs = {line.removeprefix("python -m pytest ") for line in found if "-m pytest" in line}
    folders = ("e2e", "web", "integration")
    computing = "--optimisers=all --numprocesses=2 --dist=worksteal"
    assert runs == {
        *page,
        "-p no:cacheprovider tests/integration/test_oracle_a.py tests/integration/test_oracle_b.py",
        f"{computing} " + " ".join(f"--ignore=tests/{folder}" for folder in folders),
        "-p no:cacheprovider tests/integration --ignore-glob=tests/integration/test_[d-z]*",
        "-p no:cacheprovider tests/integration --ignore-glob=tests/integration/test_[!d-o]*"
        " --ignore-glob=tests/integration/test_oracle_[a-n]*",
        "-p no:cacheprovider tests/integration --ignore-glob=tests/integration/test_[!p-z]*",
    }
    assert found[0] == "setup --with-debian"
    assert "page --check" in found
    assert [word for line in found if (word := line.split()[0]) in CAMPAIGNS] == [*CAMPAIGNS]


def test_test__each_file_of_integration_and_any_new_one__in_one_run_only(checkout: Path) -> None:
    of = "tests/integration"
    names = {path.name for path in (ROOT / of).glob("test_*.py")}
    new = {"test_2.py", "test_offer.py", "test_oracle.py", "test_oracle_2.py", "test_zeal.py"}
    for name in names | new:
        (checkout / of / name).touch()
    taken: list[str] = []
    for line in called(checkout, "test", "--fast"):
        words = line.split()
        asked = [word for word in words if word.startswith(of)]
        left = [word.partition("=")[2] for word in words if word.startswith("--ignore-glob=")]
        found = {f"{of}/{name}" for name in names | new} if of in asked else {*asked}
        taken += [one for one in found if not any(fnmatch(one, glob) for glob in left)]

    stand_ins = {f"{of}/test_oracle_{name}.py" for name in "ab"}
    assert sorted(taken) == sorted({f"{of}/{name}" for name in names | new} | stand_ins)


def test_test__one_of_the_runs_fails__so_does_all(checkout: Path) -> None:
    failing = checkout / "scripts" / "chaos"
    failing.write_text("#!/bin/sh\nexit 1\n", "ascii")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        called(checkout, "test")
    assert "something failed" in failed.value.stdout
    assert "numprocesses=2" in (checkout / "calls").read_text("utf-8")


def test_test__fast_with_paths__refused(checkout: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        called(checkout, "test", "--fast", "tests/oracle")
    assert refused.value.stderr == "test: --fast goes alone; see scripts/test --help\n"


def collected(*arguments: str) -> list[str]:
    """The names of the contract's tests of `end_rental` that pytest would run."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--collect-only", "--quiet"),
            *("-p", "no:cacheprovider", "tests/contracts/test_end_rental.py", *arguments),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_optimisers__not_named__as_deployed_once() -> None:
    found = collected()
    assert found
    assert all("[codesize" in name for name in found)


def test_optimisers__all__each_test_three_times() -> None:
    found, once = collected("--optimisers=all"), collected()
    for optimiser in ("codesize", "gas", "none"):
        assert [name for name in found if f"[{optimiser}" in name] == [
            name.replace("[codesize", f"[{optimiser}") for name in once
        ]
