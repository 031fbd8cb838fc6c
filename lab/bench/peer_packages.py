"""Compiled contracts of others, from their own npm packages at pinned versions and hashes.

A package's archive alone is fetched: what it depends on is for building it, and is not needed.
Nothing of it becomes part of ours; it is deployed on a local chain to be measured.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from hashlib import sha512
from pathlib import Path
from typing import Any

from web3 import Web3
from web3.contract import Contract

from lab.rig.contract import CACHE, Compiled, deploy
from lab.rig.errors import RigError
from lab.rig.services import find_program

FETCH_SECONDS = 600


@dataclass(frozen=True, slots=True)
class PeerPackage:
    """A package on npm, and the SHA-512 of its archive in base64."""

    name: str
    version: str
    sha512: str

    @property
    def archive(self) -> str:
        """The file name that npm gives it."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


FLOW = PeerPackage(
    "@sablier/flow",
    "3.0.1",
    "P7r2tMHRTS3KadYzwd4iEzHaSbKzPQfM+W1LI1lqQ11VhbRR0sqFjE71V6jr+QQPA3ns/L1KLf24Op5VOIvPDg==",
)
FLOW_UTILS = PeerPackage(
    "@sablier/evm-utils",
    "2.0.1",
    "LRyCMKTHMbnUbiTTO1IGsCVXzl+KL63K3qSjynwmXOZhUfPDE0MIqvvRlvF34JukWGy60IkdmnsPD0lWk+fzuw==",
)
EAS = PeerPackage(
    "@ethereum-attestation-service/eas-contracts",
    "1.9.0",
    "L60y1fgKlY3a45xxnPlgRbiGQY8RF/lF+AzF1iVoR7/aEzitS0Nuyyjq8+IXs1sSSU0dl2+yGSmELxVeB6FelA==",
)


def deploy_peer(
    web3: Web3, deployer: str, package: PeerPackage, artifact: str, *arguments: object
) -> Contract:
    """Deploy a contract of a package by the path of its artefact; raises RigError."""
    found = json.loads(_member(fetched(package), f"package/artifacts/{artifact}.json"))
    code: Any = found["bytecode"]
    bytecode = code if isinstance(code, str) else code["object"]
    return deploy(web3, Compiled(found["abi"], bytecode, ""), deployer, *arguments)


def fetched(package: PeerPackage) -> Path:
    """The package's archive, which npm brings once; raises RigError, also for another one of that
    name."""
    folder = CACHE / "peers"
    archive = folder / package.archive
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        npm = find_program("npm", Path(sys.executable).parent)
        if npm is None:
            raise RigError("npm is not here; run scripts/setup")
        asked = f"{package.name}@{package.version}"
        command = [str(npm), "pack", "--ignore-scripts", "--pack-destination", str(folder), asked]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
        )
        if done.returncode != 0:
            raise RigError(f"npm could not fetch {asked}: {done.stderr.strip()[-300:]}")
    found = base64.b64encode(sha512(archive.read_bytes()).digest()).decode("ascii")
    if found != package.sha512:
        raise RigError(f"{archive} has the SHA-512 {found}, expected {package.sha512}")
    return archive


def _member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as opened:
        file = opened.extractfile(name)
        if file is None:
            raise RigError(f"{archive} has no {name}")
        return file.read()
