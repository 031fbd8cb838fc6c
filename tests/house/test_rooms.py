"""Each package says in its `__init__` what is in it, and names nothing that is not there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from lab.rig.services import ROOT

ROOMS = (
    *("protocol", "host", "chain", "device", "oracle", "live", "position", "provider", "audit"),
    *("condition", "lab"),
)
PACKAGES = sorted(path.parent for room in ROOMS for path in (ROOT / room).rglob("__init__.py"))

_FLOW = re.compile(r"->|<-")
_IN_FLOW = re.compile(r"[a-z0-9_]+")
_TICKED = re.compile(r"`([a-z0-9]+(?:_[a-z0-9]+)+)`")
"""With a `_`, it is a module: no word that happens to stand in code's letters."""


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def contents(package: Path) -> set[str]:
    """The modules and packages in a package."""
    inside = {path.stem for path in package.glob("*.py")}
    return inside | {path.parent.name for path in package.glob("*/__init__.py")}


def described(package: Path) -> str:
    return ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""


def wrongly_named(package: Path, text: str) -> set[str]:
    """What a description calls by name, beside an arrow or in backticks, and is not there. What
    stands in brackets lies elsewhere, and behind two spaces stands what it is in words."""
    words = set(_TICKED.findall(text))
    for line in text.splitlines():
        if _FLOW.search(line):
            own = re.split(r"  +", re.sub(r"\([^)]*\)|\S*\*", "", line.strip()))[0]
            parts = [part.strip() for part in re.split(r"->|<-|,|;", own)]
            words |= {part for part in parts if _IN_FLOW.fullmatch(part)}
    return words - contents(package) - {one.name for one in PACKAGES}


@pytest.mark.parametrize("package", PACKAGES, ids=named)
def test_package__its_description__names_what_is_there(package: Path) -> None:
    text = described(package)

    assert len(text) > 60, "what is in it, and which way does data go?"
    assert wrongly_named(package, text) == set()


def test_wrongly_named__a_module_that_has_gone__is_found() -> None:
    text = "Reads.\n\n    errors -> gone -> (broker);   start\n\n`all_of_it` writes.\n"

    assert wrongly_named(ROOT / "host", text) == {"gone", "all_of_it"}
