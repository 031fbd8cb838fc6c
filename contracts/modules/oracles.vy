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

# @dev How many oracles were registered; numbers start at 1.
oracle_count: uint256

# @dev Each oracle's packed word (`oracle` in packing.vy), by number; zero when there is none.
oracles: HashMap[uint256, uint256]

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
def _register(key: address) -> uint256:
    """
    @dev Appoints a box by its first key and logs OracleRegistered. Reverts as `keys._take` does.
         The caller has checked that the sender is the owner.
    @param key The address of its signing key.
    @return The number of the oracle, one more than the last.
    """
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
    """
    @dev Replaces an oracle's key, lifts a suspension and logs OracleRotated. The old key signs
         nothing more that settles; what it signed up to now can still be disputed with. Reverts
         when the oracle is unknown or revoked, or as `keys._take` does. The caller has checked that
         the sender is the owner.
    @param oracle The oracle's number.
    @param key The address of the new key.
    """
    o: IDrillMeter.Oracle = self._unrevoked(oracle)
    keys._expire(o.key)
    o.key = key
    o.epoch += 1
    o.suspended = False
    o.is_p256 = keys._take(key, oracle)
    self._store(oracle, o)
    log IDrillMeter.OracleRotated(oracle=oracle, key=key, epoch=o.epoch)


@internal
def _note_p256(key: address):
    """
    @dev Lets the oracle that signs with a key know that it is one of P-256. It does already where
         the key was enrolled first, as it should be; does nothing for a key that signs for none.
    @param key The address of a key that has just been enrolled.
    """
    oracle: uint256 = keys._record(key).oracle
    o: IDrillMeter.Oracle = packing._unpack_oracle(self.oracles[oracle])
    if o.key == key:
        o.is_p256 = True
        self._store(oracle, o)


@internal
def _revoke(oracle: uint256):
    """
    @dev Ends an oracle and the time of its key for good, and logs OracleRevoked. Reverts when it is
         unknown or revoked. The caller has checked that the sender is the owner.
    @param oracle The oracle's number.
    """
    o: IDrillMeter.Oracle = self._unrevoked(oracle)
    keys._expire(o.key)
    o.revoked = True
    self._store(oracle, o)
    log IDrillMeter.OracleRevoked(oracle=oracle)


@internal
def _suspend(oracle: uint256, key: address):
    """
    @dev Suspends an oracle if `key` is still the one it signs with, and logs OracleSuspended; does
         nothing otherwise. Reverts when the oracle is unknown.
    @param oracle The oracle's number.
    @param key The key that a dispute has found to contradict itself.
    """
    o: IDrillMeter.Oracle = self._known(oracle)
    if o.key == key and not o.revoked and not o.suspended:
        o.suspended = True
        self._store(oracle, o)
        log IDrillMeter.OracleSuspended(oracle=oracle, key=key)


@internal
def _store(oracle: uint256, o: IDrillMeter.Oracle):
    """
    @dev Writes an oracle's word.
    @param oracle The oracle's number.
    @param o Its new contents.
    """
    self.oracles[oracle] = packing._pack_oracle(o)


@internal
@view
def _known(oracle: uint256) -> IDrillMeter.Oracle:
    """
    @dev Reads an oracle. Reverts when there is none of that number.
    @param oracle The oracle's number.
    @return The oracle.
    """
    word: uint256 = self.oracles[oracle]
    checks._require(word != 0, "oracles: no such oracle")
    return packing._unpack_oracle(word)


@internal
@view
def _unrevoked(oracle: uint256) -> IDrillMeter.Oracle:
    """
    @dev Reads an oracle that may be suspended. Reverts when it is unknown or revoked.
    @param oracle The oracle's number.
    @return The oracle.
    """
    o: IDrillMeter.Oracle = self._known(oracle)
    checks._require(not o.revoked, "oracles: revoked")
    return o


@internal
@view
def _require_trusted(oracle: uint256):
    """
    @dev Reverts when an oracle is unknown, revoked or suspended: nothing new may rest on it.
    @param oracle The oracle's number.
    """
    checks._require(not self._unrevoked(oracle).suspended, "oracles: suspended")


@internal
@view
def _signed(digest: bytes32, signature: IDrillMeter.BatchSignature) -> bool:
    """
    @dev Whether the oracle named in `signature` may sign and signed `digest`. Never reverts.
    @param digest The EIP-712 digest of a UsageBatch.
    @param signature Which oracle, and r and vs; its count is not looked at.
    @return Whether it did; False for an oracle that is unknown, revoked or suspended.
    """
    word: uint256 = self.oracles[signature.oracle]
    return keys._verifies(
        packing._trusted_key(word), packing._is_p256(word), digest, signature.r, signature.vs
    )
