# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Oracles: who may sign for which drill, and checking that they did
@notice An oracle is a numbered box with one key at a time. Rotating replaces the key at once: what
        the old one signed and has not settled is worth nothing, and the box signs it anew.
        Suspension, by a dispute, lasts until the key is rotated. Revoking is final.
"""

from ..interfaces import IDrillMeter
from . import checks
from . import keys
from . import packing

uses: keys

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

oracle_count: uint256
oracles: HashMap[uint256, uint256]

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
def _register(key: address) -> uint256:
    oracle: uint256 = self.oracle_count + 1
    self.oracle_count = oracle
    self._store(
        oracle,
        IDrillMeter.Oracle(
            key=key,
            epoch=1,
            revoked=False,
            suspended=False,
            is_p256=keys._take(key, oracle),
        ),
    )
    log IDrillMeter.OracleRegistered(oracle=oracle, key=key)
    return oracle


@internal
def _rotate(oracle: uint256, key: address):
    o: IDrillMeter.Oracle = self._unrevoked(oracle)
    keys._expire(o.key)
    o.key = key
    o.epoch += 1
    o.suspended = False
    o.is_p256 = keys._take(key, oracle)
    self._store(oracle, o)
    log IDrillMeter.OracleRotated(oracle=oracle, key=key, epoch=o.epoch)


@internal
def _revoke(oracle: uint256):
    o: IDrillMeter.Oracle = self._unrevoked(oracle)
    keys._expire(o.key)
    o.revoked = True
    self._store(oracle, o)
    log IDrillMeter.OracleRevoked(oracle=oracle)


@internal
def _suspend(oracle: uint256, key: address):
    """
    @dev Suspends an oracle if `key` is still the one it signs with.
    """
    o: IDrillMeter.Oracle = self._known(oracle)
    if o.key == key and not o.revoked and not o.suspended:
        o.suspended = True
        self._store(oracle, o)
        log IDrillMeter.OracleSuspended(oracle=oracle, key=key)


@internal
def _store(oracle: uint256, o: IDrillMeter.Oracle):
    self.oracles[oracle] = packing._pack_oracle(o)


@internal
@view
def _known(oracle: uint256) -> IDrillMeter.Oracle:
    word: uint256 = self.oracles[oracle]
    checks._require(word != 0, "oracles: no such oracle")
    return packing._unpack_oracle(word)


@internal
@view
def _unrevoked(oracle: uint256) -> IDrillMeter.Oracle:
    o: IDrillMeter.Oracle = self._known(oracle)
    checks._require(not o.revoked, "oracles: revoked")
    return o


@internal
@view
def _require_trusted(oracle: uint256):
    checks._require(not self._unrevoked(oracle).suspended, "oracles: suspended")


@internal
@view
def _signed(digest: bytes32, signature: IDrillMeter.BatchSignature) -> bool:
    """
    @dev Whether the oracle named in `signature` may sign and signed `digest`. Never reverts.
    """
    word: uint256 = self.oracles[signature.oracle]
    return keys._verifies(
        packing._trusted_key(word), packing._is_p256(word), digest, signature.r, signature.vs
    )
