"""Many leaves at once into the frontier of a sample log (RFC 6962, as `protocol.merkle`).

Leaves that begin where a subtree begins are hashed row by row into that subtree's root, so that the
frontier is touched once for thousands of samples.
"""

from __future__ import annotations

from hashlib import sha256

from protocol.merkle import Frontier
from protocol.sample import SAMPLE_BYTES


def extended(log: Frontier, content: bytes) -> Frontier:
    """The frontier after whole samples of 96 bytes each."""
    leaves = [
        sha256(b"\x00" + content[start : start + SAMPLE_BYTES]).digest()
        for start in range(0, len(content), SAMPLE_BYTES)
    ]
    size, peaks, done = log.size, list(log.peaks), 0
    while done < len(leaves):
        widest = 1 << (len(leaves) - done).bit_length() - 1
        width = min(widest, size & -size) if size else widest
        peak, bit = _root(leaves[done : done + width]), width
        while size & bit:
            peak = sha256(b"\x01" + peaks.pop() + peak).digest()
            bit <<= 1
        peaks.append(peak)
        size += width
        done += width
    return Frontier(size, tuple(peaks))


def _root(row: list[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return row[0]
