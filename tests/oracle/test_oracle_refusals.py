"""What nodes of many kinds say when they refuse a transaction, read alike."""

from __future__ import annotations

import pytest

from chain.refusals import has_it, wants_legacy

HASH = "0x1559" + 60 * "2"


@pytest.mark.parametrize(
    "reason",
    [
        "already known",
        "AlreadyKnown",
        "ALREADY_EXISTS: already exists",
        f"known transaction: {HASH}",
        "transaction already imported",
        "Transaction with the same hash was already imported.",
        "tx already in mempool",
        "nonce too low: next nonce 5, tx nonce 4",
        "NONCE_TOO_LOW",
        "OldNonce, Current nonce: 5, nonce of rejected tx: 4",
    ],
)
def test_has_it__in_the_pool_or_mined__taken_as_sent(reason: str) -> None:
    assert has_it(reason)
    assert not wants_legacy(reason)


@pytest.mark.parametrize(
    "reason",
    [
        "transaction type not supported",
        "unknown transaction type",
        "unsupported tx type: 2",
        "InvalidTxType: only legacy",
        "INVALID_TRANSACTION_TYPE",
        "EIP-1559 not activated",
        "rlp: expected input list for types.LegacyTx",
    ],
)
def test_wants_legacy__type_refused__not_taken_as_sent(reason: str) -> None:
    assert wants_legacy(reason)
    assert not has_it(reason)


@pytest.mark.parametrize(
    "reason",
    [
        "insufficient funds for gas * price + value",
        "replacement transaction underpriced",
        "nonce too high",
        f"intrinsic gas too low for {HASH}",
        "a" * 10**6 + "already known",
    ],
)
def test_refusals__something_else__neither(reason: str) -> None:
    assert not has_it(reason)
    assert not wants_legacy(reason)
