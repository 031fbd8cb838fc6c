"""`drill-position` as it runs: on a serial line, and with a real gpsd that plays a route."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from position_office import (
    FENCE,
    LATITUDE,
    LONGITUDE,
    METRE,
    Office,
    SerialGps,
    coordinates_in,
    epoch,
)
from typer.testing import CliRunner

from lab.rig.process import Daemon, wait_until
from lab.rig.services import free_port
from position.cli import app

pytestmark = pytest.mark.integration

PATIENCE_S = 300.0


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def receiver() -> Iterator[SerialGps]:
    with SerialGps() as made:
        yield made


def wait(what: str, probe: Callable[[], Any], daemon: Daemon) -> None:
    wait_until(what, probe, PATIENCE_S, daemon)


def places_kept(office: Office) -> list[tuple[int, int]]:
    with sqlite3.connect(office.folder / "kept/places/places.sqlite") as database:
        query = "SELECT latitude_e7, longitude_e7 FROM place ORDER BY number"
        found = database.execute(query).fetchall()
    database.close()
    return found


def test_serial_line__every_fault_and_then_a_true_leave__one_left_and_all_looks_on_record(
    office: Office, receiver: SerialGps
) -> None:
    office.write(f'{{ kind = "nmea", port = "{receiver.path}" }}')
    office.does("fence", "--rental", "7", "--circle", FENCE)
    with office.daemon() as daemon:
        wait("inside", lambda: office.seen["where"] == "inside", daemon)
        assert office.seen["accuracy_mm"] == 5_000
        assert office.seen["age_ms"] >= 0

        receiver.status = "V"
        wait("no fix", lambda: office.seen["why"] == "receiver has no fix", daemon)
        wait("unknown", lambda: office.seen["where"] == "unknown", daemon)
        receiver.status = "A"
        wait("inside again", lambda: office.seen["where"] == "inside", daemon)

        receiver.silent = True
        wait("old", lambda: office.seen["where"] == "unknown", daemon)
        assert office.seen["fix"] == "3D", "what it was, and how old it is by now"
        assert office.seen["age_ms"] > 4_000
        receiver.silent = False
        wait("inside again", lambda: office.seen["where"] == "inside", daemon)

        receiver.north_m = 100_000
        wait("jump", lambda: office.seen["why"] == "jump that nothing can drive", daemon)
        wait("unknown", lambda: office.seen["where"] == "unknown", daemon)
        receiver.north_m = 0
        wait("inside again", lambda: office.seen["where"] == "inside", daemon)

        receiver.ahead = timedelta(days=-7168)
        wait("another time", lambda: office.seen["why"] == "fix is old", daemon)
        wait("unknown", lambda: office.seen["where"] == "unknown", daemon)
        receiver.ahead = timedelta()
        wait("inside again", lambda: office.seen["where"] == "inside", daemon)

        assert office.moved == ["found inside"]
        assert places_kept(office) == []
        refused = office.does("look", "--role", "fetcher", status=2)
        assert "there is no ground to look where drill 1 is" in refused

        receiver.north_m = 300
        wait("left", lambda: office.moved == ["found inside", "left"], daemon)
        wait("a place", lambda: places_kept(office), daemon)
        shown = json.loads(office.does("look", "--role", "fetcher"))
        assert shown["latitude"] == pytest.approx(LATITUDE + 300 * METRE, abs=2e-7)
        assert "may not look" in office.does("look", "--role", "boss", status=2)

        receiver.north_m = 0
        wait("back", lambda: office.moved == ["found inside", "left", "entered"], daemon)
        assert office.told[1:] == [
            *("found inside", "look refused", "left", "looked", "look refused", "entered"),
        ]
        assert "erased" in office.does("erase", "--rental", "7")
        assert daemon.stop() == 0
    assert office.told[1:] == ["look refused", "looked", "look refused", "places erased"]
    assert coordinates_in(office.folder / "kept") == []
    assert coordinates_in(office.folder / "position.log") == []


def test_serial_line__pulled_out_and_put_back__unknown_and_inside_again(
    office: Office, tmp_path: Path
) -> None:
    link = tmp_path / "receiver"
    office.write(f'{{ kind = "nmea", port = "{link}" }}')
    office.does("fence", "--rental", "7", "--circle", FENCE)
    with office.daemon() as daemon:
        wait("nothing", lambda: office.seen["why"] == "nothing heard of the receiver", daemon)
        for _ in range(2):
            with SerialGps() as plugged:
                link.unlink(missing_ok=True)
                link.symlink_to(plugged.path)
                wait("inside", lambda: office.seen["where"] == "inside", daemon)
            wait("gone", lambda: office.seen["why"] == "nothing heard of the receiver", daemon)
            wait("unknown", lambda: office.seen["where"] == "unknown", daemon)
        assert office.moved == ["found inside"]


@pytest.fixture
def route(tmp_path: Path) -> Path:
    """Inside, a jump of 100 km, inside, no fix, inside, and then away, 20 m from fix to fix: each
    for as many fixes as it takes at the pace at which they are looked at."""
    path = tmp_path / "route.nmea"
    metres: list[float | None] = [0.0] * 16 + [100_000.0] * 16 + [0.0] * 9 + [None] * 9 + [0.0] * 9
    metres += [20.0 * second for second in range(1, 400)]
    # Ahead of the box, so that no fix is late however slow this machine is.
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    with path.open("w", encoding="ascii", newline="") as file:
        file.write("# Played by gpsfake.\r\n")
        for second, north_m in enumerate(metres):
            moment = start + timedelta(seconds=second)
            status = "V" if north_m is None else "A"
            file.write(epoch(moment, north_m or 0.0, status))
    return path


def test_gpsd__plays_a_route_with_a_jump_and_a_loss__left_once_and_where_it_truly_left(
    office: Office, route: Path
) -> None:
    port = free_port()
    office.write(f'{{ kind = "gpsd", port = {port} }}')
    office.does("fence", "--rental", "7", "--circle", FENCE)
    play = ["/usr/bin/gpsfake", "-1", "-q", "-c", "0.1", "-P", str(port), route]
    with (
        TemporaryDirectory(prefix="gps-") as sockets,
        office.daemon() as daemon,
        Daemon("gpsfake", play, office.folder / "gpsfake.log", {"TMPDIR": sockets}),
    ):
        wait("left", lambda: "left" in office.moved, daemon)
        wait("a place", lambda: places_kept(office), daemon)
        found = office.seen
        kept = places_kept(office)
    assert office.moved == ["found inside", "left"]
    assert found["fix"] == "3D"
    assert 0 < found["accuracy_mm"] < 50_000
    for latitude, longitude in kept:
        assert longitude / 1e7 == pytest.approx(LONGITUDE, abs=1e-6)
        assert 100 < (latitude / 1e7 - LATITUDE) / METRE < 8_000


def test_gpsd__that_is_not_there__unknown_and_check_says_what_is_missing(office: Office) -> None:
    port = free_port()
    office.write(f'{{ kind = "gpsd", port = {port} }}')
    done = CliRunner().invoke(app, ["check", "--settings", str(office.settings)])
    assert done.exit_code == 1
    assert "receiver of drill 1: gpsd at 127.0.0.1 port" in done.stdout.replace("\n  ", " ")
    with office.daemon() as daemon:
        wait("nothing", lambda: office.seen["why"] == "no fence is set", daemon)
        log = office.folder / "position.log"
        wait("told", lambda: "receiver away" in log.read_text(), daemon)
        assert daemon.stop() == 0
    assert office.seen["where"] == "unknown"
