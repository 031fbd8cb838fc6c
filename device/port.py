"""A serial port by pyserial: any path that the operating system can open."""

from __future__ import annotations

from typing import Protocol

import serial

from device.errors import PortError

WRITE_TIMEOUT_S = 0.5
"""A line that takes nothing for so long is broken: half a second is 5 kB at 115,200 baud."""


class Port(Protocol):
    """An open port. Each method raises PortError when the port has gone."""

    def fileno(self) -> int:
        """What to wait on."""

    def read(self) -> bytes:
        """What has arrived, possibly nothing; never waits."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""

    def close(self) -> None:
        """Close; never raises."""


class SerialPort:
    """A port opened with pyserial, 8 data bits, no parity, one stop bit, no flow control."""

    def __init__(self, path: str, baudrate: int) -> None:
        """Open and take hold of the port; raises PortError."""
        try:
            self._serial = serial.Serial(
                path, baudrate, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise PortError(f"{path}: cannot open: {error}") from error

    def fileno(self) -> int:
        """The file descriptor."""
        return int(self._serial.fileno())

    def read(self) -> bytes:
        """What has arrived."""
        try:
            return bytes(self._serial.read(65_536))
        except OSError as error:
            raise PortError(f"{self._serial.port}: cannot read: {error}") from error

    def write(self, data: bytes) -> None:
        """Send `data`."""
        try:
            self._serial.write(data)
        except OSError as error:
            raise PortError(f"{self._serial.port}: cannot write: {error}") from error

    def close(self) -> None:
        """Close the port."""
        self._serial.close()
