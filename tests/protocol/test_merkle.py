"""The sample log: appending, roots known elsewhere, and proofs that cannot be forged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProofError
from protocol.merkle import (
    EMPTY_ROOT,
    Frontier,
    leaf_hash,
    range_siblings,
    tree_root,
    verify_range,
)

# Roots over the first n leaves of the Certificate Transparency reference tests
# (google/certificate-transparency, merkletree/merkle_tree_test.cc), typed in by hand.
CT_LEAVES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    bytes(range(0x50, 0x58)),
    bytes(range(0x60, 0x70)),
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

logs = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


def frontier_of(contents: list[bytes]) -> Frontier:
    frontier = Frontier()
    for content in contents:
        frontier = frontier.append(content)
    return frontier


@pytest.mark.parametrize("size", range(len(CT_ROOTS)))
def test_append__leaves_of_the_reference_tests__give_their_roots(size: int) -> None:
    frontier = frontier_of(CT_LEAVES[:size])
    assert frontier.size == size
    assert frontier.root().hex() == CT_ROOTS[size]
    assert tree_root([leaf_hash(leaf) for leaf in CT_LEAVES[:size]]).hex() == CT_ROOTS[size]


def test_root__of_nothing__is_the_hash_of_nothing() -> None:
    assert Frontier().root() == tree_root([]) == EMPTY_ROOT


@given(logs)
def test_append__any_log__agrees_with_the_whole_tree(contents: list[bytes]) -> None:
    assert frontier_of(contents).root() == tree_root([leaf_hash(c) for c in contents])


@pytest.mark.parametrize(("size", "peaks"), [(0, 1), (1, 0), (3, 1), (4, 2), (-1, 1)])
def test_frontier__wrong_number_of_peaks__is_refused(size: int, peaks: int) -> None:
    with pytest.raises(ProofError, match=f"a log of {size} samples does not have {peaks} peaks"):
        Frontier(size, (bytes(32),) * peaks)


def range_proof(data: list[bytes], first: int, count: int) -> list[bytes]:
    hashes = [leaf_hash(one) for one in data]
    spans = range_siblings(first, count, len(data))
    return [tree_root(hashes[start : start + width]) for start, width in spans]


@given(st.data(), st.integers(1, 70))
def test_verify_range__any_run_of_leaves__proven(source: st.DataObject, size: int) -> None:
    data = [bytes([place]) for place in range(size)]
    first = source.draw(st.integers(0, size - 1))
    count = source.draw(st.integers(1, size - first))
    root = tree_root([leaf_hash(one) for one in data])
    path = range_proof(data, first, count)
    verify_range(data[first : first + count], first, size, root, path)


@given(st.data(), st.integers(2, 40))
def test_verify_range__anything_altered__refused(source: st.DataObject, size: int) -> None:
    data = [bytes([place]) for place in range(size)]
    first = source.draw(st.integers(0, size - 1))
    count = source.draw(st.integers(1, size - first))
    root = tree_root([leaf_hash(one) for one in data])
    path, part = range_proof(data, first, count), data[first : first + count]
    other = b"\xff" * 32
    wrong: list[tuple[list[bytes], int, int, bytes, list[bytes]]] = [
        (part, first, size, other, path),
        (part, first, size, root, [*path, other]),
        ([b"\xff", *part[1:]], first, size, root, path),
        (part, first + 1, size, root, path),
        (part, first - 1, size, root, path),
        (part[1:], first, size, root, path),
        ([], first, size, root, path),
        (part, first, first + count - 1, root, path),
    ]
    if path:
        wrong += [
            (part, first, size, root, path[1:]),
            (part, first, size, root, [other, *path[1:]]),
            (part, first, size, root, [path[0][:-1], *path[1:]]),
        ]
    for arguments in wrong:
        with pytest.raises(ProofError):
            verify_range(*arguments)


def test_verify_range__inner_node_given_as_a_leaf__refused() -> None:
    data = [b"a", b"b", b"c"]
    hashes = [leaf_hash(one) for one in data]
    root = tree_root(hashes)
    inner = hashes[0] + hashes[1]
    with pytest.raises(ProofError):
        verify_range([inner], 0, 2, root, [hashes[2]])


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (0, 0), (3, 1), (2, 2), (0, 4)])
def test_range_siblings__leaves_that_are_not_there__refused(first: int, count: int) -> None:
    with pytest.raises(ProofError):
        list(range_siblings(first, count, 3))
