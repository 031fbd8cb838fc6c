"""EIP-712 typed data of readings and leases: digests, signatures and recovery.

    UsageReading(uint256 rental,uint256 until,uint256 active_ms_1..3,uint256 revolutions_1..3,
                 uint256 log_size,bytes32 log_root)
    UsageBatch(UsageReading[] readings)
    StartLease(uint256 drill,uint256 rental,uint256 issued_at,uint256 expires_at,
               uint256 block_number,uint256 nonce)

All members are one word wide, so encoding is concatenation. The digests are checked in the tests
against eth-account, which encodes any type but takes ten times as long.
Source: https://eips.ethereum.org/EIPS/eip-712
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from protocol import p256
from protocol.errors import SignatureError
from protocol.records import Domain, Lease, Reading

DOMAIN_NAME = "DrillMeter"
DOMAIN_VERSION = "1"

_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_READING_TYPE = (
    b"UsageReading(uint256 rental,uint256 until,uint256 active_ms_1,uint256 active_ms_2,"
    b"uint256 active_ms_3,uint256 revolutions_1,uint256 revolutions_2,uint256 revolutions_3,"
    b"uint256 log_size,bytes32 log_root)"
)
_BATCH_TYPE = b"UsageBatch(UsageReading[] readings)" + _READING_TYPE
_LEASE_TYPE = (
    b"StartLease(uint256 drill,uint256 rental,uint256 issued_at,uint256 expires_at,"
    b"uint256 block_number,uint256 nonce)"
)

READING_TYPEHASH = keccak(_READING_TYPE)
BATCH_TYPEHASH = keccak(_BATCH_TYPE)
LEASE_TYPEHASH = keccak(_LEASE_TYPE)

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half the order of secp256k1: a larger s is the malleable twin of a smaller one (EIP-2)."""

SECP256K1_MARKS = (27, 28)
P256_MARKS = (29, 30)
"""What the v of a signature says: which curve, and whether the y of the nonce's point is odd. The
contract learns the first from the key's record, and needs no v of a P-256 signature."""


def _words(values: Iterable[int | bytes]) -> bytes:
    return b"".join(v if isinstance(v, bytes) else v.to_bytes(32, "big") for v in values)


def domain_separator(domain: Domain) -> bytes:
    """The EIP-712 domain separator of a DrillMeter, bytes32."""
    return separator_of(domain, DOMAIN_NAME, DOMAIN_VERSION)


@lru_cache(maxsize=16)
def separator_of(domain: Domain, name: str, version: str) -> bytes:
    """The EIP-712 domain separator of any contract, bytes32."""
    return keccak(
        _words(
            (
                keccak(_DOMAIN_TYPE),
                keccak(name.encode()),
                keccak(version.encode()),
                domain.chain_id,
                int(domain.contract, 16),
            )
        )
    )


def typed_digest(separator: bytes, struct_hash: bytes) -> bytes:
    """What is signed of a struct in a domain, bytes32."""
    return keccak(b"\x19\x01" + separator + struct_hash)


def _digest(domain: Domain, struct_hash: bytes) -> bytes:
    return typed_digest(domain_separator(domain), struct_hash)


def batch_digest(domain: Domain, readings: Sequence[Reading]) -> bytes:
    """The bytes32 that an oracle signs for a batch; a live receipt is a batch of one."""
    hashes = b"".join(keccak(READING_TYPEHASH + _words(reading.words())) for reading in readings)
    return _digest(domain, keccak(BATCH_TYPEHASH + keccak(hashes)))


def lease_digest(domain: Domain, lease: Lease) -> bytes:
    """The bytes32 that an oracle signs for a start lease."""
    return _digest(domain, keccak(LEASE_TYPEHASH + _words(lease.words())))


def split_signature(signature: bytes) -> tuple[int, int, int]:
    """Return (v, r, s) of a 65-byte `r || s || v` signature with a low s. Its v is 27 or 28 for a
    key of secp256k1, 29 or 30 for one of P-256; the even one says that the nonce's y is odd.

    Raises SignatureError for any other length, v, or s above half the order.
    """
    if len(signature) != 65:
        raise SignatureError(f"a signature has 65 bytes, not {len(signature)}")
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:64], "big")
    v = signature[64]
    if v not in (*SECP256K1_MARKS, *P256_MARKS):
        raise SignatureError(f"v of a signature must be 27, 28, 29 or 30, not {v}")
    if s > (p256.ORDER // 2 if v in P256_MARKS else _HALF_ORDER):
        raise SignatureError("s of a signature must not exceed half the curve order")
    return v, r, s


def sign_digest(private_key: bytes, digest: bytes) -> bytes:
    """Sign a bytes32 digest; returns 65 bytes `r || s || v`, v 27 or 28, s low (RFC 6979)."""
    signature = PrivateKey(private_key).sign_msg_hash(digest)
    return bytes(signature.to_bytes()[:64]) + bytes([signature.v + 27])


def recover_signer(digest: bytes, signature: bytes) -> str:
    """The checksummed address whose key signed `digest`; raises SignatureError if none did."""
    v, r, s = split_signature(signature)
    if v in P256_MARKS:
        return p256.point_address(*p256.recover_point(digest, r, s, odd=v == P256_MARKS[1]))
    try:
        recovered = Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError) as error:
        raise SignatureError(f"not a signature of this digest: {error}") from error
    return str(recovered.to_checksum_address())
