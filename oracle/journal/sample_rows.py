"""Samples as rows of the journal (`protocol.sample_row`). Readings are signed over what the journal
holds, so a row that is not what was written must be noticed before anything is made of it."""

from __future__ import annotations

from oracle.errors import DamagedError
from protocol.errors import SampleError
from protocol.sample_row import raw_of_row


def unpack_row(drill: int, sequence: int, time_ms: int, stored: bytes) -> bytes:
    """The sample as it came; raises DamagedError when this is not what was stored."""
    try:
        return raw_of_row(drill, sequence, time_ms, stored)
    except SampleError as error:
        raise DamagedError(str(error)) from error
