"""What is to be audited, who looks on, and where further findings may come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from audit.books import Books
from audit.completeness import Depth
from audit.findings import Findings


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be audited."""

    contract: str
    chain_id: int | None = None
    rental: int | None = None
    from_block: int | None = None
    to_block: int | None = None
    proof: bool = False
    block_hash: str | None = None
    depth: Depth | None = None
    state: Path | None = None


class Source(Protocol):
    """A further source of findings, such as published samples, asked when the books are done."""

    def examine(self, books: Books, findings: Findings) -> None:
        """Look into the rentals of the books and report."""


@dataclass(slots=True)
class Watcher:
    """Who looks on: told of progress, and asked whether to stop."""

    progress: Callable[[int, int, int], None] = lambda _first, _now, _last: None
    stopping: Callable[[], bool] = lambda: False
