"""Rounds of hypothesis by seed, over processes: the same seed makes the same calls.

A round is so many plans under a seed made of the campaign's seed and the round's number. Rounds
are counted in order until the calls are reached, whichever process has finished first.
"""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from lab.fuzzing.game import GameTally
from lab.fuzzing.plan import BYTES
from lab.fuzzing.play import TERMS_BYTES, Subject, play
from lab.fuzzing.shrink import shorten
from lab.fuzzing.world import compiled_meter

SHORTEST, LONGEST = 100, 180
"""Operations of a plan."""

PLANS = 60
"""Of a round."""

terms_ = st.binary(min_size=TERMS_BYTES, max_size=TERMS_BYTES)
plans_ = st.lists(st.binary(min_size=BYTES, max_size=BYTES), min_size=SHORTEST, max_size=LONGEST)


@dataclass(frozen=True, slots=True)
class FuzzFailure:
    """A broken promise, by the shortest plan that breaks it."""

    error: str
    terms: bytes
    plan: tuple[bytes, ...]
    story: tuple[str, ...]

    @property
    def replay(self) -> str:
        """What `scripts/fuzz --replay` takes."""
        return (self.terms + b"".join(self.plan)).hex()


@dataclass(frozen=True, slots=True)
class FuzzOutcome:
    """What a round, or the campaign, has come to."""

    tally: GameTally
    rounds: int
    failure: FuzzFailure | None


def parse_replay(text: str) -> tuple[bytes, list[bytes]]:
    """Terms and plan of a replay; raises ValueError."""
    data = bytes.fromhex(text)
    if len(data) < TERMS_BYTES or (len(data) - TERMS_BYTES) % BYTES:
        raise ValueError(
            f"a replay has {TERMS_BYTES} bytes and {BYTES} for each operation, not {len(data)}"
        )
    plan = [data[i : i + BYTES] for i in range(TERMS_BYTES, len(data), BYTES)]
    return data[:TERMS_BYTES], plan


def tell(subject: Subject, terms: bytes, plan: Sequence[bytes]) -> tuple[str, list[str]]:
    """Play a plan once more: the error, "" for none, and the story of it."""
    story: list[str] = []
    try:
        play(subject, terms, plan, story)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
        return f"{type(error).__name__}: {error}", story
    return "", story


def play_round(
    subject: Subject, round_seed: int, plans: int, *, shrink: bool = True
) -> FuzzOutcome:
    """Some plans; on a failure the shortest that fails, unless it need not be."""
    tally = GameTally()
    failed: list[tuple[bytes, list[bytes]]] = []

    @seed(round_seed)
    @settings(
        max_examples=plans,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(terms_, plans_)
    def attack(terms: bytes, plan: list[bytes]) -> None:
        try:
            tally.add(play(subject, terms, plan, None))
        except Exception:
            failed.append((terms, plan))
            raise

    try:
        attack()
    except Exception as error:
        if not failed:
            raise
        return FuzzOutcome(tally, 1, _explain(subject, *failed[-1], str(error), shrink=shrink))
    return FuzzOutcome(tally, 1, None)


def _explain(
    subject: Subject, terms: bytes, plan: list[bytes], error: str, *, shrink: bool
) -> FuzzFailure:
    """The failure of the shortest plan that still fails."""
    shortest = tuple(plan)
    if shrink:
        shortest = shorten(plan, lambda candidate: bool(tell(subject, terms, candidate)[0]))
    text, story = tell(subject, terms, shortest)
    text = text or f"passes when played again: {error}"
    return FuzzFailure(text, terms, shortest, tuple(story))


def seeds(campaign_seed: int) -> Iterator[int]:
    """The seed of each round."""
    number = 0
    while True:
        yield int.from_bytes(sha256(f"{campaign_seed} {number}".encode()).digest()[:8], "big")
        number += 1


def _work(round_seed: int) -> FuzzOutcome:
    return play_round(Subject(*compiled_meter()), round_seed, PLANS)


def run(calls: int, campaign_seed: int, processes: int) -> Iterator[FuzzOutcome]:
    """Play until `calls` are made or a promise is broken; yields the sum after each round."""
    total = GameTally()
    for rounds, outcome in enumerate(_rounds(campaign_seed, processes), 1):
        total.add(outcome.tally)
        yield FuzzOutcome(total, rounds, outcome.failure)
        if outcome.failure or total.calls >= calls:
            return


def _rounds(campaign_seed: int, processes: int) -> Iterator[FuzzOutcome]:
    compiled_meter()
    if processes == 1:
        yield from map(_work, seeds(campaign_seed))
        return
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        ahead: list[multiprocessing.pool.AsyncResult[FuzzOutcome]] = []
        for round_seed in seeds(campaign_seed):
            ahead.append(pool.apply_async(_work, (round_seed,)))
            if len(ahead) > processes:
                yield ahead.pop(0).get()


def new_seed() -> int:
    """A seed for who has not chosen one."""
    return random.SystemRandom().randrange(2**32)
