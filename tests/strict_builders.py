"""Leases with their proofs, as an oracle makes them; the true one or somebody who has its key."""

from __future__ import annotations

from dataclasses import dataclass

from conftest import role_account
from oracle_chain_place import Place

from chain.contract import DrillMeter
from chain.endpoint import RpcEndpoint
from chain.quorum_chain import QuorumChain
from chain.views import BalanceEvidence
from oracle.signing.sign import KeystoreSigner
from protocol.lease_proof import LeaseProof, parse_lease_proof
from protocol.messages import LeaseMessage
from protocol.records import Domain, Lease
from protocol.typed_data import lease_digest

ORACLE = role_account("oracle")
NONCE = 2**127 + 1


@dataclass
class Made:
    """A lease with its proof as an oracle makes them."""

    lease: Lease
    signature: bytes
    proof: bytes
    domain: Domain

    @property
    def message(self) -> LeaseMessage:
        return message_of(self.lease, self.signature)

    def parsed(self) -> LeaseProof:
        return parse_lease_proof(self.proof)


def message_of(lease: Lease, signature: bytes) -> LeaseMessage:
    return LeaseMessage(
        drill=lease.drill,
        rental=lease.rental,
        issued_at=lease.issued_at,
        expires_at=lease.expires_at,
        block_number=lease.block_number,
        nonce=f"0x{lease.nonce:032x}",
        signature="0x" + signature.hex(),
        block_hash="0x" + 64 * "0",
        transaction_hash="0x" + 64 * "0",
        log_index=0,
    )


def sign(domain: Domain, lease: Lease, account: object = ORACLE) -> bytes:
    return KeystoreSigner(bytes(account.key)).sign(lease_digest(domain, lease))  # type: ignore[attr-defined]


def make(place: Place) -> Made:
    """What the oracle would send at the newest block."""
    contract = DrillMeter(place.contract.address)
    chain = QuorumChain([RpcEndpoint(place.anvil.url, 31337, contract, 5)], 1, contract, 5)
    head = chain.head()
    events, _upto = chain.events_between(0, head.number)
    (event,) = [one for one in events if one.name == "BalancePositive"]
    evidence = BalanceEvidence(
        1, 1, 1, event.block_number, event.block_hash, event.transaction_hash, event.log_index
    )
    rental = chain.rental(1, head)
    assert rental is not None
    proof = chain.lease_proof(rental, chain.event_proof(evidence), head)
    lease = Lease(1, 1, 1_000, 6_000, head.number, NONCE)
    domain = Domain(31337, place.contract.address)
    return Made(lease, sign(domain, lease), proof, domain)
