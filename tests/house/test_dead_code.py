"""The exceptions of the dead-code finder are needed: one that is left over would hide dead code."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from vulture import Vulture

from lab.rig.services import ROOT

SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXCEPTIONS = SETTINGS["tool"]["vulture"]


def unused(paths: list[str]) -> set[str]:
    """The names that nothing in `paths` uses, with no exceptions."""
    finder = Vulture()
    finder.scavenge([str(ROOT / path) for path in paths])
    return {item.name for item in finder.get_unused_code()}


@pytest.mark.campaign
def test_exceptions__each_name__is_of_something_that_nothing_uses() -> None:
    paths = EXCEPTIONS["paths"]
    found = unused(paths) | unused([path for path in paths if path != "tests"])
    named = {name for name in EXCEPTIONS["ignore_names"] if "*" not in name}
    assert named - found == set()
