"""Compile and deploy DrillMeter without ape: for tests, benchmarks and the shared interface."""

from __future__ import annotations

import json
import re
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fcntl import LOCK_EX, flock
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from web3 import Web3
from web3.contract import Contract

from lab.rig.errors import RigError
from lab.rig.services import ROOT

SOURCES = ROOT / "contracts"
CACHE = ROOT / ".build"
EVM_VERSION = "cancun"
OUTPUTS = ("abi", "bytecode", "bytecode_runtime", "layout")

Optimiser = Literal["codesize", "gas", "none"]

DEPLOYED: Optimiser = "codesize"
"""What the pragma in DrillMeter.vy asks for, so that the code fits a chain (EIP-170)."""

_PRAGMA = re.compile(r"^#pragma optimize \w+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Compiled:
    """ABI, creation bytecode and run-time bytecode (hexadecimal with 0x), and where the compiler
    has put storage variables and immutables."""

    abi: list[dict[str, Any]]
    bytecode: str
    runtime: str
    layout: dict[str, Any] = field(default_factory=dict)


def compile_drill_meter(optimiser: Optimiser = DEPLOYED) -> Compiled:
    """Compile contracts/DrillMeter.vy; the result is kept in .build until a source changes.

    Its interface is what can be called at its address: its own functions and its lens's views.
    """
    meter = compile_vyper(SOURCES / "DrillMeter.vy", optimiser)
    lens = compile_vyper(SOURCES / "DrillLens.vy")
    own = [entry for entry in meter.abi if entry["type"] != "fallback"]
    return replace(meter, abi=own + [view for view in lens.abi if view["type"] == "function"])


def compile_vyper(source: Path, optimiser: Optimiser = DEPLOYED) -> Compiled:
    """Compile one source of contracts/ (or of the tests) with its modules."""
    kept = CACHE / f"{source.stem}-{optimiser}-{_sources_hash(source, optimiser)[:24]}.json"
    if not kept.exists():
        with _alone(kept.with_suffix(".lock")):
            if not kept.exists():
                draft = kept.with_suffix(".draft")
                draft.write_text(json.dumps(_compile(source, optimiser)))
                draft.replace(kept)
    output = json.loads(kept.read_text())
    return Compiled(output["abi"], output["bytecode"], output["bytecode_runtime"], output["layout"])


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time; the others wait for what it makes, and for no longer than it lives."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        flock(file, LOCK_EX)
        yield


def _sources_hash(source: Path, optimiser: Optimiser) -> str:
    files = sorted({source, *SOURCES.rglob("*.vy"), *SOURCES.rglob("*.vyi")})
    settings = f"{optimiser} {version('vyper')} {version('snekmate')} {OUTPUTS}"
    digest = sha256(settings.encode())
    for file in files:
        digest.update(f"{file.name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _compile(source: Path, optimiser: Optimiser) -> dict[str, Any]:
    # The compiler is slow to import, and not needed when the result is at hand.
    from vyper.compiler import compile_from_file_input  # noqa: PLC0415
    from vyper.compiler.input_bundle import FilesystemInputBundle  # noqa: PLC0415
    from vyper.compiler.settings import OptimizationLevel, Settings  # noqa: PLC0415

    folders = [Path(sysconfig.get_path("purelib")), ROOT, source.parent]
    bundle = FilesystemInputBundle(folders)
    settings = Settings(optimize=OptimizationLevel.from_string(optimiser), evm_version=EVM_VERSION)
    file = bundle.load_file(source)
    if optimiser != DEPLOYED:
        # The compiler refuses a setting that the source contradicts.
        file = replace(file, contents=_PRAGMA.sub("", file.contents))
    output: dict[str, Any] = compile_from_file_input(
        file,
        input_bundle=bundle,
        settings=settings,
        output_formats=OUTPUTS,
    )
    return output


def deploy(web3: Web3, compiled: Compiled, deployer: str, *arguments: object) -> Contract:
    """Deploy from an unlocked account of a local chain; raises RigError when it reverts."""
    factory = web3.eth.contract(abi=compiled.abi, bytecode=compiled.bytecode)
    transaction = factory.constructor(*arguments).transact(
        {"from": Web3.to_checksum_address(deployer)}
    )
    receipt = web3.eth.wait_for_transaction_receipt(transaction, timeout=300, poll_latency=0.05)
    if receipt["status"] != 1:
        raise RigError(f"deployment reverted: {transaction.to_0x_hex()}")
    address = Web3.to_checksum_address(str(receipt["contractAddress"]))
    return web3.eth.contract(address, abi=compiled.abi)
