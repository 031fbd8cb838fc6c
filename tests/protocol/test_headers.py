"""Headers are hashed anew; what does not hash to its hash is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.errors import AnswerError, ProofError
from protocol.headers import header_hash, header_of, proven_header

EMPTY_TRIE = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"

GENESIS: dict[str, Any] = {
    # Ethereum's first block, as any node tells it.
    "number": "0x0",
    "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
    "parentHash": "0x" + 64 * "0",
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + 40 * "0",
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": EMPTY_TRIE,
    "receiptsRoot": EMPTY_TRIE,
    "logsBloom": "0x" + 512 * "0",
    "difficulty": "0x400000000",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + 64 * "0",
    "nonce": "0x0000000000000042",
    "size": "0x21c",
    "totalDifficulty": "0x400000000",
    "transactions": [],
    "uncles": [],
}


def test_header_hash__of_ethereums_first_block__is_its_hash() -> None:
    assert header_hash(GENESIS) == GENESIS["hash"]
    assert proven_header(GENESIS) == header_of(GENESIS)


@pytest.mark.parametrize("field", ["stateRoot", "receiptsRoot", "parentHash"])
def test_proven_header__a_field_was_changed__is_refused(field: str) -> None:
    changed = {**GENESIS, field: "0x" + "ab" * 32}

    with pytest.raises(ProofError, match="block 0 hashes to 0x"):
        proven_header(changed)


def test_proven_header__fields_of_an_unknown_fork__are_named() -> None:
    later = {**GENESIS, "hash": "0x" + "ab" * 32, "witnessRoot": "0x" + "cd" * 32}

    with pytest.raises(AnswerError, match=r"unknown fields \['witnessRoot'\]"):
        proven_header(later)


def test_header_of__a_field_is_missing__names_it() -> None:
    with pytest.raises(AnswerError, match="stateRoot"):
        header_of({name: value for name, value in GENESIS.items() if name != "stateRoot"})


def test_may_log__empty_bloom__is_a_certain_no() -> None:
    assert not header_of(GENESIS).may_log("0x" + 40 * "1")
