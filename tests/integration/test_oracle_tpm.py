"""The signing key in a TPM 2.0: swtpm."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from role_settings import bare_record
from typer.testing import CliRunner

from host.deployment_record import read_deployment
from host.errors import KeystoreError, SecretError
from lab.rig.box_files import write_secret
from lab.rig.tpm import SoftTpm
from oracle.cli import app
from oracle.errors import LockoutError, PinError, SigningError, TpmError
from oracle.signing import tpm_wire
from oracle.signing.curves import recoverable
from oracle.signing.places import TpmPlace
from oracle.signing.tpm_device import ask
from oracle.signing.tpm_key import SILENCE_PAUSE_SECONDS, TpmSigner, new_tpm_key
from protocol.p256 import ORDER
from protocol.typed_data import P256_MARKS, batch_digest, recover_signer

pytestmark = pytest.mark.integration

DIGEST = bytes(range(32))
HANDLE = 0x81010001
PATIENCE = 300.0
"""Seconds: what the box does not wait for while it takes in samples, a slow machine may need."""

RETRY = 0x922
RECORD = bare_record(grace_period_seconds=120)


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[SoftTpm]:
    with SoftTpm(tmp_path / "tpm", tmp_path) as running:
        yield running


@pytest.fixture
def place(tpm: SoftTpm, tmp_path: Path) -> TpmPlace:
    write_secret(tmp_path / "auth", "an authorisation\n")
    return TpmPlace(tpm.socket, HANDLE, tmp_path / "auth")


def signer_of(place: TpmPlace, clock: object = None) -> TpmSigner:
    if callable(clock):
        return TpmSigner(place, clock, PATIENCE)
    return TpmSigner(place, answer_seconds=PATIENCE)


def test_sign__many_digests__each_recovers_with_a_low_s(place: TpmPlace) -> None:
    public = new_tpm_key(place)
    signer = signer_of(place)

    signatures = [signer.sign(bytes([number]) * 32) for number in range(64)]

    assert signer.address == public.address
    for number, signature in enumerate(signatures):
        assert recover_signer(bytes([number]) * 32, signature) == public.address
        assert int.from_bytes(signature[32:64], "big") <= ORDER // 2
    assert {signature[64] for signature in signatures} == {*P256_MARKS}


def test_new_tpm_key__two_of_one_tpm__are_different_keys(place: TpmPlace) -> None:
    assert new_tpm_key(place) != new_tpm_key(replace(place, handle=HANDLE + 1))


def test_new_tpm_key__handle_taken__never_overwritten(place: TpmPlace) -> None:
    public = new_tpm_key(place)

    with pytest.raises(KeystoreError, match="never overwritten"):
        new_tpm_key(place)

    assert signer_of(place).address == public.address


def test_new_tpm_key__made_again_and_again__leaves_nothing_in_the_tpms_memory(
    place: TpmPlace,
) -> None:
    for number in range(5):
        new_tpm_key(replace(place, handle=HANDLE + number))
    assert signer_of(place).sign(DIGEST)


def duplicate(handle: int, auth: bytes) -> bytes:
    """TPM2_Duplicate, to no parent and under no key: what would take a key out in the clear."""
    likewise = tpm_wire.sign(handle, auth, DIGEST)
    authorised = 10 + 4 + 4 + int.from_bytes(likewise[14:18], "big")
    no_parent, no_key, no_algorithm = 0x40000007.to_bytes(4, "big"), bytes(2), b"\0\x10"
    body = likewise[10:14] + no_parent + likewise[14:authorised] + no_key + no_algorithm
    header = likewise[:2] + (10 + len(body)).to_bytes(4, "big") + 0x14B.to_bytes(4, "big")
    return header + body


def test_new_tpm_key__made__cannot_be_taken_out(place: TpmPlace) -> None:
    new_tpm_key(place)
    code, response = ask(place.device, tpm_wire.read_public(HANDLE), PATIENCE)
    attributes = tpm_wire.parse_public(response).attributes

    refused, answer = ask(place.device, duplicate(HANDLE, b"an authorisation"), PATIENCE)

    assert code == 0
    assert attributes == 0x40072, "fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, sign"
    assert refused == 0x124, "TPM_RC_AUTH_TYPE: a policy could allow it, and the key has none"
    assert len(answer) == 10, "the error and nothing else"


def test_open__the_tpms_files_without_its_seeds__hold_no_key(
    place: TpmPlace, tmp_path: Path
) -> None:
    new_tpm_key(place)
    with SoftTpm(tmp_path / "other", tmp_path) as other:
        elsewhere = replace(place, device=other.socket)
        with pytest.raises(KeystoreError, match=f"has no key {HANDLE:#x}"):
            signer_of(elsewhere)
        assert new_tpm_key(elsewhere) != signer_of(place).public


def test_open__wrong_authorisation__one_attempt_and_not_again_until_a_restart(
    place: TpmPlace, tmp_path: Path
) -> None:
    new_tpm_key(place)
    signer = signer_of(place)
    write_secret(tmp_path / "wrong", "another authorisation\n")

    with pytest.raises(PinError, match=r"/wrong \(1 of the 3 failures that lock it\)") as caught:
        signer_of(replace(place, auth_file=tmp_path / "wrong"))

    assert caught.value.exit_status == 3
    assert "another authorisation" not in str(caught.value)
    assert signer.sign(DIGEST), "the right one still serves"


def test_sign__authorisation_changed_while_it_runs__tried_once(
    place: TpmPlace, tmp_path: Path
) -> None:
    new_tpm_key(place)
    now = 0.0
    signer = signer_of(place, lambda: now)
    signer._auth = b"wrong"
    with pytest.raises(SigningError, match="refuses the authorisation"):
        signer.sign(DIGEST)
    for _ in range(5):
        now += 10_000
        with pytest.raises(SigningError, match="not tried again before a restart"):
            signer.sign(DIGEST)

    code, response = ask(place.device, tpm_wire.get_lockout(), PATIENCE)
    assert (code, tpm_wire.parse_lockout(response).failures) == (0, 1)


def test_sign__locked_out_by_somebody_else__waits_as_long_as_the_tpm_says(
    place: TpmPlace, tmp_path: Path
) -> None:
    new_tpm_key(place)
    now = 0.0
    signer = signer_of(place, lambda: now)
    wrong = tpm_wire.sign(HANDLE, b"wrong", DIGEST)
    asked = [ask(place.device, wrong, PATIENCE)[0] for _ in range(4)]
    assert asked[-1] == tpm_wire.LOCKED_OUT

    with pytest.raises(SigningError, match=r"takes no authorisation.*after 1000 s"):
        signer.sign(DIGEST)
    now += 999
    signer._auth = b"never looked at"
    with pytest.raises(SigningError, match="takes no authorisation"):
        signer.sign(DIGEST)
    with pytest.raises(LockoutError) as caught:
        signer_of(place)

    assert (caught.value.exit_status, caught.value.seconds) == (3, 1000)


def test_sign__tpm_gone_and_back__refused_without_haste_and_then_signed(
    tpm: SoftTpm, place: TpmPlace
) -> None:
    new_tpm_key(place)
    now = 0.0
    signer = signer_of(place, lambda: now)
    tpm.stop()
    with pytest.raises(SigningError, match="does not sign: TPM"):
        signer.sign(DIGEST)
    tpm.__enter__()
    with pytest.raises(SigningError, match="does not sign: TPM"):
        signer.sign(DIGEST)

    now += 1.0

    assert recover_signer(DIGEST, signer.sign(DIGEST)) == signer.address


def test_sign__held_by_another_program__says_so_in_time_and_leaves_it_alone_for_a_while(
    tpm: SoftTpm, place: TpmPlace
) -> None:
    new_tpm_key(place)
    now = 0.0
    signer = TpmSigner(place, lambda: now, 0.2)
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(tpm.socket))
        other.sendall(tpm_wire.get_lockout())
        assert other.recv(4096)
        with pytest.raises(SigningError, match="another program keeps it"):
            signer.sign(DIGEST)
    now += SILENCE_PAUSE_SECONDS - 0.1
    with pytest.raises(SigningError, match="another program keeps it"):
        signer.sign(DIGEST)


def test_open__key_that_could_leave__refused(place: TpmPlace) -> None:
    made = bytearray(tpm_wire.create_primary(b"", b"an authorisation", bytes(32)))
    place_of_attributes = made.index((0x40072).to_bytes(4, "big"))
    made[place_of_attributes : place_of_attributes + 4] = (0x40060).to_bytes(4, "big")
    code, response = ask(place.device, bytes(made), PATIENCE)
    assert code == 0
    handle, _ = tpm_wire.parse_created(response)
    assert ask(place.device, tpm_wire.evict_control(b"", handle, HANDLE), PATIENCE)[0] == 0

    with pytest.raises(KeystoreError, match="could leave the TPM"):
        signer_of(place)


def test_open__each_fault__is_named_in_one_line(place: TpmPlace, tmp_path: Path) -> None:
    new_tpm_key(place)
    write_secret(tmp_path / "long", "x" * 33 + "\n")
    write_secret(tmp_path / "plain", "not a device\n")
    faults = {
        "No such file or directory; is the TPM switched on": replace(
            place, device=tmp_path / "none"
        ),
        "closed the connection": replace(place, device=tmp_path / "plain"),
        "has no key 0x81010009": replace(place, handle=0x81010009),
        "33 bytes, a TPM takes 32": replace(place, auth_file=tmp_path / "long"),
        "gone: No such file": replace(place, auth_file=tmp_path / "gone"),
    }
    for message, wrong in faults.items():
        with pytest.raises((KeystoreError, SecretError), match=message) as caught:
            signer_of(wrong)
        assert "\n" not in str(caught.value)


@contextmanager
def answering(path: Path, *answers: bytes) -> Iterator[list[bytes]]:
    """A device that gives these answers, one a connection, and keeps what it was asked."""
    asked: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            with suppress(OSError):  # whoever asked, or the test itself, has gone
                for answer in answers:
                    link, _ = server.accept()
                    with link:
                        asked.append(link.recv(4096))
                        link.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield asked
        server.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)


def response(code: int, body: bytes = b"", size: int | None = None) -> bytes:
    length = 10 + len(body) if size is None else size
    return b"\x80\x01" + length.to_bytes(4, "big") + code.to_bytes(4, "big") + body


def test_ask__tpm_has_no_time__asked_again_until_it_has(tmp_path: Path) -> None:
    with answering(tmp_path / "tpm", *[response(RETRY)] * 3, response(0)) as asked:
        code, _ = ask(tmp_path / "tpm", tpm_wire.get_lockout(), PATIENCE)

    assert code == 0
    assert asked == [tpm_wire.get_lockout()] * 4


def test_ask__tpm_never_has_time__given_up(tmp_path: Path) -> None:
    with (
        answering(tmp_path / "tpm", *[response(RETRY)] * 1_000),
        pytest.raises(TpmError, match=r"did not do it within 0\.2 s"),
    ):
        ask(tmp_path / "tpm", tpm_wire.get_lockout(), 0.2)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (response(0, size=9), "response of 9 bytes"),
        (response(0, size=5_000), "response of 5000 bytes"),
        (response(0, b"ab", size=20), "closed the connection"),
        (b"", "closed the connection"),
    ],
)
def test_ask__no_response__named(tmp_path: Path, answer: bytes, complaint: str) -> None:
    with (
        answering(tmp_path / "tpm", answer),
        pytest.raises(TpmError, match=f"tpm: .*{complaint}"),
    ):
        ask(tmp_path / "tpm", tpm_wire.get_lockout(), PATIENCE)


def options(place: TpmPlace) -> list[str]:
    where = ["--tpm", str(place.device), "--handle", f"{place.handle:#x}"]
    return [*where, "--auth-file", str(place.auth_file)]


def test_keys__new_and_enrolment__what_the_provider_is_told_is_signed_by_it(
    place: TpmPlace, tmp_path: Path
) -> None:
    record = tmp_path / "deployment.json"
    record.write_text(RECORD)

    made = CliRunner().invoke(app, ["keys", "new", *options(place)])
    told = CliRunner().invoke(
        app, ["keys", "enrolment", "--deployment", str(record), *options(place)]
    )

    assert made.exit_code == told.exit_code == 0, made.stderr + told.stderr
    public = signer_of(place).public
    assert made.stdout.strip() == public.address
    *_, r, s = told.stdout.splitlines()[-1].split()
    digest = batch_digest(read_deployment(record).domain, [])
    raw = bytes.fromhex(r[2:] + s[2:])
    assert recover_signer(digest, recoverable(raw, digest, public)) == public.address


def test_keys_new__owner_is_protected__needs_its_authorisation(
    place: TpmPlace, tmp_path: Path
) -> None:
    assert ask(place.device, hierarchy_change_auth(b"the owner's"), PATIENCE)[0] == 0
    write_secret(tmp_path / "owner", "the owner's\n")

    without = CliRunner().invoke(app, ["keys", "new", *options(place)])
    with_it = CliRunner().invoke(
        app, ["keys", "new", *options(place), "--owner-auth-file", str(tmp_path / "owner")]
    )

    assert without.exit_code == 3
    assert "refuses the owner's authorisation" in without.stderr
    assert without.stderr.count("\n") == 1
    assert with_it.exit_code == 0, with_it.stderr
    assert with_it.stdout.strip() == signer_of(place).address


def hierarchy_change_auth(auth: bytes) -> bytes:
    """TPM2_HierarchyChangeAuth of the owner's."""
    command = tpm_wire.evict_control(b"", 0, 0)
    body = command[10:14] + command[18:-4] + len(auth).to_bytes(2, "big") + auth
    header = command[:2] + (10 + len(body)).to_bytes(4, "big") + (0x129).to_bytes(4, "big")
    return header + body


@pytest.mark.parametrize(
    "line",
    [
        ["--tpm", "a", "--handle", "0x81010001"],
        ["--tpm", "a", "--handle", "0x01", "--auth-file", "b"],
        ["--tpm", "a", "--handle", "first", "--auth-file", "b"],
        ["--tpm", "a", "--handle", "0x81010001", "--auth-file", "b", "--curve", "secp256k1"],
        ["--tpm", "a", "--handle", "0x81010001", "--auth-file", "b", "--token", "c"],
        ["--out", "a", "--password-file", "b", "--owner-auth-file", "c"],
        ["--tpm", "a", "--handle", "0x81010001", "--auth-file", "b", "--out", "c"],
    ],
)
def test_keys_new__half_of_it__one_line_and_status_2(line: list[str]) -> None:
    result = CliRunner().invoke(app, ["keys", "new", *line])

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_open__the_box_taken_for_another__its_disk_alone_signs_nothing(
    tpm: SoftTpm, place: TpmPlace, tmp_path: Path
) -> None:
    """Everything on the disk is copied, and another box's TPM is asked."""
    new_tpm_key(place)
    copied = tmp_path / "copied"
    copied.mkdir()
    shutil.copy2(place.auth_file, copied / "auth")
    with SoftTpm(tmp_path / "theirs", tmp_path) as theirs:
        stolen = TpmPlace(theirs.socket, HANDLE, copied / "auth")
        with pytest.raises(KeystoreError, match="has no key"):
            signer_of(stolen)
