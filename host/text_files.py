"""Small files of text that a user names: read whole, or refused with the file's name."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from host.errors import FileError

LARGEST_BYTES = 1_000_000
"""Settings of a thousand drills have some 100 kB."""


def read_text(
    path: Path,
    what: str,
    largest: int = LARGEST_BYTES,
    look: Callable[[os.stat_result], None] | None = None,
) -> str:
    """The text of a plain file; `look` may refuse it by its status before anything is read.

    Raises FileError that names the file when it cannot be read, is not a plain file, has more than
    `largest` bytes, or is not UTF-8.
    """
    try:
        # Without O_NONBLOCK a named pipe would hold us up for as long as nobody writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            if stat.S_ISDIR(found.st_mode):
                raise FileError(f"{what} {path} is a folder")
            if not stat.S_ISREG(found.st_mode):
                raise FileError(f"{what} {path} is not a plain file")
            if look is not None:
                look(found)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(largest + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileError(f"{what} {path}: {error.strerror}") from error
    if len(content) > largest:
        raise FileError(f"{what} {path} is larger than {largest} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{what} {path} is not UTF-8 text") from error
