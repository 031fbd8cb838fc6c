"""Talking to a TPM: one command, one response, each over a connection of its own.

The kernel's `/dev/tpmrm0` shares the TPM among programs. A socket will do as well, which is how
software TPMs are reached. Nothing is held open between commands, so others can have the TPM in
between, and one that was reset is simply there again.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oracle.errors import TpmError
from oracle.signing.tpm_wire import (
    HEADER_BYTES,
    MAX_BYTES,
    TRY_AGAIN,
    response_code,
    response_size,
)

PAUSE_SECONDS = 0.02
"""Before a command is given again that the TPM had no time for."""


def ask(device: Path, command: bytes, seconds: float) -> tuple[int, bytes]:
    """The response and its code, within so many seconds; raises TpmError that names the device."""
    deadline = time.monotonic() + seconds
    try:
        while True:
            with _opened(device, deadline) as descriptor:
                response = _exchange(descriptor, command, deadline)
            code = response_code(response)
            if code not in TRY_AGAIN:
                return code, response
            _pause(deadline)
    except TimeoutError as error:
        raise TpmError(
            f"TPM {device} did not do it within {seconds:g} s: another program keeps it, or it is "
            "broken"
        ) from error
    except OSError as error:
        raise TpmError(f"TPM {device}: {error.strerror or error}{_hint(error)}") from error
    except TpmError as error:
        raise TpmError(f"TPM {device}: {error}") from error


def _hint(error: OSError) -> str:
    if error.errno == errno.EACCES:
        return "; the user that runs this has to be in the group that may use it, mostly tss"
    if error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return "; is the TPM switched on in the firmware, and its driver loaded?"
    return ""


@contextmanager
def _opened(device: Path, deadline: float) -> Iterator[int]:
    """A connection to the device; one that another program has to itself is waited for."""
    if stat.S_ISSOCK(device.stat().st_mode):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(max(0.001, deadline - time.monotonic()))
            link.connect(str(device))
            yield link.fileno()
        return
    while True:
        try:
            descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            _pause(deadline)
        else:
            break
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _pause(deadline: float) -> None:
    """Before another try; raises TimeoutError when there is no time for one."""
    if time.monotonic() + PAUSE_SECONDS >= deadline:
        raise TimeoutError
    time.sleep(PAUSE_SECONDS)


def _exchange(descriptor: int, command: bytes, deadline: float) -> bytes:
    os.write(descriptor, command)
    response = b""
    while len(response) < HEADER_BYTES or len(response) < response_size(response):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            raise TimeoutError
        part = os.read(descriptor, MAX_BYTES)
        if not part:
            raise TpmError("it closed the connection in the middle of a response")
        response += part
    return response
