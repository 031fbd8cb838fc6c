"""All programs and all commands in scripts/, for the tests of help texts and of the guide."""

from __future__ import annotations

import os
import tomllib
from importlib import import_module
from typing import Any

from lab.rig.services import ROOT

APPS = {
    "drill-audit": "audit.cli:app",
    "drill-bridge": "device.cli:bridge",
    "drill-condition": "condition.cli:app",
    "drill-controller": "device.cli:controller",
    "drill-http": "live.cli:app",
    "drill-oracle": "oracle.cli:app",
    "drill-position": "position.cli:app",
    "drill-provider": "provider.cli:app",
    "scripts/box": "provider.box_cli:app",
}
"""Programs, and the command lines that their first steps load."""

ENTRY_POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
COMMANDS = sorted(
    path.name
    for path in (ROOT / "scripts").iterdir()
    if path.is_file() and os.access(path, os.X_OK)
)


def loaded(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
