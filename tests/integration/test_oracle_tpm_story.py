"""A rental with a key in a TPM: rotated to from a keystore while drilling, and then to another."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from oracle_world import TARIFF, World, wait
from typer.testing import CliRunner

from lab.rig.audit import audit, wait_for_publication
from lab.rig.box_files import write_keystore, write_secret
from lab.rig.drill import BridgeProgram, ControllerProgram
from lab.rig.plan import UNBOUND
from lab.rig.premises import Premises
from lab.rig.process import Daemon
from lab.rig.tpm import SoftTpm
from oracle.cli import app
from protocol.errors import ProofError
from protocol.lease_proof import ground_of, parse_lease_proof
from protocol.messages import LeaseMessage
from protocol.tariff import highest_charge
from protocol.typed_data import batch_digest, lease_digest, recover_signer

pytestmark = pytest.mark.integration

CLOSED = 4
HANDLE = "0x81010001"
RESERVE = highest_charge(TARIFF, 28_000)


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[SoftTpm]:
    with SoftTpm(tmp_path / "tpm", tmp_path / "logs") as running:
        yield running


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, anvil_options=("--hardfork", "osaka")) as made:
        yield made


def keys(*words: str) -> list[str]:
    """What `drill-oracle keys` says, line by line."""
    result = CliRunner().invoke(app, ["keys", *words])
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


def settings(world: World, tpm: SoftTpm, keystore: str, *, tpm_signs: bool) -> str:
    """A key in the TPM and one in a keystore: one signs, and the other is the next."""
    kinds = ("signing", "next") if tpm_signs else ("next", "signing")
    auth = f'auth_file = "{world.folder}/tpm.auth"'
    text = world.settings_text(
        **{
            f"keys__{kinds[0]}_tpm": f'{{ device = "{tpm.socket}", handle = {HANDLE}, {auth} }}',
            f"keys__{kinds[1]}_keystore": f'"{world.folder}/{keystore}.json"',
            f"keys__{kinds[1]}_password_file": f'"{world.folder}/{keystore}.password"',
            "chain__publish_proofs": "true",
            "settlement__share_of_balance": "1",
            "publication__folder": f'"{world.samples}"',
            "publication__period_seconds": "1",
        }
    )
    gone = r"(?m)^signing_(?:keystore|password_file) = .*\n"
    return re.sub(gone, "", text) if tpm_signs else text


def signer_of_receipt(world: World) -> str:
    message = world.bridge.readings[-1]
    digest = batch_digest(world.domain, [message.reading()])
    return recover_signer(digest, bytes.fromhex(message.signature[2:]))


def leases_of(world: World, signer: str) -> list[LeaseMessage]:
    """Those that this key has signed."""
    told = [one for _, one in world.bridge.command_times if isinstance(one, LeaseMessage)]
    return [
        one
        for one in told
        if recover_signer(lease_digest(world.domain, one.lease()), bytes.fromhex(one.signature[2:]))
        == signer
    ]


def proven(world: World, signer: str) -> bool:
    """Whether a bridge in strict mode would have a proof of some lease of that key."""
    for proof in map(parse_lease_proof, world.bridge.proofs):
        for message in leases_of(world, signer):
            signature = bytes.fromhex(message.signature[2:])
            try:
                ground_of(proof, message.lease(), signature, world.domain)
            except ProofError:  # of another block
                continue
            return True
    return False


def rotate(world: World, key: str) -> None:
    world.send(world.contract.functions.rotate_oracle(1, key))


def require_in_force(world: World, key: str, rental: int, daemon: Daemon) -> None:
    """Wait until receipts, leases and a settlement are of that key."""
    functions = world.contract.functions
    before = functions.charge(rental).call()
    wait(f"receipt of {key}", lambda: signer_of_receipt(world) == key, daemon)
    wait(f"lease of {key}", lambda: leases_of(world, key), daemon)
    wait(f"proof of {key}", lambda: proven(world, key), daemon)
    wait(f"settled by {key}", lambda: functions.charge(rental).call() > before, daemon)


def test_rental__keystore_to_tpm_and_back_while_drilling__settled_exactly_and_audited_clean(
    world: World, tpm: SoftTpm
) -> None:
    bridge, functions, folder = world.bridge, world.contract.functions, world.folder
    write_secret(folder / "tpm.auth", "an authorisation\n")
    last = Account.create()
    write_keystore(folder, "last", last)
    world.samples.mkdir(exist_ok=True)
    where = ["--tpm", str(tpm.socket), "--handle", HANDLE, "--auth-file", f"{folder}/tpm.auth"]
    (key,) = keys("new", *where)
    told = keys("enrolment", "--deployment", str(world.record), *where)
    x, y, r, s = (bytes.fromhex(word[2:]) for word in told[-1].split()[-4:])
    world.send(functions.enrol_p256_key(int.from_bytes(x, "big"), int.from_bytes(y, "big"), r, s))

    world.settings.write_text(settings(world, tpm, "signing", tpm_signs=False))
    with world.daemon() as daemon:
        rental = world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        bridge.run(2, 1200)
        wait("settled once", lambda: functions.charge(rental).call() > 0, daemon)
        rotate(world, key)
        require_in_force(world, key, rental, daemon)
        assert daemon.stop() == 0

    world.settings.write_text(settings(world, tpm, "last", tpm_signs=True))
    with world.daemon() as daemon:
        require_in_force(world, key, rental, daemon)
        rotate(world, str(last.address))
        require_in_force(world, str(last.address), rental, daemon)

        bridge.stop_motor()
        time.sleep(1.5)  # a block's whole second may lie up to one before it is mined
        world.send(functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)
        wait_for_publication(world.ledger(), world.domain, world.samples, [rental])
        assert daemon.stop() == 0

    active = [sample for sample in bridge.samples if sample.motor_on]
    registers = functions.registers(rental).call()
    assert registers[1] == len(active) * 100
    assert registers[4] == len(active) * 1200 * 100 // 60_000
    audited = audit(
        world.anvil.url, world.address, world.samples, folder / "r.json", folder / "r.html"
    )
    assert audited.clean, audited.findings
    assert audited.signatures == audited.readings > 2


def test_check__key_in_a_tpm__tries_it_and_names_what_is_missing(
    world: World, tpm: SoftTpm
) -> None:
    folder = world.folder
    write_secret(folder / "tpm.auth", "an authorisation\n")
    world.samples.mkdir(exist_ok=True)
    where = ["--tpm", str(tpm.socket), "--handle", HANDLE, "--auth-file", f"{folder}/tpm.auth"]
    (key,) = keys("new", *where)
    world.settings.write_text(settings(world, tpm, "signing", tpm_signs=False))
    line = ["check", "--settings", str(world.settings)]

    found = CliRunner().invoke(app, line)
    rotate(world, key)
    early = CliRunner().invoke(app, line)
    tpm.stop()
    gone = CliRunner().invoke(app, line)

    said = " ".join(found.stdout.split())
    assert re.search(rf"ok next signing key: {key}, P-256, a signature in \d+ ms", said), said
    assert "ok signing key: " in said
    assert early.exit_code == gone.exit_code == 1
    assert "which was not enrolled: the contract accepts nothing" in " ".join(early.stdout.split())
    assert f"MISSING keys: TPM {tpm.socket}" in " ".join(gone.stdout.split())


class RealDrill(Premises):
    """A box whose key is in a TPM, with a controller that knows its address only, and a bridge in
    strict mode."""

    def __init__(self, folder: Path, tpm: SoftTpm) -> None:
        options = ("--hardfork", "osaka")
        super().__init__(folder, drills={1: "drill"}, anvil_options=options)
        self._tpm = tpm
        self._where = ["--tpm", str(tpm.socket), "--handle", HANDLE]
        self._where += ["--auth-file", f"{folder}/tpm.auth"]

    def _start(self) -> None:
        super()._start()
        write_secret(self.folder / "tpm.auth", "an authorisation\n")
        (self._oracle_address,) = keys("new", *self._where)
        told = keys("enrolment", "--deployment", str(self.record), *self._where)
        x, y, r, s = (bytes.fromhex(word[2:]) for word in told[-1].split()[-4:])
        point = (int.from_bytes(x, "big"), int.from_bytes(y, "big"))
        self.send(self.contract.functions.enrol_p256_key(*point, r, s))
        self.send(self.contract.functions.rotate_oracle(1, self._oracle_address))
        auth = f'auth_file = "{self.folder}/tpm.auth"'
        tpm = f'{{ device = "{self._tpm.socket}", handle = {HANDLE}, {auth} }}'
        keystore, before = r"(?m)^signing_keystore = .*$", self.settings.read_text()
        text = re.sub(keystore, f"signing_tpm = {tpm}", before)
        text = re.sub(r"(?m)^signing_password_file = .*\n", "", text)
        text = text.replace("[chain]\n", "[chain]\npublish_proofs = true\n")
        self.settings.write_text(text)

    def start_drill(self) -> ControllerProgram:
        """The controller, and its bridge, which believes no oracle."""
        controller = self.run(ControllerProgram(self.provisioning(1), self.folder, self.logs))
        wait("controller", controller.up, controller)
        bridge = BridgeProgram(1, controller.port, self.broker.port, self.folder, self.logs)
        with (self.folder / "bridge-1.toml").open("a") as settings:
            settings.write(
                f'[strict]\nchain_id = {self.anvil.chain_id}\ncontract = "{self.address}"\n'
                f'rpc_urls = ["{self.anvil.url}"]\nquorum = 1\n'
            )
        self.run(bridge)
        return controller


def test_drill__controller_and_strict_bridge_with_a_tpms_key__starts_and_is_billed(
    tpm: SoftTpm, tmp_path: Path
) -> None:
    with RealDrill(tmp_path, tpm) as yard:
        functions = yard.contract.functions
        controller = yard.start_drill()
        yard.start_oracle()
        deposit = 10**18
        yard.send(functions.open_rental(1, 1, deposit, *UNBOUND), yard.customer, deposit)
        rental = int(functions.rental_count().call())
        wait("a start", lambda: controller.do("pull")["motor_on"], yard.oracle)
        wait("settled", lambda: functions.charge(rental).call() > 0, yard.oracle)
        controller.do("release")
        wait("rest", lambda: controller.state()["rpm"] == 0, yard.oracle)
        yard.send(functions.end_rental(rental), yard.customer)
        wait("closed", lambda: functions.rental(rental).call()[4] == CLOSED, yard.oracle)
        yard.require_running()
        assert functions.oracle(1).call()[0] == yard.oracle_address
        assert sum(functions.registers(rental).call()[1:4]) > 0
