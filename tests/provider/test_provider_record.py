"""The deployment record as the provider's commands read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provider.deployment import read_record
from provider.errors import ProviderError

NEWER = {
    "chain_id": 31337,
    "contract": "0x" + "11" * 20,
    "asset": "0x" + "00" * 20,
    "block_number": 1,
    "block_hash": "0x" + "22" * 32,
    "grace_period_seconds": 3600,
    "provider": "0x" + "33" * 20,
    "compiler": "vyper 0.4.3",
    "bytecode_sha256": "44" * 32,
    "lens": "0x" + "55" * 20,
}


def test_read_record__of_a_newer_release__nobody_is_told_to_deploy_anew(tmp_path: Path) -> None:
    """There is a contract already; a second one beside it would split the provider's rentals."""
    path = tmp_path / "record.json"
    path.write_text(json.dumps(NEWER))
    with pytest.raises(ProviderError) as refused:
        read_record(path)
    assert str(refused.value) == (
        f"{path}: lens: this release knows no such name; if a newer release wrote the record, "
        "install that one"
    )
