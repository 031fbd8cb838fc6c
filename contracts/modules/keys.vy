# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Keys: which oracle each signing key belongs to, since when and until when
@notice A key is named by an address: of secp256k1 the usual one, of P-256 the last 20 bytes of
        keccak256(x || y), whose point is enrolled here first. A key serves one oracle, once; its
        record outlives it, because a dispute may rest on what it signed while it was in force.
"""

from ..interfaces import IDrillMeter
from . import checks
from . import packing

# ---------------------------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------------------------

# @dev Half the order of secp256k1. A signature with a larger s is the malleable twin of another
# (EIP-2).
HALF_ORDER: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)

# @dev The precompiled contract that checks P-256 signatures (EIP-7951); it answers 1, or nothing.
P256VERIFY: constant(address) = 0x0000000000000000000000000000000000000100

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

# @dev Each key's packed record (`key` in packing.vy), by the key's address. It is never deleted;
# zero for a key that was neither enrolled nor used.
records: HashMap[address, uint256]

# @dev The public key's point (x, y) of each enrolled P-256 key, by the key's address; written once.
points: HashMap[address, uint256[2]]

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
def _enrol(x: uint256, y: uint256, digest: bytes32, r: bytes32, s: bytes32) -> address:
    """
    @dev Makes a P-256 key known and logs KeyEnrolled. The signature proves three things at once:
         that the chain can check such signatures, that the point lies on the curve, and that
         somebody holds its key. That another digest is refused shows that the chain does not just
         say yes. A key that an oracle was given before it was known may be enrolled too: until then
         nothing that it signs counts. Reverts when the key was enrolled before, or the proof fails.
         The caller has checked that the sender is the owner, and tells the oracle.
    @param x The x coordinate of the public key.
    @param y The y coordinate of the public key.
    @param digest What the key has signed.
    @param r The r of its signature.
    @param s The s of its signature.
    @return The address that the key is called by.
    """
    key: address = convert(
        convert(keccak256(concat(convert(x, bytes32), convert(y, bytes32))), uint256)
        & packing.ADDRESS_MASK,
        address,
    )
    record: uint256 = self.records[key]
    checks._require(record < packing.P256_KEY, "keys: enrolled before")
    self.points[key] = [x, y]
    checks._require(
        self._verifies(key, True, digest, r, s)
        and not self._verifies(key, True, keccak256(digest), r, s),
        "keys: P-256 signature refused",
    )
    self.records[key] = record | packing.P256_KEY
    log IDrillMeter.KeyEnrolled(key=key, x=x, y=y)
    return key


@internal
def _take(key: address, oracle: uint256) -> bool:
    """
    @dev Puts a key in force for an oracle from this block's time on. Reverts when the key is zero
         or has served an oracle before.
    @param key The key's address.
    @param oracle The oracle's number.
    @return Whether it is a key of P-256.
    """
    checks._require(key != empty(address), "keys: zero address")
    record: IDrillMeter.SigningKey = self._record(key)
    checks._require(record.oracle == 0, "keys: used before")
    record.oracle = oracle
    record.since = block.timestamp
    self.records[key] = packing._pack_key(record)
    return record.is_p256


@internal
def _expire(key: address):
    """
    @dev Ends the time that a key is in force at this block's time. Its record stays for disputes.
    @param key The key's address.
    """
    record: IDrillMeter.SigningKey = self._record(key)
    record.until = block.timestamp
    self.records[key] = packing._pack_key(record)


@internal
def _penalise(key: address) -> bool:
    """
    @dev Marks a key as penalised, so that it costs the bond its penalty once.
    @param key The key's address.
    @return Whether it had not been penalised before.
    """
    record: IDrillMeter.SigningKey = self._record(key)
    if record.penalised:
        return False
    record.penalised = True
    self.records[key] = packing._pack_key(record)
    return True


@internal
@view
def _record(key: address) -> IDrillMeter.SigningKey:
    """
    @dev Reads a key's record. Never reverts.
    @param key The key's address.
    @return The record; all zero for a key that was never seen.
    """
    return packing._unpack_key(self.records[key])


@internal
@view
def _verifies(key: address, is_p256: bool, digest: bytes32, r: bytes32, vs: bytes32) -> bool:
    """
    @dev Whether `key` signed `digest`; the zero address never did. Never reverts, so that one box's
         bad signature cannot hold up another's readings. ecrecover answers the zero address for a
         malformed signature.
    @param key The key's address.
    @param is_p256 Whether it is a key of P-256, and its point is enrolled.
    @param digest What it should have signed.
    @param r The r of the signature.
    @param vs The s of the signature with the parity of v in the highest bit (EIP-2098), or for
           P-256 just s.
    @return Whether it did. A secp256k1 signature in the upper half of s counts as none.
    """
    if key == empty(address):
        return False
    if is_p256:
        done: bool = False
        answer: Bytes[32] = b""
        done, answer = raw_call(
            P256VERIFY,
            abi_encode(digest, r, vs, self.points[key]),
            max_outsize=32,
            is_static_call=True,
            revert_on_failure=False,
        )
        return done and len(answer) == 32 and convert(answer, uint256) == 1
    s: uint256 = convert(vs, uint256) & convert(max_value(int256), uint256)
    if s > HALF_ORDER:
        return False
    return key == ecrecover(digest, 27 + (convert(vs, uint256) >> 255), r, convert(s, bytes32))
