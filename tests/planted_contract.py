"""One-line breaks of the contract, one for each promise that the fuzzer watches over."""

from __future__ import annotations

import shutil
import sysconfig
import warnings
from dataclasses import dataclass
from pathlib import Path

from vyper.compiler import compile_from_file_input
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.settings import OptimizationLevel, Settings

from lab.rig.contract import EVM_VERSION, SOURCES, Compiled


@dataclass(frozen=True, slots=True)
class Break:
    """`old`, which stands once in a file of contracts/, becomes `new`."""

    promise: str
    file: str
    old: str
    new: str


BREAKS = (
    Break(
        "1: a withdrawal leaves the account as it was",
        "modules/vault.vy",
        "self.accounts[account] = available - amount",
        "self.accounts[account] = available",
    ),
    Break(
        "2: more active time than the wall clock allows",
        "modules/meter.vy",
        "<= unsafe_sub(now & MAX_UNTIL, last & MAX_UNTIL)",
        "<= unsafe_sub(now & MAX_UNTIL, last & MAX_UNTIL) + 1",
    ),
    Break(
        "3: a reading that has settled settles again",
        "modules/settlement.vy",
        "elif until <= meter._until(last):",
        "elif until < meter._until(last):",
    ),
    Break(
        "4: nobody closes a rental in the second that the grace period has passed",
        "modules/rentals.vy",
        "block.timestamp >= terms.ended_at + GRACE_PERIOD",
        "block.timestamp > terms.ended_at + GRACE_PERIOD",
    ),
    Break(
        "5: a suspended or revoked key still settles",
        "modules/packing.vy",
        "if (word >> 192) & 3 != 0:",
        "if (word >> 192) & 3 == 3:",
    ),
    Break(
        "8: closing forgets that it has collected, and pays it twice",
        "modules/rentals.vy",
        "self.revenue += earned - party.collected",
        "self.revenue += earned",
    ),
    Break(
        "8: an event tells another story than the storage",
        "modules/bonds.vy",
        "log IDrillMeter.BondPosted(amount=amount, bond=self.posted)",
        "log IDrillMeter.BondPosted(amount=amount, bond=amount)",
    ),
    Break(
        "disputes: the same receipt is paid for again",
        "modules/disputes.vy",
        "self.refunded[rental] = refunded + refund",
        "self.refunded[rental] = refund",
    ),
)


def compile_broken(planted: Break, folder: Path) -> Compiled:
    """A copy of the contract with the break in it, compiled with the optimiser off."""
    copy = folder / "contracts"
    shutil.copytree(SOURCES, copy)
    file = copy / planted.file
    source = file.read_text("ascii")
    found = source.count(planted.old)
    assert found == 1, f"{planted.file} has {planted.old!r} {found} times; adapt tests/lab/fuzzing"
    file.write_text(source.replace(planted.old, planted.new), "ascii")
    main = copy / "DrillMeter.vy"
    main.write_text(main.read_text("ascii").replace("#pragma optimize codesize\n", ""), "ascii")
    bundle = FilesystemInputBundle([Path(sysconfig.get_path("purelib")), folder])
    optimise = OptimizationLevel.from_string("none")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Length of compiled bytecode")
        output = compile_from_file_input(
            bundle.load_file(main),
            input_bundle=bundle,
            settings=Settings(optimize=optimise, evm_version=EVM_VERSION),
            output_formats=["abi", "bytecode", "bytecode_runtime"],
        )
    return Compiled(output["abi"], output["bytecode"], output["bytecode_runtime"])
