"""The process behind `drill-bridge`: clocks, signals and waiting around `device.bridge.bridge`."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import time
from types import FrameType

import structlog

from device.bridge.bridge import Bridge, Now, last_will
from device.bridge.hearing import bridge_client
from device.bridge.link import Link
from device.bridge.port import PortOptions, SerialPort
from device.bridge.session import Session
from device.bridge.settings import BridgeSettings
from device.bridge.spool import Spool
from device.bridge.witness import open_witness
from host.mqtt_client import LastWill
from host.secret_files import read_message_key
from protocol.messages import Channel, topic

_log = structlog.get_logger()

IDLE_S = 0.05
"""The longest wait between two passes: the resolution of the link's timers."""


def read_clock() -> Now:
    """The edge box's clocks."""
    return Now(time.monotonic_ns() // 1_000_000, time.time_ns() // 1_000_000)


def run(settings: BridgeSettings) -> None:
    """Run until SIGTERM or SIGINT; raises DeviceError or HostError when it cannot start."""
    key = read_message_key(settings.message_key_file, "message key")
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        wake()

    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)

    def wake() -> None:
        with contextlib.suppress(BlockingIOError):  # full: it is awake already
            writer.send(b"\x00")

    with contextlib.ExitStack() as stack:
        stack.callback(reader.close)
        stack.callback(writer.close)
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, stop))
        spool = Spool(
            settings.spool,
            settings.drill,
            settings.spool_max_samples,
            settings.spool_reserve_megabytes * 1_000_000,
        )
        stack.callback(spool.close)
        session = Session(settings.drill)
        options = PortOptions(settings.baudrate, settings.dtr, settings.rts)
        link = Link(session, settings.ports, lambda name: SerialPort(name, options))
        stack.callback(link.close)
        will = last_will(settings.drill, read_clock().time_ms)
        strict = settings.strict
        broker = bridge_client(
            settings.drill, settings.broker, will, wake, proofs=strict is not None
        )
        witness = None if strict is None else open_witness(settings.drill, strict, wake)
        bridge = Bridge(
            settings.drill,
            key,
            link,
            spool,
            broker,
            witness=witness,
            gather_ms=settings.gather_ms,
        )
        if witness is not None:
            witness.start()
        broker.start()
        stack.callback(
            lambda: broker.close(
                LastWill(topic(settings.drill, Channel.STATUS), bridge.farewell(read_clock()))
            )
        )
        _log.info(
            "bridge started",
            drill=settings.drill,
            port=settings.ports,
            strict=None if strict is None else f"{strict.quorum} of {len(strict.rpc_urls)}",
        )
        while not stopping:
            _wait(reader, link.fileno())
            bridge.step(read_clock())
        _log.info("bridge stopped", drill=settings.drill)


def _wait(reader: socket.socket, port: int | None) -> None:
    """Until the line or the broker has something, or the link's timers need a look."""
    sources = [reader.fileno()] if port is None else [reader.fileno(), port]
    ready, _, _ = select.select(sources, [], [], IDLE_S)
    if reader.fileno() in ready:
        with contextlib.suppress(BlockingIOError):
            reader.recv(4096)
