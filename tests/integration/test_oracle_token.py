"""The signing key in a PKCS#11 token: SoftHSM2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pkcs11
import pytest
from oracle_token import PIN, SoftToken, find_library
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.exceptions import AttributeSensitive, UserAlreadyLoggedIn
from typer.testing import CliRunner

from host.errors import KeystoreError, SecretError
from oracle.cli import app
from oracle.errors import PinError, SigningError
from oracle.signing.token_key import ORDER, TokenSigner, new_token_key
from protocol.typed_data import recover_signer

pytestmark = pytest.mark.integration

DIGEST = bytes(range(32))


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftToken]:
    made = SoftToken(tmp_path / "token")
    monkeypatch.setenv("SOFTHSM2_CONF", made.environment["SOFTHSM2_CONF"])
    # Another test of this process may have loaded the library for its own token.
    pkcs11.lib(str(find_library())).finalize()
    yield made
    pkcs11.lib(str(find_library())).finalize()


def session_of(token: SoftToken) -> pkcs11.Session:
    token_itself = pkcs11.lib(str(find_library())).get_token(token_label=token.label)
    try:
        return token_itself.open(rw=True, user_pin=PIN)
    except UserAlreadyLoggedIn:
        return token_itself.open(rw=True)


def test_sign__many_digests__each_recovers_with_a_low_s(token: SoftToken) -> None:
    address = new_token_key(token.place())
    signer = TokenSigner(token.place())

    signatures = [signer.sign(bytes([number]) * 32) for number in range(64)]

    assert signer.address == address
    for number, signature in enumerate(signatures):
        assert recover_signer(bytes([number]) * 32, signature) == address
        assert int.from_bytes(signature[32:64], "big") <= ORDER // 2
    assert {signature[64] for signature in signatures} == {27, 28}


def test_new_token_key__made__cannot_be_taken_out(token: SoftToken) -> None:
    new_token_key(token.place())
    with session_of(token) as session:
        (key,) = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
        assert key[Attribute.SENSITIVE]
        assert not key[Attribute.EXTRACTABLE]
        with pytest.raises(AttributeSensitive):
            _ = key[Attribute.VALUE]


def test_new_token_key__label_taken__never_overwritten(token: SoftToken) -> None:
    address = new_token_key(token.place())

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
            {Attribute.EC_PARAMS: bytes.fromhex("06082a8648ce3d030107")},
            local=True,
        )
        curve.generate_keypair(store=True, label="p256")
    (token.folder / "wrong").write_text("4711\n")
    (token.folder / "wrong").chmod(0o600)
    (token.folder / "open").write_text("4711\n")
    (token.folder / "open").chmod(0o644)
    faults = {
        "no such file": replace(place, module=token.folder / "none.so"),
        "softhsm2.conf": replace(place, module=token.folder / "softhsm2.conf"),
        "no token labelled": replace(place, token="another"),
        "no private EC keys labelled": replace(place, key="another"),
        "not of the curve secp256k1": replace(place, key="p256"),
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


def test_keys_new__wrong_pin__a_status_of_its_own(token: SoftToken) -> None:
    place = token.place()
    token.pin_file.write_text("a wrong PIN\n")
    line = ["keys", "new", "--pkcs11", str(place.module), "--token", place.token]

    result = CliRunner().invoke(app, [*line, "--key", place.key, "--pin-file", str(place.pin_file)])

    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1
    assert "a wrong PIN" not in result.stderr


@pytest.mark.parametrize(
    "options", [[], ["--out", "a"], ["--pkcs11", "a", "--token", "b"], ["--out", "a", "--key", "b"]]
)
def test_keys_new__half_of_it__one_line_and_status_2(options: list[str]) -> None:
    result = CliRunner().invoke(app, ["keys", "new", *options])

    assert result.exit_code == 2
    assert "--password-file" in result.stderr
