"""README and docs/ against what is there: each command in them exists and takes the options that it
is given, each path and link leads somewhere, and each setting is one, with the default told."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from command_lines import APPS, COMMANDS, loaded
from pydantic import BaseModel

from device.bridge.settings import BridgeSettings
from lab.rig.services import ROOT
from live.settings import HttpSettings
from oracle.settings import Settings as OracleSettings
from position.settings import PositionSettings

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
OPENS = re.compile(
    r"(?:^|[;&|] |\brunuser -u \S+ -- |# )"
    r"(?=(?:drill-(?:audit|bridge|condition|controller|http|oracle|position|provider)|scripts/[a-z-]+)(?:\s|$))"
)
"""What stands before a program that is called, and not named in an argument or a sentence."""

DEPLOY = "ape run deploy"

SETTINGS: dict[str, dict[str, type[BaseModel]]] = {
    "docs/operating-an-edge-box.md": {"oracle": OracleSettings, "bridge": BridgeSettings},
    "docs/page.md": {"http": HttpSettings},
    "docs/position.md": {"position": PositionSettings},
}

TABLES = (
    "keys.signing_token",
    "keys.signing_tpm",
    "keys.next_token",
    "keys.next_tpm",
    "message_keys",
)
"""Settings that are tables of their own; the page explains in words what is in them."""


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def passages(name: str) -> Iterator[tuple[str, str]]:
    """Blocks by their language, indented ones by none, and `inline`, what is in backquotes."""
    fence: str | None = None
    block: list[str] = []
    prose: list[str] = []
    for line in [*text_of(name).split("\n"), ""]:
        if line.startswith("```"):
            if fence is not None:
                yield fence, "\n".join(block)
                block = []
            fence = None if fence is not None else line[3:].strip() or "text"
        elif fence is not None:
            block.append(line)
        elif line.startswith("    "):
            block.append(line[4:])
        else:
            if block:
                yield "", "\n".join(block)
                block = []
            prose.append(line)
    assert fence is None, f"{name}: a block is not closed"
    for code in re.findall(r"`([^`]+)`", "\n".join(prose)):
        yield "inline", " ".join(code.split())


def commands(name: str) -> Iterator[str]:
    """Each command line of ours, whole; what stands behind it as an explanation is left out."""
    for kind, text in passages(name):
        if kind not in ("", "sh", "inline"):
            continue
        # A line goes on after a backslash, and in an overview where the next one is indented.
        whole = re.sub(r"\\\n\s*", " ", text)
        whole = re.sub(r"\n {8,}(?=[\[(-])", " ", whole)
        for line in whole.split("\n"):
            told = re.split(r"\s{2,}(?![\[(-])|\s#\s", line.strip())[0]
            if told.startswith(DEPLOY):
                yield told
            for place in OPENS.finditer(told):
                yield re.split(r" && | \| (?!-)| > ", told[place.end() :])[0]


@cache
def deploy_help() -> str:
    return subprocess.run(
        [*DEPLOY.split(), "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def options_of(command: str) -> set[str]:
    """The options that a command takes, with its subcommand; raises AssertionError for none."""
    if command.startswith(DEPLOY):
        return set(OPTION.findall(deploy_help()))
    program, *words = command.split()
    if program.startswith("scripts/") and program not in APPS:
        assert program.removeprefix("scripts/") in COMMANDS, command
        return set(OPTION.findall(text_of(program).partition("\n[[")[0])) | {"--help"}
    assert program in APPS, command
    one: Any = typer.main.get_command(loaded(APPS[program]))
    taken = {option for parameter in one.params for option in parameter.opts}
    for word in words:
        below = getattr(one, "commands", {})
        if not below:
            break
        if word in below:
            one = below[word]
            taken |= {
                option
                for parameter in one.params
                for option in (*parameter.opts, *parameter.secondary_opts)
            }
        else:
            # An option of the program itself, its value, or a word that stands for any command.
            assert not re.fullmatch(r"[a-z][a-z-]*", word), command
    return taken | {"--help"}


@pytest.mark.parametrize("name", NAMES)
def test_guide__each_command__exists_and_takes_the_options_that_it_is_given(name: str) -> None:
    for command in commands(name):
        given = set(OPTION.findall(command))
        assert given <= options_of(command), command


def test_guide__its_commands__are_found() -> None:
    """Of the programs and of scripts/, each; so the reading above does not pass by finding none."""
    found = [command for name in NAMES for command in commands(name)]
    programs = {command.split()[0] for command in found if not command.startswith(DEPLOY)}
    assert programs == {*APPS, *(f"scripts/{name}" for name in COMMANDS)}
    overview = (
        "drill-audit run --rpc URL --contract ADDRESS [--chain-id N] [--rental N] [--from-block"
    )
    assert any(one.startswith(overview) for one in found)
    assert any(one.startswith("ape run deploy --network $RPC") for one in found)
    assert any(one.startswith("drill-bridge replace-controller --settings") for one in found)
    assert len([one for one in found if OPTION.search(one)]) > 60


@pytest.mark.parametrize(
    "wrong",
    [
        "drill-audit run --rpcs URL",
        "drill-audit look --rpc URL",
        "drill-nothing run",
        "scripts/nothing",
        "scripts/demo --silent",
        "ape run deploy --plans FILE",
    ],
)
def test_guide__command_that_is_wrong__would_be_seen(wrong: str) -> None:
    try:
        taken = options_of(wrong)
    except AssertionError:
        return
    assert not set(OPTION.findall(wrong)) <= taken


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", NAMES)
def test_guide__each_link_and_path__leads_somewhere(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(name)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name}: {target}"
        assert not anchor or anchor in anchors(there), f"{name}: {target}"
    ours = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    for kind, text in passages(name):
        for path in re.findall(r"(?<![\w/.-])[a-z]+/[\w./@-]*\w", text) if kind == "inline" else ():
            if path.split("/")[0] in ours - {"boxes", "deployments"} and path != "web/dist":
                assert (ROOT / path).exists(), f"{name}: {path}"


@cache
def rooms() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return {path.split("/")[0] for path in listed if "/" in path and not path.startswith(".")}


def test_contributing__where_things_live__names_every_room() -> None:
    told = set(re.findall(r"^    ([a-z]+)/ ", text_of("CONTRIBUTING.md"), re.MULTILINE))
    assert told == rooms() - {"LICENSES", "box"}


def first_cells(name: str, head: str) -> set[str]:
    """What stands in backquotes in the first column of the table with that head."""
    table = text_of(name).split(f"| {head} |")[1].split("\n\n")[0]
    return set(re.findall(r"^\| `([\w./]+)` \|", table, re.MULTILINE))


def test_development__rooms__are_all_there_are() -> None:
    assert first_cells("docs/development.md", "room") == {
        f"{room}/" for room in rooms() - {"LICENSES"}
    }


def test_development__where_the_formula_stands__prices_time_turns_and_standing() -> None:
    places = first_cells("docs/development.md", "where")
    assert len(places) == 10
    for place in places:
        text = text_of(place)
        assert "1000" in text, place
        assert "standing" in text, place


def pictures() -> list[str]:
    return sorted(path.name for path in (ROOT / "docs" / "page").glob("*.png"))


def test_guide__each_picture__is_shown() -> None:
    told = "\n".join(text_of(name) for name in NAMES)
    assert [name for name in pictures() if f"page/{name})" not in told] == []


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def strange(table: dict[str, Any], model: type[BaseModel]) -> list[str]:
    """Names in a table of settings that its model does not know."""
    found = []
    for name, value in table.items():
        if name not in model.model_fields:
            found.append(name)
            continue
        below = models_in(model.model_fields[name].annotation)
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict) and below:
                found += [f"{name}.{one}" for one in strange(entry, below[0])]
    return found


@pytest.mark.parametrize("name", SETTINGS)
def test_guide__each_settings_file__has_no_name_that_the_program_does_not_know(name: str) -> None:
    read = 0
    for kind, text in passages(name):
        if kind == "toml":
            table = tomllib.loads(text)
            assert [] in [strange(table, model) for model in SETTINGS[name].values()], text
            read += 1
    assert read == text_of(name).count("```toml") > 0


def leaves(model: type[BaseModel], above: str = "") -> dict[str, Any]:
    """Each setting by its whole name, and its default."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        below = models_in(field.annotation)
        if below and not str(field.annotation).startswith("tuple"):
            found |= leaves(below[0], f"{above}{name}.")
        else:
            found[above + name] = field.get_default(call_default_factory=True)
    return found


def rows(name: str) -> Iterator[tuple[list[str], str]]:
    """Names of settings and the default told, of each row of the tables that have both."""
    place: int | None = None
    for line in text_of(name).split("\n"):
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells[:1] == ["setting"]:
            place = cells.index("default")
        elif not cells:
            place = None
        elif place is not None and cells[0].startswith("`"):
            yield re.findall(r"`([\w.*]+)`", cells[0]), cells[place]


@pytest.mark.parametrize("name", SETTINGS)
def test_guide__each_setting__is_in_the_table_with_its_default(name: str) -> None:
    known: dict[str, list[Any]] = {}
    for model in SETTINGS[name].values():
        for one, default in leaves(model).items():
            known.setdefault(one, []).append(default)
    told = {one: (names, default) for names, default in rows(name) for one in names}
    # One row stands for all of a section that another table has, and one for every drill.
    sections = tuple(one.removesuffix("*") for one in told if one.endswith("*"))
    meant = {one: pair for one, pair in told.items() if not one.endswith(("*", ".N"))}
    assert meant.keys() - known.keys() - {*TABLES} == set()
    untold = {one for one in known if not one.startswith((*sections, *TABLES))} - meant.keys()
    assert untold == set()
    for one, (names, default) in ((one, pair) for one, pair in meant.items() if one in known):
        values = default.replace(",", " ").split() if len(names) > 1 else [default.replace(",", "")]
        if len(values) == len(names) and re.fullmatch(
            r"-?\d+(?:\.\d+)?|true|false", values[names.index(one)]
        ):
            assert tomllib.loads(f"x = {values[names.index(one)]}")["x"] in known[one], one
