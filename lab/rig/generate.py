"""Write what is derived and committed: shared vectors, the contract's interface and its hash, and
what the page knows of both.

`--check` writes nothing and fails when a file is not what it would write.
"""

from __future__ import annotations

import json
import sys
import sysconfig
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lab.rig.contract import (
    DEPLOYED,
    EVM_VERSION,
    SOURCES,
    Compiled,
    compile_drill_meter,
    compile_vyper,
)
from lab.rig.page_sources import page_sources
from lab.rig.services import ROOT
from lab.rig.vectors import all_vectors

CREATED = {"DrillLens": "lens", "DrillForwarder": "forwarder"}
"""Contracts that a meter creates, and the modules that do; in the order of their creation."""


def as_text(content: Any) -> str:
    """The one way such a file is spelt."""
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"


def creation_codes() -> dict[Path, str]:
    """The modules that hold the creation code of what a meter creates: a part of DrillMeter, so
    what is compiled from that depends on them.
    """
    return {
        SOURCES / "modules" / f"{module}_code.vy": _creation_code(contract, module)
        for contract, module in CREATED.items()
    }


def _creation_code(contract: str, module: str) -> str:
    code = compile_vyper(SOURCES / f"{contract}.vy").bytecode.removeprefix("0x")
    return f'''# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title The creation code of {contract}
@notice Written by `scripts/generate` from {contract}.vy, and held against it by the tests. So the
        meter's own code decides which {module} it has: whoever deploys it cannot choose another.
"""

# @dev What the compiler makes of {contract}.vy, {len(code) // 2} bytes.
CREATION: constant(Bytes[{len(code) // 2}]) = x"{code}"
'''


def generated() -> dict[Path, str]:
    """What every generated file should hold, the creation codes being as they are on the disk."""
    files = creation_codes()
    files |= {ROOT / "tests" / "vectors" / n: as_text(v) for n, v in all_vectors().items()}
    compiled = compile_drill_meter()
    files[ROOT / "protocol" / "abi" / "DrillMeter.json"] = as_text(compiled.abi)
    files[ROOT / "protocol" / "abi" / "DrillMeter.storage.json"] = as_text(slots(compiled))
    files[SOURCES / "DrillMeter.pin.json"] = as_text(pin(compiled))
    files[ROOT / "audit" / "deployed" / "DrillMeter.json"] = as_text(deployed(compiled))
    for contract in CREATED:
        alone = compile_vyper(SOURCES / f"{contract}.vy")
        files[ROOT / "audit" / "deployed" / f"{contract}.json"] = as_text(deployed(alone))
    forwarder = compile_vyper(SOURCES / "DrillForwarder.vy")
    files[ROOT / "protocol" / "abi" / "DrillForwarder.json"] = as_text(forwarder.abi)
    files.update(page_sources(compiled.abi, Path(sysconfig.get_path("purelib")) / "snekmate"))
    return files


def pin(compiled: Compiled) -> dict[str, str | int]:
    """What a deployment is held against: compiler, its settings, and the code they give."""
    creation = bytes.fromhex(compiled.bytecode.removeprefix("0x"))
    return {
        "compiler": f"vyper {version('vyper')}",
        "snekmate": version("snekmate"),
        "evm_version": EVM_VERSION,
        "optimiser": DEPLOYED,
        "bytecode_sha256": sha256(creation).hexdigest(),
        "runtime_bytes": len(bytes.fromhex(compiled.runtime.removeprefix("0x"))),
    }


def deployed(compiled: Compiled) -> dict[str, Any]:
    """What the auditor holds a deployment's code against."""
    runtime = bytes.fromhex(compiled.runtime.removeprefix("0x"))
    return {
        "runtime_bytes": len(runtime),
        "runtime_sha256": sha256(runtime).hexdigest(),
        "immutables": {
            name: [place["offset"], place["length"]]
            for name, place in _places(compiled.layout.get("code_layout", {})).items()
        },
    }


def _places(layout: dict[str, Any], prefix: str = "") -> dict[str, dict[str, Any]]:
    """Where each variable is, as "module.NAME", and "NAME" in the contract's own source."""
    places: dict[str, dict[str, Any]] = {}
    for name, place in layout.items():
        inner = "type" not in place
        places |= _places(place, f"{prefix}{name}.") if inner else {f"{prefix}{name}": place}
    return places


def slots(compiled: Compiled) -> dict[str, int]:
    """Where each variable is stored."""
    return {n: place["slot"] for n, place in _places(compiled.layout["storage_layout"]).items()}


def stale(files: dict[Path, str]) -> list[Path]:
    """Those that do not hold it."""
    return [p for p, text in files.items() if not p.exists() or p.read_text("ascii") != text]


def main(arguments: list[str]) -> int:
    """Run it; 1 when `--check` finds a file that is out of date."""
    if arguments not in ([], ["--check"]):
        print("generate: the only option is --check", file=sys.stderr)
        return 2
    if not arguments:
        for path, text in creation_codes().items():
            path.write_text(text, "ascii")
    files = generated()
    for path in stale(files):
        print(("out of date: " if arguments else "written: ") + str(path.relative_to(ROOT)))
        if not arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], "ascii")
    return int(bool(arguments and stale(files)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
