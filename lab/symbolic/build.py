"""What halmos reads: the checks compiled by solc, DrillMeter by vyper, as Foundry lays them out.

The checks get DrillMeter's creation code by the name `DrillMeter.sol:DrillMeter`, so its artefact
stands among theirs, with a syntax tree of one empty contract.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.rig.contract import EVM_VERSION, SOURCES
from lab.rig.services import ROOT
from lab.symbolic.errors import SymbolicError
from lab.symbolic.tools import Tools

CHECKS = ROOT / "tests" / "lab" / "symbolic"
COMPILE_SECONDS = 120
SOLIDITY = "pragma solidity 0.8.30;"


@dataclass(frozen=True, slots=True)
class Check:
    """One function of a check contract; `notice` is what it proves, `bound` its restrictions."""

    contract: str
    name: str
    signature: str
    notice: str
    bound: str


def build_checks(tools: Tools, folder: Path, sources: Path = CHECKS) -> list[Check]:
    """Compile the checks in `sources` into `folder`/out and list them; raises SymbolicError."""
    script = Path(__file__).with_name("solidity.cjs")
    slots = folder / "generated"
    slots.mkdir(parents=True)
    layout, abi, identifiers = map(
        json.loads, _vyper("layout,abi,method_identifiers", SOURCES).splitlines()
    )
    (slots / "Slots.sol").write_text(_slots(layout), encoding="ascii")
    command = [str(tools.node), str(script), str(tools.solc), str(folder / "out")]
    _run([*command, str(sources), str(slots)])
    views = json.loads(_vyper("method_identifiers", SOURCES, "DrillLens.vy"))
    _require_same_functions(folder, abi, identifiers | views)
    found = []
    for path in sorted((folder / "out").glob("*.sol/*.json")):
        artefact = json.loads(path.read_text(encoding="utf-8"))
        signatures = [s for s in artefact["methodIdentifiers"] if s.startswith("check_")]
        # An abstract contract has no code, and its checks run in those that inherit them.
        if artefact["bytecode"]["object"] != "0x":
            found += [_check(path.stem, s, artefact["metadata"]["output"]) for s in signatures]
    if not found:
        raise SymbolicError(f"there are no checks in {CHECKS}")
    return found


def _slots(layout: dict[str, Any]) -> str:
    """Solidity constants for where the compiler has put each storage variable of DrillMeter, and
    how far from the end of its code the forwarder's address is."""
    lines = [
        f"uint256 constant {name.upper()} = {place['slot']};"
        for module in layout["storage_layout"].values()
        for name, place in module.items()
    ]
    immutables = layout["code_layout"]
    places = [place for module in immutables.values() for place in module.values()]
    end = max(place["offset"] + place["length"] for place in places)
    at = immutables["forwarder"]["FORWARDER"]["offset"]
    lines.append(f"uint256 constant FORWARDER_FROM_END = {end - at};")
    return "\n".join(["// SPDX-License-Identifier: AGPL-3.0-only", SOLIDITY, *lines, ""])


def _require_same_functions(
    folder: Path, abi: list[dict[str, Any]], identifiers: dict[str, str]
) -> None:
    """Whoever calls a function that DrillMeter has not sees a revert, and proves nothing by it."""
    functions = [e for e in abi if e["type"] == "function"]
    acting = {e["name"] for e in functions if e["stateMutability"] in {"payable", "nonpayable"}}
    path = folder / "out" / "IMeter.sol" / "IMeter.json"
    known = set(json.loads(path.read_text(encoding="utf-8"))["methodIdentifiers"])
    real = set(identifiers)
    missing = acting - {signature.split("(", 1)[0] for signature in known}
    if strange := known - real or missing:
        raise SymbolicError(f"IMeter.sol and DrillMeter.vy are not at one on {sorted(strange)}")


def _check(contract: str, signature: str, output: dict[str, Any]) -> Check:
    user = output["userdoc"].get("methods", {}).get(signature, {})
    developer = output["devdoc"].get("methods", {}).get(signature, {})
    return Check(
        contract=contract,
        name=signature.split("(", 1)[0],
        signature=signature,
        notice=user.get("notice", ""),
        bound=developer.get("custom:bound", ""),
    )


def compile_copy(contracts: Path) -> str:
    """Creation code (hexadecimal with 0x) of a copy of contracts/; raises SymbolicError."""
    code = _vyper("bytecode", contracts)
    if not code.startswith("0x"):
        raise SymbolicError(f"vyper answered {code[:80]!r} and no bytecode")
    return code


def _vyper(wanted: str, contracts: Path, source: str = "DrillMeter.vy") -> str:
    command = [str(Path(sys.prefix) / "bin" / "vyper"), "-f", wanted]
    command += ["--evm-version", EVM_VERSION, source]
    return _run(command, contracts).strip()


def place_drill_meter(folder: Path, creation_code: str) -> None:
    """Put DrillMeter where the checks in `folder` look for it."""
    tree = {"nodeType": "ContractDefinition", "name": "DrillMeter", "contractKind": "contract"}
    artefact = {
        "abi": [],
        "ast": {"absolutePath": "contracts/DrillMeter.vy", "nodes": [{**tree, "nodes": []}]},
        "bytecode": {"object": creation_code, "linkReferences": {}},
        "deployedBytecode": {"object": "0x", "linkReferences": {}},
        "metadata": {"compiler": {"version": ""}, "output": {}},
        "methodIdentifiers": {},
    }
    path = folder / "out" / "DrillMeter.sol" / "DrillMeter.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(artefact), encoding="utf-8")


def _run(command: list[str], folder: Path = ROOT) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False
    )
    if done.returncode != 0:
        raise SymbolicError(f"{' '.join(command)} failed:\n{(done.stderr or done.stdout)[-4000:]}")
    return done.stdout
