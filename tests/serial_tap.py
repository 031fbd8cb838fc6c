"""Somebody who holds the serial line between a controller and its bridge: both are real processes,
each at a pseudo-terminal, and every byte between them goes through here."""

from __future__ import annotations

import os
import select
import threading
import tty
from pathlib import Path
from typing import Self

from protocol.serial.frames import Decoder, Frame, FrameType, encode_frame
from protocol.serial.payloads import Ack, pack_clock, parse_ack

LOOK_S = 0.2


class SerialTap:
    """Passes on what the two say, but for leases: those it keeps.

    The bridge's end is named by a link, as a port is. The controller's is opened again and again,
    for a controller that loses power takes its terminal with it.
    """

    def __init__(self, controller_port: Path, link: Path) -> None:
        """Nothing is passed on before the block is entered."""
        self.withheld: list[bytes] = []
        self._controller_port, self._link = controller_port, link
        self._decoder = Decoder()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._link.symlink_to(os.ttyname(self._slave))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()
        os.close(self._master)
        os.close(self._slave)

    def let_go(self) -> None:
        """Pass nothing on any more."""
        self._stop.set()
        self._thread.join()

    def play(self, lease: bytes, clock_ms: int, patience_s: float) -> str:
        """Set the controller's clock and give it a lease that was kept; returns why it was refused,
        or nothing. Nobody else may be at the line."""
        port = os.open(self._controller_port, os.O_RDWR | os.O_NOCTTY)
        try:
            frames = ((FrameType.CLOCK, pack_clock(clock_ms)), (FrameType.LEASE, lease))
            answers: dict[int, Ack] = {}
            decoder = Decoder()
            for number, (kind, payload) in enumerate(frames, start=1_000_000):
                os.write(port, encode_frame(Frame(kind, number, payload)))
                while number not in answers:
                    if not select.select([port], [], [], patience_s)[0]:
                        raise TimeoutError(f"the controller does not answer a {kind.name}")
                    for frame in decoder.feed(os.read(port, 4096)):
                        if frame.type is FrameType.ACK:
                            ack = parse_ack(frame.payload)
                            answers[ack.number] = ack
                if kind is FrameType.CLOCK and answers[number].refusal:
                    return f"clock: {answers[number].refusal}"
            return answers[number].refusal
        finally:
            os.close(port)

    def _work(self) -> None:
        port = os.open(self._controller_port, os.O_RDWR | os.O_NOCTTY)
        try:
            while not self._stop.is_set():
                ready, _, _ = select.select([port, self._master], [], [], LOOK_S)
                if port in ready:
                    os.write(self._master, os.read(port, 4096))
                if self._master in ready:
                    os.write(port, self._without_leases(os.read(self._master, 4096)))
        finally:
            os.close(port)

    def _without_leases(self, data: bytes) -> bytes:
        passed = b""
        for frame in self._decoder.feed(data):
            if frame.type is FrameType.LEASE:
                self.withheld.append(frame.payload)
            else:
                passed += encode_frame(frame)
        return passed
