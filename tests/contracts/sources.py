"""What the contract tests deploy: DrillMeter as each optimiser setting makes it, and the mocks."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

from lab.rig.contract import SOURCES, Compiled, Optimiser, compile_drill_meter, compile_vyper

OPTIMISERS: tuple[Optimiser, ...] = ("codesize", "gas", "none")
MOCKS = Path(__file__).with_name("mocks")


@cache
def drill_meter(optimiser: Optimiser) -> Compiled:
    """The contract under test."""
    with warnings.catch_warnings():
        # Without the optimiser the code is larger than EIP-170 allows on a public chain.
        warnings.filterwarnings("ignore", message="Length of compiled bytecode")
        return compile_drill_meter(optimiser)


@cache
def forwarder_code(optimiser: Optimiser) -> bytes:
    """The forwarder's code as it runs, without the values of its immutables."""
    return bytes.fromhex(compile_vyper(SOURCES / "DrillForwarder.vy", optimiser).runtime[2:])


@cache
def mock(name: str) -> Compiled:
    """A contract of tests/contracts/mocks."""
    return compile_vyper(MOCKS / f"{name}.vy")
