"""One process at a time: a file that is locked for as long as its process lives.

The kernel lets go of it when the process ends, however it does. The file stays: removing it would
let a third process lock a new one while a second still holds the old.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from host.errors import FileError, HeldError


class ProcessLock:
    """A lock file, `path`, that is held until `close`."""

    def __init__(self, path: Path) -> None:
        """Take it at once; raises HeldError when another process holds it, and FileError when the
        file cannot be made."""
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FileError(f"{path}: {error.strerror}") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise HeldError(f"{path}: another process holds it") from None
        except OSError as error:
            os.close(self._handle)
            raise FileError(f"{path} cannot be locked: {error.strerror}") from error

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._handle)
