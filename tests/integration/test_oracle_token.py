"""The signing key in a PKCS#11 token: SoftHSM2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.exceptions import AttributeSensitive, UserAlreadyLoggedIn
from role_settings import bare_record
from typer.testing import CliRunner

from host.deployment_record import read_deployment
from host.errors import KeystoreError, SecretError
from lab.rig.soft_token import PIN, SoftToken, find_library
from oracle.cli import app
from oracle.errors import PinError, SigningError
from oracle.signing.curves import P256, SECP256K1, KeyCurve, recoverable
from oracle.signing.token_key import TokenSigner, new_token_key
from protocol.typed_data import batch_digest, recover_signer

pytestmark = pytest.mark.integration

DIGEST = bytes(range(32))
RECORD = bare_record(grace_period_seconds=120)


@pytest.fixture
def token(tmp_path: Path) -> Iterator[SoftToken]:
    made = SoftToken(tmp_path / "token")
    with made.here():
        yield made


def session_of(token: SoftToken) -> pkcs11.Session:
    token_itself = pkcs11.lib(str(find_library())).get_token(token_label=token.label)
    try:
        return token_itself.open(rw=True, user_pin=PIN)
    except UserAlreadyLoggedIn:
        return token_itself.open(rw=True)


@pytest.mark.parametrize("curve", [SECP256K1, P256], ids=lambda curve: curve.name)
def test_sign__many_digests__each_recovers_with_a_low_s(token: SoftToken, curve: KeyCurve) -> None:
    address = new_token_key(token.place(), curve).address
    signer = TokenSigner(token.place())

    signatures = [signer.sign(bytes([number]) * 32) for number in range(64)]

    assert signer.address == address
    for number, signature in enumerate(signatures):
        assert recover_signer(bytes([number]) * 32, signature) == address
        assert int.from_bytes(signature[32:64], "big") <= curve.order // 2
    assert {signature[64] for signature in signatures} == {*curve.marks}


@pytest.mark.parametrize("curve", [SECP256K1, P256], ids=lambda curve: curve.name)
def test_new_token_key__made__cannot_be_taken_out(token: SoftToken, curve: KeyCurve) -> None:
    new_token_key(token.place(), curve)
    with session_of(token) as session:
        (key,) = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
        assert key[Attribute.SENSITIVE]
        assert not key[Attribute.EXTRACTABLE]
        with pytest.raises(AttributeSensitive):
            _ = key[Attribute.VALUE]


def test_new_token_key__label_taken__never_overwritten(token: SoftToken) -> None:
    address = new_token_key(token.place()).address

    with pytest.raises(KeystoreError, match="never overwritten"):
        new_token_key(token.place())

    assert TokenSigner(token.place()).address == address


def test_sign__sessions_ended_by_someone_else__opened_again_at_once(token: SoftToken) -> None:
    new_token_key(token.place("old"))
    new_token_key(token.place("new"))
    signers = [TokenSigner(token.place(key)) for key in ("old", "new")]
    pkcs11.lib(str(find_library())).reinitialize()

    for signer in (*signers, *signers):
        assert recover_signer(DIGEST, signer.sign(DIGEST)) == signer.address


def test_sign__token_drawn__refused_without_haste_until_it_is_back(token: SoftToken) -> None:
    new_token_key(token.place())
    now = 0.0
    signer = TokenSigner(token.place(), lambda: now)
    token.draw()
    for _ in range(2):
        with pytest.raises(SigningError, match="no token labelled 'drill box'"):
            signer.sign(DIGEST)
        now += 1.0
    token.put_back()
    now -= 0.1
    with pytest.raises(SigningError, match="no token labelled"):
        signer.sign(DIGEST)

    now += 0.1

    assert recover_signer(DIGEST, signer.sign(DIGEST)) == signer.address


def test_sign__another_key_of_that_label_after_a_reset__refused(token: SoftToken) -> None:
    new_token_key(token.place())
    signer = TokenSigner(token.place())
    with session_of(token) as session:
        for one in list(session.get_objects({Attribute.LABEL: "signing"})):
            one.destroy()
    new_token_key(token.place())

    with pytest.raises(SigningError, match=f"holds 0x.* now and not {signer.address}"):
        signer.sign(DIGEST)


def test_sign__pin_refused_after_a_reset__not_tried_again(token: SoftToken) -> None:
    new_token_key(token.place())
    now = 0.0
    signer = TokenSigner(token.place(), lambda: now)
    pkcs11.lib(str(find_library())).reinitialize()
    token.pin_file.write_text("a wrong PIN\n")
    with pytest.raises(SigningError, match="refuses the PIN"):
        signer.sign(DIGEST)
    token.pin_file.write_text(PIN + "\n")
    now += 100

    with pytest.raises(SigningError, match="not tried again before a restart"):
        signer.sign(DIGEST)


def test_open__each_fault__is_named_and_quotes_no_pin(token: SoftToken) -> None:
    place = token.place()
    new_token_key(place)
    with session_of(token) as session:
        curve = session.create_domain_parameters(
            KeyType.EC,
            {Attribute.EC_PARAMS: bytes.fromhex("06052b81040022")},
            local=True,
        )
        curve.generate_keypair(store=True, label="p384")
    (token.folder / "wrong").write_text("4711\n")
    (token.folder / "wrong").chmod(0o600)
    (token.folder / "open").write_text("4711\n")
    (token.folder / "open").chmod(0o644)
    faults = {
        "no such file": replace(place, module=token.folder / "none.so"),
        "softhsm2.conf": replace(place, module=token.folder / "softhsm2.conf"),
        "no token labelled": replace(place, token="another"),
        "no private EC keys labelled": replace(place, key="another"),
        "another curve than secp256k1 and P-256": replace(place, key="p384"),
        "refuses the PIN": replace(place, pin_file=token.folder / "wrong"),
        "chmod 600": replace(place, pin_file=token.folder / "open"),
        "gone: No such file": replace(place, pin_file=token.folder / "gone"),
    }
    for message, wrong in faults.items():
        with pytest.raises((KeystoreError, SecretError), match=message) as caught:
            TokenSigner(wrong)
        assert "4711" not in str(caught.value)
        assert isinstance(caught.value, PinError) == ("PIN in" in message or "refuses" in message)


def test_keys_new__in_a_token__prints_the_address(token: SoftToken) -> None:
    place = token.place()
    line = ["keys", "new", "--pkcs11", str(place.module), "--token", place.token]
    line += ["--key", place.key, "--pin-file", str(place.pin_file)]

    result = CliRunner().invoke(app, line)

    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == TokenSigner(place).address


def test_keys_new__p256_and_its_enrolment__what_the_provider_is_told_is_signed_by_it(
    token: SoftToken, tmp_path: Path
) -> None:
    place = token.place()
    where = ["--pkcs11", str(place.module), "--token", place.token]
    where += ["--key", place.key, "--pin-file", str(place.pin_file)]
    record = tmp_path / "deployment.json"
    record.write_text(RECORD)

    made = CliRunner().invoke(app, ["keys", "new", "--curve", "p256", *where])
    told = CliRunner().invoke(app, ["keys", "enrolment", "--deployment", str(record), *where])

    assert made.exit_code == told.exit_code == 0, made.stderr + told.stderr
    public = TokenSigner(place).public
    address, x, y, command = told.stdout.splitlines()
    assert made.stdout.strip() == public.address == address.split()[1]
    *program, enrolled_x, enrolled_y, r, s = command.split()
    assert program == ["drill-provider", "oracle", "enrol"]
    assert [x.split()[1], y.split()[1]] == [enrolled_x, enrolled_y]
    assert (int(enrolled_x, 16), int(enrolled_y, 16)) == (public.x, public.y)
    digest = batch_digest(read_deployment(record).domain, [])
    raw = bytes.fromhex(r[2:] + s[2:])
    assert recover_signer(digest, recoverable(raw, digest, public)) == public.address


def test_keys_enrolment__secp256k1__needs_none_and_says_so(
    token: SoftToken, tmp_path: Path
) -> None:
    place = token.place()
    new_token_key(place)
    (tmp_path / "deployment.json").write_text(RECORD)
    line = ["keys", "enrolment", "--deployment", str(tmp_path / "deployment.json")]
    line += ["--pkcs11", str(place.module), "--token", place.token]

    result = CliRunner().invoke(app, [*line, "--key", place.key, "--pin-file", str(place.pin_file)])

    assert result.exit_code == 2
    assert "registered by its address" in result.stderr


def test_keys_new__wrong_pin__a_status_of_its_own(token: SoftToken) -> None:
    place = token.place()
    token.pin_file.write_text("a wrong PIN\n")
    line = ["keys", "new", "--pkcs11", str(place.module), "--token", place.token]

    result = CliRunner().invoke(app, [*line, "--key", place.key, "--pin-file", str(place.pin_file)])

    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1
    assert "a wrong PIN" not in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--out", "a"],
        ["--pkcs11", "a", "--token", "b"],
        ["--out", "a", "--key", "b"],
        ["--out", "a", "--password-file", "b", "--curve", "p256"],
    ],
)
def test_keys_new__half_of_it__one_line_and_status_2(options: list[str]) -> None:
    result = CliRunner().invoke(app, ["keys", "new", *options])

    assert result.exit_code == 2
    assert "--pin-file" in result.stderr or "--curve" in result.stderr
    assert result.stderr.count("\n") == 1
