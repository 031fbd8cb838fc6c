"""A full disk and a read-only one: the drill locks and says why, the last records are written, and
everything goes on when there is room again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from device_builders import DRILL
from device_builders import make_sample as device_sample
from oracle_box import Box, build, view_of
from oracle_builders import NOW_MS, FakeBroker, FakeClock, make_rental, make_sample
from small_disk import fill, small_disk
from sqlalchemy import event, text
from structlog.testing import capture_logs

from device.bridge.spool import Spool
from device.errors import SpoolError
from host.reserve import Reserve
from oracle.errors import JournalError
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit

pytestmark = pytest.mark.integration

MEGABYTE = 1_000_000
OPEN = make_rental(opened_at=NOW_MS // 1000)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 16 * MEGABYTE) as made:
        yield made


@pytest.fixture
def box(disk: Path) -> Iterator[Box]:
    store = Store(f"sqlite:///{disk}/journal.sqlite", 4 * MEGABYTE)
    clock, broker = FakeClock(), FakeBroker()
    yield Box(store, clock, broker, build(store, clock, broker))
    store.close()


def journalled(box: Box) -> list[int]:
    with box.store.read() as connection:
        rows = connection.execute(text("SELECT sequence FROM sample ORDER BY sequence"))
        return [row.sequence for row in rows]


def told(box: Box) -> str:
    """The newest command: the reason of an inhibit, or `lease`."""
    command = box.broker.of("lease")[-1]
    return str(command.get("reason", command["kind"]))


def test_step__disk_full__locks_says_why_writes_the_last_records_and_recovers(
    box: Box, disk: Path
) -> None:
    box.rest()
    samples = box.run(20, view_of(OPEN), motor_on=True)
    assert told(box) == "lease"
    ballast = fill(disk)
    with capture_logs() as logs:
        while box.store.has_reserve:
            samples += box.run(1, view_of(OPEN), motor_on=True)
        lost_until = box.core.metering.orders[1].sequence
        for sample in [one for one in samples if one.sequence > lost_until]:
            box.broker.give(sample)  # the bridge keeps what was not acknowledged
        samples += box.run(300, view_of(OPEN), motor_on=True)

    assert told(box) == Inhibit.DISK_FULL
    assert [one["event"] for one in logs if one["log_level"] == "error"] == [
        "disk full, the journal's reserve is in use",
        "journal not writable",
    ]
    assert journalled(box) == [*range(1, box.sent + 1)], "the reserve took the last records"
    assert box.broker.of("reading")[-1]["active_ms_1"] >= 25_000, "and what was signed"

    ballast.unlink()
    box.run(120, view_of(OPEN), motor_on=True)

    assert box.store.has_reserve
    assert told(box) == "lease"
    assert journalled(box) == [*range(1, box.sent + 1)]


def test_step__reserve_used_up_too__nothing_acknowledged_and_nothing_lost(
    box: Box, disk: Path
) -> None:
    box.rest()
    box.run(5, view_of(OPEN))
    ballast = fill(disk)
    while box.store.has_reserve:
        box.run(1, view_of(OPEN))
    (disk / "more").write_bytes(bytes(4 * MEGABYTE - 40_000))
    box.run(400, view_of(OPEN))
    assert told(box) == Inhibit.JOURNAL
    durable = box.core.metering.orders[1].sequence
    assert box.broker.of("journalled")[-1]["sequence"] == durable < box.sent
    assert journalled(box) == [*range(1, durable + 1)]

    ballast.unlink()
    for sequence in range(durable + 1, box.sent + 1):
        box.broker.give(make_sample(sequence, box.clock.ms))
    box.core.step(None)

    assert journalled(box) == [*range(1, box.sent + 1)]


def test_step__journal_turns_read_only__locks_and_goes_on_afterwards(box: Box) -> None:
    box.rest()
    box.run(20, view_of(OPEN))
    durable = box.core.metering.orders[1].sequence

    def forbid(connection: object, *_: object) -> None:
        connection.cursor().execute("PRAGMA query_only = ON")  # type: ignore[attr-defined]

    engine = box.store._engine
    event.listen(engine, "checkout", forbid)
    with capture_logs() as logs:
        kept = box.run(20, view_of(OPEN))
    assert told(box) == Inhibit.JOURNAL
    assert "readonly" in next(
        str(one["reason"]) for one in logs if one["event"] == "journal not writable"
    )
    assert box.broker.of("journalled")[-1]["sequence"] == durable

    event.remove(engine, "checkout", forbid)
    engine.dispose()
    for sample in kept:
        box.broker.give(sample)
    box.run(3, view_of(OPEN))

    assert told(box) == "lease"
    assert journalled(box) == [*range(1, box.sent + 1)]


def test_open__disk_read_only__named(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", 4 * MEGABYTE, "ro") as disk,
        pytest.raises(JournalError, match=r"journal .*disk/journal.sqlite cannot be opened"),
    ):
        Store(f"sqlite:///{disk}/journal.sqlite", MEGABYTE)


def test_take__disk_without_room_for_two__not_held(disk: Path) -> None:
    assert not Reserve(disk / "r", 9 * MEGABYTE).held
    reserve = Reserve(disk / "r", 7 * MEGABYTE)
    assert reserve.held
    assert (disk / "r").stat().st_blocks * 512 >= 7 * MEGABYTE
    assert Reserve(disk / "r", 7 * MEGABYTE).held, "found again at a restart"
    assert reserve.release()
    assert (disk / "r").stat().st_blocks == 0
    assert not reserve.release()


def put_until_reserve_is_used(spool: Spool) -> int:
    sequence = spool.newest
    while not spool.trouble:
        sequence += 1
        spool.put([device_sample(sequence)], 1)
    return sequence


def test_put__disk_full__the_reserve_takes_the_last_samples(disk: Path) -> None:
    spool = Spool(disk / "spool", DRILL, 1_000_000, 4 * MEGABYTE)
    spool.put([device_sample(1)], 1)
    ballast = fill(disk)
    sequence = put_until_reserve_is_used(spool)
    assert spool.trouble == "disk full"
    for more in range(sequence + 1, sequence + 301):
        spool.put([device_sample(more)], 1)
    assert [one for one, _ in spool.pending(0, 10_000)] == [*range(1, sequence + 301)]
    spool.take_reserve()
    assert spool.trouble == "disk full"

    ballast.unlink()
    spool.take_reserve()

    assert spool.trouble == ""
    spool.close()


def test_put__reserve_used_up_too__refused_with_nothing_stored_and_nothing_lost(
    disk: Path,
) -> None:
    spool = Spool(disk / "spool", DRILL, 1_000_000, 2 * MEGABYTE)
    ballast = fill(disk)
    sequence = put_until_reserve_is_used(spool)
    refusal = ""
    while not refusal:
        try:
            spool.put([device_sample(sequence + 1)], 1)
            sequence += 1
        except SpoolError as error:
            refusal = str(error)
    assert "disk is full" in refusal or "disk I/O error" in refusal
    assert [one for one, _ in spool.pending(0, 100_000)] == [*range(1, sequence + 1)]
    ballast.unlink()

    spool.put([device_sample(sequence + 1)], 1)

    assert spool.newest == sequence + 1
    spool.close()
