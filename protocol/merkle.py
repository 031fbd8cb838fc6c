"""An append-only Merkle tree over samples, as in RFC 6962 section 2.1 with SHA-256.

    leaf = SHA-256(0x00 || data)        node = SHA-256(0x01 || left || right)
    root of nothing = SHA-256("")

`Frontier` appends in O(log n) memory. `range_siblings` says which subtrees have to be hashed to
prove a run of leaves, and `verify_range` checks such a proof. Sizes count leaves, indices start at
0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from protocol.errors import ProofError

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The bytes32 hash of one leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The bytes32 hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What is needed to append: the roots of the full subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ProofError(f"a log of {self.size} samples does not have {len(self.peaks)} peaks")

    def append(self, data: bytes) -> Frontier:
        """The frontier after one more leaf with content `data`."""
        return self.extend((data,))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier after more leaves with these contents, oldest first."""
        size, peaks = self.size, list(self.peaks)
        for data in leaves:
            carry, below = leaf_hash(data), size
            while below & 1:
                carry = node_hash(peaks.pop(), carry)
                below >>= 1
            peaks.append(carry)
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> bytes:
        """The bytes32 root of the tree."""
        if not self.peaks:
            return EMPTY_ROOT
        accumulated = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            accumulated = node_hash(peak, accumulated)
        return accumulated


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, oldest first."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(tree_root(leaves[:split]), tree_root(leaves[split:]))


def range_siblings(first: int, count: int, size: int) -> Iterator[tuple[int, int]]:
    """The largest subtrees outside leaves `first` .. `first + count - 1`: start and size of each.

    Their roots, left to right, are the proof that those leaves are in the tree of `size`.
    """
    if not (0 <= first < first + count <= size):
        raise ProofError(f"there are no {count} leaves from {first} in a log of {size}")
    spans = [(0, size)]
    while spans:
        start, width = spans.pop()
        if _outside(start, width, first, count):
            yield start, width
        elif width > 1:
            split = _split(width)
            spans += [(start + split, width - split), (start, split)]


def verify_range(
    data: Sequence[bytes], first: int, size: int, root: bytes, path: Sequence[bytes]
) -> None:
    """Raise ProofError unless `path` shows `data` to be the leaves from `first` on, one after the
    other, in the tree of `size` with `root`. `path` is as `range_siblings` orders it."""
    if not (0 <= first < first + len(data) <= size):
        raise ProofError(f"there are no {len(data)} leaves from {first} in a log of {size}")
    siblings = iter(path)

    def subtree(start: int, width: int) -> bytes:
        if _outside(start, width, first, len(data)):
            sibling = next(siblings, None)
            if sibling is None:
                raise ProofError(f"range proof of {len(path)} hashes is too short for size {size}")
            return sibling
        if width == 1:
            return leaf_hash(data[start - first])
        split = _split(width)
        left = subtree(start, split)
        return node_hash(left, subtree(start + split, width - split))

    accumulated = subtree(0, size)
    if next(siblings, None) is not None:
        raise ProofError(f"range proof of {len(path)} hashes is too long for size {size}")
    if accumulated != root:
        last = first + len(data) - 1
        raise ProofError(f"leaves {first} to {last} are not in the log of {size} with this root")


def _outside(start: int, width: int, first: int, count: int) -> bool:
    return start + width <= first or first + count <= start


def _split(size: int) -> int:
    """The largest power of two smaller than `size`, for a size of at least 2."""
    return 1 << (size - 1).bit_length() - 1
