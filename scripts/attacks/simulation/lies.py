"""What strikes only where several endpoints are asked: one lies, or no two of them agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attacks.simulation.node import LIES
from attacks.simulation.trouble import End, Kind

if TYPE_CHECKING:
    from attacks.simulation.world import SimWorld

DEEPEST_LIE = 40
"""How many blocks back a liar's own chain may begin."""


def _since(world: SimWorld) -> int:
    return max(len(world.chain.blocks) - world.dice.randrange(1, DEEPEST_LIE), 1)


def _one_lies(world: SimWorld) -> End:
    """A minority: the others suffer from whatever else there is."""
    node = world.dice.choice(world.nodes)
    node.lies(world.dice.choice(LIES), _since(world))
    return node.is_honest


def _no_two_agree(world: SimWorld) -> End:
    """The truth, a liar's own chain, and another's, or one that is down."""
    nodes = world.dice.sample(world.nodes, len(world.nodes))
    world.tally.faults["rpc split quorum"] += 1
    nodes[1].lies("other fork", _since(world))
    if world.dice.hits(0.5):
        nodes[2].lies("other chain", 0)
    else:
        nodes[2].down = True
    split = [world.now_ms, -1]
    world.truth.splits.append(split)

    def end() -> None:
        split[1] = world.now_ms
        for node in nodes:
            node.is_honest()

    return end


QUORUM_KINDS = (
    Kind("one endpoint lies", _one_lies, 30_000, 4),
    Kind("no two endpoints agree", _no_two_agree, 30_000, 2),
)
