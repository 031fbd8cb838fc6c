"""A rental's record in the Open Charge Metering Format, read by two verifiers that others wrote."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from conftest import role_account
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key
from eth_keys.datatypes import PublicKey
from oracle_box import DOMAIN, SIGNER
from oracle_press import RENTAL, Press
from pyocmf import OCMF
from pyocmf.exceptions import OcmfPayloadError

from lab.rig.box_keys import element_key
from lab.rig.services import ROOT
from oracle.errors import OracleError
from oracle.samples.extent import LogExtent, identity_of
from oracle.samples.extent_journal import SignedReading
from oracle.samples.ocmf import (
    OcmfMeter,
    der_signature,
    ocmf_payload,
    ocmf_record,
    ocmf_time,
    require_final,
)
from oracle.signing.sign import KeystoreSigner
from protocol.records import Reading, Registers
from protocol.typed_data import batch_digest, recover_signer

METER = OcmfMeter(DOMAIN, 3, SIGNER.address, "0.1.0")
LARGE = Registers(2**53 + 1, 2, 3, 2**100, 5, 0)
"""More than a double holds: a parser that uses one changes the digits."""


ENDED_MS = RENTAL.opened_ms + 86_400_000
EXTENT = LogExtent(identity_of(RENTAL), ENDED_MS, ENDED_MS, closed=True)


def record(
    registers: Registers = LARGE, sign: Callable[[bytes], bytes] = SIGNER.sign
) -> tuple[str, bytes]:
    reading = Reading(7, ENDED_MS, registers, 864_000, sha256(b"root").digest())
    signature = sign(batch_digest(DOMAIN, [reading]))
    payload = ocmf_payload(METER, 12, EXTENT, SignedReading(reading, signature))
    return ocmf_record(payload, sign)


def by_pyocmf(text: str, key: bytes) -> bool:
    return OCMF.from_string(text, strict=True).verify_signature(key.hex())


def by_node(text: str, key: bytes) -> dict[str, Any]:
    script = Path(__file__).with_name("verify_ocmf.cjs")
    done = subprocess.run(
        ["node", str(script), key.hex()],
        input=text,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        return {"verified": False, "error": done.stderr}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_ocmf_record__pyocmf_in_strict_mode__accepts_it() -> None:
    text, key = record()
    found = OCMF.from_string(text, strict=True)

    assert found.verify_signature(key.hex())
    assert found.payload.FV == "1.3"
    assert found.payload.PG == "T12"
    assert [str(one.TX) for one in found.payload.RD] == ["B", "E"]
    times = [int(one.timestamp.timestamp() * 1000) for one in found.payload.RD]
    assert times == [RENTAL.opened_ms, ENDED_MS]
    assert [str(one.EF) for one in found.payload.RD] == ["E", "E"]


def test_ocmf_record__road_labs__accepts_it_and_reads_every_register() -> None:
    text, key = record()
    found = by_node(text, key)

    assert found["verified"] is True
    assert found["dates"] == [RENTAL.opened_ms, ENDED_MS]
    ours = found["payload"]["U_SD"]
    assert {name: int(ours["closing"][name]) for name in Registers.__slots__} == {
        name: getattr(LARGE, name) for name in Registers.__slots__
    }
    assert all(ours["opening"][name] == "0" for name in Registers.__slots__)
    assert (ours["rental"], ours["tariff"], ours["chain_id"]) == ("7", "1", "31337")
    assert (ours["contract"], ours["closing"]["until"]) == (DOMAIN.contract, str(ENDED_MS))


def test_ocmf_record__p256_key__both_accept_it_under_its_own_curve() -> None:
    element = element_key(1)
    text, key = record(sign=element.sign_for_publication)

    assert '"SA":"ECDSA-secp256r1-SHA256"' in text
    found = load_der_public_key(key)
    assert isinstance(found, EllipticCurvePublicKey)
    numbers = found.public_numbers()
    assert (numbers.curve.name, numbers.x, numbers.y) == ("secp256r1", *element.point)
    assert by_pyocmf(text, key)
    assert by_node(text, key)["verified"] is True
    assert by_node(text.replace("rental 7", "rental 8"), record()[1])["verified"] is False


def digits(text: str) -> list[int]:
    """Where the digits of the payload stand, a dozen of them from every part of it."""
    end = text.rindex("|")
    places = [found.start() for found in re.finditer(r"[0-9]", text[:end])]
    return places[:: len(places) // 12]


def test_ocmf_record__one_digit_changed__both_refuse_it() -> None:
    text, key = record()
    places = digits(text)
    # The last digit of a register, where money is.
    places.append(text.index(str(2**53 + 1)) + len(str(2**53 + 1)) - 1)
    for place in places:
        other = text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]
        try:
            accepted = by_pyocmf(other, key)
        except OcmfPayloadError:
            accepted = False
        assert not accepted, other[place - 20 : place + 20]
    for place in (places[0], places[-2], places[-1]):
        other = text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]
        assert by_node(other, key)["verified"] is False


def test_ocmf_record__another_key__both_refuse_it() -> None:
    text, _ = record()
    _, key = ocmf_record(b"{}", KeystoreSigner(bytes(role_account("stranger").key)).sign)

    assert not by_pyocmf(text, key)
    assert by_node(text, key)["verified"] is False


def test_ocmf_payload__the_reading_in_it__is_signed_for_the_contract_too() -> None:
    text, _ = record()
    closing = json.loads(text.split("|")[1])["U_SD"]["closing"]
    reading = Reading(
        7,
        int(closing["until"]),
        Registers(*(int(closing[name]) for name in Registers.__slots__)),
        int(closing["log_size"]),
        bytes.fromhex(closing["log_root"][2:]),
    )
    signature = bytes.fromhex(closing["signature"][2:])

    assert recover_signer(batch_digest(DOMAIN, [reading]), signature) == SIGNER.address


def test_ocmf_record__key__is_that_of_the_oracle() -> None:
    text, key = record()
    public = load_der_public_key(key)
    assert isinstance(public, EllipticCurvePublicKey)
    point = public.public_numbers()
    raw = point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")

    assert json.loads(text.split("|")[1])["GS"] == SIGNER.address
    assert PublicKey(raw).to_checksum_address() == SIGNER.address


@pytest.mark.parametrize(
    ("r", "s"), [(1, 127), (128, 255), (2**255, 2**256 - 1), (2**247, 2**248 - 1), (2**8, 2**16)]
)
def test_der_signature__any_length_of_numbers__as_others_encode_it(r: int, s: int) -> None:
    assert der_signature(r, s) == encode_dss_signature(r, s)


def test_ocmf_time__ms__three_digits_and_utc() -> None:
    assert ocmf_time(1_700_000_000_007) == "2023-11-14T22:13:20,007+0000"


# --- from a journal ---------------------------------------------------------------------------


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    made = Press(tmp_path)
    yield made
    made.store.close()


def final(press: Press) -> tuple[LogExtent, SignedReading]:
    extent = press.extents.extent(7)
    signed = None if extent is None else press.extents.final_reading(extent)
    return require_final(extent, 7, signed)


def test_require_final__in_order__says_what_is_missing_until_it_is_signed(press: Press) -> None:
    with pytest.raises(OracleError, match="knows no rental 8"):
        require_final(press.extents.extent(8), 8, None)

    press.add(20)
    press.sign()
    with pytest.raises(OracleError, match="rental 7 has not ended"):
        final(press)

    ended = press.end(1)
    with pytest.raises(OracleError, match="final reading of rental 7 is not signed"):
        final(press)

    reading = press.sign(ended.ended_ms, closing=True)
    extent, signed = final(press)
    assert signed.reading == reading
    assert extent.ended_ms == reading.until
    assert press.extents.page(7) == 1
    text, key = ocmf_record(ocmf_payload(METER, 1, extent, signed), SIGNER.sign)
    assert by_pyocmf(text, key)
