"""The oracle's daemon publishes a rental: what anybody downloads is what the chain anchored."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from oracle_world import TARIFF, World, wait
from pyocmf import OCMF

from lab.rig import rfc6962
from protocol.publication import (
    BUNDLE_SAMPLES,
    RentalIdentity,
    bundle_file,
    contract_folder,
    parse_published_reading,
)
from protocol.sample import SAMPLE_BYTES, decode_sample
from protocol.tariff import highest_charge
from protocol.typed_data import batch_digest, recover_signer

pytestmark = pytest.mark.integration

CLOSED = 4
RESERVE = highest_charge(TARIFF, 28_000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "samples").mkdir()
    with World(tmp_path) as made:
        made.settings.write_text(
            made.settings_text(
                publication__folder=f'"{tmp_path}/samples"',
                publication__period_seconds="1",
                settlement__share_of_balance="1",
            )
        )
        yield made


def folder_of(world: World, rental: int) -> Path:
    """Where everybody who knows the rental from the chain looks."""
    found = world.rental(rental)
    identity = RentalIdentity(
        rental, found["drill"], found["tariff"], found["opened_at"], found["customer"]
    )
    return world.folder / "samples" / contract_folder(world.domain) / identity.folder()


def anchors(world: World, rental: int) -> list[tuple[int, bytes]]:
    """Size and root of the log in each settlement."""
    events = world.contract.events.UsageSettled.get_logs(from_block=0)
    mine = [event["args"] for event in events if event["args"]["rental"] == rental]
    return [(args["log_size"], bytes(args["log_root"])) for args in mine]


def leaves(folder: Path) -> list[bytes]:
    """All published samples, bundle after bundle."""
    content, index = b"", 0
    while (sealed := folder / bundle_file(index, sealed=True)).exists():
        content += sealed.read_bytes()
        index += 1
    part = folder / bundle_file(index, sealed=False)
    content += part.read_bytes() if part.exists() else b""
    assert len(content) % SAMPLE_BYTES == 0
    return [content[n : n + SAMPLE_BYTES] for n in range(0, len(content), SAMPLE_BYTES)]


def said(world: World, event: str) -> list[dict[str, Any]]:
    """What the daemon's log has of one event."""
    text = (world.folder / "logs" / "oracle.log").read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def command(world: World, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `drill-oracle` to its end."""
    line = [sys.executable, "-m", "oracle", name, "--settings", str(world.settings), *options]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)


def test_run__rental_with_a_kill__published_samples_have_the_roots_on_chain(world: World) -> None:
    bridge, functions = world.bridge, world.contract.functions
    with world.daemon() as daemon:
        rental = world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        bridge.run(1, 2000)
        wait("settled", lambda: len(anchors(world, rental)) > 1, daemon)
        folder = folder_of(world, rental)
        wait("receipt", (folder / "reading.json").exists, daemon)
        confirmed = world.web3.eth.get_block("latest")["timestamp"] * 1000
        dates = [decode_sample(raw).time_ms for raw in leaves(folder)]
        assert dates
        assert max(dates) <= confirmed

        daemon.kill()
        daemon.start()
        wait("lease after the kill", bridge.leased, daemon)
        time.sleep(1.5)
        bridge.stop_motor()
        world.send(functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)
        wait("published", lambda: said(world, "rental published"), daemon)
        assert daemon.stop() == 0

    log = leaves(folder)
    assert len(log) < BUNDLE_SAMPLES
    for size, root in anchors(world, rental):
        assert rfc6962.tree(log[:size]) == root
    published = parse_published_reading((folder / "reading.json").read_bytes(), "reading.json")
    reading = published.reading()
    assert (reading.log_size, reading.log_root) == anchors(world, rental)[-1]
    assert reading.log_size == len(log)
    assert reading.until == world.rental(rental)["ended_at"] * 1000
    digest = batch_digest(world.domain, [reading])
    signature = bytes.fromhex(published.signature[2:])
    assert recover_signer(digest, signature) == world.signing.address
    assert sorted(path.name for path in folder.iterdir()) == [
        "reading.json",
        "samples-00000000.part.bin",
    ]

    require_record(world, rental)
    mirror = world.folder / "mirror"
    said_so = command(world, "export", "--to", str(mirror))
    assert said_so.returncode == 0, said_so.stderr
    assert f"rental {rental}: {len(log)} samples" in said_so.stdout
    copied = mirror / folder.relative_to(world.folder / "samples")
    for path in folder.iterdir():
        assert (copied / path.name).read_bytes() == path.read_bytes()


def test_run__folder_goes_away__drill_and_settlements_do_not_notice_and_it_is_made_up_for(
    world: World,
) -> None:
    bridge, functions = world.bridge, world.contract.functions
    samples, away = world.folder / "samples", world.folder / "away"
    with world.daemon() as daemon:
        samples.rename(away)
        rental = world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        bridge.run(1, 2000)
        wait("failing", lambda: said(world, "publication fails"), daemon)
        wait("settled", lambda: anchors(world, rental), daemon)
        bridge.stop_motor()
        world.send(functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)
        assert len(said(world, "publication fails")) == 1
        assert not samples.exists()

        away.rename(samples)
        wait("published", lambda: said(world, "rental published"), daemon)
        assert daemon.stop() == 0

    size, root = anchors(world, rental)[-1]
    assert rfc6962.tree(leaves(folder_of(world, rental))) == root
    assert len(leaves(folder_of(world, rental))) == size


def require_record(world: World, rental: int) -> None:
    """The rental's record in the Open Charge Metering Format is one to others as well."""
    out, key = world.folder / "rental.ocmf", world.folder / "oracle.der"
    options = ("--rental", str(rental), "--out", str(out), "--public-key", str(key))
    done = command(world, "ocmf", *options)
    assert done.returncode == 0, done.stderr
    record = OCMF.from_string(out.read_text(), strict=True)
    assert record.verify_signature(key.read_bytes().hex())
    assert world.signing.address == record.payload.GS

    again = command(world, "ocmf", *options)
    assert again.returncode == 2
    assert "rental.ocmf exists" in again.stderr


def test_export__journal_that_does_not_fit__says_what_and_ends_with_1(world: World) -> None:
    bridge = world.bridge
    with world.daemon() as daemon:
        rental = world.open_rental(RESERVE + 10**18)
        wait("receipt", lambda: bridge.readings, daemon)
        assert daemon.stop() == 0
    with closing(sqlite3.connect(world.folder / "journal.sqlite")) as journal, journal:
        journal.execute("UPDATE log_extent SET final_ms = final_ms + 3600000")
        journal.execute("UPDATE signed_reading SET log_root = zeroblob(32)")

    done = command(world, "export", "--to", str(world.folder / "mirror"))
    assert done.returncode == 1
    assert f"rental {rental}: the journal's first " in done.stderr

    early = command(world, "ocmf", "--rental", str(rental))
    assert early.returncode == 2
    assert f"rental {rental} has not ended" in early.stderr

    unknown = command(world, "export", "--to", str(world.folder / "mirror"), "--rental", "9")
    assert unknown.returncode == 2
    assert "the journal knows no rental 9" in unknown.stderr


def test_check__folder_of_publication__says_whether_it_can_be_written(world: World) -> None:
    found = command(world, "check")
    said = " ".join(found.stdout.split())
    assert "ok publication: " in said, found.stderr
    assert "can be written, every 1 s" in said

    (world.folder / "samples").rmdir()
    found = command(world, "check")
    said = " ".join(found.stdout.split())
    assert found.returncode == 1, found.stderr
    assert "MISSING publication: " in said
    assert "there is no such folder" in said
