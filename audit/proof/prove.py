"""Making an inclusion proof: what to look up, and how the pieces are put together.

Nothing is believed on the way: `audit.proof.verify` reads the finished proof as a stranger would,
with the hashes of the blocks that it rests on, before anybody gets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from audit.errors import AuditError
from audit.node.decode import DecodeError, Event, decode, signature_hash
from audit.node.fetch import ContractEndpoint
from audit.node.logs import Log
from audit.node.values import hexadecimal, listing, receipt_nodes, record
from audit.proof.proof_file import MAX_SAMPLES, EntryEvidence, Minute, ProofFile, Run
from audit.proof.verify import MINUTE_MS, NotShownError, Shown, verify
from audit.samples.published import Published
from protocol.errors import SampleError
from protocol.merkle import leaf_hash, range_siblings, tree_root
from protocol.publication import BUNDLE_SAMPLES, RentalIdentity
from protocol.sample import SAMPLE_BYTES, Sample, decode_sample


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be proven of a rental: one of the three is set.

    `sample` counts the rental's log from 0, `sequence` the drill's samples since it was made,
    `minute` is where it starts in Unix ms.
    """

    rental: int
    sample: int | None = None
    sequence: int | None = None
    minute: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The log entries that a proof rests on."""

    opening: Log
    opened: Event
    settlement: Log
    settled: Event


@dataclass(frozen=True, slots=True)
class Proven:
    """A proof, the hashes of its blocks with what stands in them, and what it shows."""

    proof: ProofFile
    blocks: tuple[tuple[str, str], ...]
    shown: Shown


@dataclass(slots=True)
class Leaves:
    """A published log: its samples' hashes, and of the samples those that were asked for."""

    hashes: list[bytes] = field(default_factory=list)
    first: int = -1
    kept: list[bytes] = field(default_factory=list)
    motor_off: tuple[int, bytes] | None = None
    """The newest sample before the kept ones that has the motor off, and its place."""

    def run(self, first: int, data: Sequence[bytes]) -> Run:
        """A run of samples with its path."""
        spans = range_siblings(first, len(data), len(self.hashes))
        path = [tree_root(self.hashes[start : start + width]) for start, width in spans]
        return Run(
            first=first,
            leaves=[hexadecimal(one) for one in data],
            path=[hexadecimal(one) for one in path],
        )


def prove(
    chain: ContractEndpoint, published: Published, wanted: Wanted, first: int, last: int
) -> Proven:
    """The proof of what is wanted, by the newest reading settled in blocks `first` to `last`.

    Raises AuditError when there is none, or when the samples are not those that were anchored.
    """
    history = _history(chain, wanted.rental, first, last)
    args, log_size = history.opened.args, history.settled.args["log_size"]
    identity = RentalIdentity(
        wanted.rental, args["drill"], args["tariff"], history.opened.timestamp, args["customer"]
    )
    leaves = _leaves(_published(published, identity, log_size), wanted)
    logs = [(history.settlement, "the settled reading")]
    minute = None
    if wanted.minute is not None:
        logs += [
            (history.opening, "the opening"),
            (_tariff(chain, args["tariff"], first, history.opening), "the tariff"),
        ]
        minute = Minute(
            start_ms=wanted.minute,
            begun=leaves.run(leaves.motor_off[0], [leaves.motor_off[1]])
            if leaves.motor_off
            else None,
            opening=_evidence(chain, logs[1][0]),
            tariff=_evidence(chain, logs[2][0]),
        )
    proof = ProofFile(
        format="smart-drill proof 1",
        kind="sample" if minute is None else "minute",
        chain_id=chain.chain_id(),
        contract=chain.contract,
        rental=wanted.rental,
        settlement=_evidence(chain, logs[0][0]),
        samples=leaves.run(leaves.first, leaves.kept),
        minute=minute,
    )
    try:
        shown = verify(proof, {log.block_hash for log, _ in logs})
    except NotShownError as error:
        raise AuditError(f"what was found proves nothing: {error}") from error
    return Proven(proof, tuple((log.block_hash, what) for log, what in logs), shown)


def _history(chain: ContractEndpoint, rental: int, first: int, last: int) -> History:
    kinds = ("RentalOpened", "UsageSettled")
    newest: dict[str, Log] = {}
    for log in _entries(chain, kinds, rental, first, last):
        newest[_decoded_log(log, 0).name] = log
    opening, settlement = (newest.get(kind) for kind in kinds)
    if opening is None:
        raise AuditError(f"no rental {rental} was opened in blocks {first} to {last}")
    if settlement is None:
        raise AuditError(f"no reading of rental {rental} has settled by block {last}")
    opened, settled = (
        _decoded_log(log, chain.header(log.block_hash).timestamp) for log in (opening, settlement)
    )
    return History(opening, opened, settlement, settled)


def _decoded_log(log: Log, timestamp: int) -> Event:
    try:
        return decode(log, timestamp)
    except DecodeError as error:
        raise AuditError(f"block {log.block}, log {log.index}: {error}") from error


def _tariff(chain: ContractEndpoint, tariff: int, first: int, opening: Log) -> Log:
    for log in _entries(chain, ("TariffPublished",), tariff, first, opening.block):
        return log
    raise AuditError(f"no event in blocks {first} to {opening.block} published tariff {tariff}")


def _entries(
    chain: ContractEndpoint, kinds: Sequence[str], number: int, first: int, last: int
) -> Iterator[Log]:
    """Events of some kinds that are about a rental or a tariff, in the chain's order."""
    topics = (
        [hexadecimal(signature_hash(kind, "event")) for kind in kinds],
        [f"0x{number:064x}"],
    )
    while first <= last:
        window = chain.window(first, last, topics)
        yield from window.logs
        first = window.last + 1


def _evidence(chain: ContractEndpoint, log: Log) -> EntryEvidence:
    """A log entry with what ties it to its block."""
    [receipts] = chain.block_receipts([chain.header(log.block_hash)])
    counts = [len(listing(record(one, "receipt").get("logs"), "logs")) for one in receipts]
    before = sum(counts[: log.transaction_index])
    if (
        log.transaction_index >= len(counts)
        or not 0 <= log.index - before < counts[log.transaction_index]
    ):
        text = f"transaction {log.transaction_index}, log {log.index}"
        raise AuditError(f"block {log.block} has no {text} in its receipts")
    return EntryEvidence(
        header=hexadecimal(chain.header_rlp(log.block_hash)),
        transaction=log.transaction_index,
        nodes=[hexadecimal(node) for node in receipt_nodes(receipts, log.transaction_index)],
        log=log.index - before,
    )


def _published(published: Published, identity: RentalIdentity, size: int) -> Iterator[bytes]:
    """The first `size` samples of a rental; raises AuditError where one is missing."""
    for place in range(0, size, BUNDLE_SAMPLES):
        bundle = published.bundle(identity, place // BUNDLE_SAMPLES)
        count = min(BUNDLE_SAMPLES, size - place)
        if bundle.samples < count:
            raise AuditError(
                f"{published.source.place} has {place + bundle.samples} samples of rental "
                f"{identity.rental} in {identity.folder()}, and the settled log {size}"
            )
        for start in range(0, count * SAMPLE_BYTES, SAMPLE_BYTES):
            yield bundle.content[start : start + SAMPLE_BYTES]


def _leaves(samples: Iterator[bytes], wanted: Wanted) -> Leaves:
    """Read a log through, and keep what is wanted of it."""
    found = Leaves()
    if wanted.minute is None:
        _keep_one(found, samples, _chosen(wanted))
    else:
        _keep_minute(found, samples, wanted.minute)
    return found


def _chosen(wanted: Wanted) -> Callable[[int, bytes], bool]:
    if wanted.sample is not None:
        return lambda place, _: place == wanted.sample
    return lambda place, data: _decoded(place, data).sequence == wanted.sequence


def _keep_one(
    found: Leaves, samples: Iterator[bytes], chosen: Callable[[int, bytes], bool]
) -> None:
    for place, data in enumerate(samples):
        if not found.kept and chosen(place, data):
            found.first, found.kept = place, [data]
        found.hashes.append(leaf_hash(data))
    if not found.kept:
        raise AuditError(f"the settled log of {len(found.hashes)} samples has no such sample")


def _keep_minute(found: Leaves, samples: Iterator[bytes], start_ms: int) -> None:
    """Keep a minute with the samples beside it, and what shows that the meter had begun.

    Where nothing before it had the motor off, all that was before is kept instead.
    """
    end_ms, inside, after = start_ms + MINUTE_MS, False, False
    for place, data in enumerate(samples):
        found.hashes.append(leaf_hash(data))
        if after:
            continue
        sample = _decoded(place, data)
        after = sample.time_ms >= end_ms
        inside = inside or start_ms <= sample.time_ms < end_ms
        if not inside and not after and (found.motor_off or not sample.motor_on):
            found.kept.clear()
        if not found.kept:
            found.first = place
        found.kept.append(data)
        if not inside and not sample.motor_on:
            found.motor_off = place, data
        if len(found.kept) > MAX_SAMPLES:
            raise AuditError(f"more than {MAX_SAMPLES} samples would be needed")
    if not inside:
        raise AuditError(
            f"no sample of the {len(found.hashes)} in the settled log is of that minute"
        )
    if found.motor_off is not None and found.motor_off[0] == found.first:
        found.motor_off = None


def _decoded(place: int, data: bytes) -> Sample:
    try:
        return decode_sample(data)
    except SampleError as error:
        raise AuditError(f"sample {place} of the published log is malformed: {error}") from error
