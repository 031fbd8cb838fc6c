"""The roles in which somebody installs Smart Drill, each with what its lock file has and no more.

A wheel is built from what git knows of the checkout, and installed as the documentation says: the
packages of `requirements/ROLE.lock` by their hashes, wheels only, then our own without more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lab.rig.errors import RigError
from lab.rig.services import ROOT

PROGRAMS = {
    "audit": ("drill-audit",),
    "bridge": ("drill-bridge", "drill-controller"),
    "condition": ("drill-condition",),
    "http": ("drill-http",),
    "oracle": ("drill-oracle",),
    "position": ("drill-position",),
    "provider": ("drill-provider",),
}
"""What each role runs; the names are those of the extras and of the lock files."""


def build_wheel(folder: Path) -> Path:
    """Build the wheel from a copy of the checkout, changes that are not committed included."""
    listed = _run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT
    ).split("\0")
    source = folder / "source"
    for name in filter(None, listed):
        if (ROOT / name).is_file():  # else it is deleted, and not committed yet
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    # Our own tools are too old for it: eth-ape holds `packaging` back.
    builder = _environment(folder / "builder")
    locked = ("--require-hashes", "--requirement", ROOT / "requirements-build.lock")
    _pip("--python", builder, "install", "--no-compile", *locked)
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", folder / "dist")
    _pip("--python", builder, "wheel", *options, source)
    (wheel,) = (folder / "dist").glob("smart_drill-*.whl")
    return wheel


def lock_of(role: str) -> Path:
    """Where the packages of a role are pinned."""
    return ROOT / "requirements" / f"{role}.lock"


def install_role(role: str, wheel: Path, folder: Path, *, compiled: bool = False) -> Path:
    """Make a virtual environment in `folder` and install a role into it; returns its `bin`.

    Without pip in it, so that it holds the role's packages only. `compiled` makes the bytecode, as
    pip does unless it is told otherwise.
    """
    return install_locked([lock_of(role)], wheel, folder, compiled=compiled)


def install_locked(locks: list[Path], wheel: Path, folder: Path, *, compiled: bool = False) -> Path:
    """The same for several roles, or none."""
    into = ("--python", _environment(folder), "install", *(() if compiled else ("--no-compile",)))
    for lock in locks:
        _pip(*into, "--only-binary", ":all:", "--require-hashes", "--requirement", lock)
    _pip(*into, "--no-deps", wheel)
    return folder / "bin"


def packages_in(bin_folder: Path) -> dict[str, str]:
    """The distributions in a virtual environment, with their versions."""
    listed = _run(
        [
            *(bin_folder / "python", "-c"),
            "from importlib.metadata import distributions\n"
            "for one in distributions(): print(one.name, one.version)",
        ]
    )
    return {
        name.lower().replace("_", "-").replace(".", "-"): version
        for name, version in (line.split() for line in listed.splitlines())
    }


def bytes_in(bin_folder: Path) -> int:
    """What the files of a virtual environment hold; the interpreter is linked and not counted."""
    files = bin_folder.parent.rglob("*")
    return sum(path.lstat().st_size for path in files if path.is_file() and not path.is_symlink())


def _environment(folder: Path) -> Path:
    """Make a virtual environment without pip; returns its interpreter."""
    _run([sys.executable, "-m", "venv", "--without-pip", folder])
    return folder / "bin/python"


def _pip(*arguments: str | Path) -> None:
    _run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments])


def _run(command: list[str | Path], cwd: Path | None = None) -> str:
    """What a command prints; raises RigError with the end of what it says on stderr."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RigError(f"{' '.join(map(str, command[:6]))} failed: {done.stderr[-2_000:]}")
    return done.stdout
