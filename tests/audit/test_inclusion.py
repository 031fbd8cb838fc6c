"""Strict RLP and the way through a trie, held against the libraries that nodes are written with."""

from __future__ import annotations

import contextlib

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from rlp.exceptions import RLPException
from trie import HexaryTrie

from audit.proof.inclusion import (
    DEEPEST,
    InclusionError,
    decode_rlp,
    proven_value,
    rlp_index,
    rlp_number,
)

ITEMS = st.recursive(
    st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=12
).filter(lambda item: depth(item) < DEEPEST)


def depth(item: object) -> int:
    return 1 + max(map(depth, item), default=0) if isinstance(item, list) else 0


def nodes_of(trie: HexaryTrie, key: bytes) -> list[bytes]:
    nodes = [rlp.encode(node) for node in trie.get_proof(key)]
    return [nodes[0], *(node for node in nodes[1:] if len(node) >= 32)]


@given(ITEMS)
def test_decode_rlp__what_the_library_writes__the_same(item: object) -> None:
    assert decode_rlp(rlp.encode(item)) == item


@settings(max_examples=500)
@given(st.binary(max_size=80))
def test_decode_rlp__any_bytes__as_the_library_or_refused(content: bytes) -> None:
    try:
        expected = rlp.decode(content)
    except RLPException:
        with pytest.raises(InclusionError):
            decode_rlp(content)
        return
    if depth(expected) < DEEPEST:
        assert decode_rlp(content) == expected
        assert rlp.encode(expected) == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x81\x05",
        b"\xb8\x01\x80",
        b"\xb9\x00\x40" + bytes(64),
        b"\xb8",
        b"\x82\x01",
        b"\xc2\x01",
        b"\x01\x02",
        b"\xf8\x01\x01",
        b"\xbf" + b"\xff" * 8,
        bytes([0xC0 + DEEPEST + 2 - n for n in range(1, DEEPEST + 3)]),
    ],
)
def test_decode_rlp__not_the_one_right_way__refused(content: bytes) -> None:
    with pytest.raises(InclusionError):
        decode_rlp(content)


def test_decode_rlp__lists_within_lists_without_end__refused_at_once() -> None:
    content = b"\x80"
    for _ in range(20_000):
        content = _within(content)
    with pytest.raises(InclusionError, match="too deep"):
        decode_rlp(content)


def _within(content: bytes) -> bytes:
    """A list that holds what is encoded."""
    if len(content) <= 55:
        return bytes([0xC0 + len(content)]) + content
    digits = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([0xF7 + len(digits)]) + digits + content


@pytest.mark.parametrize("item", [b"\x00", b"\x00\x01", bytes([1]) * 9, []])
def test_rlp_number__not_a_number__refused(item: bytes | list[object]) -> None:
    with pytest.raises(InclusionError):
        rlp_number(item)  # type: ignore[arg-type]


@pytest.mark.parametrize("index", [0, 1, 127, 128, 255, 256, 65_535, 2**24 - 1])
def test_rlp_index__any__as_the_library(index: int) -> None:
    assert rlp_index(index) == rlp.encode(index)


TRIES = st.dictionaries(st.binary(min_size=1, max_size=3), st.binary(min_size=1, max_size=40))


@settings(deadline=None, max_examples=200)
@given(TRIES.filter(len), st.data())
def test_proven_value__any_trie__every_value_and_no_other(
    content: dict[bytes, bytes], source: st.DataObject
) -> None:
    trie = HexaryTrie({})
    for key, value in content.items():
        trie[key] = value
    key = source.draw(st.sampled_from(sorted(content)))
    nodes = nodes_of(trie, key)
    assert proven_value(trie.root_hash, key, nodes) == content[key]
    other = source.draw(st.binary(min_size=1, max_size=3))
    if other != key and other in content:
        # The nodes of one may lead to the other, but never to anything else than its value.
        with contextlib.suppress(InclusionError):
            assert proven_value(trie.root_hash, other, nodes) == content[other]
    elif other not in content:
        with pytest.raises(InclusionError):
            proven_value(trie.root_hash, other, nodes)
    for wrong in ([*nodes, nodes[0]], nodes[1:], [nodes[0][:-1], *nodes[1:]]):
        with pytest.raises(InclusionError):
            proven_value(trie.root_hash, key, wrong)


@pytest.mark.parametrize(
    "node",
    [
        b"",
        [b"\x20", b""],
        [b"\x20", [b"\x20"]],
        [b"\x40", b"value"],
        [b"\x21", b"value"],
        [b"\x00", bytes(32)],
        [b"", b"value"],
        [[], b"value"],
        [b"\x20"],
        [b""] * 16,
        [[b""] * 17] * 17,
    ],
)
def test_proven_value__node_that_is_none__refused(node: object) -> None:
    content = rlp.encode(node)
    for key in (b"", b"\x00"):
        with pytest.raises(InclusionError):
            proven_value(keccak(content), key, [content])
