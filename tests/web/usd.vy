# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token with a name, six decimals and signed allowances (EIP-2612), for the page's tests
"""

name: public(constant(String[16])) = "Test dollar"
symbol: public(constant(String[8])) = "USDT"
decimals: public(constant(uint8)) = 6
version: public(constant(String[1])) = "1"

PERMIT_TYPEHASH: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)

DOMAIN_SEPARATOR: public(immutable(bytes32))
WITH_PERMIT: immutable(bool)

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
nonces: public(HashMap[address, uint256])


@deploy
def __init__(with_permit: bool):
    WITH_PERMIT = with_permit
    separator: bytes32 = keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256(name), keccak256(version), chain.id, self)
    )
    DOMAIN_SEPARATOR = separator if with_permit else empty(bytes32)


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    self.allowance[owner][msg.sender] -= amount
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
    return True


@external
def permit(
    owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
):
    assert WITH_PERMIT, "usd: no permits"
    assert block.timestamp <= deadline, "usd: expired"
    digest: bytes32 = keccak256(
        concat(
            b"\x19\x01",
            DOMAIN_SEPARATOR,
            keccak256(
                abi_encode(PERMIT_TYPEHASH, owner, spender, amount, self.nonces[owner], deadline)
            ),
        )
    )
    assert ecrecover(digest, v, r, s) == owner, "usd: not signed"
    self.nonces[owner] += 1
    self.allowance[owner][spender] = amount
