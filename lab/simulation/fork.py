"""A chain of a liar's own making: from some block on, everybody has money and nobody mined it.

Its headers hash, its proofs lead to their roots, its receipts hold the events: who asks nobody else
cannot tell it from the chain.
"""

from __future__ import annotations

from lab.simulation.chain import Block, RawLog, SimChain
from lab.simulation.ledger import BlockLedger, LedgerPage


class Fork:
    """Forged pages of the blocks from number `since` on."""

    def __init__(self, chain: SimChain, ledger: BlockLedger, since: int) -> None:
        self._chain, self._ledger, self._since = chain, ledger, since
        self._forged: dict[bytes, LedgerPage] = {}
        self.by_hash: dict[str, LedgerPage] = {}

    def of(self, block: Block) -> LedgerPage:
        """The page in the place of a block."""
        missing: list[Block] = []
        at: Block | None = block
        while (
            at is not None
            and at.header.number >= self._since
            and at.header.hash not in self._forged
        ):
            missing.append(at)
            at = self._chain.known.get(at.header.parent_hash)
        for one in reversed(missing):
            self._forge(one)
        return self._forged.get(block.header.hash) or self._ledger.of(block)

    def _forge(self, block: Block) -> None:
        parent = self._forged.get(block.header.parent_hash)
        before = bytes.fromhex(parent.hash[2:]) if parent else block.header.parent_hash
        storage = self._ledger.richer(self._ledger.of(block), block)
        logs = block.raw if parent else [*block.raw, self._invented(block)]
        page = self._ledger.page(self._chain, block, before, storage, logs)
        self._forged[block.header.hash] = page
        self.by_hash[page.hash] = page

    def _invented(self, block: Block) -> list[RawLog]:
        """The newest BalancePositive of each rental once more."""
        found: dict[int, RawLog] = {}
        at: Block | None = block
        while at is not None:
            entries = [entry for entries in at.raw for entry in entries]
            for event, entry in zip(at.events, entries, strict=True):
                if event.name == "BalancePositive":
                    found.setdefault(event.number("rental"), entry)
            at = self._chain.known.get(at.header.parent_hash)
        return [entry for rental, entry in sorted(found.items()) if rental in block.rentals]
