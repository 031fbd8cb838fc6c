"""Strict mode from end to end: the real bridge and controller as processes, a real broker, two real
chains. Somebody has the oracle's host with its true key, and makes up a chain with a deposit on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from oracle_chain_place import Place
from strict_builders import ORACLE, make, message_of, sign

from lab.rig import plan
from lab.rig.box_files import write_secret
from lab.rig.drill import BridgeProgram, ControllerProgram
from lab.rig.listener import TopicListener
from lab.rig.plan import NO_DEADLINE
from lab.rig.process import wait_until
from lab.rig.services import Anvil, Mosquitto
from protocol.leases import Provisioning
from protocol.messages import Channel, decode_samples, topic
from protocol.records import NO_NONCE, Domain, Lease
from protocol.sealing import unseal

pytestmark = pytest.mark.integration

DRILL = 1
PATIENCE_S = 300.0
FORGING_S = 6.0
"""Longer than a lease, and several looks of the bridge at its endpoint."""

KEY = b"\x05" * 32


class Publisher(TopicListener):
    """A listener that publishes as well, and hears what the controller wants answered."""

    nonce = NO_NONCE

    def _keep(self, drill: int, channel: Channel, payload: bytes) -> None:
        if channel is Channel.SAMPLE:
            opened = unseal(KEY, topic(drill, channel), payload)
            self.nonce = decode_samples(drill, opened).nonce or self.nonce
        super()._keep(drill, channel, payload)

    def publish(self, name: str, payload: bytes) -> None:
        self._client.publish(name, payload, 1, retain=True).wait_for_publish(PATIENCE_S)


@dataclass
class Attack:
    """What the one who has the oracle's host can do, and the drill it is about."""

    real: Place
    invented: Place
    listener: Publisher
    controller: ControllerProgram
    bridge: BridgeProgram

    def lease(self, place: Place) -> None:
        """A lease signed now with the true key, and the proof that this chain gives for it."""
        made = make(place)
        now_ms = time.time_ns() // 1_000_000
        lease = Lease(
            DRILL, 1, now_ms, now_ms + 25_000, made.lease.block_number, self.listener.nonce
        )
        payload = message_of(lease, sign(made.domain, lease)).to_json()
        for channel, content in ((Channel.PROOF, made.proof), (Channel.LEASE, payload)):
            self.listener.publish(topic(DRILL, channel), content)

    def state(self) -> str:
        self.controller.require_running()
        self.bridge.require_running()
        return str(self.controller.state()["state"])

    def start(self) -> bool:
        """Pull the trigger and let go; whether the motor ran."""
        state = self.controller.do("pull")
        self.controller.do("release")
        return bool(state["motor_on"])

    def refusals(self) -> list[str]:
        return [one.reason for one in self.listener.events(0) if one.event == "lease_refused"]


def build(stack: ExitStack, folder: Path, *, strict: bool) -> Attack:
    one, two = (stack.enter_context(Anvil(folder / name)) for name in ("real", "invented"))
    real = Place(one, ORACLE.address, deposit=False)
    invented = Place(two, ORACLE.address)
    assert real.contract.address == invented.contract.address
    # Otherwise it is refused for being ahead: made up to look right, it is a block of now.
    real.mine(20)
    broker = stack.enter_context(Mosquitto(folder))
    write_secret(plan.message_key_file(folder, DRILL), KEY.hex() + "\n")
    listener = stack.enter_context(Publisher(broker.port, {DRILL: KEY}))
    domain = Domain(31337, real.contract.address)
    box = Provisioning(DRILL, ORACLE.address, domain)
    controller = stack.enter_context(ControllerProgram(box, folder, folder))
    wait_until("controller", controller.up, PATIENCE_S, controller)
    bridge = BridgeProgram(DRILL, controller.port, broker.port, folder, folder)
    if strict:
        with (folder / f"bridge-{DRILL}.toml").open("a") as settings:
            settings.write(
                f'[strict]\nchain_id = 31337\ncontract = "{real.contract.address}"\n'
                f'rpc_urls = ["{one.url}"]\nquorum = 1\n'
            )
    stack.enter_context(bridge)
    wait_until("samples", lambda: bool(listener.samples(DRILL)), PATIENCE_S, bridge)
    return Attack(real, invented, listener, controller, bridge)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Attack]:
    with ExitStack() as stack:
        yield build(stack, tmp_path, strict=True)


def test_bridge__true_key_without_the_deposit__drill_does_not_start_until_it_is_there(
    strict: Attack,
) -> None:
    deadline = time.monotonic() + FORGING_S
    while time.monotonic() < deadline or not strict.refusals():
        strict.lease(strict.invented)
        assert strict.state() == "LOCKED"
        assert not strict.start()
        assert time.monotonic() < deadline + PATIENCE_S, "no refusal was reported"
        time.sleep(0.5)
    assert all("in the chain" in reason for reason in strict.refusals()), strict.refusals()

    real = strict.real
    opening = real.contract.functions.open_rental(1, 1, 10**18, (10**17, 10**16), NO_DEADLINE)
    real.send(opening, real.customer, 10**18)
    real.mine(2)

    def ready() -> bool:
        strict.lease(real)
        time.sleep(0.5)
        return strict.state() == "READY"

    wait_until("READY with the deposit", ready, PATIENCE_S, strict.bridge)
    assert strict.start()


def test_bridge__same_lease_without_strict_mode__starts_the_drill(tmp_path: Path) -> None:
    """What strict mode is for, and that the forged lease is good in all else."""
    with ExitStack() as stack:
        attack = build(stack, tmp_path, strict=False)

        def ready() -> bool:
            attack.lease(attack.invented)
            time.sleep(0.5)
            return attack.state() == "READY"

        wait_until("READY on a lie", ready, PATIENCE_S, attack.bridge)
        assert attack.start()
