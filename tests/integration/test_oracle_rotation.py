"""A key is rotated while a rental runs, from a keystore to a token: nothing stops, nothing is lost,
and no secret shows outside the files that hold it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from oracle_builders import MESSAGE_KEYS
from oracle_world import TARIFF, World, wait

from lab.rig.box_files import PASSWORD, write_secret
from lab.rig.process import Daemon
from lab.rig.soft_token import PIN, SoftToken
from oracle.signing.token_key import TokenSigner, new_token_key
from protocol.leases import Provisioning, check_lease
from protocol.messages import InhibitMessage, LeaseMessage, ReadingMessage
from protocol.tariff import highest_charge
from protocol.typed_data import batch_digest, lease_digest, recover_signer

pytestmark = pytest.mark.integration

CLOSED = 4
RESERVE = highest_charge(TARIFF, 28_000)


@pytest.fixture
def token(tmp_path: Path) -> Iterator[SoftToken]:
    made = SoftToken(tmp_path / "token")
    with made.here():
        yield made


@pytest.fixture
def world(tmp_path: Path, token: SoftToken) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def signer_of_reading(world: World, message: ReadingMessage) -> str:
    digest = batch_digest(world.domain, [message.reading()])
    return recover_signer(digest, bytes.fromhex(message.signature[2:]))


def signer_of_lease(world: World, message: LeaseMessage) -> str:
    digest = lease_digest(world.domain, message.lease())
    return recover_signer(digest, bytes.fromhex(message.signature[2:]))


def seen_from_outside(world: World, daemon: Daemon) -> bytes:
    """What other processes and whoever reads the logs get to see of the oracle."""
    process = Path(f"/proc/{daemon.process.pid}")
    said = b"".join(file.read_bytes() for file in (world.folder / "logs").iterdir())
    return (process / "environ").read_bytes() + (process / "cmdline").read_bytes() + said


def test_run__key_rotated_while_drilling__no_pause_no_loss_and_the_bill_is_exact(
    world: World, token: SoftToken
) -> None:
    bridge, functions = world.bridge, world.contract.functions
    former, successor = world.signing.address, new_token_key(token.place()).address
    world.settings.write_text(
        world.settings_text(keys__next_token=token.toml(), settlement__share_of_balance="1")
    )
    with world.daemon() as daemon:
        rental = world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        bridge.run(2, 1200)
        wait("settled once", lambda: functions.charge(rental).call() > 0, daemon)
        commands = len(bridge.command_times)

        receipt = world.send(functions.rotate_oracle(1, successor))
        rotated_ms = world.web3.eth.get_block(receipt["blockNumber"])["timestamp"] * 1000
        before = functions.charge(rental).call()
        wait("settled anew", lambda: functions.charge(rental).call() > before, daemon)
        wait(
            "receipt of the next key",
            lambda: signer_of_reading(world, bridge.readings[-1]) == successor,
            daemon,
        )
        time.sleep(2)
        told = [command for _, command in bridge.command_times[commands:]]
        assert not [one for one in told if isinstance(one, InhibitMessage)], "no pause"
        drill = Provisioning(1, former, world.domain, successor)
        for lease in (one for one in told if isinstance(one, LeaseMessage)):
            check_lease(
                lease.lease(),
                bytes.fromhex(lease.signature[2:]),
                drill,
                lease.issued_at,
                (world.bridge.nonce,),
            )
        assert signer_of_lease(world, told[-1]) == successor
        outside = seen_from_outside(world, daemon)

        bridge.stop_motor()
        time.sleep(1.5)  # a block's whole second may lie up to one before it is mined
        world.send(functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)
        active = [sample for sample in bridge.samples if sample.motor_on]
        registers = functions.registers(rental).call()
        assert registers[1] == len(active) * 100
        assert registers[4] == len(active) * 1200 * 100 // 60_000
        assert "samples missing" not in daemon.log.read_text()
        assert daemon.stop() == 0
        outside += daemon.log.read_bytes()

    late = [one for one in bridge.readings if one.until > rotated_ms + 2_000]
    assert {signer_of_reading(world, one) for one in late} == {successor}
    for secret in secrets_of(world):
        assert secret not in outside
    token_key = TokenSigner(token.place())
    assert token_key.address == successor


def secrets_of(world: World) -> list[bytes]:
    """Passwords, PIN and keys, in the forms in which they might slip out."""
    keys = [bytes(world.signing.key), bytes(world.gas.key), MESSAGE_KEYS[1]]
    texts = [PASSWORD, PIN, *[key.hex() for key in keys], *[str(list(key)) for key in keys]]
    return [*[text.encode() for text in texts], *keys]


def test_run__gas_key_is_the_next_signing_key__refused(world: World) -> None:
    folder = world.folder
    again = Account.encrypt(world.gas.key, PASSWORD, iterations=2)
    write_secret(folder / "next.json", str(again).replace("'", '"'))
    text = world.settings_text(
        keys__next_keystore=f'"{folder}/next.json"',
        keys__next_password_file=f'"{folder}/signing.password"',
    )
    world.settings.write_text(text)
    with world.daemon() as daemon:
        assert daemon.process.wait(300) == 2
        assert "the signing key and the gas key are both" in daemon.log.read_text()
