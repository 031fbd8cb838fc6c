"""What a proof is checked with: strict RLP, and the way from a trie's root to a value.

    RLP   0x00..0x7f itself | 0x80+n, n bytes | 0xb7+l, length, bytes | 0xc0+n, items |
          0xf7+l, length, items; there is one encoding of each value, and no other is taken
    trie  a branch of 17 items, an extension [path, child] or a leaf [path, value]; a path's first
          half byte has 2 for a leaf and 1 for an odd number of half bytes

Everything here takes bytes from strangers: depth and work are bounded by the length of the input.
Source: https://ethereum.org/developers/docs/data-structures-and-encoding/patricia-merkle-trie/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from eth_hash.auto import keccak

Item: TypeAlias = "bytes | list[Item]"

DEEPEST = 8
"""Lists within lists. A receipt has four; a trie's node within a node adds few."""

_LEAF, _ODD = 2, 1


class InclusionError(ValueError):
    """Bytes that are not what they should be, or do not lead where they should."""


def decode_rlp(content: bytes) -> Item:
    """The one item that the bytes encode; raises InclusionError."""
    items = _items(content, 0)
    if len(items) != 1:
        raise InclusionError(f"{len(items)} RLP items, not one")
    return items[0]


def _items(content: bytes, depth: int) -> list[Item]:
    if depth > DEEPEST:
        raise InclusionError("RLP lists are nested too deep")
    found: list[Item] = []
    place = 0
    while place < len(content):
        first = content[place]
        start, size = _extent(content, place)
        body = content[start : start + size]
        if len(body) != size:
            raise InclusionError("RLP ends too early")
        if first >= 0xC0:
            found.append(_items(body, depth + 1))
        else:
            if size == 1 and first == 0x81 and body[0] < 0x80:
                raise InclusionError("RLP of a small byte with a length before it")
            found.append(body)
        place = start + size
    return found


def _extent(content: bytes, place: int) -> tuple[int, int]:
    """Where an item's body starts, and its size."""
    first = content[place]
    if first < 0x80:
        return place, 1
    base = 0xC0 if first >= 0xC0 else 0x80
    short = first - base
    if short <= 55:
        return place + 1, short
    digits = content[place + 1 : place + 1 + short - 55]
    size = int.from_bytes(digits, "big")
    if len(digits) != short - 55 or digits[0] == 0 or size <= 55:
        raise InclusionError("RLP with a length that is not in its one canonical form")
    return place + 1 + len(digits), size


def rlp_number(item: Item, bits: int = 64) -> int:
    """A number as RLP writes it, without leading zeros; raises InclusionError."""
    if not isinstance(item, bytes) or item[:1] == b"\x00" or len(item) * 8 > bits:
        raise InclusionError("RLP holds no number where one belongs")
    return int.from_bytes(item, "big")


def rlp_index(index: int) -> bytes:
    """The key of entry `index` in a trie of receipts: the RLP of the number."""
    if index < 0x80:
        return bytes([index or 0x80])
    digits = index.to_bytes((index.bit_length() + 7) // 8, "big")
    return bytes([0x80 + len(digits)]) + digits


def proven_value(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes:
    """The value under `key` in the trie with that root (bytes32); raises InclusionError.

    `nodes` is the way there, from the root on, and nothing else.
    """
    left = iter(nodes)
    path = [half for byte in key for half in divmod(byte, 16)]
    node = _node(root, left)
    while True:
        if isinstance(node, list) and len(node) == 17:
            done = not path
            child = node[16] if done else node[path.pop(0)]
        elif isinstance(node, list) and len(node) == 2:
            part, done = _part(node[0])
            if path[: len(part)] != part or (done and len(part) != len(path)):
                raise InclusionError("the nodes lead to another key")
            del path[: len(part)]
            child = node[1]
        else:
            raise InclusionError("a node of the trie is malformed")
        if done:
            return _value(child, left)
        node = _node(child, left) if isinstance(child, bytes) else child


def _value(found: Item, left: Iterator[bytes]) -> bytes:
    if next(left, None) is not None:
        raise InclusionError("there are more nodes than the path to the value has")
    if not isinstance(found, bytes) or not found:
        raise InclusionError("the trie has nothing under this key")
    return found


def _node(digest: bytes, left: Iterator[bytes]) -> Item:
    """The next node, which must be the one with that hash."""
    if len(digest) != 32:
        raise InclusionError("the trie has nothing under this key")
    content = next(left, None)
    if content is None:
        raise InclusionError("a node is missing on the path to the value")
    if keccak(content) != digest:
        raise InclusionError("a node does not hash to what the one before it says")
    return decode_rlp(content)


def _part(written: Item) -> tuple[list[int], bool]:
    """Half bytes of a path, and whether they end at a leaf."""
    if not isinstance(written, bytes) or not written or written[0] >> 4 > (_LEAF | _ODD):
        raise InclusionError("a path of the trie is malformed")
    halves = [half for byte in written for half in divmod(byte, 16)]
    flags = halves[0]
    if not flags & _ODD and halves[1]:
        raise InclusionError("a path of the trie is malformed")
    part = halves[1:] if flags & _ODD else halves[2:]
    if not part and not flags & _LEAF:
        raise InclusionError("an extension of the trie leads nowhere")
    return part, bool(flags & _LEAF)
