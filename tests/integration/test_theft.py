"""A drill is reported stolen in the middle of a stroke: with the real oracle, chain and broker, and
with `drill-position` on a receiver. Afterwards nothing but one file has known where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from oracle_world import TARIFF, World, wait
from position_office import LONGITUDE, Office, SerialGps, coordinates_in
from web3 import Web3

from oracle.leasing.lease_policy import Inhibit
from protocol.tariff import highest_charge

pytestmark = pytest.mark.integration

CREDIT = highest_charge(TARIFF, 28_000) + 10**18


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path / "world") as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[SerialGps]:
    with SerialGps() as made:
        yield made


def test_theft__reported_in_the_middle_of_a_stroke__the_next_start_is_inhibited_and_nothing_else(
    world: World, receiver: SerialGps, tmp_path: Path
) -> None:
    office = Office(tmp_path / "office")
    office.write(f'{{ kind = "nmea", port = "{receiver.path}" }}')
    office.does("fence", "--rental", "7", "--circle", office.circle)
    theft = json.dumps(str(office.folder / "theft"))
    published = world.folder / "published"
    published.mkdir()
    world.settings.write_text(
        world.settings_text(
            lease__theft_folder=theft,
            publication__folder=f'"{published}"',
            publication__period_seconds="1",
        )
    )
    bridge, functions = world.bridge, world.contract.functions
    with world.daemon() as daemon, office.daemon() as watching:
        wait("no rental", lambda: bridge.inhibited(Inhibit.NO_RENTAL), daemon)
        rental = world.open_rental(CREDIT)
        wait("lease", bridge.leased, daemon)
        wait("inside", lambda: office.seen["where"] == "inside", watching)
        bridge.run(1, 2000)
        wait("reading", lambda: bridge.readings, daemon)

        office.does("theft")
        wait("inhibited", lambda: bridge.inhibited(Inhibit.STOLEN), daemon)
        before = bridge.readings[-1].active_ms_1
        wait("metered", lambda: bridge.readings[-1].active_ms_1 > before + 1_000, daemon)
        assert bridge.inhibited(Inhibit.STOLEN)
        bridge.stop_motor()
        wait("a place", lambda: "latitude" in office.does("look", "--role", "fetcher"), watching)
        assert bridge.inhibited(Inhibit.STOLEN)

        (office.folder / "theft").rename(office.folder / "away")
        wait("unreadable", lambda: bridge.inhibited(Inhibit.THEFT_UNKNOWN), daemon)
        (office.folder / "away").rename(office.folder / "theft")
        wait("inhibited again", lambda: bridge.inhibited(Inhibit.STOLEN), daemon)
        office.does("theft", "--withdraw")
        wait("lease again", bridge.leased, daemon)

        world.send(functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == 4, daemon)
        assert functions.charge(rental).call() > 0
        wait("published", lambda: list(published.rglob("*.json")), daemon)
        assert daemon.stop() == 0
        assert watching.stop() == 0

    assert coordinates_in(tmp_path) == [office.folder / "kept/places/places.sqlite"]
    chain = Web3(Web3.HTTPProvider(world.anvil.url))
    logs = chain.eth.get_logs({"fromBlock": 0, "toBlock": "latest"})
    assert len(logs) > 5
    told = b"".join(bytes(one["data"]) + b"".join(map(bytes, one["topics"])) for one in logs)
    assert round(LONGITUDE * 1e7).to_bytes(4, "big") not in told
    assert [one["what"] for one in office.entries][-2:] == ["looked", "report of theft withdrawn"]
