"""What the page in web/ knows of contract and protocol, as TypeScript: written, never typed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lab.rig.services import ROOT
from oracle.leasing.lease_policy import Inhibit
from protocol import meter_word, storage, tariff, typed_data
from protocol.messages import (
    MAX_JSON_BYTES,
    InhibitMessage,
    LeaseMessage,
    LogMessage,
    ReadingMessage,
    StatusMessage,
)
from protocol.records import LEVELS, NO_CAP, RentalState

FOLDER = ROOT / "web" / "src" / "generated"

_HEAD = "// Written by scripts/generate from the contract and the protocol; never edit it.\n\n"
_CONTRACT_REASON = re.compile(r'"([a-z_0-9]+: [^"\n]+)"')
_MODULES_OF_SNEKMATE = ("auth/ownable.vy", "auth/ownable_2step.vy", "utils/pausable.vy")
_MEMBER = re.compile(r"(\w+(?:\[\])?) (\w+)")

MESSAGES: dict[str, type[BaseModel]] = {
    "reading": ReadingMessage,
    "log": LogMessage,
    "status": StatusMessage,
    "lease": LeaseMessage,
    "inhibit": InhibitMessage,
}
"""What the page is sent, as published on MQTT."""


def page_sources(abi: list[dict[str, Any]], snekmate: Path) -> dict[Path, str]:
    """What each generated file of the page should hold; `snekmate` is where that is installed."""
    return {
        FOLDER / "abi.ts": _HEAD + f"export const drillMeterAbi = {_json(abi)} as const\n",
        FOLDER / "protocol.ts": _HEAD + _protocol(),
        FOLDER / "messages.ts": _HEAD + _messages(),
        FOLDER / "reasons.ts": _HEAD + _reasons(snekmate),
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True)


def _constant(name: str, doc: str, value: str) -> str:
    return f"/** {doc} */\nexport const {name} = {value}\n\n"


def _protocol() -> str:
    types = {
        "UsageReading": _members(typed_data._READING_TYPE),
        "UsageBatch": [{"name": "readings", "type": "UsageReading[]"}],
        "StartLease": _members(typed_data._LEASE_TYPE),
    }
    widths = dict(zip(meter_word._NAMES, meter_word._WIDTHS, strict=True))
    states = {state.name: int(state) for state in RentalState}
    return (
        "".join(
            [
                _constant("DOMAIN_NAME", "Of the EIP-712 domain.", _json(typed_data.DOMAIN_NAME)),
                _constant("DOMAIN_VERSION", "Of the same.", _json(typed_data.DOMAIN_VERSION)),
                _constant("TYPES", "What oracles sign.", f"{_json(types)} as const"),
                _constant("METER_BITS", "Fields of the meter word, lowest first.", _json(widths)),
                _constant(
                    "POINTS_SLOT",
                    "Where the contract's storage has the points of P-256 keys.",
                    f"{storage.storage_slots()['keys.points']}n",
                ),
                _constant("LEVELS", "Load levels of a drill.", str(LEVELS)),
                _constant("RENTAL_STATES", "The contract's numbers.", f"{_json(states)} as const"),
                _constant("NO_CAP", "What says that there is no cap.", f"{NO_CAP}n"),
                _constant("MS_PER_MINUTE", "Milliseconds.", f"{tariff.MS_PER_MINUTE}n"),
                _constant("MS_PER_HOUR", "Milliseconds.", f"{tariff.MS_PER_HOUR}n"),
                _constant(
                    "ENDLESS_RUNWAY_SECONDS",
                    "The runway of a tariff that charges nothing.",
                    f"{tariff.ENDLESS_RUNWAY_SECONDS}n",
                ),
            ]
        ).rstrip("\n")
        + "\n"
    )


def _members(encoded: bytes) -> list[dict[str, str]]:
    """Members of a struct from its encoded type, `Name(type member,...)`."""
    inside = encoded.decode().partition("(")[2].rstrip(")")
    return [{"name": name, "type": kind} for kind, name in _MEMBER.findall(inside)]


def _messages() -> str:
    """For each message its fields: kind of JSON value, bounds, pattern, words that are allowed."""
    described = {name: _fields(model.model_json_schema()) for name, model in MESSAGES.items()}
    return (
        _constant("MAX_MESSAGE_BYTES", "No message is longer.", str(MAX_JSON_BYTES))
        + _constant("MESSAGES", "Fields of what drills and oracles publish.", _json(described))
    ).rstrip("\n") + "\n"


def _fields(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    wanted = ("type", "minimum", "exclusiveMaximum", "pattern", "maxLength", "enum")
    fields: dict[str, Mapping[str, Any]] = {}
    for name, field in schema["properties"].items():
        if "$ref" in field:
            field = schema["$defs"][field["$ref"].rpartition("/")[2]]  # noqa: PLW2901
        nullable = {"type": "null"} in field.get("anyOf", ())
        if nullable:
            (field,) = (one for one in field["anyOf"] if one != {"type": "null"})  # noqa: PLW2901
        told = {key: field[key] for key in wanted if key in field}
        if nullable:
            told["nullable"] = True
        if "const" in field:
            told["enum"] = [field["const"]]
        fields[name] = told
    return fields


def _reasons(snekmate: Path) -> str:
    sources = [*sorted((ROOT / "contracts").rglob("*.vy"))]
    sources += [snekmate / name for name in _MODULES_OF_SNEKMATE]
    texts = {reason for file in sources for reason in _CONTRACT_REASON.findall(file.read_text())}
    inhibits = [reason.value for reason in Inhibit]
    return (
        _constant("REVERTS", "Why the contract refuses a call.", f"{_json(sorted(texts))} as const")
        + _constant("INHIBITS", "Why a drill may not start.", f"{_json(inhibits)} as const")
    ).rstrip("\n") + "\n"
