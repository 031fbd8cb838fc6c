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
from lab.rig.box_keys import element_key
from oracle.core import Core
from oracle.errors import JournalError, SigningError
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit
from oracle.signing.curves import P256, SECP256K1, PublicKey, recoverable
from oracle.signing.keyring import Keyring
from oracle.signing.sign import KeystoreSigner
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
    is_p256 = False
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


ELEMENT = element_key(1)
KEYS = {
    "secp256k1": (SIGNER.sign, PublicKey(SECP256K1, 0, 0, SIGNER.address)),
    "P-256": (ELEMENT.sign_for_publication, PublicKey(P256, *ELEMENT.point, ELEMENT.address)),
}
"""How each signs; of secp256k1 only the address is looked at."""


def flipped(signature: bytes, order: int) -> bytes:
    """The other of the two signatures that ECDSA knows for one: with a high s."""
    return signature[:32] + (order - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")


@pytest.mark.parametrize("name", KEYS)
def test_recoverable__high_s__is_made_low_and_recovers(name: str) -> None:
    sign, key = KEYS[name]
    low = sign(DIGEST)

    assert recoverable(flipped(low, key.curve.order), DIGEST, key) == low
    assert recoverable(low[:64], DIGEST, key) == low


@pytest.mark.parametrize("name", KEYS)
def test_recoverable__not_of_this_key_and_digest__refused(name: str) -> None:
    sign, key = KEYS[name]
    other = {"secp256k1": NEXT.sign, "P-256": element_key(2).sign_for_publication}[name]
    for raw in (
        other(DIGEST)[:64],
        sign(b"another digest".ljust(32))[:64],
        bytes(64),
        b"\xff" * 64,
        sign(DIGEST)[:32] + key.curve.order.to_bytes(32, "big"),
        sign(DIGEST)[:63],
        sign(DIGEST),
    ):
        with pytest.raises(SigningError, match="a signature"):
            recoverable(raw, DIGEST, key)


def test_step__rotated_to_a_p256_key_and_back__each_signs_leases_receipts_and_settlements(
    tmp_path: Path,
) -> None:
    store = Store(f"sqlite:///{tmp_path}/journal.sqlite")
    clock, broker = FakeClock(), FakeBroker()
    element = ElementSigner()
    ring = Keyring(SIGNER, element)
    box = Box(store, clock, broker, build(store, clock, broker, signer=ring))
    new_key = OracleView(ELEMENT.address, revoked=False, is_p256=True)
    used_up = make_rental(opened_at=NOW_MS // 1000, funded=8_000)
    box.rest()
    box.run(20, view_of(OPEN, oracle=OLD_KEY), motor_on=True)
    box.run(70, view_of(OPEN, oracle=new_key), motor_on=True)
    assert signer_of_receipt(box) == signer_of_lease(box) == ELEMENT.address
    box.run(10, view_of(used_up, oracle=new_key), motor_on=True)
    assert signers_of_batches(box.core) == [ELEMENT.address]

    box.run(30, view_of(OPEN, oracle=OLD_KEY), motor_on=True)

    assert signer_of_receipt(box) == SIGNER.address
    store.close()


class ElementSigner:
    """A key of P-256, as the oracle holds one."""

    address = ELEMENT.address
    is_p256 = True

    def sign(self, digest: bytes) -> bytes:
        return ELEMENT.sign_for_publication(digest)
