"""halmos and the Solidity compiler, at the versions that the lock files name.

halmos pins its solvers and some packages to versions of its own, so it lives in a virtual
environment of its own, `.build/symbolic/<hash of its lock file>/`. It asks Foundry's `forge` to
compile; what it should find is there already (see build.py), so a `forge` that does nothing is put
on its PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lab.rig.contract import CACHE
from lab.rig.services import ROOT, find_program
from lab.symbolic.errors import SymbolicError

LOCK = ROOT / "requirements-symbolic.lock"
INSTALL_SECONDS = 600
FORGE = "#!/bin/sh\n# halmos has its artefacts already.\nexit 0\n"


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the programs are; `python` has halmos, and `path` is the PATH under which it runs."""

    python: Path
    node: Path
    solc: Path
    path: str


def find_tools() -> Tools:
    """Find everything, installing halmos when it is not there; raises SymbolicError."""
    home = CACHE / "symbolic" / sha256(LOCK.read_bytes()).hexdigest()[:16]
    if not (home / "complete").exists():
        _install(home)
    node = find_program("node", Path(sys.prefix) / "bin")
    if node is None:
        raise SymbolicError("there is no Node.js; scripts/setup brings one")
    solc = ROOT / "node_modules" / "solc"
    if not solc.is_dir():
        raise SymbolicError("node_modules/solc is missing; run scripts/setup")
    return Tools(
        python=home / "bin" / "python",
        node=node,
        solc=solc,
        path=os.pathsep.join([str(home / "bin"), os.environ.get("PATH", "")]),
    )


def _install(home: Path) -> None:
    print("symbolic: installing halmos and its solvers, once", file=sys.stderr)
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-compile"]
    pip += ["--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", str(LOCK)]
    for command in ([sys.executable, "-m", "venv", str(home)], pip):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode != 0:
            raise SymbolicError(
                f"{' '.join(command)} failed:\n{(done.stderr or done.stdout)[-2000:]}"
            )
    forge = home / "bin" / "forge"
    forge.write_text(FORGE, encoding="utf-8")
    forge.chmod(0o755)
    (home / "complete").touch()
