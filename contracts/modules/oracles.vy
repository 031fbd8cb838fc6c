# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Oracles: who may sign for which drill, and checking that they did
@notice An oracle is a numbered box with one key at a time. Rotating replaces the key at once: what
        the old one signed and has not settled is worth nothing, and the box signs it anew.
        Revoking is final. A key is never used twice, for any oracle.
"""

from ..interfaces import IDrillMeter
from . import packing

# ---------------------------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------------------------

# Half the order of secp256k1. A signature with a larger s is the malleable twin of another (EIP-2).
HALF_ORDER: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

oracle_count: uint256
oracles: HashMap[uint256, uint256]
used_keys: HashMap[address, bool]

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
def _register(key: address) -> uint256:
    self._take_key(key)
    oracle: uint256 = self.oracle_count + 1
    self.oracle_count = oracle
    self.oracles[oracle] = packing._pack_oracle(
        IDrillMeter.Oracle(key=key, epoch=1, revoked=False)
    )
    log IDrillMeter.OracleRegistered(oracle=oracle, key=key)
    return oracle


@internal
def _rotate(oracle: uint256, key: address):
    o: IDrillMeter.Oracle = self._trusted(oracle)
    self._take_key(key)
    o.key = key
    o.epoch += 1
    self.oracles[oracle] = packing._pack_oracle(o)
    log IDrillMeter.OracleRotated(oracle=oracle, key=key, epoch=o.epoch)


@internal
def _revoke(oracle: uint256):
    o: IDrillMeter.Oracle = self._trusted(oracle)
    o.revoked = True
    self.oracles[oracle] = packing._pack_oracle(o)
    log IDrillMeter.OracleRevoked(oracle=oracle)


@internal
def _take_key(key: address):
    assert key != empty(address), "oracles: key is the zero address"
    assert not self.used_keys[key], "oracles: key was used before"
    self.used_keys[key] = True


@internal
@view
def _known(oracle: uint256) -> IDrillMeter.Oracle:
    word: uint256 = self.oracles[oracle]
    assert word != 0, "oracles: no such oracle"
    return packing._unpack_oracle(word)


@internal
@view
def _trusted(oracle: uint256) -> IDrillMeter.Oracle:
    self._require_trusted(oracle)
    return packing._unpack_oracle(self.oracles[oracle])


@internal
@view
def _require_trusted(oracle: uint256):
    assert not self._known(oracle).revoked, "oracles: revoked"


@internal
@view
def _signed(digest: bytes32, signature: IDrillMeter.BatchSignature) -> bool:
    """
    @dev Whether the oracle named in `signature` signed `digest`. Never reverts, so that one box's
         bad signature cannot hold up another's readings. ecrecover answers the zero address for a
         malformed signature, and an oracle that may not sign has the zero address for a key.
    """
    vs: uint256 = convert(signature.vs, uint256)
    s: uint256 = vs & convert(max_value(int256), uint256)
    if s > HALF_ORDER:
        return False
    signer: address = ecrecover(digest, 27 + (vs >> 255), signature.r, convert(s, bytes32))
    return signer != empty(address) and signer == packing._trusted_key(
        self.oracles[signature.oracle]
    )
