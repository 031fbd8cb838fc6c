"""The definitions of RFC 6962 section 2.1, as they stand there, and the vectors made from them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

# The leaves of the Certificate Transparency reference tests.
LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)


def tree(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = _below(len(leaves))
    return sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()


def _below(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def _path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1."""
    n = len(leaves)
    if n == 1:
        return []
    k = _below(n)
    if m < k:
        return [*_path(m, leaves[:k]), tree(leaves[k:])]
    return [*_path(m - k, leaves[k:]), tree(leaves[:k])]


def merkle() -> dict[str, Any]:
    """Roots and audit paths over the first n of eight leaves."""

    def text(hashes: list[bytes]) -> list[str]:
        return ["0x" + h.hex() for h in hashes]

    leaves = [bytes.fromhex(leaf) for leaf in LEAVES]
    sizes = range(len(leaves) + 1)
    return {
        "leaves": ["0x" + leaf for leaf in LEAVES],
        "roots": text([tree(leaves[:n]) for n in sizes]),
        "inclusion": [
            {"index": m, "size": n, "path": text(_path(m, leaves[:n]))}
            for n in sizes
            for m in range(n)
        ],
    }
