"""The file of an inclusion proof: what is in it, and how it is written.

JSON in exactly one form: the fields in the order below, hexadecimal text in lower case, an indent
of one. So a file with a field twice, with spaces or with anything else in it is none.

    format      "smart-drill proof 1"
    kind        "sample" or "minute"
    chain_id    as stated by who wrote the file; no block says its own
    contract    address, lower case
    rental      number
    settlement  where UsageSettled was logged: see `EntryEvidence`
    samples     leaves of the rental's sample log, one after the other: see `Run`
    minute      null, or for a minute: see `Minute`
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from host.errors import FileError, PlainError
from host.text_files import read_text
from protocol.sample import MAX_TIME_MS, SAMPLE_BYTES

MAX_FILE_BYTES = 16 * 2**20
"""A minute has 110 KiB of samples; the rest is room for the receipts of a crowded block."""

MAX_SAMPLES = 20_000
"""A minute of drilling has 600, and some for each change of state."""

MAX_NODES = 10
"""A receipt's key has at most four bytes, so eight half bytes lead to it."""

MAX_PATH = 130
"""Hashes: two for each level of a tree of 2^64 leaves, and two over."""


class ProofFileError(PlainError, ValueError):
    """A file that is not a proof at all; nothing was checked."""


def _hex(size: int | None = None) -> Any:
    digits = "(?:[0-9a-f]{2})*" if size is None else f"[0-9a-f]{{{2 * size}}}"
    return Field(pattern=f"^0x{digits}$")


Data = Annotated[str, _hex()]
Hash = Annotated[str, _hex(32)]
Leaf = Annotated[str, _hex(SAMPLE_BYTES)]
Number = Annotated[int, Field(ge=0, lt=2**63)]
Small = Annotated[int, Field(ge=0, lt=2**24)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class EntryEvidence(_Part):
    """A log entry, with all that ties it to the hash of its block.

    `header` is the block's, RLP; `nodes` of the trie of receipts lead to the one of `transaction`;
    `log` counts the entries of that receipt from 0.
    """

    header: Data
    transaction: Small
    nodes: Annotated[list[Data], Field(min_length=1, max_length=MAX_NODES)]
    log: Small


class Run(_Part):
    """Samples from place `first` of the log on; `path` as `protocol.merkle.verify_range` has it."""

    first: Number
    leaves: Annotated[list[Leaf], Field(min_length=1, max_length=MAX_SAMPLES)]
    path: Annotated[list[Hash], Field(max_length=MAX_PATH)]


class Minute(_Part):
    """What a minute needs over a sample.

    `start_ms` is where it starts (Unix ms); the samples are all of it, with the one before and the
    one after where the log has them. `begun` is an earlier sample with the motor off, from which on
    the meter counts; null where the samples themselves have one, or begin the log. `opening` is the
    RentalOpened and `tariff` the TariffPublished behind the price.
    """

    start_ms: Annotated[int, Field(ge=0, le=MAX_TIME_MS, multiple_of=60_000)]
    begun: Run | None
    opening: EntryEvidence
    tariff: EntryEvidence


class ProofFile(_Part):
    """The whole file."""

    format: Literal["smart-drill proof 1"]
    kind: Literal["sample", "minute"]
    chain_id: Number
    contract: Annotated[str, _hex(20)]
    rental: Number
    settlement: EntryEvidence
    samples: Run
    minute: Minute | None

    def to_json(self) -> bytes:
        """The content of the file."""
        return json.dumps(self.model_dump(), indent=1).encode() + b"\n"


def read_proof_file(path: Path) -> ProofFile:
    """Read a file; raises ProofFileError."""
    try:
        content = read_text(path, "proof", MAX_FILE_BYTES)
    except FileError as error:
        raise ProofFileError(str(error)) from error
    return parse_proof_file(content.encode())


def parse_proof_file(content: bytes) -> ProofFile:
    """The proof in the content of a file; raises ProofFileError."""
    if len(content) > MAX_FILE_BYTES:
        raise ProofFileError(f"a proof has at most {MAX_FILE_BYTES} bytes")
    try:
        # Its parser bounds the depth; that of `json` can exhaust the stack.
        proof = ProofFile.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        # Names and texts may be a hostile file's own.
        raise ProofFileError(f"not a proof: {ascii(place)[:80]}: {first['msg'][:200]}") from error
    if (proof.kind == "minute") != (proof.minute is not None):
        raise ProofFileError(
            f"not a proof: of kind {proof.kind!r}, and `minute` is not what it has"
        )
    if proof.to_json() != content:
        raise ProofFileError(
            "not a proof: not in its one canonical form, as with a field twice or other spacing"
        )
    return proof
