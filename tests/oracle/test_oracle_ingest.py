"""The bounds of a program's connection to its broker, without a broker."""

from __future__ import annotations

from host.settings import BrokerSettings
from oracle.intake.ingest import (
    INBOX_MESSAGES,
    MAX_PAYLOAD_BYTES,
    OUTGOING_MESSAGES,
    oracle_client,
)


def test_publish__broker_takes_nothing__no_more_than_the_queue_holds() -> None:
    broker = oracle_client(BrokerSettings(host="127.0.0.1"), "test", ())
    broker.connected = True

    for _ in range(OUTGOING_MESSAGES + 2_000):
        broker.publish("t", b"", retain=False)

    assert len(broker._client._out_messages) == OUTGOING_MESSAGES
    assert not broker.publish("t", b"", retain=False)


def test_publish__no_connection__is_refused_and_nothing_waits() -> None:
    broker = oracle_client(BrokerSettings(host="127.0.0.1"), "test", ())

    assert not broker.publish("t", b"", retain=False)
    assert not broker._client._out_messages


def test_inbox__full__holds_less_than_100_mb() -> None:
    assert INBOX_MESSAGES * MAX_PAYLOAD_BYTES < 100_000_000
