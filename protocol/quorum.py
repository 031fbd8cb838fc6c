"""What several endpoints agree on: the newest block that enough of them have.

Every header was hashed anew before it comes here, so an endpoint can only be behind, on another
branch, or on a chain of its own making. While fewer than `quorum` endpoints lie, what a quorum
agrees on is what an honest one says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from protocol.headers import Header

_T = TypeVar("_T", bound=Hashable)

BRANCH_BLOCKS = 1
"""How far below the newest common height agreement is sought: two endpoints may have the last
block on different branches for a moment."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """Enough endpoints have the block of that number and hash."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """These endpoints are so far ahead that they have to be asked for the block of `number`."""

    number: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Enough endpoints have a block of `number`, and not the same one."""

    number: int
    hashes: Mapping[str, str]

    def __str__(self) -> str:
        told = ", ".join(f"{name} has {hash_[:18]}" for name, hash_ in sorted(self.hashes.items()))
        return f"endpoints disagree about block {self.number}: {told}"


def agree(
    newest: Mapping[str, Header], older: Mapping[str, Header], quorum: int
) -> Agreed | Undecided | Disagreement:
    """The newest block that `quorum` endpoints have, by the newest block that each has.

    `older` are answers to an Undecided. Raises ValueError when fewer than `quorum` have answered.
    """
    if len(newest) < quorum:
        raise ValueError(f"{len(newest)} endpoints answer, {quorum} have to agree")
    height = sorted((header.number for header in newest.values()), reverse=True)[quorum - 1]
    for number in range(height, height - BRANCH_BLOCKS - 1, -1):
        votes = {
            name: found
            for name in newest
            if (found := _hash_at(number, newest[name], older.get(name))) is not None
        }
        winner = majority(votes, quorum)
        if winner is not None:
            return Agreed(number, winner)
        if number == height:
            ahead = tuple(
                sorted(name for name in newest.keys() - votes if newest[name].number > number)
            )
            if ahead and not older.keys() & set(ahead):
                return Undecided(number, ahead)
            disagreement = Disagreement(number, votes)
    return disagreement


def majority(votes: Mapping[str, _T], quorum: int) -> _T | None:
    """What at least `quorum` have voted for and nobody else as many; None when there is none."""
    counted = Counter(votes.values()).most_common(2)
    if not counted or counted[0][1] < quorum:
        return None
    if len(counted) == 2 and counted[1][1] >= quorum:
        return None
    return counted[0][0]


def _hash_at(number: int, newest: Header, older: Header | None) -> str | None:
    """The hash of an endpoint's block of that number, as far as its headers tell."""
    for header in (newest, older):
        if header is not None and header.number == number:
            return header.hash
        if header is not None and header.number == number + 1:
            return header.parent_hash
    return None
