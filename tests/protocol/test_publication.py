"""Where samples are published: names that anybody can derive, and a reading that reads back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from protocol.errors import RecordError
from protocol.publication import (
    BUNDLE_BYTES,
    PublishedReading,
    RentalIdentity,
    bundle_file,
    contract_folder,
    parse_published_reading,
)
from protocol.records import Domain, Reading, Registers

DOMAIN = Domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
IDENTITY = RentalIdentity(7, 2, 1, 1_790_000_000, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
READING = Reading(7, 1_790_000_001_000, Registers(1, 2, 3, 4, 5, 6), 10, b"\x0a" * 32)
PUBLISHED = PublishedReading.of(DOMAIN, 2, 1, READING, b"\x01" * 65)


def test_folder__known_rental__has_the_documented_name() -> None:
    # printf '2,1,1790000000,0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266' | sha256sum
    assert IDENTITY.folder() == "rental-7-6e07f462bd8076ac"
    assert contract_folder(DOMAIN) == "31337-0x5fbdb2315678afecb367f032d93f642f64180aa3"


@pytest.mark.parametrize(
    "change",
    [{"drill": 3}, {"tariff": 2}, {"opened_at": 1_790_000_001}, {"customer": "0x" + "11" * 20}],
)
def test_folder__another_rental_of_the_same_number__differs(change: dict[str, object]) -> None:
    assert replace(IDENTITY, **change).folder() != IDENTITY.folder()  # type: ignore[arg-type]


def test_folder__customer_in_other_letters__is_the_same() -> None:
    assert replace(IDENTITY, customer=IDENTITY.customer.lower()).folder() == IDENTITY.folder()


def test_bundle_file__sealed_and_not__have_the_documented_names() -> None:
    assert bundle_file(2, sealed=True) == "samples-00000002.bin"
    assert bundle_file(2, sealed=False) == "samples-00000002.part.bin"
    assert BUNDLE_BYTES == 393_216
    with pytest.raises(RecordError, match="-1"):
        bundle_file(-1, sealed=True)


def test_parse_published_reading__its_own_json__is_the_same_reading() -> None:
    found = parse_published_reading(PUBLISHED.to_json(), "reading.json")
    assert found == PUBLISHED
    assert found.reading() == READING
    assert found.domain().chain_id == DOMAIN.chain_id
    assert found.domain().contract == DOMAIN.contract.lower()


@pytest.mark.parametrize("field", PublishedReading.model_fields)
def test_parse_published_reading__field_missing__is_refused_by_name(field: str) -> None:
    part = {name: value for name, value in json.loads(PUBLISHED.to_json()).items() if name != field}
    with pytest.raises(RecordError, match=f"here: {field}: Field required"):
        parse_published_reading(json.dumps(part).encode(), "here")


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b" " * 4_097])
def test_parse_published_reading__no_reading__is_refused(content: bytes) -> None:
    with pytest.raises(RecordError, match=r"^here: "):
        parse_published_reading(content, "here")
