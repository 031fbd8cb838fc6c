# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A wallet that is a contract and signs (EIP-1271), for tests of orders
@notice It accepts exactly one digest and signature, and answers as it is told to.
"""

digest: bytes32
signature_hash: bytes32
answer: Bytes[64]
fails: bool


@external
def accept(digest: bytes32, signature_hash: bytes32):
    self.digest = digest
    self.signature_hash = signature_hash


@external
def behave(answer: Bytes[64], fails: bool):
    self.answer = answer
    self.fails = fails


@external
@view
@raw_return
def isValidSignature(digest: bytes32, signature: Bytes[4096]) -> Bytes[64]:
    assert not self.fails, "wallet: will not say"
    if digest == self.digest and keccak256(signature) == self.signature_hash:
        return self.answer
    return abi_encode(0xffffffff)
