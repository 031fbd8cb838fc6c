"""The sample log: appending, roots known elsewhere, and proofs that cannot be forged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProofError
from protocol.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    range_siblings,
    tree_root,
    verify_consistency,
    verify_inclusion,
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


@given(logs, st.data())
def test_verify_inclusion__own_path__is_accepted(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves = [leaf_hash(content) for content in contents]
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = inclusion_proof(leaves, index)
    verify_inclusion(contents[index], index, len(leaves), tree_root(leaves), path)


@given(logs, st.data())
def test_verify_inclusion__anything_altered__is_refused(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves = [leaf_hash(content) for content in contents]
    size, root = len(leaves), tree_root(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(leaves, index)
    flip = data.draw(st.integers(0, 255))
    forgeries: list[tuple[bytes, int, int, bytes, list[bytes]]] = [
        (contents[index] + b"!", index, size, root, path),
        (contents[index], index, size, flipped(root, flip), path),
        (contents[index], index, size, root, [*path, bytes(32)]),
        (contents[index], size, size, root, path),
        (contents[index], -1, size, root, path),
    ]
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        altered = [flipped(h, flip) if n == place else h for n, h in enumerate(path)]
        forgeries += [
            (contents[index], index, size, root, altered),
            (contents[index], index, size, root, path[:-1]),
        ]
    for forgery in forgeries:
        with pytest.raises(ProofError):
            verify_inclusion(*forgery)


def test_verify_inclusion__inner_node_passed_off_as_a_sample__is_refused() -> None:
    leaves = [leaf_hash(content) for content in (b"a", b"b", b"c", b"d")]
    inner = leaves[0] + leaves[1]
    with pytest.raises(ProofError, match="leaf 0 is not in the log of size 2"):
        verify_inclusion(inner, 0, 2, tree_root(leaves), [tree_root(leaves[2:])])


def test_verify_inclusion__position_of_another_leaf__is_refused() -> None:
    leaves = [leaf_hash(content) for content in (b"a", b"b", b"c", b"d", b"e")]
    path = inclusion_proof(leaves, 1)
    for other in (0, 2, 3):
        with pytest.raises(ProofError):
            verify_inclusion(b"b", other, 5, tree_root(leaves), path)


@pytest.mark.parametrize(("extra", "message"), [(1, "too long"), (-1, "too short")])
def test_verify_inclusion__path_of_another_length__is_refused_for_that(
    extra: int, message: str
) -> None:
    leaves = [leaf_hash(content) for content in (b"a", b"b", b"c")]
    path = inclusion_proof(leaves, 0)
    path = [*path, bytes(32)] if extra > 0 else path[:extra]
    with pytest.raises(ProofError, match=message):
        verify_inclusion(b"a", 0, 3, tree_root(leaves), path)


@pytest.mark.parametrize("index", [-1, 3])
def test_inclusion_proof__outside_the_log__is_refused(index: int) -> None:
    with pytest.raises(ProofError, match=f"there is no leaf {index} in a log of 3"):
        inclusion_proof([leaf_hash(b"")] * 3, index)


@given(logs, st.data())
def test_verify_consistency__own_proof__is_accepted(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves = [leaf_hash(content) for content in contents]
    old = data.draw(st.integers(1, len(leaves)))
    proof = consistency_proof(leaves, old)
    verify_consistency(old, tree_root(leaves[:old]), len(leaves), tree_root(leaves), proof)


@given(logs, st.data())
def test_verify_consistency__rewritten_history__is_refused(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves = [leaf_hash(content) for content in contents]
    old = data.draw(st.integers(1, len(leaves)))
    rewritten = list(leaves)
    rewritten[data.draw(st.integers(0, old - 1))] = leaf_hash(b"another past")
    for proof in (consistency_proof(leaves, old), consistency_proof(rewritten, old)):
        with pytest.raises(ProofError):
            verify_consistency(
                old, tree_root(leaves[:old]), len(leaves), tree_root(rewritten), proof
            )


@given(logs, st.data())
def test_verify_consistency__anything_altered__is_refused(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves = [leaf_hash(content) for content in contents]
    old = data.draw(st.integers(1, len(leaves)))
    old_root, root = tree_root(leaves[:old]), tree_root(leaves)
    proof = consistency_proof(leaves, old)
    flip = data.draw(st.integers(0, 255))
    forgeries = [
        (old, flipped(old_root, flip), len(leaves), root, proof),
        (old, old_root, len(leaves), flipped(root, flip), proof),
        (old, old_root, len(leaves), root, [*proof, bytes(32)]),
        (0, old_root, len(leaves), root, proof),
        (len(leaves) + 1, old_root, len(leaves), root, proof),
    ]
    if proof:
        forgeries.append((old, old_root, len(leaves), root, proof[:-1]))
        place = data.draw(st.integers(0, len(proof) - 1))
        altered = [flipped(h, flip) if n == place else h for n, h in enumerate(proof)]
        forgeries.append((old, old_root, len(leaves), root, altered))
    for forgery in forgeries:
        with pytest.raises(ProofError):
            verify_consistency(*forgery)


@pytest.mark.parametrize("old_size", [0, 4, -1])
def test_consistency_proof__no_such_prefix__is_refused(old_size: int) -> None:
    with pytest.raises(ProofError, match=f"a log of 3 has no prefix of {old_size}"):
        consistency_proof([leaf_hash(b"")] * 3, old_size)


def flipped(hash32: bytes, bit: int) -> bytes:
    return (int.from_bytes(hash32, "big") ^ (1 << bit)).to_bytes(32, "big")


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
    if count == 1:
        alone = inclusion_proof([leaf_hash(one) for one in data], first)
        assert sorted(path) == sorted(alone)


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
