"""Secrets on disk: passwords and PINs, each in a file that only its owner may read.

A secret is never taken from the environment, a command line or a prompt, because other processes
and logs see those; and no error quotes one.
"""

from __future__ import annotations

import stat
from pathlib import Path

from host.errors import SecretError

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret(path: Path, what: str) -> str:
    """The first line of a secret's file, which is its only one.

    Raises SecretError that names the file when it cannot be read, is empty, is not text, has
    several lines, or may be read by others than its owner.
    """
    try:
        with path.open(encoding="utf-8") as file:
            mode = path.stat().st_mode
            lines = file.read().splitlines()
    except OSError as error:
        raise SecretError(f"{what} file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SecretError(f"{what} file {path} is not UTF-8 text") from error
    if mode & OTHERS:
        raise SecretError(
            f"{what} file {path} may be used by others than its owner (mode {mode & 0o777:o}); "
            f"run: chmod 600 {path}"
        )
    if len(lines) != 1 or not lines[0]:
        count = "is empty" if not any(lines) else f"has {len(lines)} lines, not one"
        raise SecretError(f"{what} file {path} {count}")
    return lines[0]
