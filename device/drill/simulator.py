"""The process behind `drill-controller`: a simulated drill at the end of a real pseudo-terminal.

To whoever opens the port it is a controller on a serial line. The monotonic clock drives fixed
steps, so that sample times lie on an exact grid however busy the machine is.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import structlog

from device.drill.drill import SimulatedDrill
from device.drill.firmware import Firmware
from device.drill.memory import MemoryFile
from device.drill.operator_socket import OperatorSocket, State, command
from device.drill.spindle import LoadSource
from device.errors import DeviceError, PortError
from protocol.leases import Provisioning

_log = structlog.get_logger()

MAX_UNSENT_BYTES = 16_384
"""A line that takes no more than this is not read by anyone: further frames are lost, as on a
wire, and sent again later."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a simulated controller is started with."""

    provisioning: Provisioning
    port_link: Path
    operator: Path
    memory: Path
    loads: LoadSource
    seed: int


class _Line:
    """The controller's end of a pseudo-terminal, and the link that names the other end."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._unsent = bytearray()
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)  # held open, so that a client that leaves is not a hang-up
        os.set_blocking(self.master, False)
        self._target = os.ttyname(self._slave)
        try:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(self._target)
        except OSError as error:
            self.close()
            raise PortError(f"{link}: cannot make a link to {self._target}: {error}") from error

    def read(self) -> bytes:
        try:
            return os.read(self.master, 65_536)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        if len(self._unsent) + len(data) <= MAX_UNSENT_BYTES:
            self._unsent += data
        with contextlib.suppress(BlockingIOError):
            while self._unsent:
                del self._unsent[: os.write(self.master, self._unsent)]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self._link.readlink() == Path(self._target):
                self._link.unlink()
        os.close(self.master)
        os.close(self._slave)


def monotonic_ms() -> int:
    """The process's monotonic clock."""
    return time.monotonic_ns() // 1_000_000


def run(options: Options) -> None:
    """Run until SIGTERM or SIGINT; raises DeviceError when it cannot start or go on."""
    with contextlib.ExitStack() as stack:
        memory = MemoryFile(options.memory, options.provisioning.drill)
        stack.callback(memory.close)
        drill = SimulatedDrill(
            options.provisioning, memory.memory, options.loads, options.seed, monotonic_ms()
        )
        firmware = Firmware(drill, memory.write)
        selector = stack.enter_context(selectors.DefaultSelector())
        stopped = stack.enter_context(_stop_signals(selector))
        operator = OperatorSocket(options.operator, selector, lambda line: _operate(firmware, line))
        stack.callback(operator.close)
        line = _Line(options.port_link)
        stack.callback(line.close)
        selector.register(line.master, selectors.EVENT_READ, None)
        _log.info(
            "controller started",
            drill=options.provisioning.drill,
            port=str(options.port_link),
            sequence=memory.memory.sequence,
        )
        while not stopped():
            _turn(firmware, line, selector)
        memory.write(drill.memory)
        _log.info("controller stopped", sequence=drill.memory.sequence)


def _operate(firmware: Firmware, line: bytes) -> State:
    """Carry out the operator's line at the time at which it has been read."""
    firmware.run_until(monotonic_ms())
    return command(firmware.drill, line)


def _turn(firmware: Firmware, line: _Line, selector: selectors.BaseSelector) -> None:
    """Wait for the next step, a byte or the operator, and do what is due.

    The time is read after the input that is judged by it: whenever the process was held up, an
    input never counts as one of before.
    """
    wait_ms = max(0, firmware.next_step_ms() - monotonic_ms())
    ready = selector.select(wait_ms / 1000)
    skipped_ms, state = firmware.skipped_ms, firmware.drill.controller.state
    memory_error = firmware.drill.memory_error
    firmware.run_until(monotonic_ms())
    for key, _ in ready:
        if key.fileobj == line.master:
            data, now_ms = line.read(), monotonic_ms()
            firmware.run_until(now_ms)
            firmware.receive(data, now_ms)
        else:
            key.data()
    line.write(firmware.send(monotonic_ms()))
    if firmware.skipped_ms != skipped_ms:
        _log.warning("held up: time was skipped", skipped_ms=firmware.skipped_ms - skipped_ms)
    if firmware.drill.memory_error != memory_error:
        _log.warning("non-volatile memory", reason=firmware.drill.memory_error or "works again")
    controller = firmware.drill.controller
    if controller.state is not state:
        _log.info("state", state=controller.state.name, reason=controller.reason)


@contextlib.contextmanager
def _stop_signals(selector: selectors.BaseSelector) -> Iterator[_Stopped]:
    """SIGTERM and SIGINT end the loop; a byte in a pipe wakes it."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    stopped = _Stopped()
    handlers = {
        number: signal.signal(number, stopped.set) for number in (signal.SIGTERM, signal.SIGINT)
    }
    wakeup = signal.set_wakeup_fd(writer)
    selector.register(reader, selectors.EVENT_READ, lambda: None)
    try:
        yield stopped
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


class _Stopped:
    def __init__(self) -> None:
        self._stopped = False

    def __call__(self) -> bool:
        return self._stopped

    def set(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  a handler's form
        self._stopped = True


__all__ = ["DeviceError", "Options", "monotonic_ms", "run"]
