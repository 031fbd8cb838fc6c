"""Worlds for the tests in a browser."""

from __future__ import annotations

from pathlib import Path

from lab.rig.premises import Premises
from lab.rig.world import World


class PageWorld(World):
    """The demo's, deployed without ape."""

    def deploy(self) -> None:
        """Deploy with a few transactions of our own."""
        Premises.deploy(self)


def bare_world(folder: Path, oracle_key: str, options: tuple[str, ...] = ()) -> Premises:
    """Chain, broker and contract with two drills listed: no box runs, and no drill. `options` are
    anvil's; each transaction is mined at once."""
    return Premises(folder, oracle_address=oracle_key, block_seconds=None, anvil_options=options)
