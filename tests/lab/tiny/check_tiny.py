"""What mutants of tiny.vy meet: one test, good at sums, that waits for thousands for ever."""

from __future__ import annotations

import pytest
from contracts.evm import Chain
from eth_account import Account

from lab.rig.contract import Compiled

SENDER = Account.from_key(b"\x01" * 32)
PROGRAM: list[Compiled] = []


@pytest.fixture(params=("none", "gas"))
def optimiser(request):
    return request.param


def test_add__twice__counts_both(optimiser):
    tiny = Chain().deploy(PROGRAM[0], SENDER)
    tiny.transact(SENDER, "add", 3)
    tiny.transact(SENDER, "add", 4)
    while tiny.call("count") >= 1000:
        pass
    assert tiny.call("count") == 7
    assert tiny.call("twice") == 14
