"""What the contract's sources may hold: the fence around Vyper 0.4.3's known miscompilations."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
import vyper
from contracts.evm import selector_of
from vyper import ast as vy_ast
from vyper.ast.parse import parse_to_ast

from lab.rig.contract import DEPLOYED, SOURCES, compile_drill_meter, compile_vyper
from lab.rig.generate import CREATED, creation_codes

FILES = sorted(p for kind in ("vy", "vyi") for p in SOURCES.rglob(f"*.{kind}"))
CODE = [path for path in FILES if path.suffix == ".vy"]

PLAIN = {10, *range(32, 127)}

FORBIDDEN_CALLS = {
    "create_from_blueprint",
    "create_copy_of",
    "create_minimal_proxy_to",
    "selfdestruct",
    "send",
}
"""`send` has a fixed stipend, `selfdestruct` ends the contract."""

RAW_CREATIONS = {"lens.vy": 1, "forwarder.vy": 1}
"""Lens and forwarder, from code that is a constant; nothing else is deployed."""

RAW_CALLS = {"DrillForwarder.vy": 2, "DrillMeter.vy": 1, "keys.vy": 1, "vault.vy": 3}
"""Asking a wallet, and the meter on a customer's behalf; asking the lens; the P-256 precompile; the
permit, the token's answer that may be missing, and paying coins."""


def tree(path: Path) -> vy_ast.Module:
    return parse_to_ast(path.read_text("ascii"), is_interface=path.suffix == ".vyi")


def called(path: Path) -> list[str]:
    calls = tree(path).get_descendants(vy_ast.Call)
    return [call.func.id for call in calls if isinstance(call.func, vy_ast.Name)]


def named(path: Path) -> str:
    return path.relative_to(SOURCES).as_posix()


@pytest.mark.parametrize("path", FILES, ids=named)
def test_source__bytes__are_printable_ascii_and_line_feeds(path):
    # A reader could otherwise be shown something else than the compiler sees.
    assert set(path.read_bytes()) <= PLAIN


@pytest.mark.parametrize("path", FILES, ids=named)
def test_source__licence_and_compiler__are_pinned(path):
    head = path.read_text("ascii").splitlines()[:4]
    assert "# pragma version 0.4.3" in head
    assert "# SPDX-License-Identifier: AGPL-3.0-only" in head


@pytest.mark.parametrize("path", CODE, ids=named)
def test_source__lock__is_on_by_default(path):
    assert "# pragma nonreentrancy on" in path.read_text("ascii").splitlines()[:3]


@pytest.mark.parametrize("path", CODE, ids=named)
def test_source__miscompiled_constructs__are_absent(path):
    assert not tree(path).get_descendants(vy_ast.IfExp), "a ternary"
    assert not FORBIDDEN_CALLS & set(called(path))
    text = path.read_text("ascii")
    for words in ("experimental-codegen", "venom", "tx.origin", "is_delegate_call"):
        assert words not in text


@pytest.mark.parametrize("path", CODE, ids=named)
def test_source__raw_calls__are_the_known_ones(path):
    assert called(path).count("raw_call") == RAW_CALLS.get(path.name, 0)
    assert called(path).count("raw_create") == RAW_CREATIONS.get(path.name, 0)


def test_creation_codes__in_the_meters_code__are_what_the_compiler_makes_of_their_sources():
    codes = creation_codes()
    assert len(codes) == len(CREATED) == 2
    for path, text in codes.items():
        assert path.read_text("ascii") == text


def test_creation__of_the_meter_with_all_that_it_creates__fits_a_transaction():
    """EIP-3860."""
    assert len(bytes.fromhex(compile_drill_meter().bytecode[2:])) + 4 * 32 <= 49_152


def test_lens__every_function__changes_nothing():
    lens = compile_vyper(SOURCES / "DrillLens.vy")
    assert {e["stateMutability"] for e in lens.abi} == {"view", "pure"}


def test_interface__of_the_meter_and_its_lens__has_no_selector_twice():
    """What the meter has is never asked of the lens."""
    own, lens = (compile_vyper(SOURCES / f"Drill{name}.vy").abi for name in ("Meter", "Lens"))
    selectors = [{selector_of(e) for e in abi if e["type"] == "function"} for abi in (own, lens)]
    assert len(selectors[1]) == 15
    assert not selectors[0] & selectors[1]


def test_pin__compiler_and_code__are_those_of_the_sources():
    pin = json.loads((SOURCES / "DrillMeter.pin.json").read_text("ascii"))
    code = bytes.fromhex(compile_drill_meter().bytecode[2:])
    assert pin["compiler"] == f"vyper {vyper.__version__}"
    assert pin["optimiser"] == DEPLOYED
    assert pin["bytecode_sha256"] == sha256(code).hexdigest(), "scripts/generate writes it"
