"""State proofs: what a hostile node may answer ends in an error of ours."""

from __future__ import annotations

import sys

import pytest

from protocol.errors import ProofError
from protocol.state_proof import decoded_rlp


def nested(depth: int) -> bytes:
    """The RLP encoding of an empty list in `depth` lists."""
    content = b"\xc0"
    for _ in range(depth):
        size = len(content)
        length = size.to_bytes((size.bit_length() + 7) // 8, "big")
        prefix = bytes([0xC0 + size]) if size < 56 else bytes([0xF7 + len(length)]) + length
        content = prefix + content
    return content


def test_decoded_rlp__some_lists_in_lists__are_decoded() -> None:
    assert decoded_rlp(nested(3)) == [[[[]]]]


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x81\x01", b"\xc0\x00"])
def test_decoded_rlp__broken__is_refused(content: bytes) -> None:
    with pytest.raises(ProofError, match="not RLP"):
        decoded_rlp(content)


def test_decoded_rlp__lists_nested_without_end__are_refused() -> None:
    # Each list takes at least a call of the decoder.
    content = nested(sys.getrecursionlimit())
    with pytest.raises(ProofError, match="not RLP"):
        decoded_rlp(content)
