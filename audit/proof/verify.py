"""Whether a proof shows what it says, from the file, hashes that its reader trusts, and arithmetic.

    the hash of a block -> its header -> its root of receipts -> the receipt of a transaction
        -> a log entry of the contract: UsageSettled of the rental, with size and root of its log
            -> samples in that log

Everything comes from whoever made the file. So nothing is taken from it that does not hash to what
is trusted already, and what it says beside that (where a thing stands, which contract and rental)
is held against what was found there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from eth_hash.auto import keccak

from audit.books.arithmetic import read_meter
from audit.node.decode import DecodeError, decode
from audit.node.logs import Log
from audit.proof.inclusion import (
    InclusionError,
    Item,
    decode_rlp,
    proven_value,
    rlp_index,
    rlp_number,
)
from audit.proof.proof_file import EntryEvidence, ProofFile, Run
from protocol.errors import ProofError, SampleError
from protocol.merkle import verify_range
from protocol.sample import Sample, decode_sample

MINUTE_MS = 60_000
LOG_SIZE_BITS = 63
"""No log has more samples: sequence numbers end there."""

TIME_BITS = 32
"""Of a block's time, Unix s: what has more is not a time of this century or the next."""

_TYPES = (1, 2, 3, 4)
"""Typed transactions whose receipts are known to have the four fields. Source: EIP-2930, 1559, 4844
and 7702."""


class NotShownError(Exception):
    """The file does not show what it says. `name` is stable; the text says what is wrong."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """A log entry and where it stands: in the block that hashes to `block_hash`.

    `timestamp` is the block's, Unix s; `args` as `audit.node.decode` gives them.
    """

    block_hash: str
    block: int
    timestamp: int
    transaction: int
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MinuteTerms:
    """What a minute is priced by."""

    opening: ProvenEntry
    tariff: ProvenEntry


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown: a settled reading, and samples of its log from `first` on; of a minute also
    the terms."""

    settlement: ProvenEntry
    first: int
    samples: tuple[Sample, ...]
    terms: MinuteTerms | None


def require_about(proof: ProofFile, contract: str | None, chain_id: int | None) -> None:
    """Hold what a file is about against what its reader means; raises NotShownError."""
    if contract is not None:
        _same("contract-differs", "the contract", proof.contract, contract.lower())
    if chain_id is not None:
        _same("chain-differs", "the chain", proof.chain_id, chain_id)


def verify(proof: ProofFile, trusted: Collection[str]) -> Shown:
    """What a proof shows to whoever trusts these block hashes; raises NotShownError.

    All of the file is shown, or nothing is.
    """
    settlement = _anchor(proof, proof.settlement, "UsageSettled", trusted)
    _same("rental-differs", "the settled rental", settlement.args["rental"], proof.rental)
    dated = read_meter(settlement.args["meter"]).until
    _same("until-differs", "the reading's time", settlement.args["until"], dated)
    samples = _samples(proof.samples, settlement)
    if proof.minute is None:
        return Shown(settlement, proof.samples.first, samples, None)
    _whole_minute(proof.samples.first, samples, proof.minute.start_ms, settlement)
    _begun(proof.minute.begun, proof.samples.first, samples, settlement)
    opening = _anchor(proof, proof.minute.opening, "RentalOpened", trusted)
    tariff = _anchor(proof, proof.minute.tariff, "TariffPublished", trusted)
    _require_terms(proof.rental, opening, tariff, settlement, samples)
    return Shown(settlement, proof.samples.first, samples, MinuteTerms(opening, tariff))


def _same(name: str, what: str, found: object, due: object) -> None:
    if found != due:
        raise NotShownError(name, f"{what} is {found}, not {due}")


def _anchor(
    proof: ProofFile, evidence: EntryEvidence, event: str, trusted: Collection[str]
) -> ProvenEntry:
    """The log entry that a piece of evidence leads to: that event of the contract, in a block of
    which the hash is trusted."""
    header = _bytes(evidence.header)
    block_hash = "0x" + keccak(header).hex()
    try:
        root, number, time = _header(header)
    except InclusionError as error:
        raise NotShownError("header-malformed", f"not a block header: {error}") from error
    if block_hash not in trusted:
        # Not the hash itself: whoever copied it from here would trust the file with it.
        text = f"the header that {event} needs, of block {number}, has none of the hashes given"
        raise NotShownError("block-hash-differs", text)
    nodes = [_bytes(node) for node in evidence.nodes]
    try:
        receipt = proven_value(root, rlp_index(evidence.transaction), nodes)
    except InclusionError as error:
        place = f"transaction {evidence.transaction} of block {number}"
        raise NotShownError("receipt-not-in-block", f"{place}: {error}") from error
    entry = _log(receipt, evidence.log, proof.contract)
    log = Log(number, block_hash, "", evidence.transaction, evidence.log, *entry)
    try:
        found = decode(log, time)
    except DecodeError as error:
        raise NotShownError("event-differs", f"not {event}: {error}") from error
    _same("event-differs", "the event", found.name, event)
    return ProvenEntry(block_hash, number, time, evidence.transaction, found.args)


def _header(content: bytes) -> tuple[bytes, int, int]:
    """Root of the receipts, number and timestamp (Unix s) of a block."""
    fields = decode_rlp(content)
    if not isinstance(fields, list) or len(fields) < 15:
        raise InclusionError("too few fields")
    root = fields[5]
    if not isinstance(root, bytes) or len(root) != 32:
        raise InclusionError("no root of receipts")
    return root, rlp_number(fields[8]), rlp_number(fields[11], TIME_BITS)


def _log(receipt: bytes, index: int, contract: str) -> tuple[tuple[str, ...], str]:
    """Topics and data of a log entry of a receipt, as `audit.node.logs.Log` has them."""
    body = receipt[1:] if receipt[0] in _TYPES else receipt
    try:
        fields = decode_rlp(body)
    except InclusionError as error:
        raise NotShownError("receipt-malformed", str(error)) from error
    if not isinstance(fields, list) or len(fields) != 4 or not isinstance(fields[3], list):
        raise NotShownError("receipt-malformed", "not the four fields of a receipt")
    if fields[0] != b"\x01":
        raise NotShownError("transaction-failed", "the receipt does not say that it succeeded")
    logs = fields[3]
    if index >= len(logs):
        raise NotShownError("log-missing", f"entry {index} of a receipt with {len(logs)}")
    entry: Item = logs[index]
    if not isinstance(entry, list) or len(entry) != 3:
        raise NotShownError("receipt-malformed", "a log entry without its three fields")
    address, topics, data = entry
    if (
        not isinstance(address, bytes)
        or not isinstance(topics, list)
        or not isinstance(data, bytes)
    ):
        raise NotShownError("receipt-malformed", "a log entry with a malformed field")
    _same("log-of-another-contract", "who logged it", "0x" + address.hex(), contract)
    return tuple(_topic(topic) for topic in topics), "0x" + data.hex()


def _topic(item: Item) -> str:
    if not isinstance(item, bytes) or len(item) != 32:
        raise NotShownError("receipt-malformed", "a log entry with a malformed topic")
    return "0x" + item.hex()


def _samples(run: Run, settlement: ProvenEntry) -> tuple[Sample, ...]:
    """Samples shown to be in the settled log, at that place."""
    size = settlement.args["log_size"]
    if size >> LOG_SIZE_BITS:
        raise NotShownError("log-size-impossible", f"a log of {size} samples")
    leaves = [_bytes(leaf) for leaf in run.leaves]
    path = [_bytes(one) for one in run.path]
    try:
        verify_range(leaves, run.first, size, _bytes(settlement.args["log_root"]), path)
    except ProofError as error:
        raise NotShownError("sample-not-in-log", str(error)) from error
    try:
        return tuple(decode_sample(leaf) for leaf in leaves)
    except SampleError as error:
        raise NotShownError("sample-malformed", str(error)) from error


def _whole_minute(
    first: int, samples: Sequence[Sample], start_ms: int, settlement: ProvenEntry
) -> None:
    """The minute must be all there: a sample before it and one after, where the log has them."""
    end_ms, size = start_ms + MINUTE_MS, settlement.args["log_size"]
    if not any(start_ms <= one.time_ms < end_ms for one in samples):
        raise NotShownError("minute-incomplete", "no sample is of that minute")
    if first > 0 and samples[0].time_ms >= start_ms:
        raise NotShownError("minute-incomplete", "samples before the first may be of that minute")
    if first + len(samples) < size and samples[-1].time_ms < end_ms:
        raise NotShownError("minute-incomplete", "samples after the last may be of that minute")
    for before, after in pairwise(samples):
        if before.sequence >= after.sequence or before.time_ms > after.time_ms:
            text = f"sequence {after.sequence} of {after.time_ms} ms comes after {before.sequence}"
            raise NotShownError("samples-out-of-order", f"{text} of {before.time_ms} ms")


def _begun(
    begun: Run | None, first: int, samples: Sequence[Sample], settlement: ProvenEntry
) -> None:
    """The meter counts from the first sample of the log that has the motor off."""
    if begun is None:
        if first > 0 and samples[0].motor_on:
            raise NotShownError("meter-not-begun", "no earlier sample shows the motor off")
        return
    found = _samples(begun, settlement)
    if len(found) != 1 or begun.first >= first or found[0].motor_on:
        raise NotShownError("meter-not-begun", "it is not an earlier sample with the motor off")


def _require_terms(
    rental: int,
    opening: ProvenEntry,
    tariff: ProvenEntry,
    settlement: ProvenEntry,
    samples: Sequence[Sample],
) -> None:
    """The opening and the tariff must be those of the rental, and the samples of its drill."""
    _same("rental-differs", "the opened rental", opening.args["rental"], rental)
    _same("tariff-differs", "the tariff", tariff.args["tariff"], opening.args["tariff"])
    if not tariff.block <= opening.block <= settlement.block:
        raise NotShownError("blocks-out-of-order", "tariff, opening and settlement")
    for sample in samples:
        _same("drill-differs", "the sample's drill", sample.drill, opening.args["drill"])


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
