"""The commands `drill-audit prove` and `drill-audit verify`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from audit.errors import AuditError, OtherChainError
from audit.node.fetch import ContractEndpoint
from audit.node.rpc import Endpoint
from audit.proof.proof_file import ProofFileError, read_proof_file
from audit.proof.proof_text import shown_lines, unshown_lines
from audit.proof.prove import Proven, Wanted, prove
from audit.proof.verify import NotShownError, require_about, verify
from audit.samples.published import Published
from audit.samples.sources import open_source
from host.exit_status import COULD_NOT
from host.foreign_text import complain, harmless
from protocol.errors import RecordError
from protocol.records import Domain

NOT_SHOWN = 1

LONGEST_LINE = 2_000
"""Characters of a line about a proof: parts of it come out of the file."""

_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("prove")(prove_command)
    app.command("verify")(verify_command)


def prove_command(
    *,
    rpc: Annotated[str, typer.Option(help="A JSON-RPC endpoint, http(s).")],
    contract: Annotated[str, typer.Option(help="The contract's address.")],
    samples: Annotated[str, typer.Option(help="Published samples: a folder or an address.")],
    rental: Annotated[int, typer.Option(help="The rental's number.", min=1)],
    out: Annotated[Path, typer.Option(help="Where to write the proof.")],
    sample: Annotated[
        int | None, typer.Option(help="One sample: its place in the rental's log, from 0.", min=0)
    ] = None,
    sequence: Annotated[
        int | None, typer.Option(help="One sample: its sequence number.", min=1)
    ] = None,
    minute: Annotated[
        str | None, typer.Option(help="A minute of drilling, UTC, such as 2026-11-24T13:48Z.")
    ] = None,
    chain_id: Annotated[int | None, typer.Option(help="Insist on this chain id.")] = None,
    from_block: Annotated[
        int | None, typer.Option(help="The first block; default the deployment.", min=0)
    ] = None,
    to_block: Annotated[
        int | None, typer.Option(help="The last block; default the newest.", min=0)
    ] = None,
) -> None:
    """Write a proof that a sample, or a minute of them, is behind a settled reading.

    Exit status: 0 written, 2 could not be proven.
    """
    try:
        wanted = _wanted(rental, sample, sequence, minute)
        chain = ContractEndpoint(Endpoint(rpc), contract)
        domain = Domain(_chain_id(chain, chain_id), contract)
        published = Published(open_source(samples), domain)
        last = chain.header("latest" if to_block is None else to_block).number
        first = chain.deployment_block(last) if from_block is None else from_block
        with chain.named():
            proven = prove(chain, published, wanted, first, last)
        out.write_bytes(proven.proof.to_json())
    except (AuditError, RecordError, OSError) as error:
        complain("drill-audit", error)
        raise typer.Exit(COULD_NOT) from error
    _tell_proven(proven, out)


def _wanted(rental: int, sample: int | None, sequence: int | None, minute: str | None) -> Wanted:
    if [sample, sequence, minute].count(None) != 2:
        raise AuditError("give one of --sample, --sequence and --minute")
    return Wanted(rental, sample, sequence, None if minute is None else minute_start(minute))


def _chain_id(chain: ContractEndpoint, asked: int | None) -> int:
    found = chain.chain_id()
    if asked not in (None, found):
        raise OtherChainError(f"{chain.endpoint.place} serves chain {found}, not {asked}")
    return found


def minute_start(text: str) -> int:
    """The Unix ms of a minute's start; raises AuditError for what is not a UTC minute."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise AuditError(f"{text!r} is not a time such as 2026-11-24T13:48Z") from error
    if time.utcoffset() not in (None, timedelta(0)):
        raise AuditError(f"{text!r} is not in UTC; write it with a Z")
    if time.second or time.microsecond:
        raise AuditError(f"{text!r} is not the start of a minute")
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (time.replace(tzinfo=UTC) - epoch) // timedelta(milliseconds=1)


def _tell_proven(proven: Proven, out: Path) -> None:
    proof = proven.proof
    typer.echo(f"{out} has {len(proof.samples.leaves)} of rental {proof.rental}'s samples.")
    hashes: dict[str, list[str]] = {}
    for block_hash, what in proven.blocks:
        hashes.setdefault(block_hash, []).append(what)
    typer.echo("It rests on these blocks; compare their hashes with a source that you trust:")
    for block_hash, behind in hashes.items():
        typer.echo(f"  {block_hash}  {', '.join(behind)}")
    options = " ".join(f"--block-hash {block_hash}" for block_hash in hashes)
    typer.echo(f"drill-audit verify {out} {options} --contract {proof.contract}")


def verify_command(
    file: Annotated[Path, typer.Argument(help="The proof.")],
    *,
    block_hash: Annotated[
        list[str],
        typer.Option(
            help="The hash of a block that you trust; give it again for each further one."
        ),
    ],
    contract: Annotated[
        str | None, typer.Option(help="The contract that it must be about.")
    ] = None,
    chain_id: Annotated[int | None, typer.Option(help="Insist on this chain id.")] = None,
) -> None:
    """Check a proof with nothing but the file, the hash of a block, and arithmetic.

    Exit status: 0 shown, 1 not shown, 2 not a proof.
    """
    try:
        trusted = {_hash(one) for one in block_hash}
        if contract is not None:
            Domain(0, contract)
        proof = read_proof_file(file)
        require_about(proof, contract, chain_id)
        shown = verify(proof, trusted)
    except NotShownError as error:
        complain("drill-audit", f"not shown: {error}")
        raise typer.Exit(NOT_SHOWN) from error
    except (AuditError, ProofFileError, RecordError) as error:
        complain("drill-audit", error)
        raise typer.Exit(COULD_NOT) from error
    typer.echo("Shown:")
    for line in shown_lines(proof, shown):
        typer.echo(f"  {harmless(line, LONGEST_LINE)}")
    typer.echo("Not shown:")
    given = {"contract_given": contract is not None, "chain_given": chain_id is not None}
    for line in unshown_lines(proof, shown, **given):
        typer.echo(f"  {harmless(line, LONGEST_LINE)}")


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        raise AuditError(f"{text[:80]!r} is not a hash of a block: 0x and 64 hexadecimal digits")
    return text.lower()
