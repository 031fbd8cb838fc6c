"""Where an audit with a state file goes on, also after a reorganisation."""

from __future__ import annotations

from pathlib import Path

from audit.errors import AuditError, NodeRefusedError, OtherChainError
from audit.node.fetch import ContractEndpoint
from audit.samples.sample_check import Coverage
from audit.state import Progress, final_of, load, require_same
from protocol.headers import Header

UNLIKELY_DEPTH = 128
"""Blocks that a reorganisation does not reach on a chain whose nodes tell of no final block."""


def resumable(
    chain: ContractEndpoint,
    file: Path,
    last: Header,
    asked: tuple[int, str, int, str],
    samples: Coverage | None,
) -> tuple[Progress | None, Header | None]:
    """The newest state that the chain still has, with its block; None where no file is there.

    `last` is the last block of the range. Raises AuditError for files of another audit, and where
    the chain has the block of neither.
    """
    reasons: list[str] = []
    for path in (file, final_of(file)):
        progress = load(path)
        if progress is None:
            continue
        require_same(progress, asked, samples, str(path))
        if progress.last_block > last.number:
            reasons.append(f"{path} is beyond block {last.number}")
            continue
        header = chain.header(progress.last_block)
        if header.hash == progress.last_hash:
            return progress, header
        reasons.append(f"the chain no longer has block {progress.last_block} of {path}")
    if reasons:
        raise AuditError("; ".join(reasons) + "; delete these files to start again")
    return None, None


def final_number(chain: ContractEndpoint, last: Header) -> int:
    """The last block of the range that no reorganisation reaches, by the node's word: all that
    rests on it is where a state is kept."""
    try:
        final = chain.header("finalized").number
    except (NodeRefusedError, OtherChainError):
        final = last.number - UNLIKELY_DEPTH
    return min(final, last.number)
