"""docs/contract.md names every call with its types and every refusal, and no other."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path
from typing import Any

from lab.rig.services import ROOT
from protocol.abi import drill_meter_abi

PAGE = (ROOT / "docs" / "contract.md").read_text("utf-8")
SNEKMATE = Path(sysconfig.get_path("purelib")) / "snekmate"
LIBRARY = ("auth/ownable.vy", "auth/ownable_2step.vy", "utils/pausable.vy")
_TEXT = re.compile(r'"([a-z0-9_]+: [^"\n]+)"')
"""A revert's text begins with its module's name; nothing else in the sources looks like that."""


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def code_of(path: Path) -> str:
    """A source without comments and descriptions."""
    return re.sub(r'"""[\s\S]*?"""|#.*', "", path.read_text("utf-8"))


def kind(entry: dict[str, Any]) -> str:
    text = str(entry["type"])
    if not text.startswith("tuple"):
        return text
    return "(" + ",".join(map(kind, entry["components"])) + ")" + text.removeprefix("tuple")


def named(entries: list[dict[str, Any]]) -> str:
    return ", ".join(f"{kind(entry)} {entry['name']}".strip() for entry in entries)


def test_calls__in_the_documentation__are_those_of_the_abi() -> None:
    functions = [entry for entry in drill_meter_abi() if entry["type"] == "function"]
    rows = {}
    for entry in functions:
        row = f"| `{entry['name']}({named(entry['inputs'])})`"
        row += " *(payable)*" if entry["stateMutability"] == "payable" else ""
        row += f" → `{named(entry['outputs'])}`" if entry["outputs"] else ""
        rows[entry["name"]] = row + " | "
    text = section("Every call")

    documented = [cell.partition("(")[0] for cell in first_cells(text)]

    assert sorted(documented) == sorted(rows)
    for name, row in rows.items():
        assert row in text, f"{name} is documented otherwise than: {row}"


def test_refusals__in_the_documentation__are_those_of_the_sources() -> None:
    sources = list((ROOT / "contracts").rglob("*.vy"))
    assert len(sources) > 10
    texts = {text for path in sources for text in _TEXT.findall(code_of(path))}
    texts |= {text for name in LIBRARY for text in _TEXT.findall(code_of(SNEKMATE / name))}

    documented = first_cells(section("Every refusal"))

    assert len(set(documented)) == len(documented)
    assert sorted(documented) == sorted(texts)


def test_revert_texts__in_the_sources__all_begin_with_their_module() -> None:
    """Or the test above would not see them."""
    pattern = re.compile(r'(?:_require\(|assert )(?:[^"]|\n)*?"([^"]*)"', re.MULTILINE)
    for path in (ROOT / "contracts").rglob("*.vy"):
        for statement in re.findall(
            r"(?:checks\._require\([\s\S]*?\n?\s*\)\n|assert .*\n)", code_of(path)
        ):
            found = pattern.search(statement)
            assert found is None or _TEXT.fullmatch(f'"{found[1]}"'), (path, statement)


def test_reasons_of_rejected_readings__in_the_documentation__are_those_of_the_sources() -> None:
    modules = ROOT / "contracts" / "modules" / "settlement.vy", ROOT / "contracts" / "DrillMeter.vy"
    texts = {
        text
        for path in modules
        for text in re.findall(r'(?:objection =|_reject\(\w+,) "([^"]+)"', code_of(path))
    }

    documented = first_cells(section("What a reading must satisfy"))

    assert len(texts) == 8
    assert sorted(documented) == sorted(texts)
