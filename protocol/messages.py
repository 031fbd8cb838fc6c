"""MQTT topics and payloads between a drill's bridge and the oracle.

    topic                  retained  payload            from    to
    drill/<id>/sample      no        binary, sealed     bridge  oracle
    drill/<id>/journalled  no        JournalledMessage, oracle  bridge
                                     sealed
    drill/<id>/status      yes       StatusMessage      bridge  anyone (last will: offline)
    drill/<id>/reading     yes       ReadingMessage     oracle  anyone
    drill/<id>/lease       yes       LeaseMessage or    oracle  bridge
                                     InhibitMessage
    drill/<id>/proof       yes       binary (see        oracle  bridge in strict mode
                                     lease_proof.py)
    drill/<id>/log         yes       LogMessage         oracle  anyone
    drill/<id>/event       no        EventMessage       both    anyone

Everything is QoS 1. A sample message holds 1 to 64 samples of one drill, big endian:

    offset  size  field
    0       2     magic "SD"
    2       1     version, 3
    3       1     number of samples n
    4       4     drill
    8       8     oldest: the lowest sequence that the bridge still holds or may still get
    16      16    nonce: what the drill's next lease has to answer, 0: the bridge knows none yet
    32      n*96  samples, oldest first, sequences rising

JSON payloads are objects with exactly the fields below. Money is a decimal string, because it may
exceed 2^53; bytes are hexadecimal with 0x. Nothing in a payload is trusted for who sent it: what
matters is signed, or sealed (protocol/sealing.py). `status`, `event` and `inhibit` are neither;
nothing that is billed or unlocked follows from them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from protocol.errors import MessageError, SampleError
from protocol.merkle import Frontier
from protocol.records import NONCE_BYTES, Domain, Lease, Reading, Registers
from protocol.sample import SAMPLE_BYTES, Sample, decode_sample, encode_sample

MAX_SAMPLES_PER_MESSAGE = 64
MAX_LOG_SAMPLES = 24
"""In one LogMessage: more than two receipts apart, and with their proof within MAX_JSON_BYTES."""

MAX_JSON_BYTES = 8192
"""No JSON payload of ours comes near; a larger one is refused before it is parsed."""

VERSION = 3
"""Of sample messages; in version 1 samples named no rental, in version 2 there was no nonce."""

_HEADER = struct.Struct(f">2sBBIQ{NONCE_BYTES}s")
MAX_SAMPLE_MESSAGE_BYTES = _HEADER.size + MAX_SAMPLES_PER_MESSAGE * SAMPLE_BYTES

_TOPIC = re.compile(r"drill/([1-9][0-9]{0,9})/([a-z]+)")


class Channel(StrEnum):
    """The last part of a topic."""

    SAMPLE = "sample"
    JOURNALLED = "journalled"
    STATUS = "status"
    READING = "reading"
    LOG = "log"
    LEASE = "lease"
    PROOF = "proof"
    EVENT = "event"


def topic(drill: int, channel: Channel) -> str:
    """The topic of one drill's channel."""
    return f"drill/{drill}/{channel}"


def topics(drills: Sequence[int], channels: Sequence[Channel]) -> tuple[str, ...]:
    """The topics of those channels of those drills, channel by channel."""
    return tuple(topic(drill, channel) for channel in channels for drill in drills)


def parse_topic(text: str) -> tuple[int, Channel]:
    """Return (drill, channel); raises MessageError for a topic that is not ours."""
    match = _TOPIC.fullmatch(text)
    if match is None or match[2] not in set(Channel):
        raise MessageError(f"not a topic of this protocol: {text[:80]!r}")
    return int(match[1]), Channel(match[2])


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """Samples of one drill, sequences rising; nothing older than `oldest` will ever come, and the
    drill's next lease has to answer `nonce`."""

    oldest: int
    nonce: int
    samples: tuple[Sample, ...]


def encode_samples(samples: Sequence[Sample], oldest: int, nonce: int) -> bytes:
    """Pack 1 to 64 samples of one drill, sequences rising, into a payload; `nonce` has 128 bits at
    most, NO_NONCE while it is not known."""
    if not 1 <= len(samples) <= MAX_SAMPLES_PER_MESSAGE:
        raise MessageError(f"a message holds 1 .. {MAX_SAMPLES_PER_MESSAGE}, not {len(samples)}")
    drill = samples[0].drill
    _require_order(drill, oldest, samples)
    asked = nonce.to_bytes(NONCE_BYTES, "big")
    header = _HEADER.pack(b"SD", VERSION, len(samples), drill, oldest, asked)
    return header + b"".join(encode_sample(sample) for sample in samples)


def decode_samples(drill: int, payload: bytes) -> SampleMessage:
    """Unpack a payload that arrived on `drill`'s topic; raises MessageError unless it is whole,
    well-formed and about that drill."""
    if len(payload) < _HEADER.size:
        raise MessageError(f"a sample message of {len(payload)} bytes is too short")
    magic, version, count, claimed, oldest, nonce = _HEADER.unpack_from(payload)
    if magic != b"SD":
        raise MessageError(f"not a sample message: {payload[:3].hex()}")
    if version != VERSION:
        raise MessageError(
            f"a sample message of version {version}, this side takes {VERSION}: bridge and oracle "
            "are to be of one release"
        )
    if not 1 <= count <= MAX_SAMPLES_PER_MESSAGE:
        raise MessageError(f"a message holds 1 .. {MAX_SAMPLES_PER_MESSAGE} samples, not {count}")
    if len(payload) != _HEADER.size + count * SAMPLE_BYTES:
        raise MessageError(f"{count} samples do not have {len(payload)} bytes")
    if claimed != drill:
        raise MessageError(f"a message about drill {claimed} on the topic of drill {drill}")
    try:
        samples = tuple(
            decode_sample(payload[start : start + SAMPLE_BYTES])
            for start in range(_HEADER.size, len(payload), SAMPLE_BYTES)
        )
    except SampleError as error:
        raise MessageError(f"bad sample in a message of drill {drill}: {error}") from error
    _require_order(drill, oldest, samples)
    return SampleMessage(oldest, int.from_bytes(nonce, "big"), samples)


def _require_order(drill: int, oldest: int, samples: Sequence[Sample]) -> None:
    if not 1 <= oldest <= samples[0].sequence:
        raise MessageError(f"oldest {oldest} in a message from sample {samples[0].sequence} on")
    previous = 0
    for sample in samples:
        if sample.drill != drill:
            raise MessageError(f"a sample of drill {sample.drill} in a message of drill {drill}")
        if sample.sequence <= previous:
            raise MessageError(f"sequence {sample.sequence} after {previous} in one message")
        previous = sample.sequence


UInt = Annotated[int, Field(ge=0, lt=2**63)]
DrillNumber = Annotated[int, Field(ge=1, lt=2**32)]
Money = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,77})$")]
SignedMoney = Annotated[str, Field(pattern=r"^(0|-?[1-9][0-9]{0,77})$")]
Bytes32 = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
SignatureHex = Annotated[str, Field(pattern=r"^0x[0-9a-f]{130}$")]
Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
NonceHex = Annotated[str, Field(pattern=rf"^0x[0-9a-f]{{{2 * NONCE_BYTES}}}$")]
PeaksHex = Annotated[str, Field(pattern=r"^0x([0-9a-f]{64}){0,63}$")]
SamplesHex = Annotated[
    str, Field(pattern=rf"^0x([0-9a-f]{{{2 * SAMPLE_BYTES}}}){{1,{MAX_LOG_SAMPLES}}}$")
]
ShortText = Annotated[str, Field(max_length=200)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    def to_json(self) -> bytes:
        """The payload, UTF-8 JSON without spaces."""
        return self.model_dump_json().encode()


class JournalledMessage(_Message):
    """All samples up to `sequence` are durable; with `resend`, those after it are missing."""

    drill: DrillNumber
    sequence: UInt
    resend: bool


class StatusMessage(_Message):
    """Whether the bridge is there, whether its drill answers, and in what state it is."""

    drill: DrillNumber
    online: bool
    link_up: bool
    state: ShortText
    reason: ShortText
    sequence: UInt
    time_ms: UInt


class LeaseMessage(_Message):
    """A signed lease, and the block and log entry that it rests on."""

    kind: Literal["lease"] = "lease"
    drill: DrillNumber
    rental: UInt
    issued_at: UInt
    expires_at: UInt
    block_number: UInt
    nonce: NonceHex
    signature: SignatureHex
    block_hash: Bytes32
    transaction_hash: Bytes32
    log_index: UInt

    def lease(self) -> Lease:
        """The signed part."""
        return Lease(
            self.drill,
            self.rental,
            self.issued_at,
            self.expires_at,
            self.block_number,
            int(self.nonce, 16),
        )


class InhibitMessage(_Message):
    """No next start, and why. It needs no signature: silence inhibits too, only later.

    `rental` is what the drill's samples at rest belong to from now on, 0 nobody's; null says
    nothing of it. What a stroke is billed to follows from the lease that it started under alone.
    """

    kind: Literal["inhibit"] = "inhibit"
    drill: DrillNumber
    rental: UInt | None
    reason: ShortText
    time_ms: UInt


class CreditWarning(StrEnum):
    """How near the end of the credit is."""

    NONE = "none"
    LOW = "low"
    EXHAUSTED = "exhausted"


class ReadingMessage(_Message):
    """The newest signed reading, a live receipt, with what follows from it."""

    chain_id: UInt
    contract: Address
    drill: DrillNumber
    oracle: UInt
    rental: UInt
    until: UInt
    active_ms_1: UInt
    active_ms_2: UInt
    active_ms_3: UInt
    revolutions_1: UInt
    revolutions_2: UInt
    revolutions_3: UInt
    log_size: UInt
    log_root: Bytes32
    signature: SignatureHex
    charge: Money
    balance: Money
    headroom: SignedMoney
    runway_seconds: UInt
    settled_until: UInt
    settled_charge: Money
    warning: CreditWarning

    def reading(self) -> Reading:
        """The signed part."""
        registers = Registers(
            self.active_ms_1,
            self.active_ms_2,
            self.active_ms_3,
            self.revolutions_1,
            self.revolutions_2,
            self.revolutions_3,
        )
        root = bytes.fromhex(self.log_root[2:])
        return Reading(self.rental, self.until, registers, self.log_size, root)

    def domain(self) -> Domain:
        """Where the signature is valid."""
        return Domain(self.chain_id, self.contract)


class LogMessage(_Message):
    """The newest samples of a rental's log, and the proof that a signed root covers them.

    `peaks` are the roots of the full subtrees over the `log_size - n` samples before, largest
    first; with the `n` samples, 96 bytes each and oldest first, they give the root of `log_size`
    (protocol/merkle.py). It goes out before the reading that has that root, and needs no signature.
    """

    drill: DrillNumber
    rental: UInt
    log_size: UInt
    peaks: PeaksHex
    samples: SamplesHex

    @classmethod
    def of(cls, drill: int, rental: int, before: Frontier, samples: Sequence[bytes]) -> LogMessage:
        """The message about these samples, each 96 bytes, that follow what `before` covers."""
        return cls(
            drill=drill,
            rental=rental,
            log_size=before.size + len(samples),
            peaks="0x" + b"".join(before.peaks).hex(),
            samples="0x" + b"".join(samples).hex(),
        )


class EventMessage(_Message):
    """Something worth a line in the drill's history: locked, unlocked, refused, fault, gap."""

    drill: DrillNumber
    time_ms: UInt
    event: ShortText
    reason: ShortText


_M = TypeVar("_M", bound=BaseModel)
_COMMAND: TypeAdapter[LeaseMessage | InhibitMessage] = TypeAdapter(
    Annotated[LeaseMessage | InhibitMessage, Field(discriminator="kind")]
)


def parse_message(model: type[_M], drill: int, payload: bytes) -> _M:
    """Parse a JSON payload that arrived on `drill`'s topic; raises MessageError."""
    return _for_drill(drill, payload, TypeAdapter(model))


def parse_command(drill: int, payload: bytes) -> LeaseMessage | InhibitMessage:
    """Parse what arrived on `drill`'s lease topic; raises MessageError."""
    return _for_drill(drill, payload, _COMMAND)


_T = TypeVar("_T", bound=BaseModel)


def _for_drill(drill: int, payload: bytes, adapter: TypeAdapter[_T]) -> _T:
    if len(payload) > MAX_JSON_BYTES:
        raise MessageError(f"a payload of {len(payload)} bytes is over {MAX_JSON_BYTES}")
    try:
        message = adapter.validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "payload"
        raise MessageError(f"{place}: {first['msg']}") from error
    claimed = getattr(message, "drill", drill)
    if claimed != drill:
        raise MessageError(f"a message about drill {claimed} on the topic of drill {drill}")
    return message
