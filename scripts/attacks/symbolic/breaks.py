"""Bugs to plant in copies of the contract: each must be found by the check that it names."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from attacks.symbolic.errors import SymbolicError


@dataclass(frozen=True, slots=True)
class Break:
    """`old`, standing once in `file` of contracts/, becomes `new`; `check` must fail for it."""

    what: str
    file: str
    old: str
    new: str
    check: str


BREAKS: tuple[Break, ...] = (
    Break(
        what="a withdrawal leaves the account as it was",
        file="modules/vault.vy",
        old="self.accounts[account] = available - amount",
        new="self.accounts[account] = available",
        check="check_withdraw__native",
    ),
    Break(
        what="a deposit is credited to the sender and not to the named account",
        file="modules/vault.vy",
        old="self._credit(account, msg.sender, amount)",
        new="self._credit(msg.sender, msg.sender, amount)",
        check="check_deposit__native",
    ),
)

QUICK_BREAKS = BREAKS[:2]


def broken_copy(contracts: Path, folder: Path, planted: Break) -> Path:
    """Copy `contracts` into `folder` with one bug in it; returns the copy's path.

    Raises SymbolicError unless the text to break stands there exactly once.
    """
    copy = folder / "contracts"
    shutil.copytree(contracts, copy)
    file = copy / planted.file
    source = file.read_text(encoding="ascii")
    if (times := source.count(planted.old)) != 1:
        raise SymbolicError(
            f"{planted.file} has {times} times {planted.old!r}, which the break "
            f"{planted.what!r} replaces; adapt it in scripts/attacks/symbolic/breaks.py"
        )
    file.write_text(source.replace(planted.old, planted.new), encoding="ascii")
    return copy
