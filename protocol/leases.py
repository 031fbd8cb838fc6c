"""When a start lease gives permission: the one rule that controller, bridge and tests share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from protocol.errors import LeaseError
from protocol.records import Domain, Lease
from protocol.sample import MAX_RENTAL
from protocol.typed_data import lease_digest, recover_signer

LONGEST_LEASE_MS = 30_000
"""A lease that promises more is refused: a few seconds are enough for a start, and a stolen or
stale lease should not outlive a top-up or a reorganisation."""

NONCE_MS = LONGEST_LEASE_MS // 2
"""A controller draws a nonce at power-up and whenever one has been in use for this long, by a clock
that nobody sets. The two newest count, so a lease has this long at least to arrive, and one that is
held back is worth nothing twice as long after it was signed at the latest, whatever the time is
said to be."""

CLOCK_SKEW_MS = 2_000
"""How far ahead of the drill's clock `issued_at` may lie. The edge box sets that clock, so a
larger difference means that one of the two is wrong."""


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What a drill knows from the factory: its number, its oracle's key, chain and contract.

    Before its oracle's key is rotated, a drill is given the next one as well, and takes either.
    """

    drill: int
    oracle_key: str
    domain: Domain
    next_oracle_key: str | None = None

    def trusts(self, signer: str) -> bool:
        """Whether leases may be signed by that address."""
        keys = (self.oracle_key, self.next_oracle_key)
        return signer.lower() in {key.lower() for key in keys if key is not None}


def check_lease(
    lease: Lease,
    signature: bytes,
    provisioning: Provisioning,
    time_ms: int,
    nonces: Collection[int],
) -> None:
    """Raise LeaseError unless `lease` permits this drill to start at `time_ms` (Unix ms), where
    `nonces` are those that its controller takes an answer to."""
    if lease.drill != provisioning.drill:
        raise LeaseError(f"lease is for drill {lease.drill}, this is drill {provisioning.drill}")
    if not 1 <= lease.rental <= MAX_RENTAL:
        raise LeaseError(f"lease is for rental {lease.rental}, not 1 .. 2^63-1")
    if lease.nonce not in nonces:
        raise LeaseError(
            f"lease answers nonce {lease.nonce:x}, none of the newest: it was held up for long, or "
            "is of before a power-up"
        )
    if lease.expires_at - lease.issued_at > LONGEST_LEASE_MS:
        raise LeaseError(
            f"lease of {lease.expires_at - lease.issued_at} ms is longer than {LONGEST_LEASE_MS} ms"
        )
    if lease.issued_at > time_ms + CLOCK_SKEW_MS:
        raise LeaseError(f"lease begins at {lease.issued_at}, now is {time_ms}")
    if lease.expires_at <= time_ms:
        raise LeaseError(f"lease expired at {lease.expires_at}, now is {time_ms}")
    signer = recover_signer(lease_digest(provisioning.domain, lease), signature)
    if not provisioning.trusts(signer):
        raise LeaseError(f"lease is signed by {signer}, expected {provisioning.oracle_key}")
