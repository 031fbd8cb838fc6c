"""Worlds by seed: the same seed plays the same worlds; a world that breaks is made smaller.

The first world of a campaign has the campaign's own seed, so that any world of any campaign is
played again by `--seed ITS_SEED --rentals 1`.
"""

from __future__ import annotations

import gc
import multiprocessing
import random
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from lab.simulation.chance import EventTally, PromiseBroken, derive
from lab.simulation.promises import check
from lab.simulation.world import SimWorld

CRITICAL = 50


@dataclass(frozen=True, slots=True)
class WorldFailure:
    """A world that broke a promise, and how little of it suffices."""

    seed: int
    error: str
    needed: tuple[str, ...]
    troubled_ms: int
    story: tuple[str, ...]


@dataclass
class WorldOutcome:
    """What a world, or a campaign, has come to."""

    tally: EventTally = field(default_factory=EventTally)
    failure: WorldFailure | None = None
    played: int = 0
    """Worlds, the one that failed among them."""


def be_quiet() -> None:
    """The parts under test log what befalls them; in a simulation that is not news."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))


def play(
    seed: int,
    kinds: Sequence[str] | None = None,
    muted: frozenset[str] = frozenset(),
    troubled_ms: int | None = None,
    endpoints: int | None = None,
) -> tuple[str, SimWorld]:
    """Play one world; what was broken, or "", and the world as it was left."""
    with SimWorld(seed, kinds, muted, troubled_ms, endpoints) as world:
        try:
            world.run()
            check(world)
        except PromiseBroken as error:
            return str(error), world
        except Exception as error:  # noqa: BLE001  whatever it is, it is what was looked for
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename.rsplit('/', 1)[-1]}:{place.lineno}"
            return f"{type(error).__name__} at {where}: {error}", world
        return "", world


def explain(
    seed: int, error: str, world: SimWorld, kinds: Sequence[str] | None = None
) -> WorldFailure:
    """Leave out kinds of trouble, then the end of it, as long as a promise is still broken."""
    muted: frozenset[str] = frozenset()
    for kind in sorted({name for _, name in world.trouble.story}):
        found, tried = play(seed, kinds, muted | {kind})
        if found:
            muted, error, world = muted | {kind}, found, tried
    troubled_ms = world.terms.troubled_ms
    for share in (0.3, 0.5, 0.75):
        found, tried = play(seed, kinds, muted, int(troubled_ms * share))
        if found:
            error, world = found, tried
            break
    begun_ms = world.begun_ms
    story = tuple(f"{(at - begun_ms) / 1000:8.2f} s  {name}" for at, name in world.trouble.story)
    needed = tuple(sorted({name for _, name in world.trouble.story}))
    return WorldFailure(seed, error, needed, world.terms.troubled_ms, story)


def _work(seed: int) -> tuple[int, str, EventTally]:
    be_quiet()
    error, world = play(seed)
    return seed, error, world.tally


def seeds(campaign_seed: int, first: int = 0) -> Iterator[int]:
    """The seed of each world, from world `first` on."""
    number = first
    while True:
        yield derive(campaign_seed, number) if number else campaign_seed
        number += 1


def run(rentals: int, campaign_seed: int, processes: int, first: int = 0) -> Iterator[WorldOutcome]:
    """Play until so many rentals are over or a promise is broken; yields the sum after each
    world, in the order of the seeds whichever process was first. `first` leaves out the campaign's
    worlds before that number."""
    be_quiet()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    total = WorldOutcome()
    for seed, error, tally in _worlds(seeds(campaign_seed, first), processes):
        total.played += 1
        total.tally.add(tally)
        if error:
            total.failure = explain(seed, error, play(seed)[1])
        yield total
        if error or total.tally.rentals >= rentals:
            return


def _worlds(chosen: Iterator[int], processes: int) -> Iterator[tuple[int, str, EventTally]]:
    if processes == 1:
        yield from map(_work, chosen)
        return
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        ahead: list[multiprocessing.pool.AsyncResult[tuple[int, str, EventTally]]] = []
        for seed in chosen:
            ahead.append(pool.apply_async(_work, (seed,)))
            if len(ahead) > processes:
                yield ahead.pop(0).get()


def new_seed() -> int:
    """A seed for who has not chosen one."""
    return random.SystemRandom().randrange(2**32)
