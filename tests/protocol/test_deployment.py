"""The deployment record: read back whole, or refused with file and field."""

from __future__ import annotations

import json

import pytest

from protocol.deployment import Deployment, parse_deployment
from protocol.errors import RecordError, UnknownNameError
from protocol.records import Domain

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
RECORD: dict[str, object] = {
    "chain_id": 31337,
    "contract": CONTRACT,
    "asset": "0x" + "00" * 20,
    "block_number": 1,
    "block_hash": "0x" + "ab" * 32,
    "grace_period_seconds": 3600,
    "provider": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "compiler": "vyper 0.4.3",
    "bytecode_sha256": "cd" * 32,
}


def test_parse_deployment__good_record__is_read() -> None:
    deployment = parse_deployment(json.dumps(RECORD), "local.json")
    assert deployment == Deployment.model_validate(RECORD)
    assert deployment.domain == Domain(31337, CONTRACT)


@pytest.mark.parametrize("field", RECORD)
def test_parse_deployment__field_missing__is_refused_by_name(field: str) -> None:
    part = {name: value for name, value in RECORD.items() if name != field}
    with pytest.raises(RecordError, match=f"local.json: {field}: Field required"):
        parse_deployment(json.dumps(part), "local.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain_id", "31337"),
        ("chain_id", -1),
        ("contract", CONTRACT[:-1]),
        ("contract", None),
        ("block_hash", "0x" + "ab" * 31),
        ("grace_period_seconds", 1.5),
        ("other", 1),
    ],
)
def test_parse_deployment__wrong_value__is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(RecordError, match=f"local.json: {field}: "):
        parse_deployment(json.dumps({**RECORD, field: value}), "local.json")


def test_parse_deployment__name_of_a_newer_release__is_told_apart_from_a_fault() -> None:
    with pytest.raises(UnknownNameError) as refused:
        parse_deployment(json.dumps({**RECORD, "lens": CONTRACT}), "local.json")
    assert str(refused.value) == (
        "local.json: lens: this release knows no such name; if a newer release wrote the record, "
        "install that one"
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_parse_deployment__no_object__is_refused(text: str) -> None:
    with pytest.raises(RecordError, match=r"local\.json: record: "):
        parse_deployment(text, "local.json")
