"""Each promise is broken once, in a copy of the contract, and the fuzzer has to find it.

Found with the seeds 0 and 1: a withdrawal left in the account, and a settled reading that settles
again, in the very first plan; the others within 240 to 750 calls. The limit leaves room for other
seeds and other generators.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from planted_contract import BREAKS, Break, compile_broken

from lab.fuzzing.campaign import play_round
from lab.fuzzing.play import Subject
from lab.fuzzing.words import Interface

WITHIN = 3_000
CALLS_OF_A_PLAN = 200


@pytest.mark.campaign
@pytest.mark.parametrize("planted", BREAKS, ids=lambda planted: planted.promise)
def test_play_round__contract_with_a_planted_bug__finds_it(planted: Break, tmp_path: Path):
    compiled = compile_broken(planted, tmp_path)
    subject = Subject(compiled, Interface(compiled.abi))
    plans = WITHIN // CALLS_OF_A_PLAN
    outcome = play_round(subject, round_seed=1, plans=plans, shrink=False)
    assert outcome.failure is not None, f"not found in {outcome.tally.calls} calls"
    assert outcome.tally.calls < WITHIN
