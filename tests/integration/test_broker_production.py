"""The broker as it is shipped, and a hostile client that has a box's certificate, or none."""

from __future__ import annotations

import sqlite3
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from oracle_builders import MESSAGE_KEYS, make_sample
from oracle_world import TARIFF, World, wait
from paho.mqtt.enums import CallbackAPIVersion
from secure_broker import HOST, SecureBroker, certificates

from device.bridge.hearing import bridge_client
from host.mqtt_client import LastWill
from host.settings import BrokerSettings
from protocol.messages import (
    InhibitMessage,
    JournalledMessage,
    LeaseMessage,
    StatusMessage,
    encode_samples,
    topic,
)
from protocol.sealing import seal
from protocol.tariff import highest_charge

pytestmark = pytest.mark.integration

CLOSED = 4
RESERVE = highest_charge(TARIFF, 28_000)
LARGEST = 8192
PACKET = 16_384
VICTIM, HOSTILE = 1, 2


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    with SecureBroker(tmp_path_factory.mktemp("broker"), 2) as started:
        yield started


class Client:
    """A client that remembers what it was granted and what it heard."""

    def __init__(self, broker: SecureBroker, name: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.granted: dict[int, list[bool]] = {}
        self.lost = 0
        self.up = threading.Event()
        self.client = broker.client(name)
        self.client.max_inflight_messages_set(1000)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = lambda _client, _data, one: self.heard.append(
            (one.topic, one.payload)
        )
        self.client.on_subscribe = self._on_subscribe
        self.client.connect(HOST, broker.port)
        self.client.loop_start()

    def __enter__(self) -> Self:
        assert self.up.wait(120)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(
        self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any
    ) -> None:
        if not code.is_failure:
            self.up.set()

    def _on_disconnect(self, *_: object) -> None:
        self.lost += 1
        self.up.clear()

    def _on_subscribe(self, _client: Any, _data: Any, number: int, codes: Any, _: Any) -> None:
        self.granted[number] = [not code.is_failure for code in codes]

    def subscribe(self, *names: str) -> None:
        """Ask for topics, and wait for the answer."""
        _, number = self.client.subscribe([(name, 1) for name in names])
        wait("the answer to a subscription", lambda: number in self.granted)

    def say(self, name: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Publish; whether it is taken is the broker's to say, or not to."""
        self.client.publish(name, payload, qos, retain)

    def settle(self) -> None:
        """Wait until the broker has gone through everything said before."""
        self.client.publish("drill/2/event", b"{}", 1).wait_for_publish(120)


def forged(folder: Path, signed_by: Path, name: str, *, expired: bool = False) -> tuple[Path, Path]:
    """A certificate of a client that `signed_by/ca` has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.load_pem_x509_certificate((signed_by / "ca.crt").read_bytes())
    passphrase = signed_by.with_name(signed_by.name + ".passphrase").read_bytes().strip()
    signer = serialization.load_pem_private_key((signed_by / "ca.key").read_bytes(), passphrase)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now - timedelta(days=1) if expired else now + timedelta(days=1))
        .sign(signer, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    paths = folder / "client.crt", folder / "client.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def gets_in(
    broker: SecureBroker, pair: tuple[Path, Path] | None, *, tls: bool = True, old: bool = False
) -> bool:
    """Whether a CONNECT is answered at all."""
    answers: list[Any] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bridge-1")
    client.username_pw_set("bridge-1", "guessed")
    if tls:
        context = ssl.create_default_context(cafile=str(broker.folder / "ca.crt"))
        if pair is not None:
            context.load_cert_chain(*map(str, pair))
        if old:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        client.tls_set_context(context)
    client.on_connect = lambda *message: answers.append(message[3])
    try:
        client.connect(HOST, broker.port)
        until = time.monotonic() + 120
        while time.monotonic() < until and not answers:
            if client.loop(0.2) != mqtt.MQTT_ERR_SUCCESS:
                break
    except (OSError, ValueError):
        return False
    finally:
        if (socket := client.socket()) is not None:
            socket.close()
    return any(not one.is_failure for one in answers)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_connect__without_a_good_certificate__nobody_gets_in(
    broker: SecureBroker, tmp_path: Path
) -> None:
    certificates("ca", tmp_path / "other")
    good = (broker.folder / "bridge-1.crt", broker.folder / "bridge-1.key")
    own = forged(tmp_path / "own", broker.folder, "bridge-1")
    foreign = forged(tmp_path / "foreign", tmp_path / "other", "bridge-1")
    expired = forged(tmp_path / "expired", broker.folder, "bridge-1", expired=True)

    assert gets_in(broker, good)
    assert gets_in(broker, own), "or the next lines would show nothing"
    assert not gets_in(broker, None)
    assert not gets_in(broker, foreign)
    assert not gets_in(broker, expired)
    assert not gets_in(broker, None, tls=False)
    assert not gets_in(broker, good, old=True)


def test_connect__name_that_is_not_in_the_acl__may_do_nothing(broker: SecureBroker) -> None:
    certificates("client", broker.folder, "stranger")
    with Client(broker, "bridge-1") as bridge, Client(broker, "stranger") as stranger:
        bridge.subscribe("drill/1/lease")
        stranger.subscribe("drill/1/sample", "drill/#", "#", "$SYS/#")
        stranger.say("drill/1/lease", b"garbage")
        bridge.say("drill/1/sample", b"something")
        time.sleep(1)
        assert stranger.heard == []
        assert bridge.heard == []


def test_connect__client_id_of_another__takes_nobodys_session(broker: SecureBroker) -> None:
    with Client(broker, "bridge-1") as bridge:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bridge-1")
        broker.secure(client, "bridge-2")
        client.connect(HOST, broker.port)
        client.loop_start()
        time.sleep(1)
        client.disconnect()
        client.loop_stop()
        assert bridge.lost == 0


@pytest.mark.parametrize("channel", ["sample", "journalled", "lease", "reading", "status", "event"])
def test_acl__hostile_bridge__neither_writes_nor_reads_anothers_topic(
    broker: SecureBroker, channel: str
) -> None:
    name = f"drill/1/{channel}"
    with (
        Client(broker, "oracle-1") as oracle,
        Client(broker, "bridge-1") as bridge,
        Client(broker, "bridge-2") as hostile,
    ):
        hostile.subscribe(name, "drill/+/" + channel, "drill/1/#", "#")
        for one in (oracle, bridge):
            one.subscribe(name)
        hostile.say(name, b"from the hostile one", retain=True)
        hostile.settle()
        for one in (oracle, bridge):
            one.say(name, b"a true word")
        wait(
            "somebody who may hears it",
            lambda: bool(oracle.heard or bridge.heard) or channel in ("reading", "event"),
        )
        time.sleep(0.5)
        assert all(payload == b"a true word" for _, payload in oracle.heard + bridge.heard)
        assert not [one for one in hostile.heard if one[0].startswith("drill/1/")]


def test_acl__page__hears_what_is_public_and_says_nothing(broker: SecureBroker) -> None:
    certificates("client", broker.folder, "page")
    public = ("reading", "log", "lease")
    with Client(broker, "page") as page, Client(broker, "oracle-1") as oracle:
        page.subscribe(*(f"drill/1/{channel}" for channel in (*public, "sample", "journalled")))
        oracle.subscribe("drill/1/status")
        page.say("drill/1/reading", b"from the page")
        page.say("drill/1/status", b"from the page")
        for channel in (*public, "journalled"):
            oracle.say(f"drill/1/{channel}", b"a true word")
        wait("the page hears", lambda: len(page.heard) >= len(public))
        time.sleep(0.5)
        assert {one for one in page.heard if one[1] != b"{}"} == {
            (f"drill/1/{channel}", b"a true word") for channel in public
        }
        assert (("drill/1/status", b"from the page")) not in oracle.heard


@pytest.mark.parametrize(
    ("size", "taken"),
    [(0, True), (LARGEST, True), (LARGEST + 1, False), (PACKET * 2, False), (1_000_000, False)],
)
def test_size__up_to_the_limit__taken_and_no_more(
    broker: SecureBroker, size: int, taken: bool
) -> None:
    with Client(broker, "oracle-1") as oracle, Client(broker, "bridge-2") as bridge:
        oracle.subscribe("drill/2/sample")
        bridge.say("drill/2/sample", bytes(size), qos=0)
        time.sleep(0.5)
        wait("the bridge is connected", bridge.up.is_set)
        bridge.say("drill/2/sample", b"after it", qos=1)
        wait("the next message", lambda: b"after it" in [one for _, one in oracle.heard])
        assert (bytes(size) in [one for _, one in oracle.heard]) == taken


def test_settings__of_oracle_and_bridge__connect(broker: SecureBroker) -> None:
    """The bridge's own client, with the settings of its file."""
    settings = BrokerSettings(
        host=HOST,
        port=broker.port,
        ca_file=broker.folder / "ca.crt",
        cert_file=broker.folder / "bridge-2.crt",
        key_file=broker.folder / "bridge-2.key",
    )
    client = bridge_client(2, settings, b"gone", lambda: None)
    client.start()
    try:
        wait("the bridge's client is connected", lambda: client.connections == 1)
    finally:
        client.close(LastWill("drill/2/status", b"farewell"))


def test_certificates__bad_names_and_files_that_exist__refused(tmp_path: Path) -> None:
    certificates("ca", tmp_path)
    before = (tmp_path / "ca.key").read_bytes()
    for line in (
        ["ca", tmp_path],
        ["client", tmp_path, "Bridge 1"],
        ["client", tmp_path, "ca"],
        ["client", tmp_path / "none", "bridge-1"],
        ["server", tmp_path, "a b"],
        ["acl", "oracle-1=0"],
        ["acl", "oracle-1"],
        ["acl"],
        [],
    ):
        with pytest.raises(subprocess.CalledProcessError):
            certificates(*line)
    assert (tmp_path / "ca.key").read_bytes() == before
    assert (tmp_path / "ca.key").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, drills=2, secure=True) as made:
        yield made


def sealed_samples(drill: int, *samples: Any) -> bytes:
    name = topic(drill, "sample")  # type: ignore[arg-type]
    return seal(MESSAGE_KEYS[drill], name, encode_samples(samples, 1, 1))


def attack(hostile: Client, recorded: list[bytes]) -> int:
    """Everything that a box can try with its own certificate; returns how many messages."""
    now_ms = time.time_ns() // 1_000_000
    victim, own = f"drill/{VICTIM}/", f"drill/{HOSTILE}/"
    hostile.subscribe(*(victim + name for name in ("sample", "lease", "journalled", "#")), "#")
    inhibit = InhibitMessage(
        drill=VICTIM, rental=None, reason="because I can", time_ms=now_ms
    ).to_json()
    offline = StatusMessage(
        drill=VICTIM, online=False, link_up=False, state="X", reason="", sequence=0, time_ms=now_ms
    ).to_json()
    said = JournalledMessage(drill=VICTIM, sequence=2**62, resend=False).to_json()
    journalled = seal(MESSAGE_KEYS[HOSTILE], victim + "journalled", said)
    messages = [(victim + "lease", inhibit), (victim + "status", offline)]
    messages += [(victim + "journalled", journalled), (victim + "journalled", said)]
    messages += [(victim + "sample", one) for one in recorded]
    # Of its own drill, where the broker lets it: what no bridge says.
    stolen = make_sample(1, now_ms, drill=VICTIM, motor_on=True, rpm=1000)
    other = seal(MESSAGE_KEYS[HOSTILE], own + "sample", encode_samples([stolen], 1, 1))
    unsealed = encode_samples([make_sample(1, now_ms, drill=HOSTILE)], 1, 1)
    wrong_key = seal(MESSAGE_KEYS[VICTIM], own + "sample", unsealed)
    messages += [(own + "sample", one) for one in (other, unsealed, wrong_key, *recorded)]
    for size in (0, 1, 16, 119, 120, 121, 5_680, LARGEST - 1, LARGEST):
        messages += [(own + name, b"\xff" * size) for name in ("sample", "status", "event")]
    messages += [(own + "status", text) for text in (b"[" * 4000, b'{"drill":1}', b"null", offline)]
    for name, payload in messages:
        hostile.say(name, payload)
        hostile.say(name, payload, retain=True)
    hostile.say(own + "sample", bytes(PACKET * 4), qos=0)
    time.sleep(2)
    wait("the hostile one is back", hostile.up.is_set)
    for number in range(5_000):
        hostile.say(own + "sample", number.to_bytes(4) * 300)
    return 2 * len(messages) + 5_001


def test_run__hostile_box_beside_a_rental__nothing_accepted_and_the_bill_unchanged(
    world: World,
) -> None:
    bridge, functions, broker = world.bridge, world.contract.functions, world.secure_broker
    assert broker is not None
    with world.daemon() as daemon:
        rental = world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        bridge.run(2, 1200)
        with Client(broker, f"bridge-{HOSTILE}") as hostile:
            recorded = [sealed_samples(VICTIM, one) for one in bridge.samples[:20]]
            attack(hostile, recorded)
            time.sleep(3)
            heard = [name for name, _ in hostile.heard]
        bridge.stop_motor()
        time.sleep(1.5)
        world.send(functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)
        daemon.require_running()
        broker.require_running()

        active = [sample for sample in bridge.samples if sample.motor_on]
        registers = functions.registers(rental).call()
        assert registers[1] == len(active) * 100
        assert registers[4] == len(active) * 1200 * 100 // 60_000
        first = next(
            index
            for index, (_, one) in enumerate(bridge.command_times)
            if isinstance(one, LeaseMessage)
        )
        reasons = [
            one.reason for _, one in bridge.command_times[first:] if isinstance(one, InhibitMessage)
        ]
        assert "because I can" not in reasons
        assert reasons in ([], ["rental ended"], ["rental ended", "no rental"], ["no rental"])
        assert not [name for name in heard if name.startswith(f"drill/{VICTIM}/")]
        assert daemon.stop() == 0
        said = daemon.log.read_text()
        assert "Traceback" not in said
        assert f'"topic": "drill/{HOSTILE}/sample"' in said, "it did arrive, and was dropped"
    with closing(sqlite3.connect(world.folder / "journal.sqlite")) as journal:
        ours = journal.execute("SELECT drill, count(*), max(sequence) FROM sample GROUP BY drill")
        ((drill, count, newest),) = ours.fetchall()
        late = journal.execute("SELECT count(*) FROM late_sample").fetchone()
    assert (drill, count) == (VICTIM, newest), "none of the hostile drill's, none missing"
    assert late == (0,)
