"""Whether the deployment record matches what the chain says of the contract, for `check`."""

from __future__ import annotations

from hashlib import sha256

from chain.errors import ChainError
from chain.quorum_chain import QuorumChain
from host.checks import MissingError, NoteError
from protocol.answers import hexadecimal, record
from protocol.deployment import Deployment
from protocol.errors import AnswerError
from protocol.headers import Header

WORD = 32
ARGUMENTS = 4
"""Of the constructor: asset, grace period, evidence period, penalty. One word each, behind the
code."""


def compare_deployment(chain: QuorumChain, told: Deployment) -> str:
    """Step: the block of the record is in the chain, and the transaction in it that made the
    contract has the record's code, asset and grace period.

    Raises MissingError for what differs, and NoteError when no endpoint has that transaction any
    more: a node may have dropped what is so old.
    """
    try:
        block = chain.full_header(told.block_number)
    except ChainError as error:
        raise NoteError(f"the record's block cannot be compared: {error}") from error
    if block.hash != told.block_hash.lower():
        raise MissingError(
            f"block_hash is {told.block_hash}, block {told.block_number} of the chain is "
            f"{block.hash}; take the record that the deployment wrote"
        )
    try:
        code = _creation(chain, told, block)
    except (ChainError, AnswerError) as error:
        raise NoteError(
            f"its block is in the chain; what made the contract cannot be compared: {error}"
        ) from error
    if code is None:
        raise MissingError(
            f"block_number is {told.block_number}, but no transaction of that block made "
            f"{told.contract}; take the record that the deployment wrote"
        )
    _compare(told, code)
    return f"code, asset, grace period and block {told.block_number} are the chain's"


def _creation(chain: QuorumChain, told: Deployment, block: Header) -> bytes | None:
    """What the transaction that made the contract carried; None if none of that block made it."""
    for one in chain.block_receipts(block):
        receipt = record(one, "receipt")
        if str(receipt.get("contractAddress") or "").lower() == told.contract.lower():
            return chain.transaction_input(receipt.get("transactionHash"))
    return None


def _compare(told: Deployment, carried: bytes) -> None:
    code, arguments = carried[: -ARGUMENTS * WORD], carried[-ARGUMENTS * WORD :]
    asset = hexadecimal(arguments[WORD - 20 : WORD])
    grace_seconds = int.from_bytes(arguments[WORD : 2 * WORD], "big")
    pairs = (
        ("bytecode_sha256", told.bytecode_sha256, sha256(code).hexdigest()),
        ("asset", told.asset.lower(), asset),
        ("grace_period_seconds", told.grace_period_seconds, grace_seconds),
    )
    differing = [
        f"{name} is {ours}, the chain's {theirs}" for name, ours, theirs in pairs if ours != theirs
    ]
    if differing:
        raise MissingError(
            "; ".join(differing) + "; take the record that the deployment wrote. If it is this "
            "one, the contract has other code than its provider says: do not use it"
        )
