# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A stand-in for the EIP-7951 precompile with a toy rule, for the fuzzer
@notice Takes digest, r, s, x, y as the precompile does and answers 1 or nothing. A signature is
        good when r is the hash of digest, x and y, so that the fuzzer signs by hashing.
"""

@external
@view
@raw_return
def __default__() -> Bytes[32]:
    if len(msg.data) != 160:
        return b""
    given: Bytes[160] = slice(msg.data, 0, 160)
    digest: Bytes[32] = slice(given, 0, 32)
    point: Bytes[64] = slice(given, 96, 64)
    if keccak256(concat(digest, point)) != convert(slice(given, 32, 32), bytes32):
        return b""
    return abi_encode(convert(1, uint256))
