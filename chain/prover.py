"""Proofs of what leases rest on, for bridges in strict mode; made on the chain's side."""

from __future__ import annotations

from typing import Protocol

import structlog

from chain.errors import ChainError
from chain.views import BalanceEvidence, BlockSummary, ChainView, RentalView
from protocol.lease_proof import EventProof
from protocol.records import RentalState

PROOFS_PER_POLL = 10
"""Four looks a second make more than the rentals of a thousand drills that are read again in it
(`chain.deep`), and none of them takes long."""

log = structlog.get_logger()


class ProvingChain(Protocol):
    """A chain that gives proofs away. Methods may raise ChainError."""

    def event_proof(self, evidence: BalanceEvidence) -> EventProof:
        """Proof of a BalancePositive entry."""
        ...

    def lease_proof(self, rental: RentalView, event: EventProof, at: BlockSummary) -> bytes:
        """Proof of what a lease of the rental needs at that block."""
        ...


class Prover:
    """Keeps a proof for each rental that may get a lease."""

    def __init__(self, chain: ProvingChain) -> None:
        self._chain = chain
        self._events: dict[int, tuple[BalanceEvidence, EventProof]] = {}
        self._proofs: dict[int, tuple[bytes, bytes]] = {}

    def step(self, view: ChainView) -> dict[int, bytes]:
        """A proof by rental; made anew where the rental rests on another block by now."""
        made = 0
        for rental, deep in view.deep.items():
            evidence = view.evidence.get(rental)
            if deep.state is not RentalState.OPEN or evidence is None:
                self._proofs.pop(rental, None)
                continue
            at = view.rested[rental].header
            known = self._proofs.get(rental)
            if made == PROOFS_PER_POLL or (known is not None and known[0] == at.hash):
                continue
            made += 1
            try:
                self._proofs[rental] = at.hash, self._prove(deep, evidence, at)
            except ChainError as error:
                log.warning("no proof for a lease", rental=rental, reason=str(error))
        for known_proofs in (self._proofs, self._events):
            for rental in known_proofs.keys() - view.deep.keys():
                del known_proofs[rental]
        return {rental: proof for rental, (_hash, proof) in self._proofs.items()}

    def _prove(self, rental: RentalView, evidence: BalanceEvidence, at: BlockSummary) -> bytes:
        known = self._events.get(rental.rental)
        if known is None or known[0] != evidence:
            known = evidence, self._chain.event_proof(evidence)
            self._events[rental.rental] = known
        return self._chain.lease_proof(rental, known[1], at)
