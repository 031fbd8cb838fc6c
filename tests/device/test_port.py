"""A serial port as it is opened: the modem lines, and a port that somebody else has.

A pseudo-terminal has no modem lines, so what is asked of the kernel about them is noted.
"""

from __future__ import annotations

import fcntl
import os
import termios
from collections.abc import Iterator
from typing import Any

import pytest

from device.bridge.port import LineState, PortOptions, SerialPort
from device.errors import PortError

LINES = {termios.TIOCMBIS: "raise", termios.TIOCMBIC: "lower", termios.TIOCMSET: "set"}


@pytest.fixture
def line() -> Iterator[str]:
    master, slave = os.openpty()
    settings = termios.tcgetattr(slave)
    settings[2] |= termios.HUPCL
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What was asked of the kernel: raise or lower, and the lines as bits."""
    found: list[tuple[str, int]] = []
    ioctl = fcntl.ioctl

    def watch(descriptor: int, request: int, *arguments: Any) -> Any:
        if request in LINES:
            found.append((LINES[request], int.from_bytes(arguments[0], "little")))
            return 0
        return ioctl(descriptor, request, *arguments)

    monkeypatch.setattr(fcntl, "ioctl", watch)
    return found


def falls_at_close(line: str) -> bool:
    """Whether the kernel lowers the lines when the last one closes the port."""
    descriptor = os.open(line, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        return bool(termios.tcgetattr(descriptor)[2] & termios.HUPCL)
    finally:
        os.close(descriptor)


def test_serial_port__by_default__leaves_both_lines_alone_also_at_its_close(
    line: str, asked: list[tuple[str, int]]
) -> None:
    assert falls_at_close(line)
    port = SerialPort(line, PortOptions(115_200))
    port.close()
    assert asked == []
    assert not falls_at_close(line)


@pytest.mark.parametrize(
    ("dtr", "rts", "expected"),
    [
        ("on", "off", [("raise", termios.TIOCM_DTR), ("lower", termios.TIOCM_RTS)]),
        ("off", "leave", [("lower", termios.TIOCM_DTR)]),
        ("leave", "on", [("raise", termios.TIOCM_RTS)]),
    ],
)
def test_serial_port__lines_are_set__just_these(
    line: str,
    asked: list[tuple[str, int]],
    dtr: LineState,
    rts: LineState,
    expected: list[tuple[str, int]],
) -> None:
    SerialPort(line, PortOptions(115_200, dtr, rts)).close()
    assert asked == expected
    assert falls_at_close(line) == ("leave" not in (dtr, rts))


def test_serial_port__another_program_has_it__says_so_and_takes_nothing(line: str) -> None:
    first = SerialPort(line, PortOptions(115_200))
    with pytest.raises(PortError, match=r"cannot open: .*lock"):
        SerialPort(line, PortOptions(9_600))
    first.write(b"still ours")
    first.close()
    SerialPort(line, PortOptions(9_600)).close()
