"""A start lease permits one drill, under one key, on one chain, for a few seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account.signers.local import LocalAccount

from protocol.errors import LeaseError, SignatureError
from protocol.leases import CLOCK_SKEW_MS, LONGEST_LEASE_MS, Provisioning, check_lease
from protocol.records import Domain, Lease
from protocol.typed_data import lease_digest, sign_digest

NOW = 1_790_000_000_000
HOME = Domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
NONCES = (2**127 + 8, 7)
LEASE = Lease(1, 5, issued_at=NOW, expires_at=NOW + 4_000, block_number=12, nonce=NONCES[0])


@pytest.fixture
def drill(oracle_key: LocalAccount) -> Provisioning:
    return Provisioning(1, oracle_key.address, HOME)


def signed(lease: Lease, key: LocalAccount, domain: Domain = HOME) -> bytes:
    return sign_digest(bytes(key.key), lease_digest(domain, lease))


@pytest.mark.parametrize("time_ms", [NOW - CLOCK_SKEW_MS, NOW, NOW + 3_999])
def test_check_lease__good_lease__permits(
    drill: Provisioning, oracle_key: LocalAccount, time_ms: int
) -> None:
    check_lease(LEASE, signed(LEASE, oracle_key), drill, time_ms, NONCES)


def test_check_lease__longest_lease__permits(drill: Provisioning, oracle_key: LocalAccount) -> None:
    lease = replace(LEASE, expires_at=NOW + LONGEST_LEASE_MS)
    check_lease(lease, signed(lease, oracle_key), drill, NOW, NONCES)


def test_check_lease__key_in_other_letters__permits(oracle_key: LocalAccount) -> None:
    drill = Provisioning(1, oracle_key.address.lower(), HOME)
    check_lease(LEASE, signed(LEASE, oracle_key), drill, NOW, NONCES)


def test_check_lease__nonce_before_the_newest__permits(
    drill: Provisioning, oracle_key: LocalAccount
) -> None:
    lease = replace(LEASE, nonce=NONCES[1])
    check_lease(lease, signed(lease, oracle_key), drill, NOW, NONCES)


@pytest.mark.parametrize("nonce", [0, 8, 2**127 + 7])
def test_check_lease__another_nonce__is_refused(
    drill: Provisioning, oracle_key: LocalAccount, nonce: int
) -> None:
    lease = replace(LEASE, nonce=nonce)
    with pytest.raises(LeaseError, match=f"answers nonce {nonce:x}, none of the newest"):
        check_lease(lease, signed(lease, oracle_key), drill, NOW, NONCES)


def test_check_lease__another_drill__is_refused(
    drill: Provisioning, oracle_key: LocalAccount
) -> None:
    lease = replace(LEASE, drill=2)
    with pytest.raises(LeaseError, match="for drill 2, this is drill 1"):
        check_lease(lease, signed(lease, oracle_key), drill, NOW, NONCES)


def test_check_lease__too_long__is_refused(drill: Provisioning, oracle_key: LocalAccount) -> None:
    lease = replace(LEASE, expires_at=NOW + LONGEST_LEASE_MS + 1)
    with pytest.raises(LeaseError, match="30001 ms is longer than 30000 ms"):
        check_lease(lease, signed(lease, oracle_key), drill, NOW, NONCES)


def test_check_lease__from_the_future__is_refused(
    drill: Provisioning, oracle_key: LocalAccount
) -> None:
    with pytest.raises(LeaseError, match=f"begins at {NOW}"):
        check_lease(LEASE, signed(LEASE, oracle_key), drill, NOW - CLOCK_SKEW_MS - 1, NONCES)


@pytest.mark.parametrize("late", [0, 1, 10**12])
def test_check_lease__expired__is_refused(
    drill: Provisioning, oracle_key: LocalAccount, late: int
) -> None:
    with pytest.raises(LeaseError, match=f"expired at {NOW + 4000}"):
        check_lease(LEASE, signed(LEASE, oracle_key), drill, NOW + 4_000 + late, NONCES)


def test_check_lease__another_key__is_refused(drill: Provisioning, stranger: LocalAccount) -> None:
    with pytest.raises(LeaseError, match=f"signed by {stranger.address}, expected"):
        check_lease(LEASE, signed(LEASE, stranger), drill, NOW, NONCES)


@pytest.mark.parametrize("domain", [Domain(1, HOME.contract), Domain(31337, "0x" + "22" * 20)])
def test_check_lease__another_chain_or_contract__is_refused(
    drill: Provisioning, oracle_key: LocalAccount, domain: Domain
) -> None:
    with pytest.raises(LeaseError, match="signed by"):
        check_lease(LEASE, signed(LEASE, oracle_key, domain), drill, NOW, NONCES)


@pytest.mark.parametrize("field", ["rental", "issued_at", "expires_at", "block_number"])
def test_check_lease__field_altered_after_signing__is_refused(
    drill: Provisioning, oracle_key: LocalAccount, field: str
) -> None:
    altered = replace(LEASE, **{field: getattr(LEASE, field) + 1})
    with pytest.raises(LeaseError, match="signed by"):
        check_lease(altered, signed(LEASE, oracle_key), drill, NOW, NONCES)


@pytest.mark.parametrize("signature", [b"", bytes(65), bytes(64) + b"\x1b"])
def test_check_lease__no_signature__is_refused(drill: Provisioning, signature: bytes) -> None:
    with pytest.raises(SignatureError):
        check_lease(LEASE, signature, drill, NOW, NONCES)
