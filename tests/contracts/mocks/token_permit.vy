# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token with signed allowances (EIP-2612) and signed transfers (EIP-3009), for tests
@notice Written after the two texts, with the reasons of no particular token. Anyone may mint.
"""

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
PERMIT_TYPEHASH: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
TRANSFER_TYPEHASH: constant(bytes32) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
RECEIVE_TYPEHASH: constant(bytes32) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
nonces: public(HashMap[address, uint256])
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(payer: address, to: address, amount: uint256) -> bool:
    assert self.allowance[payer][msg.sender] >= amount, "token: allowance"
    self.allowance[payer][msg.sender] -= amount
    self._move(payer, to, amount)
    return True


@external
def permit(
    owner: address,
    spender: address,
    amount: uint256,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    assert block.timestamp <= deadline, "token: permit expired"
    nonce: uint256 = self.nonces[owner]
    message: bytes32 = keccak256(
        abi_encode(PERMIT_TYPEHASH, owner, spender, amount, nonce, deadline)
    )
    assert self._signed(owner, message, v, r, s), "token: bad permit"
    self.nonces[owner] = nonce + 1
    self.allowance[owner][spender] = amount


@external
def transferWithAuthorization(
    payer: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    self._authorized(
        TRANSFER_TYPEHASH, payer, to, amount, valid_after, valid_before, nonce, v, r, s
    )


@external
def receiveWithAuthorization(
    payer: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    assert to == msg.sender, "token: not the payee"
    self._authorized(
        RECEIVE_TYPEHASH, payer, to, amount, valid_after, valid_before, nonce, v, r, s
    )


@internal
def _authorized(
    typehash: bytes32,
    payer: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    assert block.timestamp > valid_after, "token: not yet valid"
    assert block.timestamp < valid_before, "token: authorization expired"
    assert not self.authorizationState[payer][nonce], "token: authorization used"
    message: bytes32 = keccak256(
        abi_encode(typehash, payer, to, amount, valid_after, valid_before, nonce)
    )
    assert self._signed(payer, message, v, r, s), "token: bad authorization"
    self.authorizationState[payer][nonce] = True
    self._move(payer, to, amount)


@internal
@view
def _signed(owner: address, message: bytes32, v: uint8, r: bytes32, s: bytes32) -> bool:
    domain: bytes32 = keccak256(
        abi_encode(
            DOMAIN_TYPEHASH, keccak256("Signed Token"), keccak256("1"), chain.id, self
        )
    )
    signer: address = ecrecover(keccak256(concat(x"1901", domain, message)), v, r, s)
    return signer != empty(address) and signer == owner


@internal
def _move(payer: address, to: address, amount: uint256):
    assert self.balanceOf[payer] >= amount, "token: balance"
    self.balanceOf[payer] -= amount
    self.balanceOf[to] += amount
