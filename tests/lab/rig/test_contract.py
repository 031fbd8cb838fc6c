"""Compiled contracts are kept, and each is compiled once however many ask for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from time import sleep
from typing import Any

import pytest

from lab.rig import contract

OUTPUT: dict[str, Any] = {"abi": [], "bytecode": "0x01", "bytecode_runtime": "0x02", "layout": {}}
AT_ONCE = 4


def test_compile_vyper__several_at_once__one_compiles_and_the_others_take_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, compiled = tmp_path / "Source.vy", list[Path]()
    source.write_text("# nothing", "ascii")
    together = Barrier(AT_ONCE)

    def compile_it(source: Path, _optimiser: str) -> dict[str, Any]:
        compiled.append(source)
        sleep(0.2)  # the others are there meanwhile
        return OUTPUT

    hashed = contract._sources_hash

    def hash_together(*arguments: Any) -> str:
        together.wait(60)  # so that none finds what another one has kept before it asks
        return hashed(*arguments)

    monkeypatch.setattr(contract, "CACHE", tmp_path / "kept")
    monkeypatch.setattr(contract, "_compile", compile_it)
    monkeypatch.setattr(contract, "_sources_hash", hash_together)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = list(threads.map(lambda _: contract.compile_vyper(source), range(AT_ONCE)))

    assert [one.bytecode for one in found] == ["0x01"] * AT_ONCE
    assert compiled == [source]
