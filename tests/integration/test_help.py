"""`--help` of every program and of every command in scripts/: whole, at 80 columns, and no more."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main
from command_lines import APPS, COMMANDS, ENTRY_POINTS, loaded
from typer.testing import CliRunner

from lab.rig.services import ROOT

SECONDS = 600
"""More than any of them takes on a busy machine; one that hangs would take for ever."""

BEHIND = {
    "bench": "lab.bench.__main__:app",
    "chaos": "lab.chaos.__main__:main",
    "demo": "lab.rig.demo:parse",
    "fuzz": "lab.fuzzing.__main__:main",
    "fuzz-audit": "lab.lying_node.__main__:main",
    "fuzz-edge": "lab.malformed.__main__:main",
    "mutate": "lab.mutation.__main__:app",
    "simulate": "lab.simulation.__main__:main",
    "symbolic": "lab.symbolic.__main__:main",
}
"""What reads the command line behind commands whose help is the comment at their top."""


def listing(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def test_programs__those_installed__are_those_looked_at_here() -> None:
    assert {*ENTRY_POINTS, "scripts/box"} == APPS.keys()
    assert {*COMMANDS} - {*BEHIND} == {
        *("box", "certificates", "check", "fresh", "generate", "lock", "page", "setup"),
        "test",
    }


@pytest.mark.parametrize("program", APPS)
def test_program__version_and_help__said(program: str) -> None:
    line = (
        [str(ROOT / program)] if "/" in program else [str(Path(sys.executable).with_name(program))]
    )
    name = program.removeprefix("scripts/")
    for option, told in (("--version", f"{name} "), ("--help", "--version")):
        done = subprocess.run(
            [*line, option], capture_output=True, text=True, timeout=SECONDS, check=True
        )
        assert told in done.stdout
        assert done.stderr == ""


@pytest.mark.parametrize("program", APPS)
def test_program__every_help_at_80_columns__whole_and_no_wider(program: str) -> None:
    """No name is cut short, and no word of a help text is taken for markup and lost."""
    app = loaded(APPS[program])
    todo: list[tuple[list[str], Any]] = [([], typer.main.get_command(app))]
    while todo:
        words, one = todo.pop()
        shown = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).invoke(
            app, [*words, "--help"]
        )
        assert shown.exit_code == 0
        assert max(map(len, shown.stdout.splitlines())) <= 80
        assert "\N{HORIZONTAL ELLIPSIS}" not in shown.stdout, (words, shown.stdout)
        for parameter in one.params:
            told = set((getattr(parameter, "help", None) or "").split())
            assert told <= set(shown.stdout.split()), (words, parameter.name)
        todo += [([*words, name], sub) for name, sub in getattr(one, "commands", {}).items()]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "box"])
@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_command__help_where_nothing_is_set_up__said_at_80_columns_and_nothing_done(
    tmp_path: Path, name: str, arguments: list[str]
) -> None:
    """In a checkout of which nothing else is there, so that any further step fails or shows."""
    command = tmp_path / "scripts" / name
    command.parent.mkdir()
    shutil.copy(ROOT / "scripts" / name, command)
    before = listing(tmp_path)
    done = subprocess.run(
        [command, *arguments],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert any(f"scripts/{name}" in line for line in lines)
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line.startswith("#")]
    assert listing(tmp_path) == before


def test_box__nothing_set_up__told_what_to_run_first(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "box", tmp_path / "scripts" / "box")
    done = subprocess.run(
        [tmp_path / "scripts" / "box", "--help"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "box: run scripts/setup first\n")


class AskedError(Exception):
    """Ends a command line's reader before it does anything; carries its options."""


def options_of_typer(app: Any) -> set[str]:
    if not isinstance(app, typer.Typer):
        one = typer.Typer(add_completion=False)
        one.command()(app)
        app = one
    found, todo = set[str](), [typer.main.get_command(app)]
    while todo:
        command: Any = todo.pop()
        found |= {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        todo += getattr(command, "commands", {}).values()
    return found


def options_of_argparse(
    main: Callable[[list[str]], Any], monkeypatch: pytest.MonkeyPatch
) -> set[str]:
    def asked(self: argparse.ArgumentParser, _arguments: list[str]) -> None:
        raise AskedError({option for one in self._actions for option in one.option_strings})

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", asked)
    with pytest.raises(AskedError) as told:
        main([])
    options: set[str] = told.value.args[0]
    return options


@pytest.mark.parametrize("name", BEHIND)
def test_command__options_of_its_help__are_those_that_it_takes(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    reader = loaded(BEHIND[name])
    if name in ("bench", "mutate", "symbolic"):
        taken = options_of_typer(reader)
    else:
        taken = options_of_argparse(reader, monkeypatch)
    head = (ROOT / "scripts" / name).read_text("utf-8").partition("\n[[")[0]
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", head))
    assert told == {one for one in taken if not one.startswith("--no-")} - {"--help"}


def test_lock__anything_but_help__refused_before_it_begins() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "lock", "--no-such-option"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "lock: there are no options; see scripts/lock --help\n"
