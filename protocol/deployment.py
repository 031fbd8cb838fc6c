"""The deployment record: what `ape run deploy` writes and every other part reads.

A JSON object: `chain_id`, `contract`, `asset` (zero address for the native coin), `block_number`
and `block_hash` of the deployment, `grace_period_seconds`, `provider`, `compiler`,
`bytecode_sha256` of the deployed code's creation bytecode without constructor arguments.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from protocol.errors import RecordError, UnknownNameError
from protocol.messages import Address, Bytes32, UInt
from protocol.records import Domain


class Deployment(BaseModel):
    """Where a DrillMeter lives and what was deployed there."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    chain_id: UInt
    contract: Address
    asset: Address
    block_number: UInt
    block_hash: Bytes32
    grace_period_seconds: UInt
    provider: Address
    compiler: str
    bytecode_sha256: str

    @property
    def domain(self) -> Domain:
        """Where signatures for this deployment are valid."""
        return Domain(self.chain_id, self.contract)


def parse_deployment(text: str, source: str) -> Deployment:
    """Parse a record read from `source`; raises RecordError that names it and the bad field, and
    UnknownNameError for one that this release does not know."""
    try:
        return Deployment.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "record"
        if first["type"] == "extra_forbidden":
            raise UnknownNameError(
                f"{source}: {place}: this release knows no such name; if a newer release wrote the "
                "record, install that one"
            ) from error
        raise RecordError(f"{source}: {place}: {first['msg']}") from error
