"""Values that the device tests build on: samples, provisioning, signed leases, a fake clock."""

from __future__ import annotations

from eth_keys import keys

from host.mqtt_client import Incoming
from protocol.leases import Provisioning
from protocol.messages import Channel, LeaseMessage, topic
from protocol.records import Domain, Lease, Registers
from protocol.sample import ControllerFault, Sample
from protocol.sealing import unseal
from protocol.typed_data import lease_digest, sign_digest

ORACLE_KEY = b"\x11" * 32
ORACLE = keys.PrivateKey(ORACLE_KEY).public_key.to_checksum_address()
STRANGER_KEY = b"\x22" * 32
DOMAIN = Domain(31337, "0x" + "ab" * 20)
DRILL = 7
MESSAGE_KEY = b"\x33" * 32
NONCE = 0x0123456789ABCDEF_0123456789ABCDEF
PROVISIONING = Provisioning(DRILL, ORACLE, DOMAIN)
NOW_MS = 1_800_000_000_000


def make_sample(sequence: int, time_ms: int | None = None, drill: int = DRILL) -> Sample:
    return Sample(
        sequence=sequence,
        time_ms=NOW_MS + sequence * 100 if time_ms is None else time_ms,
        drill=drill,
        level=1,
        motor_on=True,
        trigger=True,
        inhibited=False,
        fault_flags=ControllerFault.NONE,
        rpm=2500,
        torque_mnm=998,
        current_ma=2000,
        temperature_mc=22_000,
        rental=1,
        odometer=Registers(),
    )


def make_lease(
    issued_at: int = NOW_MS,
    expires_at: int | None = None,
    drill: int = DRILL,
    nonce: int = NONCE,
) -> Lease:
    return Lease(drill, 1, issued_at, expires_at or issued_at + 5_000, 42, nonce)


def sign_lease(lease: Lease, key: bytes = ORACLE_KEY, domain: Domain = DOMAIN) -> bytes:
    return sign_digest(key, lease_digest(domain, lease))


def lease_message(lease: Lease, signature: bytes | None = None) -> LeaseMessage:
    return LeaseMessage(
        drill=lease.drill,
        rental=lease.rental,
        issued_at=lease.issued_at,
        expires_at=lease.expires_at,
        block_number=lease.block_number,
        nonce=f"0x{lease.nonce:032x}",
        signature="0x" + (signature or sign_lease(lease)).hex(),
        block_hash="0x" + "00" * 32,
        transaction_hash="0x" + "00" * 32,
        log_index=0,
    )


class FakeBroker:
    """Hands out what is put in and keeps what is published."""

    def __init__(self) -> None:
        self.connected = True
        self.connections = 1
        self.inbox: list[Incoming] = []
        self.sent: list[tuple[str, bytes, bool]] = []

    def receive(self, limit: int) -> list[Incoming]:  # noqa: ARG002
        messages, self.inbox = self.inbox, []
        return messages

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        self.sent.append((topic, payload, retain))
        return True

    def on(self, channel: Channel) -> list[bytes]:
        sent = [payload for name, payload, _ in self.sent if name == topic(DRILL, channel)]
        if channel is Channel.SAMPLE:
            return [unseal(MESSAGE_KEY, topic(DRILL, channel), payload) for payload in sent]
        return sent


class FakePort:
    """A serial line in memory."""

    def __init__(self) -> None:
        self.incoming, self.written = b"", b""

    def fileno(self) -> int:
        return 0

    def read(self) -> bytes:
        data, self.incoming = self.incoming, b""
        return data

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        """Nothing to close."""
