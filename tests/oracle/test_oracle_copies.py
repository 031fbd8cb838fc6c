"""A receipt under this box's key that its journal knows nothing of: another box has the key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import role_account
from oracle_box import DOMAIN, Box, build, last_reading, view_of
from oracle_builders import LEASE_LIMITS, NOW_MS, TARIFF, FakeBroker, FakeClock, make_rental
from structlog.testing import capture_logs

from chain.views import ChainView, OracleView
from oracle.intake.copies import foreign_receipt
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit, credit
from oracle.leasing.publish import reading_message
from protocol.messages import ReadingMessage
from protocol.records import Domain, Reading, Registers
from protocol.typed_data import batch_digest, sign_digest

KEY, STRANGER = role_account("oracle"), role_account("stranger")
RENTAL = make_rental()
READING = Reading(7, NOW_MS, Registers(5_000, 0, 0, 0, 0, 0), 50, bytes(32))


def receipt(signer: Any = KEY, domain: Domain = DOMAIN) -> ReadingMessage:
    signature = sign_digest(bytes(signer.key), batch_digest(domain, [READING]))
    usage = credit(RENTAL, TARIFF, READING.registers, READING.until, LEASE_LIMITS)
    return reading_message(domain, READING, signature, rental=RENTAL, tariff=TARIFF, usage=usage)


def found(held: ReadingMessage, signed_until: int) -> str | None:
    return foreign_receipt([held], DOMAIN, (KEY.address,), {7: signed_until}.__getitem__)


def test_foreign_receipt__later_than_all_that_is_signed__names_rental_and_key() -> None:
    told = found(receipt(), NOW_MS - 1)

    assert told is not None
    assert "rental 7" in told
    assert KEY.address in told


@pytest.mark.parametrize("signed_until", [NOW_MS, NOW_MS + 1])
def test_foreign_receipt__signed_by_this_journal__none(signed_until: int) -> None:
    assert found(receipt(), signed_until) is None


@pytest.mark.parametrize(
    "held",
    [
        receipt(STRANGER),
        receipt(domain=replace(DOMAIN, chain_id=1)),
        receipt().model_copy(update={"signature": "0x" + 130 * "f"}),
        receipt().model_copy(update={"charge": "1", "until": NOW_MS + 5}),
    ],
    ids=["stranger", "other chain", "no signature", "changed"],
)
def test_foreign_receipt__not_signed_by_our_key__nobodys(held: ReadingMessage) -> None:
    assert found(held, 0) is None


# --- while both run ------------------------------------------------------------------------------


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    store, clock, broker = Store(f"sqlite:///{tmp_path}/j.sqlite"), FakeClock(), FakeBroker()
    made = Box(store, clock, broker, build(store, clock, broker))
    made.run(1, None)
    made.run(30, view_of(), motor_on=True, rpm=1200)
    yield made
    store.close()


def settled(until: int, registers: Registers, **changes: Any) -> ChainView:
    rental = make_rental(until=until, registers=registers)
    return view_of(latest={7: rental}, deep={7: rental}, **changes)


def signed_by(box: Box) -> tuple[int, Registers]:
    """What the box has signed last."""
    mark = box.core.metering.marks[7]
    return mark.until, mark.registers


def halted(box: Box) -> bool:
    return bool(box.broker.of("lease")[-1].get("reason") == Inhibit.COPIED_KEY)


def test_step__own_reading_settles__goes_on(box: Box) -> None:
    box.run(20, settled(*signed_by(box)), motor_on=True, rpm=1200)

    assert not halted(box)
    assert last_reading(box)["until"] > NOW_MS + 4_000


def test_step__reading_settles_that_the_journal_never_signed__nothing_more_is_signed(
    box: Box,
) -> None:
    until, registers = signed_by(box)
    with capture_logs() as logs:
        box.run(5, settled(until - 7, registers), motor_on=True, rpm=1200)
        assert halted(box)
        count, journalled = len(box.broker.of("reading")), box.broker.of("journalled")
        box.run(40, view_of(), motor_on=True, rpm=1200)
    (said,) = [one for one in logs if one["event"] == "another oracle signs with this key"]

    assert "rental 7" in said["reason"]
    assert halted(box)
    assert len(box.broker.of("reading")) == count
    assert box.broker.of("journalled") == journalled
    assert box.core.outbox.open_batches() == []
    assert box.core.metering.orders[1].sequence == box.sent, "what comes is kept all the same"


def test_step__own_date_with_other_registers__another_oracles(box: Box) -> None:
    until, registers = signed_by(box)
    box.run(1, settled(until, replace(registers, active_ms_1=registers.active_ms_1 + 1)))

    assert halted(box)


@pytest.mark.parametrize(
    "changes",
    [{"branch": 1}, {"oracle": OracleView(STRANGER.address, revoked=False)}],
    ids=["another branch", "another key"],
)
def test_step__settled_where_the_key_may_have_been_another__not_called_a_copy(
    box: Box, changes: dict[str, Any]
) -> None:
    until, registers = signed_by(box)
    box.run(3, settled(until - 7, registers, **changes))
    box.run(3, settled(until - 7, registers, branch=1))

    assert not halted(box)


def test_step__restarted_and_behind_in_registers_only__signs_nothing_for_that_rental(
    box: Box,
) -> None:
    """A later reading with less in it than has settled would be held against the key."""
    until, registers = signed_by(box)
    more = replace(registers, active_ms_1=registers.active_ms_1 + 60_000)
    box.restart()
    box.broker.published.clear()
    box.run(30, settled(until - 7, more), motor_on=True, rpm=1200)

    assert box.broker.of("reading") == []
    assert box.broker.of("lease")[-1]["reason"] == Inhibit.JOURNAL_BEHIND
