"""One name, one meaning: no public class has the name of another one."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from lab.rig.services import ROOT

ROOMS = (
    *("protocol", "host", "chain", "device", "oracle", "live", "position", "provider", "audit"),
    *("condition", "lab"),
)


def classes_of(path: Path) -> list[str]:
    """The public classes that a module defines at its top."""
    body = ast.parse(path.read_text("utf-8")).body
    return [
        one.name for one in body if isinstance(one, ast.ClassDef) and not one.name.startswith("_")
    ]


def places(root: Path) -> dict[str, list[str]]:
    """By name, the modules that define it."""
    found = defaultdict(list)
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            for name in classes_of(path):
                found[name].append(path.relative_to(root).as_posix())
    return found


def repeated(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: modules for name, modules in found.items() if len(modules) > 1}


def test_classes__of_all_rooms__have_names_of_their_own() -> None:
    found = places(ROOT)
    assert len(found) > 500, "most classes were not looked at"

    assert repeated(found) == {}


@pytest.mark.parametrize("other", ["audit/bill/rates.py", "lab/rig.py"])
def test_repeated__a_name_in_another_room__is_found(tmp_path: Path, other: str) -> None:
    for name in ("protocol/records.py", other):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("class Rate:\n    pass\n\nclass _Own:\n    pass\n", "utf-8")

    assert repeated(places(tmp_path)) == {"Rate": ["protocol/records.py", other]}
