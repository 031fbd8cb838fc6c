"""Signing keys: what a token's signature is made into, who signs while a key is rotated, and what
happens while the key does not answer. The token itself is in tests/integration/test_oracle_token.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import role_account
from oracle_box import DOMAIN, SIGNER, Box, build, view_of
from oracle_builders import NOW_MS, FakeBroker, FakeClock, make_rental
from structlog.testing import capture_logs

from chain.views import OracleView
from oracle.core import Core
from oracle.errors import JournalError, SigningError
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit
from oracle.signing.keyring import Keyring
from oracle.signing.sign import KeystoreSigner
from oracle.signing.token_key import ORDER, recoverable
from protocol.messages import LeaseMessage, ReadingMessage, parse_command
from protocol.typed_data import batch_digest, lease_digest, recover_signer

NEXT = KeystoreSigner(bytes(role_account("stranger").key))
OPEN = make_rental(opened_at=NOW_MS // 1000)
OLD_KEY = OracleView(SIGNER.address, revoked=False)
NEW_KEY = OracleView(NEXT.address, revoked=False)
DIGEST = bytes(range(32))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    store = Store(f"sqlite:///{tmp_path}/journal.sqlite")
    clock, broker = FakeClock(), FakeBroker()
    ring = Keyring(SIGNER, NEXT)
    yield Box(store, clock, broker, build(store, clock, broker, signer=ring))
    store.close()


def signer_of_receipt(box: Box) -> str:
    message = ReadingMessage.model_validate(box.broker.of("reading")[-1], strict=False)
    digest = batch_digest(DOMAIN, [message.reading()])
    return recover_signer(digest, bytes.fromhex(message.signature[2:]))


def signer_of_lease(box: Box) -> str:
    command = parse_command(1, box.broker.retained["drill/1/lease"])
    assert isinstance(command, LeaseMessage)
    return recover_signer(
        lease_digest(DOMAIN, command.lease()), bytes.fromhex(command.signature[2:])
    )


def signers_of_batches(core: Core) -> list[str]:
    return [
        recover_signer(batch_digest(DOMAIN, one.readings), one.signature)
        for one in core.outbox.open_batches()
    ]


def test_step__key_rotated_on_chain__the_next_one_signs_from_the_same_step(box: Box) -> None:
    box.rest()
    box.run(20, view_of(OPEN, oracle=OLD_KEY), motor_on=True)
    assert signer_of_receipt(box) == signer_of_lease(box) == SIGNER.address

    box.run(30, view_of(OPEN, oracle=NEW_KEY), motor_on=True)

    assert signer_of_receipt(box) == signer_of_lease(box) == NEXT.address
    assert box.broker.of("reading")[-1]["active_ms_1"] >= 4_000
    assert not [one for one in box.broker.of("lease") if one["kind"] == "inhibit"][1:], "no pause"


def test_step__rotation_vanished_with_its_block__the_former_key_signs_again(box: Box) -> None:
    box.rest()
    for oracle in (OLD_KEY, NEW_KEY, OLD_KEY):
        box.run(30, view_of(OPEN, oracle=oracle), motor_on=True)

    assert signer_of_receipt(box) == SIGNER.address


def test_step__key_of_neither__inhibited_and_nothing_signed(box: Box) -> None:
    box.rest()
    foreign = OracleView("0x" + "1" * 40, revoked=False)
    box.run(20, view_of(OPEN, oracle=foreign), motor_on=True)

    assert box.broker.of("lease")[-1]["reason"] == Inhibit.ORACLE_KEY
    assert box.broker.of("reading") == []


def test_step__settlement_after_the_rotation__is_signed_with_the_next_key(box: Box) -> None:
    box.rest()
    box.run(5, view_of(OPEN, oracle=OLD_KEY), motor_on=True)
    box.run(80, view_of(OPEN, oracle=NEW_KEY), motor_on=True)
    used_up = make_rental(opened_at=NOW_MS // 1000, funded=8_000)
    box.run(10, view_of(used_up, oracle=NEW_KEY), motor_on=True)

    assert signers_of_batches(box.core) == [NEXT.address]


@pytest.mark.parametrize("held", [(SIGNER, NEXT), (NEXT, SIGNER)])
def test_require_newest__journal_behind_either_key__refused(
    box: Box, tmp_path: Path, held: tuple[KeystoreSigner, ...]
) -> None:
    box.rest()
    box.run(20, view_of(OPEN, oracle=OLD_KEY), motor_on=True)
    box.run(20, view_of(OPEN, oracle=NEW_KEY), motor_on=True)
    tally = tmp_path / "journal.sqlite.signed"
    key, count = tally.read_text().split()
    assert key == NEXT.address
    tally.write_text(f"{key} {int(count) + 1:020}\n")

    with pytest.raises(JournalError, match="restored from a backup"):
        box.restart(Keyring(*held))


class AwayKey:
    """A key whose token is drawn and put back."""

    address = SIGNER.address
    away = True

    def sign(self, digest: bytes) -> bytes:
        if self.away:
            raise SigningError("the token is away")
        return SIGNER.sign(digest)


def test_step__key_away__locked_and_said_once_and_no_sample_lost(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/journal.sqlite")
    clock, broker, key = FakeClock(), FakeBroker(), AwayKey()
    box = Box(store, clock, broker, build(store, clock, broker, signer=key))
    box.rest()
    with capture_logs() as logs:
        box.run(30, view_of(OPEN), motor_on=True)
    assert box.broker.of("lease")[-1]["reason"] == Inhibit.NO_SIGNATURE
    assert box.broker.of("journalled")[-1]["sequence"] >= 30
    assert box.broker.of("reading") == []
    said = [one for one in logs if one["event"] == "signing key fails"]
    assert [one["reason"] for one in said] == ["the token is away"]

    key.away = False
    box.run(20, view_of(OPEN), motor_on=True)

    assert box.broker.of("lease")[-1]["kind"] == "lease"
    assert box.broker.of("reading")[-1]["active_ms_1"] >= 4_000
    store.close()


def flipped(signature: bytes) -> bytes:
    """The other of the two signatures that ECDSA knows for one: with a high s."""
    return signature[:32] + (ORDER - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")


def test_recoverable__high_s__is_made_low_and_recovers() -> None:
    low = SIGNER.sign(DIGEST)

    assert recoverable(flipped(low), DIGEST, SIGNER.address) == low
    assert recoverable(low[:64], DIGEST, SIGNER.address) == low


@pytest.mark.parametrize(
    "raw",
    [
        NEXT.sign(DIGEST)[:64],
        SIGNER.sign(b"another digest".ljust(32))[:64],
        bytes(64),
        b"\xff" * 64,
        SIGNER.sign(DIGEST)[:32] + ORDER.to_bytes(32, "big"),
        SIGNER.sign(DIGEST)[:63],
        SIGNER.sign(DIGEST),
    ],
)
def test_recoverable__not_of_this_key_and_digest__refused(raw: bytes) -> None:
    with pytest.raises(SigningError, match="the token gave a signature"):
        recoverable(raw, DIGEST, SIGNER.address)
