"""Digests and signatures, against eth-account, and signatures that must not pass."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import SignatureError
from protocol.records import Domain, Lease, Reading, Registers
from protocol.typed_data import (
    batch_digest,
    domain_separator,
    lease_digest,
    recover_signer,
    sign_digest,
    split_signature,
)

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1; SEC 2 section 2.4.1."""

word = st.integers(0, 2**256 - 1)
domains = st.builds(Domain, word, st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex()))
readings = st.builds(
    Reading,
    word,
    word,
    st.builds(Registers, *[word] * 6),
    word,
    st.binary(min_size=32, max_size=32),
)
leases = st.builds(
    lambda drill, rental, begin, length, block, nonce: Lease(
        drill, rental, begin, begin + length, block, nonce
    ),
    word,
    word,
    st.integers(0, 2**255),
    st.integers(1, 2**64),
    word,
    word,
)

HOME = Domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
READING = Reading(1, 2_000, Registers(3, 4, 5, 6, 7, 8), 9, bytes(32))
LEASE = Lease(1, 2, 3_000, 4_000, 5, 6)

UINTS = [
    {"name": name, "type": "uint256"}
    for name in (
        "rental",
        "until",
        "active_ms_1",
        "active_ms_2",
        "active_ms_3",
        "revolutions_1",
        "revolutions_2",
        "revolutions_3",
        "log_size",
    )
]
BATCH_TYPES = {
    "UsageReading": [*UINTS, {"name": "log_root", "type": "bytes32"}],
    "UsageBatch": [{"name": "readings", "type": "UsageReading[]"}],
}
LEASE_TYPES = {
    "StartLease": [
        {"name": name, "type": "uint256"}
        for name in ("drill", "rental", "issued_at", "expires_at", "block_number", "nonce")
    ]
}


def signable(domain: Domain, types: dict[str, object], message: object) -> SignableMessage:
    place = {
        "name": "DrillMeter",
        "version": "1",
        "chainId": domain.chain_id,
        "verifyingContract": domain.contract,
    }
    return encode_typed_data(domain_data=place, message_types=types, message_data=message)  # type: ignore[arg-type]


def expected_digest(signable: SignableMessage) -> bytes:
    # eth-account gives a digest only with a signature.
    return bytes(Account.sign_message(signable, b"\1" * 32).message_hash)


def batch_message(batch: list[Reading]) -> dict[str, object]:
    names = [field["name"] for field in BATCH_TYPES["UsageReading"]]
    return {"readings": [dict(zip(names, r.words(), strict=True)) for r in batch]}


@given(domains, st.lists(readings, min_size=1, max_size=4))
def test_batch_digest__any_batch__is_that_of_eth_account(
    domain: Domain, batch: list[Reading]
) -> None:
    other = signable(domain, BATCH_TYPES, batch_message(batch))
    assert domain_separator(domain) == other.header
    assert batch_digest(domain, batch) == expected_digest(other)


@given(domains, leases)
def test_lease_digest__any_lease__is_that_of_eth_account(domain: Domain, lease: Lease) -> None:
    names = [field["name"] for field in LEASE_TYPES["StartLease"]]
    message = dict(zip(names, lease.words(), strict=True))
    assert lease_digest(domain, lease) == expected_digest(signable(domain, LEASE_TYPES, message))


@given(st.binary(min_size=32, max_size=32), st.integers(1, ORDER - 1))
def test_sign_digest__any_digest__is_recovered_and_equals_eth_account(
    digest: bytes, secret: int
) -> None:
    key = secret.to_bytes(32, "big")
    signature = sign_digest(key, digest)
    assert recover_signer(digest, signature) == Account.from_key(key).address
    assert signature == bytes(Account.unsafe_sign_hash(digest, key).signature)


def test_batch_digest__anything_altered__is_another(oracle_key: LocalAccount) -> None:
    digest = batch_digest(HOME, [READING])
    words = READING.words()
    others = [
        batch_digest(Domain(1, HOME.contract), [READING]),
        batch_digest(Domain(31337, "0x" + "11" * 20), [READING]),
        batch_digest(HOME, [READING, READING]),
        batch_digest(HOME, []),
    ]
    for place in range(9):
        bumped = [w + 1 if n == place else w for n, w in enumerate(words[:9])]
        rental, until, *registers, size = bumped
        others.append(
            batch_digest(HOME, [Reading(rental, until, Registers(*registers), size, bytes(32))])
        )
    others.append(batch_digest(HOME, [Reading(1, 2_000, READING.registers, 9, b"\1" * 32)]))
    assert len({digest, *others}) == 1 + len(others)
    signature = sign_digest(bytes(oracle_key.key), digest)
    for other in others:
        assert recover_signer(other, signature) != oracle_key.address


def test_batch_digest__readings_in_another_order__is_another() -> None:
    other = Reading(2, 2_000, Registers(), 0, bytes(32))
    assert batch_digest(HOME, [READING, other]) != batch_digest(HOME, [other, READING])


def test_batch_digest__same_address_in_other_letters__is_the_same() -> None:
    assert batch_digest(Domain(31337, HOME.contract.lower()), [READING]) == batch_digest(
        HOME, [READING]
    )


@pytest.mark.parametrize("size", [0, 64, 66])
def test_split_signature__wrong_length__is_refused(size: int) -> None:
    with pytest.raises(SignatureError, match=f"65 bytes, not {size}"):
        split_signature(bytes(size))


@pytest.mark.parametrize("v", [0, 1, 26, 31, 255])
def test_split_signature__wrong_v__is_refused(v: int) -> None:
    with pytest.raises(SignatureError, match=f"27, 28, 29 or 30, not {v}"):
        split_signature(bytes(64) + bytes([v]))


def test_recover_signer__malleable_twin__is_refused(oracle_key: LocalAccount) -> None:
    digest = lease_digest(HOME, LEASE)
    v, r, s = split_signature(sign_digest(bytes(oracle_key.key), digest))
    twin = r.to_bytes(32, "big") + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    # The twin is a good signature to a library that does not look at s.
    assert Account._recover_hash(digest, signature=twin) == oracle_key.address
    with pytest.raises(SignatureError, match="half the curve order"):
        recover_signer(digest, twin)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (0, 0), (ORDER, 1), (2**256 - 1, 1), (5, 1)])
def test_recover_signer__numbers_that_are_no_signature__is_refused(r: int, s: int) -> None:
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27])
    with pytest.raises(SignatureError):
        recover_signer(lease_digest(HOME, LEASE), signature)


@given(st.binary(min_size=65, max_size=65))
def test_recover_signer__any_bytes__never_fail_in_another_way(signature: bytes) -> None:
    try:
        recover_signer(bytes(32), signature[:64] + bytes([27 + signature[64] % 2]))
    except SignatureError:
        return
