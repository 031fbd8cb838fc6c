"""A rental's account: agrees with the chain, or names each figure that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from lab.rig.bill import EventTerms, recompute
from lab.rig.ledger import ContractLedger
from lab.rig.listener import TopicListener
from lab.rig.story import StoryProgress
from lab.rig.summary import account_for
from protocol.records import Registers
from protocol.sample import ControllerFault, Sample

OPENED, ENDED, FUNDED = 1_790_000_000, 1_790_000_005, 1_000
LEVEL = {"price_per_second": 20, "price_per_1000_revolutions": 1000, "max_rpm": 3000}
SAMPLES = [
    Sample(
        sequence=n + 1,
        time_ms=OPENED * 1000 + 100 * n,
        drill=1,
        level=1,
        motor_on=0 < n <= 20,
        trigger=0 < n <= 20,
        inhibited=False,
        fault_flags=ControllerFault.NONE,
        rpm=600,
        torque_mnm=0,
        current_ma=0,
        temperature_mc=0,
        rental=1,
        odometer=Registers(),
    )
    for n in range(30)
]
BILL = recompute(SAMPLES, EventTerms(OPENED, ENDED, ((20, 1000, 3000),) * 3, 3))


class FakeChain:
    """Says of rental 1 what an honest chain would, until a test changes it."""

    def __init__(self) -> None:
        self.registers = list(BILL.registers.values())
        refund = FUNDED - BILL.charge
        self.log: dict[str, list[dict[str, Any]]] = {
            "RentalOpened": [{"tariff": 1, "funded": FUNDED}],
            "RentalEnded": [{"ended_at": ENDED}],
            "RentalClosed": [{"charge": BILL.charge, "refund": refund}],
            "TariffPublished": [{"levels": [LEVEL] * 3, "standing_price_per_second": 3}],
            "UsageSettled": [
                {"charge": BILL.charge, "log_size": len(SAMPLES), "log_root": BILL.log_root}
            ],
            "ToppedUp": [],
            "RentalCapped": [],
        }

    def events(self, name: str, **_: object) -> list[dict[str, Any]]:
        return [{"args": args, "blockNumber": 7} for args in self.log[name]]

    def block_time(self, _number: int) -> int:
        return OPENED

    def call(self, name: str, *_: object) -> list[int]:
        assert name == "registers"
        return self.registers


class FakeListener:
    """Heard all samples."""

    def samples(self, _drill: int) -> list[Sample]:
        return SAMPLES


def differences(chain: FakeChain) -> list[str]:
    progress = StoryProgress(1, rental=1, done=True)
    ledger, listener = cast("ContractLedger", chain), cast("TopicListener", FakeListener())
    return account_for(ledger, listener, progress).differences


def test_account_for__honest_chain__agrees() -> None:
    assert BILL.charge == 2 * 20 + 20 + 15
    assert differences(FakeChain()) == []


LIES: list[tuple[str, Callable[[FakeChain], object]]] = [
    ("charge at closing", lambda c: c.log["RentalClosed"][0].update(charge=BILL.charge + 1)),
    ("charge of the last", lambda c: c.log["UsageSettled"][0].update(charge=BILL.charge + 1)),
    ("refund", lambda c: c.log["RentalClosed"][0].update(refund=FUNDED - BILL.charge - 1)),
    ("registers", lambda c: c.registers.__setitem__(0, 1999)),
    ("samples in the log", lambda c: c.log["UsageSettled"][0].update(log_size=31)),
    ("root of the log", lambda c: c.log["UsageSettled"][0].update(log_size=29)),
    ("root of the log", lambda c: c.log["UsageSettled"][0].update(log_root=bytes(32))),
]


@pytest.mark.parametrize(("name", "lie"), LIES, ids=[name for name, _ in LIES])
def test_account_for__one_figure_differs__is_named(
    name: str, lie: Callable[[FakeChain], object]
) -> None:
    chain = FakeChain()
    lie(chain)
    (difference,) = differences(chain)
    assert difference.startswith(f"drill 1: {name}")


def test_account_for__drilling_before_the_end_left_out__is_said() -> None:
    chain = FakeChain()
    chain.log["UsageSettled"][0].update(log_size=15)
    said = "drill 1: samples of drilling before the end that are not in it on the chain 0, "
    assert said + "recomputed 6" in differences(chain)


def test_account_for__capped_rental__refund_is_what_the_caps_keep_back() -> None:
    chain = FakeChain()
    chain.log["RentalCapped"] = [{"per_rental": BILL.charge - 5, "per_hour": 10**9}]
    assert differences(chain) == [
        f"drill 1: refund on the chain {FUNDED - BILL.charge}, "
        f"recomputed {FUNDED - BILL.charge + 5}"
    ]
    chain.log["RentalClosed"][0].update(refund=FUNDED - BILL.charge + 5)
    assert differences(chain) == []
