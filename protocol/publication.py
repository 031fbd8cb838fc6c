"""Where a rental's samples and its newest receipt are published as static files.

    <root>/<chain id>-<contract, lower case>/
        rental-<number>-<identity>/          one rental; see `RentalIdentity`
            samples-00000000.bin             bundle 0: the log's first 4,096 samples, 96 bytes each
            samples-00000001.bin             a sealed bundle never changes
            samples-00000002.part.bin        the newest, not full yet: only grows, then is sealed
            reading.json                     the newest signed reading over published samples

Bundle n holds leaves n * 4096 and following of the rental's sample log, in order and with nothing
between them. Whoever knows the rental from the chain knows every name, so no listing is needed and
any web server, object store or copied folder serves. Files are trusted for nothing: roots that the
chain anchors show whether samples are the ones that were signed. Position is in none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from protocol.errors import RecordError
from protocol.messages import Address, Bytes32, DrillNumber, SignatureHex, UInt
from protocol.records import Domain, Reading, Registers
from protocol.sample import SAMPLE_BYTES

BUNDLE_SAMPLES = 4_096
"""Seven minutes of drilling; a power of two, so a full bundle is a whole subtree of the log."""

BUNDLE_BYTES = BUNDLE_SAMPLES * SAMPLE_BYTES
READING_FILE = "reading.json"
MAX_READING_BYTES = 4_096
"""The file has about 900; a larger one is refused before it is parsed."""


@dataclass(frozen=True, slots=True)
class RentalIdentity:
    """What tells a rental from another one that got its number on a vanished chain.

    `opened_at` is its block's timestamp (Unix s), `customer` an address.
    """

    rental: int
    drill: int
    tariff: int
    opened_at: int
    customer: str

    def folder(self) -> str:
        """The name of the rental's folder: its number and 16 digits of a hash of the rest."""
        text = f"{self.drill},{self.tariff},{self.opened_at},{self.customer.lower()}"
        return f"rental-{self.rental}-{sha256(text.encode('ascii')).hexdigest()[:16]}"


def contract_folder(domain: Domain) -> str:
    """The name of the folder with all rentals of one contract."""
    return f"{domain.chain_id}-{domain.contract.lower()}"


def bundle_file(index: int, *, sealed: bool) -> str:
    """The name of a bundle; `index` counts from 0."""
    if index < 0:
        raise RecordError(f"bundles are counted from 0, not {index}")
    return f"samples-{index:08d}.bin" if sealed else f"samples-{index:08d}.part.bin"


class PublishedReading(BaseModel):
    """`reading.json`: a signed reading, with what its signature is valid for."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

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

    @classmethod
    def of(
        cls, domain: Domain, drill: int, oracle: int, reading: Reading, signature: bytes
    ) -> Self:
        """The published form of a reading that was signed as a batch of one."""
        registers = {name: getattr(reading.registers, name) for name in Registers.__slots__}
        return cls(
            chain_id=domain.chain_id,
            contract=domain.contract.lower(),
            drill=drill,
            oracle=oracle,
            rental=reading.rental,
            until=reading.until,
            **registers,
            log_size=reading.log_size,
            log_root="0x" + reading.log_root.hex(),
            signature="0x" + signature.hex(),
        )

    def reading(self) -> Reading:
        """The signed part."""
        registers = Registers(*(getattr(self, name) for name in Registers.__slots__))
        root = bytes.fromhex(self.log_root[2:])
        return Reading(self.rental, self.until, registers, self.log_size, root)

    def domain(self) -> Domain:
        """Where the signature is valid."""
        return Domain(self.chain_id, self.contract)

    def to_json(self) -> bytes:
        """The content of the file."""
        return self.model_dump_json(indent=1).encode() + b"\n"


def parse_published_reading(content: bytes, source: str) -> PublishedReading:
    """Parse a file read from `source`; raises RecordError that names it and the bad field."""
    if len(content) > MAX_READING_BYTES:
        raise RecordError(f"{source}: {len(content)} bytes are more than a reading has")
    try:
        return PublishedReading.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "reading"
        raise RecordError(f"{source}: {place}: {first['msg']}") from error
