"""How many packages, and how many megabytes, each role's installation takes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.rig.roles import PROGRAMS, build_wheel, bytes_in, install_locked, lock_of, packages_in

SETS = {**{role: (role,) for role in PROGRAMS}, "edge": ("oracle", "bridge"), "all": (*PROGRAMS,)}
"""What is installed together, by the name of the extra."""


@dataclass(frozen=True, slots=True)
class InstallFigure:
    """One installation: our own package and bytecode included, interpreter and pip not."""

    extra: str
    packages: int
    megabytes: int


def measure_install() -> list[InstallFigure]:
    """Install each from its lock files into a virtual environment of its own."""
    with tempfile.TemporaryDirectory(prefix="install-") as name:
        folder = Path(name)
        wheel = build_wheel(folder)
        return [_measure(extra, roles, wheel, folder / extra) for extra, roles in SETS.items()]


def _measure(extra: str, roles: Sequence[str], wheel: Path, folder: Path) -> InstallFigure:
    programs = install_locked([*map(lock_of, roles)], wheel, folder, compiled=True)
    return InstallFigure(extra, len(packages_in(programs)), round(bytes_in(programs) / 1e6))


def install_table(figures: Sequence[InstallFigure]) -> str:
    """As Markdown."""
    rows = [f"| `{one.extra}` | {one.packages} | {one.megabytes} |" for one in figures]
    return "\n".join(["| extra | packages | MB |", "|---|---:|---:|", *rows])
