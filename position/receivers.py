"""Receivers at the edge: a serial line or a gpsd, opened again and again for as long as it is away.

A receiver has a file descriptor to wait on. Nothing here waits longer than CONNECT_SECONDS.
"""

from __future__ import annotations

import socket
from typing import Protocol

import serial

from position.errors import ReceiverError
from position.fix import FixReport
from position.gpsd import WATCH, GpsdReader
from position.nmea import NmeaReader
from position.settings import GpsdSettings, NmeaSettings

CONNECT_SECONDS = 2
READ_BYTES = 65_536


class Receiver(Protocol):
    """An open receiver. `read` raises ReceiverError when it has gone; `dropped` is how many lines
    of it were none that it could have said."""

    @property
    def dropped(self) -> int:
        """Lines since it was opened."""

    def fileno(self) -> int:
        """What to wait on."""

    def read(self) -> list[FixReport]:
        """The reports that are complete by now; never waits."""

    def close(self) -> None:
        """Close; never raises."""


class SerialReceiver:
    """NMEA 0183 on a serial line."""

    def __init__(self, settings: NmeaSettings) -> None:
        self._reader = NmeaReader()
        try:
            self._line = serial.Serial(
                str(settings.port), settings.baudrate, timeout=0, exclusive=True
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise ReceiverError(f"receiver {settings.port} cannot be opened: {error}") from error

    @property
    def dropped(self) -> int:
        """Lines that were no sentences."""
        return self._reader.dropped

    def fileno(self) -> int:
        """The line's descriptor."""
        return int(self._line.fileno())

    def read(self) -> list[FixReport]:
        """What has come; a line that is ready and has nothing to read has been pulled out."""
        try:
            data = bytes(self._line.read(READ_BYTES))
        except OSError as error:
            raise ReceiverError(f"receiver {self._line.port} has gone: {error}") from error
        return self._reader.feed(data)

    def close(self) -> None:
        """Close the line."""
        self._line.close()


class GpsdReceiver:
    """A gpsd over TCP."""

    def __init__(self, settings: GpsdSettings) -> None:
        self._name = f"gpsd at {settings.host} port {settings.port}"
        self._reader = GpsdReader(settings.device)
        address = (settings.host, settings.port)
        try:
            self._socket = socket.create_connection(address, CONNECT_SECONDS)
        except OSError as error:
            raise ReceiverError(
                f"{self._name} cannot be reached: {error.strerror or error}"
            ) from error
        try:
            self._socket.sendall(WATCH)
            self._socket.setblocking(False)
        except OSError as error:
            self._socket.close()
            raise ReceiverError(f"{self._name} has gone: {error.strerror or error}") from error

    @property
    def dropped(self) -> int:
        """Lines that were no objects."""
        return self._reader.dropped

    def fileno(self) -> int:
        """The connection's descriptor."""
        return self._socket.fileno()

    def read(self) -> list[FixReport]:
        """What has come."""
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            raise ReceiverError(f"{self._name} has gone: {error.strerror or error}") from error
        if not data:
            raise ReceiverError(f"{self._name} has closed the connection")
        return self._reader.feed(data)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def open_receiver(settings: NmeaSettings | GpsdSettings) -> Receiver:
    """The receiver that settings name; raises ReceiverError."""
    if isinstance(settings, NmeaSettings):
        return SerialReceiver(settings)
    return GpsdReceiver(settings)
