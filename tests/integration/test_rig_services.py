"""The local services do what the demo and the other tests rely on."""

from __future__ import annotations

import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from web3 import Web3

from lab.rig import services
from lab.rig.contract import compile_drill_meter, deploy
from lab.rig.errors import RigError
from lab.rig.services import (
    HOST,
    ROOT,
    Anvil,
    BrokerProcess,
    EmbeddedBroker,
    Mosquitto,
    free_port,
    port_answers,
)

pytestmark = pytest.mark.integration

SECONDS = 300
"""What nothing takes, on a slow machine either."""

NATIVE = "0x" + "00" * 20


@pytest.fixture(scope="module", params=[Mosquitto, EmbeddedBroker])
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrokerProcess]:
    with request.param(tmp_path_factory.mktemp("broker")) as running:
        yield running


class Client:
    """A paho client that keeps what arrives."""

    def __init__(self, broker: BrokerProcess, name: str, *, will: str | None = None) -> None:
        self.inbox: queue.Queue[tuple[str, bytes, bool]] = queue.Queue()
        self._granted: queue.Queue[None] = queue.Queue()
        self.paho = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        if will:
            self.paho.will_set(will, b"offline", qos=1, retain=True)
        self.paho.on_message = lambda _c, _u, m: self.inbox.put((m.topic, m.payload, m.retain))
        self.paho.on_subscribe = lambda *_: self._granted.put(None)
        self.paho.connect(HOST, broker.port, keepalive=5)
        self.paho.loop_start()

    def subscribe(self, topic: str) -> None:
        self.paho.subscribe(topic, qos=1)
        self._granted.get(timeout=SECONDS)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.paho.publish(topic, payload, qos=1, retain=retain).wait_for_publish(SECONDS)

    def close(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


def test_broker__qos_1__delivers_each_message_in_order(broker: BrokerProcess) -> None:
    listener, speaker = Client(broker, "listener-1"), Client(broker, "speaker-1")
    listener.subscribe("drill/+/sample")
    for number in range(200):
        speaker.publish(f"drill/{number % 2 + 1}/sample", number.to_bytes(2, "big"))
    got = [listener.inbox.get(timeout=SECONDS) for _ in range(200)]
    assert [int.from_bytes(payload, "big") for _, payload, _ in got] == list(range(200))
    listener.close()
    speaker.close()


def test_broker__retained__is_given_to_who_comes_later_and_is_the_newest(
    broker: BrokerProcess,
) -> None:
    speaker = Client(broker, "speaker-2")
    speaker.publish("drill/3/status", b"old", retain=True)
    speaker.publish("drill/3/status", b"new", retain=True)
    speaker.close()
    late = Client(broker, "late-2")
    late.subscribe("drill/3/status")
    assert late.inbox.get(timeout=SECONDS) == ("drill/3/status", b"new", True)
    late.close()


def test_broker__client_that_vanishes__leaves_its_last_will_retained(broker: BrokerProcess) -> None:
    watcher = Client(broker, "watcher-3")
    watcher.subscribe("drill/4/status")
    vanishing = Client(broker, "vanishing-3", will="drill/4/status")
    vanishing.publish("drill/4/status", b"online", retain=True)
    assert watcher.inbox.get(timeout=SECONDS) == ("drill/4/status", b"online", False)
    vanishing.paho.loop_stop()
    socket = vanishing.paho.socket()
    assert socket is not None
    socket.close()
    assert watcher.inbox.get(timeout=SECONDS)[1] == b"offline"
    watcher.close()
    late = Client(broker, "late-3")
    late.subscribe("drill/4/status")
    assert late.inbox.get(timeout=SECONDS) == ("drill/4/status", b"offline", True)
    late.close()


def test_anvil__block_time__mines_by_the_clock(tmp_path: Path) -> None:
    with Anvil(tmp_path, block_seconds=1, chain_id=4242) as anvil:
        web3 = Web3(Web3.HTTPProvider(anvil.url))
        assert web3.eth.chain_id == 4242
        begin = web3.eth.block_number
        time.sleep(2.5)
        assert 2 <= web3.eth.block_number - begin <= 3
        with pytest.raises(RigError, match="anvil refused no_such_method"):
            anvil.rpc("no_such_method")
    assert not port_answers(anvil.port)


def test_deploy__drill_meter__belongs_to_the_deployer(tmp_path: Path) -> None:
    with Anvil(tmp_path) as anvil:
        web3 = Web3(Web3.HTTPProvider(anvil.url))
        owner = web3.eth.accounts[0]
        contract = deploy(web3, compile_drill_meter(), owner, NATIVE, 3600, 86_400, 0)
        assert contract.functions.owner().call() == owner
        assert contract.functions.grace_period().call() == 3600


def test_anvil__port_taken__is_refused_with_its_log(tmp_path: Path) -> None:
    with (
        Anvil(tmp_path) as first,
        pytest.raises(RigError, match="anvil ended with status"),
        Anvil(tmp_path / "second", port=first.port, chain_id=2),
    ):
        pass


def test_free_port__given_to_another_process_that_does_not_listen_yet__not_given_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = free_port()
    ask = (
        "from lab.rig import services\n"
        f"services.PORTS = [{ours}, {ours}, {ours}, {{other}}]\n"
        "print(services.free_port())"
    )
    other = free_port()
    services._claims.pop().close()
    for _ in range(3):
        line = [sys.executable, "-c", ask.format(other=other)]
        told = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True)
        assert int(told.stdout) == other

    monkeypatch.setattr(services, "PORTS", [ours])
    with pytest.raises(RigError, match=f"no free port from {ours}"):
        free_port()
