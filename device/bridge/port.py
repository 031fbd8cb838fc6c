"""A serial port by pyserial: any path that the operating system can open.

The lines DTR and RTS reset many boards when they rise (Arduino and its like). Linux raises both
whenever a port is opened that nobody has open, and lets them fall at the last close; no program can
prevent the former. But with the flag HUPCL cleared they stay up after a close, so that the next
opening changes nothing: a board is reset once at most, by the first opening after the plugging in.
"""

from __future__ import annotations

import termios
from dataclasses import dataclass
from typing import Literal, Protocol

import serial

from device.errors import PortError

WRITE_TIMEOUT_S = 0.5
"""A line that takes nothing for so long is broken: half a second is 5 kB at 115,200 baud."""

LineState = Literal["leave", "on", "off"]
"""What to do with a modem line: nothing, or set it at each opening."""


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


@dataclass(frozen=True, slots=True)
class PortOptions:
    """How a port is opened: its speed, and what becomes of DTR and RTS."""

    baudrate: int
    dtr: LineState = "leave"
    rts: LineState = "leave"


class _Serial(serial.Serial):  # type: ignore[misc]  # pyserial has no types
    """pyserial's port, which would set both lines at each opening, without that."""

    def __init__(self, path: str, options: PortOptions) -> None:
        self._options = options
        super().__init__(None, options.baudrate, timeout=0, write_timeout=WRITE_TIMEOUT_S)
        self.exclusive = True
        self.dtr, self.rts = options.dtr == "on", options.rts == "on"
        self.port = path
        self.open()
        if "leave" in (options.dtr, options.rts):
            self._keep_lines()

    def _update_dtr_state(self) -> None:
        if self._options.dtr != "leave":
            super()._update_dtr_state()

    def _update_rts_state(self) -> None:
        if self._options.rts != "leave":
            super()._update_rts_state()

    def _keep_lines(self) -> None:
        """Let a close change nothing on the lines."""
        settings = termios.tcgetattr(self.fd)
        settings[2] &= ~termios.HUPCL
        termios.tcsetattr(self.fd, termios.TCSANOW, settings)


class SerialPort:
    """A port opened with pyserial, 8 data bits, no parity, one stop bit, no flow control."""

    def __init__(self, path: str, options: PortOptions) -> None:
        """Open and take hold of the port; raises PortError, also while another program has it."""
        try:
            self._serial = _Serial(path, options)
        except (OSError, ValueError, termios.error) as error:  # SerialException is an OSError
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
