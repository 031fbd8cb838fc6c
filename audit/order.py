"""What is to be audited, and who looks on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from audit.books.books import Books
from audit.node.completeness import Depth
from audit.node.decode import Event


@dataclass(frozen=True, slots=True)
class AuditOrder:
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


@dataclass(slots=True)
class AuditWatcher:
    """Who looks on: told of progress and of each event once it is in the books (with the calldata
    of signed calls by transaction), given notice of what takes long, and asked whether to stop."""

    progress: Callable[[int, int, int], None] = lambda _first, _now, _last: None
    stopping: Callable[[], bool] = lambda: False
    notice: Callable[[str], None] = lambda _text: None
    event: Callable[[Event, Books, Mapping[str, bytes | None]], None] = lambda *_: None
