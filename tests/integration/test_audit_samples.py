"""One thing altered in what is published, and the finding that names it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import stamina
from audit_rig import Told, audit, names
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3

from audit.cli import app
from audit.findings import Grade
from audit.result import Result
from audit.samples.sources import ATTEMPTS
from lab.rig.box_keys import box_key
from lab.rig.history import tell
from lab.rig.services import HOST, Anvil, free_port
from lab.rig.yard import COIN, Yard
from protocol.publication import BUNDLE_SAMPLES, PublishedReading, bundle_file
from protocol.sample import SAMPLE_BYTES, decode_sample, encode_sample
from protocol.typed_data import batch_digest

pytestmark = pytest.mark.integration

SHORT, LONG = 8, 15
"""A closed rental of one bundle, and an open one of four."""

FIRST, GROWING = bundle_file(0, sealed=True), bundle_file(0, sealed=False)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A clean history, and a rental with three sealed bundles that goes on."""
    samples = tmp_path_factory.mktemp("samples")
    with Anvil(tmp_path_factory.mktemp("anvil"), options=("--hardfork", "osaka")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)), samples=samples)
        tell(yard, 13)
        yard.strokes = (2_500, 2_000, 1_500)
        # Of the first box, whose key was rotated, at a tariff that is still published.
        yard.free.sort(key=lambda drill: drill[1:] != (1, 2))
        assert yard.open(yard.customers[1], COIN) == LONG
        for _ in range(5):
            yard.use([LONG], 7_200)
        assert 3 < yard.meters[LONG].log.frontier.size / BUNDLE_SAMPLES < 4
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard, samples)


@pytest.fixture
def published(told: Told, tmp_path: Path) -> Path:
    """A copy that a test may alter."""
    assert told.samples is not None
    return Path(shutil.copytree(told.samples, tmp_path / "published"))


def file_of(told: Told, published: Path, rental: int, name: str) -> Path:
    original = told.yard.publisher.folder(told.yard.meters[rental].identity) / name
    return published / original.relative_to(str(told.samples))


def audited(told: Told, published: Path | str, **order: Any) -> Result:
    return audit(told.url, told.contract, samples=published, **order)


def found(result: Result) -> set[str]:
    """Everything but the gaps of the history."""
    return names(result) - {"gap-in-samples"}


def texts(result: Result, name: str) -> list[str]:
    return [f"{one.subject}: {one.text}" for one in result.findings if one.name == name]


def pieces(file: Path) -> list[bytes]:
    content = file.read_bytes()
    return [content[at : at + SAMPLE_BYTES] for at in range(0, len(content), SAMPLE_BYTES)]


def test_run__nothing_altered__clean(told: Told, published: Path) -> None:
    result = audited(told, published)
    assert found(result) == set()
    assert result.findings.exit_status() == 0
    longest = result.bills[LONG - 1].samples
    assert longest is not None
    assert longest.checked == longest.anchored > 2 * BUNDLE_SAMPLES
    assert longest.roots == 5


def changed(all_pieces: list[bytes]) -> list[bytes]:
    one = decode_sample(all_pieces[50])
    other = encode_sample(replace(one, torque_mnm=one.torque_mnm + 1))
    return [*all_pieces[:50], other, *all_pieces[51:]]


def removed(all_pieces: list[bytes]) -> list[bytes]:
    return [*all_pieces[:50], *all_pieces[51:]]


def added(all_pieces: list[bytes]) -> list[bytes]:
    one = decode_sample(all_pieces[50])
    other = encode_sample(replace(one, time_ms=one.time_ms + 1))
    return [*all_pieces[:51], other, *all_pieces[51:]]


def swapped(all_pieces: list[bytes]) -> list[bytes]:
    return [*all_pieces[:50], all_pieces[51], all_pieces[50], *all_pieces[52:]]


ALTERED: dict[str, tuple[Callable[[list[bytes]], list[bytes]], set[str]]] = {
    "changed": (changed, set()),
    "removed": (removed, {"samples-missing"}),
    "added": (added, {"sample-out-of-sequence", "samples-unsigned"}),
    "swapped": (swapped, {"sample-out-of-sequence"}),
}


@pytest.mark.parametrize("how", ALTERED)
def test_run__a_sample_altered__samples_differ(told: Told, published: Path, how: str) -> None:
    alter, also = ALTERED[how]
    file = file_of(told, published, SHORT, GROWING)
    file.write_bytes(b"".join(alter(pieces(file))))
    result = audited(told, published)
    assert found(result) == {"samples-differ"} | also
    (text,) = texts(result, "samples-differ")
    assert text.startswith(f"rental {SHORT}: samples ")
    assert result.findings.exit_status() == 1


def test_run__a_sample_removed__where_the_sequence_jumps_is_said(
    told: Told, published: Path
) -> None:
    file = file_of(told, published, SHORT, GROWING)
    jump = decode_sample(pieces(file)[50]).sequence
    file.write_bytes(b"".join(removed(pieces(file))))
    (text,) = texts(audited(told, published), "samples-differ")
    assert f"at sample 50 sequence {jump + 1} comes after {jump - 1}" in text


@pytest.mark.parametrize("bundle", [0, 1, 2, 3])
@pytest.mark.parametrize("how", [changed, swapped])
def test_run__a_sample_of_any_bundle_altered__samples_differ(
    told: Told, published: Path, bundle: int, how: Callable[[list[bytes]], list[bytes]]
) -> None:
    file = file_of(told, published, LONG, bundle_file(bundle, sealed=bundle < 3))
    file.write_bytes(b"".join(how(pieces(file))))
    result = audited(told, published)
    assert "samples-differ" in found(result)
    tally = result.bills[LONG - 1].samples
    assert tally is not None
    assert tally.checked < BUNDLE_SAMPLES * bundle + 50
    assert tally.unchecked


@pytest.mark.parametrize("cut", [1, SAMPLE_BYTES])
def test_run__sealed_bundle_truncated__named(told: Told, published: Path, cut: int) -> None:
    file = file_of(told, published, LONG, FIRST)
    file.write_bytes(file.read_bytes()[:-cut])
    result = audited(told, published)
    assert found(result) == {"bundle-truncated"}
    assert FIRST in texts(result, "bundle-truncated")[0]
    assert result.findings.exit_status() == 1


def test_run__growing_bundle_truncated_within_a_sample__named(told: Told, published: Path) -> None:
    file = file_of(told, published, SHORT, GROWING)
    file.write_bytes(file.read_bytes()[:-1])
    assert found(audited(told, published)) == {"bundle-truncated"}


def test_run__last_samples_not_published__missing(told: Told, published: Path) -> None:
    file = file_of(told, published, SHORT, GROWING)
    file.write_bytes(file.read_bytes()[: -2 * SAMPLE_BYTES])
    result = audited(told, published)
    assert found(result) == {"samples-missing"}
    assert {f.grade for f in result.findings} == {Grade.SUSPICIOUS, Grade.NOTE}
    tally = result.bills[SHORT - 1].samples
    assert tally is not None
    assert tally.unchecked.startswith(f"{tally.checked} of {tally.anchored}: ")
    assert result.findings.exit_status() == 1


def test_run__newest_samples_not_published_yet__unchecked_until_they_are(
    told: Told, published: Path, tmp_path: Path
) -> None:
    file = file_of(told, published, LONG, bundle_file(3, sealed=False))
    whole, state = file.read_bytes(), tmp_path / "state"
    file.write_bytes(whole[: -2 * SAMPLE_BYTES])
    result = audited(told, published, state=state)
    assert found(result) == {"samples-not-yet-published"}
    assert result.findings.exit_status() == 2
    tally = result.bills[LONG - 1].samples
    assert tally is not None
    assert tally.unchecked.startswith(f"{tally.checked} of {tally.anchored}: ")
    file.write_bytes(whole)
    assert found(audited(told, published, state=state)) == set()


def test_run__a_bundle_not_published__missing_from_there(told: Told, published: Path) -> None:
    file_of(told, published, LONG, bundle_file(1, sealed=True)).unlink()
    (text,) = texts(audited(told, published), "samples-missing")
    assert f"from sample {BUNDLE_SAMPLES} on: nothing is published of bundle 1" in text


def test_run__nothing_published__missing_for_every_rental(told: Told, tmp_path: Path) -> None:
    result = audited(told, tmp_path)
    assert names(result) == {"samples-missing", "published-reading-missing"}
    assert result.findings.counts["samples-missing"] == LONG


def test_run__samples_published_after_the_final_reading__unsigned(
    told: Told, published: Path
) -> None:
    file = file_of(told, published, SHORT, GROWING)
    file.write_bytes(file.read_bytes() + pieces(file)[-1])
    assert found(audited(told, published)) == {"samples-unsigned"}


def test_run__web_server_gone__unreachable_and_not_clean(told: Told) -> None:
    with stamina.set_testing(True, attempts=ATTEMPTS):
        result = audited(told, f"http://{HOST}:{free_port()}")
    assert names(result) == {"samples-unreachable"}
    assert result.findings.counts["samples-unreachable"] == LONG
    assert result.findings.exit_status() == 2
    assert all(bill.samples and bill.samples.unchecked for bill in result.bills)


def test_run__one_rental_only__the_others_are_not_fetched(told: Told, published: Path) -> None:
    shutil.rmtree(file_of(told, published, LONG, FIRST).parent)
    result = audited(told, published, rental=SHORT)
    assert found(result) == set()
    assert result.scope.samples is not None
    assert (result.scope.samples.rental, result.scope.samples.rentals) == (SHORT, 1)


def signed_anew(told: Told, reading: PublishedReading, key: Any) -> bytes:
    digest = batch_digest(told.yard.domain, [reading.reading()])
    signature = "0x" + key.sign_for_publication(digest).hex()
    return reading.model_copy(update={"signature": signature}).to_json()


def reading_of(file: Path) -> PublishedReading:
    return PublishedReading.model_validate_json(file.read_bytes())


def present_key(told: Told, rental: int) -> Any:
    return told.yard.keys[told.yard.meters[rental].oracle]


def test_run__reading_signed_by_another_key__named(told: Told, published: Path) -> None:
    file = file_of(told, published, LONG, "reading.json")
    file.write_bytes(signed_anew(told, reading_of(file), box_key(99)))
    result = audited(told, published)
    assert found(result) == {"published-reading-signed-by-another-key"}
    assert box_key(99).address.lower() in texts(result, *found(result))[0]


def test_run__reading_signed_by_another_box__named(told: Told, published: Path) -> None:
    file = file_of(told, published, LONG, "reading.json")
    other = 1 + told.yard.meters[LONG].oracle % 3
    file.write_bytes(signed_anew(told, reading_of(file), told.yard.keys[other]))
    assert found(audited(told, published)) == {"published-reading-signed-by-another-key"}


def test_run__reading_signed_with_a_key_retired_before_its_time__named(
    told: Told, published: Path
) -> None:
    file = file_of(told, published, LONG, "reading.json")
    oracle = told.yard.meters[LONG].oracle
    file.write_bytes(signed_anew(told, reading_of(file), box_key(oracle, 1)))
    assert found(audited(told, published)) == {"published-reading-signed-by-another-key"}


def test_run__one_digit_of_the_signature_changed__named(told: Told, published: Path) -> None:
    file = file_of(told, published, SHORT, "reading.json")
    reading = reading_of(file)
    digit = "1" if reading.signature[10] != "1" else "2"
    other = reading.signature[:10] + digit + reading.signature[11:]
    file.write_bytes(reading.model_copy(update={"signature": other}).to_json())
    assert found(audited(told, published)) == {"published-reading-signed-by-another-key"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain_id", 1),
        ("contract", "0x" + "77" * 20),
        ("rental", 3),
        ("drill", 99),
        ("oracle", 99),
    ],
)
def test_run__reading_of_another__named(
    told: Told, published: Path, field: str, value: object
) -> None:
    file = file_of(told, published, LONG, "reading.json")
    other = reading_of(file).model_copy(update={field: value})
    file.write_bytes(signed_anew(told, other, present_key(told, LONG)))
    result = audited(told, published)
    assert found(result) == {"published-reading-of-another"}
    assert f"{field} {value}, not" in texts(result, "published-reading-of-another")[0]


CONTRADICTING: dict[str, Callable[[PublishedReading], dict[str, Any]]] = {
    "another register at the same time": lambda r: {"active_ms_1": r.active_ms_1 + 1},
    "another root at the same time": lambda _: {"log_root": "0x" + "77" * 32},
    "a lower register later": lambda r: {"until": r.until + 1_000, "active_ms_1": 0},
    "more than the clock allows": lambda r: {
        "until": r.until + 1_000,
        "active_ms_1": r.active_ms_1 + 1_001,
    },
    "a higher register earlier": lambda r: {
        "until": r.until - 1_000,
        "active_ms_1": r.active_ms_1 + 1,
    },
    "a shorter log later": lambda r: {"until": r.until + 1_000, "log_size": r.log_size - 1},
    "another root of the same size later": lambda r: {
        "until": r.until + 1_000,
        "log_root": "0x" + "77" * 32,
    },
}


@pytest.mark.parametrize("how", CONTRADICTING)
def test_run__reading_that_cannot_be_beside_the_settled_one__named(
    told: Told, published: Path, how: str
) -> None:
    file = file_of(told, published, LONG, "reading.json")
    reading = reading_of(file)
    other = reading.model_copy(update=CONTRADICTING[how](reading))
    file.write_bytes(signed_anew(told, other, present_key(told, LONG)))
    assert found(audited(told, published)) == {"published-reading-contradicts"}


def test_run__unsettled_reading_over_samples_that_differ__named(
    told: Told, published: Path
) -> None:
    """Of the one whose box was revoked, and that has samples which only reading.json signs for."""
    rental = LONG - 1
    file = file_of(told, published, rental, GROWING)
    all_pieces = pieces(file)
    tally = audited(told, published).bills[rental - 1].samples
    assert tally is not None
    assert tally.unsettled > 10
    at = tally.anchored + 5
    one = decode_sample(all_pieces[at])
    all_pieces[at] = encode_sample(replace(one, torque_mnm=one.torque_mnm + 1))
    file.write_bytes(b"".join(all_pieces))
    result = audited(told, published)
    assert found(result) == {"samples-differ"}
    assert [f.place for f in result.findings if f.name == "samples-differ"] == ["reading.json"]
    after = result.bills[rental - 1].samples
    assert after is not None
    assert (after.checked, after.unchecked) == (tally.anchored, "")


@pytest.mark.parametrize("content", [b"", b"{}", b" " * 5_000], ids=["empty", "none", "long"])
def test_run__reading_that_is_none__malformed_or_unreachable(
    told: Told, published: Path, content: bytes
) -> None:
    file_of(told, published, SHORT, "reading.json").write_bytes(content)
    expected = "samples-unreachable" if len(content) > 4_096 else "published-reading-malformed"
    assert found(audited(told, published)) == {expected}


def test_run__no_reading_published__said(told: Told, published: Path) -> None:
    file_of(told, published, SHORT, "reading.json").unlink()
    result = audited(told, published)
    assert found(result) == {"published-reading-missing"}
    assert result.findings.exit_status() == 2


def test_run__blocks_up_to_an_earlier_one__what_was_signed_later_is_not_judged(
    told: Told, published: Path
) -> None:
    """Rentals that went on since then have newer readings, by keys that are not known yet."""
    blocks = told.yard.web3.eth.block_number
    result = audited(told, published, to_block=blocks // 2)
    wrong = [f for f in result.findings if f.grade is Grade.WRONG]
    assert wrong == []


def test_command__samples_changed__exit_status_and_report(
    told: Told, published: Path, tmp_path: Path
) -> None:
    file = file_of(told, published, SHORT, GROWING)
    file.write_bytes(b"".join(changed(pieces(file))))
    report = tmp_path / "report.json"
    arguments = ["run", "--rpc", told.url, "--contract", told.contract, "--json", str(report)]
    done = CliRunner().invoke(app, [*arguments, "--samples", str(published)])
    assert done.exit_code == 1, done.output
    content = json.loads(report.read_text())
    assert content["finding_counts"]["samples-differ"] == 1
    assert content["rentals"][SHORT - 1]["samples"]["unchecked"]


def test_command__no_such_folder__refused(told: Told, tmp_path: Path) -> None:
    arguments = ["run", "--rpc", told.url, "--contract", told.contract]
    done = CliRunner().invoke(app, [*arguments, "--samples", str(tmp_path / "none")])
    assert done.exit_code == 2
    assert "is not a folder" in done.output
