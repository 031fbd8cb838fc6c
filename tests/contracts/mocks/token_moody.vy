# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token with EIP-2612 permits and EIP-3009 authorisations that can turn odd in every way, for
       the fuzzer
@notice `fee` is kept back from the receiver, `toll` taken from the payer on top of the amount.
"""

struct Mood:
    paused: bool
    refusing: bool
    fee: uint256
    toll: uint256
    hook: address

PERMIT_TYPEHASH: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
RECEIVE_TYPEHASH: constant(bytes32) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)

mood: public(Mood)
blocked: public(HashMap[address, bool])
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
nonces: public(HashMap[address, uint256])
used: public(HashMap[address, HashMap[bytes32, bool]])


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def seize(owner: address, amount: uint256):
    self.balanceOf[owner] -= amount


@external
def set_mood(mood: Mood):
    self.mood = mood


@external
def set_blocked(owner: address, blocked: bool):
    self.blocked[owner] = blocked


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    return self._move(msg.sender, to, amount)


@external
def transferFrom(payer: address, to: address, amount: uint256) -> bool:
    assert self.allowance[payer][msg.sender] >= amount, "token: allowance"
    self.allowance[payer][msg.sender] -= amount
    return self._move(payer, to, amount)


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
    assert block.timestamp <= deadline, "token: permit has expired"
    hashed: bytes32 = keccak256(
        abi_encode(PERMIT_TYPEHASH, owner, spender, amount, self.nonces[owner], deadline)
    )
    assert self._signer(hashed, v, r, s) == owner, "token: not the owner's permit"
    self.nonces[owner] += 1
    self.allowance[owner][spender] = amount


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
    assert to == msg.sender, "token: not the receiver"
    assert block.timestamp > valid_after, "token: not yet valid"
    assert block.timestamp < valid_before, "token: no longer valid"
    assert not self.used[payer][nonce], "token: used before"
    hashed: bytes32 = keccak256(
        abi_encode(RECEIVE_TYPEHASH, payer, to, amount, valid_after, valid_before, nonce)
    )
    assert self._signer(hashed, v, r, s) == payer, "token: not the payer's"
    self.used[payer][nonce] = True
    assert self._move(payer, to, amount), "token: refusing"


@internal
@view
def _signer(hashed: bytes32, v: uint8, r: bytes32, s: bytes32) -> address:
    domain: bytes32 = keccak256(
        abi_encode(
            DOMAIN_TYPEHASH, keccak256("Moody"), keccak256("1"), chain.id, self
        )
    )
    signer: address = ecrecover(keccak256(concat(x"1901", domain, hashed)), v, r, s)
    assert signer != empty(address), "token: malformed signature"
    return signer


@internal
def _move(payer: address, to: address, amount: uint256) -> bool:
    mood: Mood = self.mood
    assert not mood.paused, "token: paused"
    assert not self.blocked[payer] and not self.blocked[to], "token: blocked"
    if mood.refusing:
        return False
    assert self.balanceOf[payer] >= amount + mood.toll, "token: balance"
    self.balanceOf[payer] -= amount + mood.toll
    self.balanceOf[to] += amount - min(mood.fee, amount)
    if mood.hook != empty(address):
        raw_call(mood.hook, b"")
    return True
