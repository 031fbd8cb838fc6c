"""Promises 1 to 5 attacked at random, for each way of compiling; at length by `scripts/fuzz`."""

from __future__ import annotations

import pytest

from lab.fuzzing.campaign import play_round
from lab.fuzzing.play import Subject
from lab.fuzzing.words import Interface
from lab.rig.contract import DEPLOYED


@pytest.mark.campaign
def test_promises_1_to_5__everybody_at_random__agree_with_the_model(optimiser, compiled):
    subject = Subject(compiled, Interface(compiled.abi))
    outcome = play_round(subject, round_seed=1, plans=60 if optimiser == DEPLOYED else 20)
    assert outcome.failure is None, "\n".join((*outcome.failure.story, outcome.failure.error))
    assert outcome.tally.calls > 2_500
    assert sum(outcome.tally.done.values()) * 10 > outcome.tally.calls * 3
