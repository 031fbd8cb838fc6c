"""Settings for each program as `scripts/box` would write them, of a box where nothing runs yet."""

from __future__ import annotations

import json
from pathlib import Path

from lab.rig.box_files import write_secret
from protocol.deployment import Deployment
from provider.box_settings import (
    BoxFacts,
    Places,
    bridge_settings,
    oracle_settings,
    page_settings,
)
from provider.plan import ZERO_ADDRESS

CONTRACT = "0x" + "dD" * 20
NOBODY = "http://127.0.0.1:1"
"""An endpoint that refuses every connection."""

POSITION = """folder = "{folder}"

[privacy]
purpose = "to fetch drills that are stolen"

[[drills]]
number = 1
receiver = {{ kind = "nmea", port = "/dev/gone" }}
"""
"""What docs/position.md has somebody write by hand."""


def bare_record(grace_period_seconds: int) -> str:
    """The record of a deployment that nothing is known of but its grace period."""
    return json.dumps(
        {
            "chain_id": 1,
            "contract": "0x" + "d" * 40,
            "asset": "0x" + "0" * 40,
            "block_number": 0,
            "block_hash": "0x" + "1" * 64,
            "grace_period_seconds": grace_period_seconds,
            "provider": "0x" + "d" * 40,
            "compiler": "",
            "bytecode_sha256": "",
        }
    )


def write_settings(root: Path) -> dict[str, Path]:
    """The settings of drill-oracle, drill-bridge, drill-http and drill-position under `root`, by
    program."""
    places = Places(root)
    record = Deployment(
        chain_id=1,
        contract=CONTRACT,
        asset=ZERO_ADDRESS,
        block_number=1,
        block_hash="0x" + "1" * 64,
        grace_period_seconds=3600,
        provider=CONTRACT,
        compiler="vyper",
        bytecode_sha256="1" * 64,
    )
    facts = BoxFacts(places, record, 1, (1,), (NOBODY,), "finalized", page_rpc=NOBODY)
    for folder in (places.oracle, places.bridges, places.page, places.page_files):
        folder.mkdir(parents=True)
    for folder in (places.oracle, places.page):
        (folder / "deployment.json").write_text(record.model_dump_json())
    for folder in (places.oracle, places.bridges):
        write_secret(folder / "drill-1.key", "ab" * 32 + "\n")
    files = {
        "drill-oracle": (places.oracle / "oracle.toml", oracle_settings(facts)),
        "drill-bridge": (places.bridges / "1.toml", bridge_settings(facts, 1, "/dev/gone")),
        "drill-http": (places.page / "http.toml", page_settings(facts, NOBODY)),
        "drill-position": (root / "position.toml", POSITION.format(folder=root / "gone")),
    }
    for path, text in files.values():
        path.write_text(text)
    return {program: path for program, (path, _) in files.items()}
