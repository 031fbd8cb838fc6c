"""What strikes only where several endpoints are asked: one lies, or no two of them agree."""

from __future__ import annotations

from lab.simulation.node import LIES
from lab.simulation.trouble import End, Kind, TroubleStage

DEEPEST_LIE = 40
"""How many blocks back a liar's own chain may begin."""

DEEPER_THAN_STALE = 13
"""A fork that begins above what a stale node answers with is not a fork to it."""


def _since(world: TroubleStage, least: int) -> int:
    return max(len(world.chain.blocks) - world.dice.randrange(least, DEEPEST_LIE), 1)


def _nothing() -> None:
    """There is nothing to end."""


def _one_lies(world: TroubleStage) -> End:
    """A minority: the others suffer from whatever else there is."""
    node, lie = world.dice.choice(world.nodes), world.dice.choice(LIES)
    since = _since(world, 1)
    if any(to < 0 for _, to in world.truth.splits):
        return _nothing  # an honest header more, and two would agree
    return node.lies(lie, since)


def _no_two_agree(world: TroubleStage) -> End:
    """The truth, a liar's own chain, and another's, or one that is down."""
    nodes = world.dice.sample(world.nodes, len(world.nodes))
    world.tally.faults["rpc split quorum"] += 1
    ends = [nodes[1].lies("other fork", _since(world, DEEPER_THAN_STALE))]
    ends.append(nodes[2].lies("other chain", 0))
    nodes[2].down = world.dice.hits(0.5)
    split = [world.now_ms, -1]
    world.truth.splits.append(split)

    def end() -> None:
        split[1] = world.now_ms
        for one in ends:
            one()

    return end


QUORUM_KINDS = (
    Kind("one endpoint lies", _one_lies, 30_000, 4),
    Kind("no two endpoints agree", _no_two_agree, 30_000, 2),
)
