"""Where an interrupted audit goes on: books, findings and the block they stand at.

There are two: the newest state in the file that was asked for, and beside it one at a block that
was final when it was written, which a reorganisation leaves in the chain.

A JSON object {"sha256": ..., "content": ...}: the digest is of the content's text, so that a file
that was cut short or edited is refused. What the file says of the chain is not believed either: the
audit goes on only if the chain still has the block of that hash (`audit.run`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from audit.books.books import Books
from audit.errors import AuditError, StateFileError
from audit.findings import Findings
from audit.node.completeness import CompletenessTally
from audit.samples.sample_check import Coverage, SampleProgress

VERSION = 2


@dataclass(slots=True)
class Progress:
    """An audit up to `last_block`, of that hash."""

    chain_id: int
    contract: str
    first_block: int
    depth: str
    last_block: int
    last_hash: str
    books: Books
    findings: Findings
    tally: CompletenessTally
    events: int
    readings: int
    verified: int
    unchecked: int
    samples: SampleProgress | None = None
    version: int = VERSION


def require_same(
    progress: Progress,
    asked: tuple[int, str, int, str],
    samples: Coverage | None,
    file: str,
) -> None:
    """Raise AuditError unless a state file is of this audit: chain, contract, first block, depth,
    and whose samples are looked at, None for nobody's."""
    found = (progress.chain_id, progress.contract, progress.first_block, progress.depth)
    if found != asked:
        raise AuditError(f"{file} belongs to another audit: {found}, not {asked}")
    covered = None if progress.samples is None else progress.samples.coverage
    if covered != samples:
        raise AuditError(f"{file} belongs to an audit of other samples, or of none")


_FORM = TypeAdapter(Progress)


def final_of(path: Path) -> Path:
    """The file beside a state file that stands at a final block."""
    return path.with_name(path.name + ".final")


def save(path: Path, progress: Progress) -> None:
    """Write a state file whole or not at all; raises StateFileError."""
    content = json.dumps(_FORM.dump_python(progress))
    digest = sha256(content.encode()).hexdigest()
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text(json.dumps({"sha256": digest, "content": content}), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise StateFileError(f"{path} cannot be written: {error}") from error


def load(path: Path) -> Progress | None:
    """What a state file holds, None if there is none.

    Raises StateFileError for a damaged one, and for one of another version, which is left alone.
    """
    try:
        if not path.exists():
            return None
        outer = json.loads(path.read_text(encoding="utf-8"))
        content = str(outer["content"])
        if sha256(content.encode()).hexdigest() != outer["sha256"]:
            raise StateFileError(f"{path} was changed or cut short; delete it to start again")
        found = json.loads(content)
        _require_version(found["version"], path)
        progress = _FORM.validate_python(found)
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise StateFileError(f"{path} is not a state file of an audit: {why}") from error
    return progress


def _require_version(version: object, path: Path) -> None:
    """Before anything else is looked at: what another version holds, this release cannot know."""
    if version == VERSION:
        return
    newer = isinstance(version, int) and version > VERSION
    use = "install the release that wrote it" if newer else "go on with the release that wrote it"
    raise StateFileError(
        f"{path} is of version {version}, this release writes version {VERSION}: {use}, or name "
        "another --state file to audit from the first block anew; it is left as it is"
    )
