"""Secrets on disk: passwords, PINs, message keys, keystores and keys of certificates, each in a
file that only its owner may use.

One rule for all that is one line of text: the secret is the file's only line as it stands, without
its end (LF or CR LF). Blanks count, at both ends too. A secret is never taken from the environment,
a command line or a prompt, because other processes and logs see those; and no error quotes one.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from host.errors import FileError, SecretError
from host.text_files import read_text
from protocol.errors import MessageError
from protocol.sealing import parse_key

OTHERS = stat.S_IRWXG | stat.S_IRWXO

LARGEST_BYTES = 65_536
"""A keystore has some 500 bytes, a key of RSA with 16,384 bits 13,000."""


def read_private(path: Path, what: str) -> str:
    """The text of a file that only its owner may use.

    Raises SecretError that names the file when it cannot be read, is not a plain file, is larger
    than LARGEST_BYTES, is not UTF-8, or may be used by others than its owner.
    """
    try:
        return read_text(
            path, f"{what} file", LARGEST_BYTES, lambda found: _require_private(found, path, what)
        )
    except SecretError:
        raise
    except FileError as error:
        raise SecretError(str(error)) from error


def require_private(path: Path, what: str) -> None:
    """Raise SecretError like `read_private`, for a file that a library reads by itself."""
    read_private(path, what)


def read_secret(path: Path, what: str) -> str:
    """The only line of a secret's file, without its end.

    Raises SecretError like `read_private`, and when the file is empty or has several lines.
    """
    text = read_private(path, what)
    line = text.removesuffix("\n").removesuffix("\r")
    count = 1 + line.count("\n")
    if count > 1:
        raise SecretError(f"{what} file {path} has {count} lines, not one")
    if not line:
        raise SecretError(f"{what} file {path} is empty")
    return line


def read_message_key(path: Path, what: str) -> bytes:
    """The 32 bytes of the message key that a drill's bridge and its oracle share.

    Raises SecretError like `read_secret`, and for what is no 64 hexadecimal digits.
    """
    try:
        return parse_key(read_secret(path, what))
    except MessageError as error:
        raise SecretError(f"{what} file {path}: {error}") from error


def _require_private(found: os.stat_result, path: Path, what: str) -> None:
    if found.st_mode & OTHERS:
        raise SecretError(
            f"{what} file {path} may be used by others than its owner "
            f"(mode {stat.S_IMODE(found.st_mode):o}); run: chmod 600 {path}"
        )
