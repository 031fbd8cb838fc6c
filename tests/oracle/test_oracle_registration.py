"""An oracle that the contract does not let sign says so and what to do, and does nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from oracle_box import SIGNER, Box, build, view_of
from oracle_builders import FakeBroker, FakeClock
from structlog.testing import capture_logs

from chain.views import OracleView
from lab.rig.box_keys import element_key
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit
from oracle.signing.keyring import Keyring
from oracle.signing.registration import KeyFault, OracleIdentity, advice, key_fault

KEY = SIGNER.address
OTHER = "0x" + "1" * 40
FAULTS = [
    (OracleView(KEY, revoked=True), KeyFault.REVOKED, "register_oracle"),
    (OracleView(KEY, revoked=False, suspended=True), KeyFault.SUSPENDED, "rotate_oracle"),
    (OracleView(OTHER, revoked=False), KeyFault.OTHER_KEY, "rotate_oracle"),
    (OracleView(OTHER, revoked=False, is_p256=True), KeyFault.OTHER_KEY, "P-256"),
    (OracleView(OTHER, revoked=False, suspended=True), KeyFault.OTHER_KEY, "rotate_oracle"),
]
ELEMENT = element_key(1)


class ElementSigner:
    """A key of P-256, as the oracle holds one."""

    address = ELEMENT.address
    is_p256 = True

    def sign(self, digest: bytes) -> bytes:
        return ELEMENT.sign_for_publication(digest)


@pytest.mark.parametrize(("view", "fault", "word"), FAULTS)
def test_advice__not_allowed_to_sign__says_what_to_do(
    view: OracleView, fault: KeyFault, word: str
) -> None:
    assert key_fault(view, OracleIdentity(3, KEY.lower())) is fault
    assert word in (advice(view, OracleIdentity(3, KEY)) or "")
    assert "oracle 3" in (advice(view, OracleIdentity(3, KEY)) or "")


def test_advice__in_force__none() -> None:
    assert advice(OracleView(KEY.lower(), revoked=False), OracleIdentity(3, KEY)) is None


def test_key_fault__each__is_an_inhibit_reason() -> None:
    assert all(Inhibit(fault.value) for fault in KeyFault)


def test_key_fault__p256_key_registered_before_it_was_enrolled__nothing_it_signs_counts(
    tmp_path: Path,
) -> None:
    identity = OracleIdentity.of(3, [SIGNER, ElementSigner()])
    early = OracleView(ELEMENT.address, revoked=False, is_p256=False)
    in_order = OracleView(ELEMENT.address, revoked=False, is_p256=True)
    assert key_fault(early, identity) is KeyFault.NOT_ENROLLED
    assert "keys enrolment" in (advice(early, identity) or "")
    assert key_fault(in_order, identity) is None
    assert key_fault(OracleView(KEY, revoked=False), identity) is None

    with closing(Store(f"sqlite:///{tmp_path}/p.sqlite")) as store:
        clock, broker = FakeClock(), FakeBroker()
        ring = Keyring(SIGNER, ElementSigner())
        box = Box(store, clock, broker, build(store, clock, broker, signer=ring))
        box.rest()
        box.run(80, view_of(oracle=early), motor_on=True)
    assert [one["reason"] for one in broker.of("lease")][-1] == "oracle key not enrolled"
    assert broker.of("reading") == []


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with closing(Store(f"sqlite:///{tmp_path}/j.sqlite")) as store:
        clock, broker = FakeClock(), FakeBroker()
        yield Box(store, clock, broker, build(store, clock, broker))


@pytest.mark.parametrize(("oracle", "fault", "word"), FAULTS)
def test_step__not_allowed_to_sign__said_once_no_lease_no_receipt_no_settlement(
    box: Box, oracle: OracleView, fault: KeyFault, word: str
) -> None:
    box.rest()
    with capture_logs() as logs:
        box.run(80, view_of(oracle=oracle), motor_on=True)
        box.run(2, view_of(), motor_on=True)

    (said,) = [one for one in logs if one["event"] == "oracle may not sign"]
    assert word in said["reason"]
    assert [one["event"] for one in logs if one["event"] == "oracle may sign"] == [
        "oracle may sign"
    ]
    reasons = [one.get("reason") for one in box.broker.of("lease")]
    assert fault.value in reasons
    assert [one["until"] for one in box.broker.of("reading")] == [box.clock.ms - 100]
