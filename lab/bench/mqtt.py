"""The least of MQTT 3.1.1 that a benchmark needs to publish fast: packets are made beforehand, and
acknowledgements are read and thrown away. A client library would be the slowest part of it all.

Source: OASIS MQTT 3.1.1, sections 2.2.3 (remaining length), 3.1 (CONNECT), 3.3 (PUBLISH).
"""

from __future__ import annotations

import socket
import threading

CONNACK_BYTES = 4


def field(text: str) -> bytes:
    """A string with its length before it."""
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def packet(head: int, body: bytes) -> bytes:
    """A packet with its remaining length, seven bits to a byte."""
    length, size = len(body), b""
    while True:
        length, low = divmod(length, 128)
        size += bytes([low | (0x80 if length else 0)])
        if not length:
            return bytes([head]) + size + body


def publish(topic: str, payload: bytes, number: int) -> bytes:
    """A PUBLISH at QoS 1."""
    return packet(0x32, field(topic) + (1 + number % 65_535).to_bytes(2, "big") + payload)


class RawPublisher:
    """One connection that sends ready packets."""

    def __init__(self, port: int, client_id: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(packet(0x10, field("MQTT") + b"\x04\x02\x00\x00" + field(client_id)))
        if self._socket.recv(CONNACK_BYTES) != b"\x20\x02\x00\x00":
            raise ConnectionError("the broker refuses the connection")
        threading.Thread(target=self._drain, daemon=True).start()

    def send(self, packets: bytes) -> None:
        """Send packets, waiting while the broker is slower."""
        self._socket.sendall(packets)

    def close(self) -> None:
        """Disconnect."""
        self._socket.sendall(packet(0xE0, b""))
        self._socket.close()

    def _drain(self) -> None:
        try:
            while self._socket.recv(65_536):
                pass
        except OSError:
            return  # closed by us
