"""The folder of published files: each is replaced at once and durably, or not at all.

A file is written beside its place, made durable, and renamed into it; so whoever reads sees the
old content or the new one. A power failure leaves at most one unnamed file, which the next write
uses again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.errors import PublicationError

UNNAMED = ".unfinished"
"""Where a file is before it has its name; no reader asks for it."""

KEPT_FREE_BYTES = 64 * 1024 * 1024
"""Publication leaves so much free: the journal may be on the same disk, and comes first."""

_NO_DIRECTORY_SYNC = (errno.EINVAL, errno.ENOTSUP)
"""What file systems of the network answer that have no such thing as syncing a directory."""


class StaticFiles:
    """One folder; `folder` arguments are paths in it. Every method may raise PublicationError."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self, folder: str) -> dict[str, int]:
        """The size in bytes of each file in a folder; none if there is no such folder."""
        with _told(self.root / folder):
            try:
                with os.scandir(self.root / folder) as entries:
                    return {one.name: one.stat().st_size for one in entries if one.is_file()}
            except FileNotFoundError:
                return {}

    def read(self, folder: str, name: str, size: int, offset: int = 0) -> bytes:
        """At most `size` bytes of a file from `offset` on; empty if there is no such file."""
        with _told(self.root / folder / name):
            try:
                with (self.root / folder / name).open("rb") as file:
                    file.seek(offset)
                    return file.read(size)
            except FileNotFoundError:
                return b""

    def write(self, folder: str, name: str, content: bytes) -> None:
        """Put a file in its place, durably."""
        place = self.root / folder
        with _told(place / name):
            self._make(folder)
            _require_room(place, len(content))
            unnamed = place / UNNAMED
            handle = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            try:
                rest = memoryview(content)
                while rest:
                    rest = rest[os.write(handle, rest) :]
                os.fsync(handle)
            finally:
                os.close(handle)
            unnamed.replace(place / name)
            _sync_directory(place)

    def remove(self, folder: str, name: str) -> None:
        """Take a file away, durably; nothing if it is gone already."""
        place = self.root / folder
        with _told(place / name):
            (place / name).unlink(missing_ok=True)
            _sync_directory(place)

    def _make(self, folder: str) -> None:
        """Make a folder below the root; the root itself may be a place where nothing is mounted."""
        place = self.root
        for part in Path(folder).parts:
            if not (place / part).is_dir():
                (place / part).mkdir()
                _sync_directory(place)
            place /= part


def _require_room(place: Path, size: int) -> None:
    found = os.statvfs(place)
    if found.f_bavail * found.f_frsize < KEPT_FREE_BYTES + size:
        raise OSError(
            errno.ENOSPC, f"less than {KEPT_FREE_BYTES >> 20} MiB would be left on the disk"
        )


def _sync_directory(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(handle)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of the operating system as ours, with the file that they are about."""
    try:
        yield
    except OSError as error:
        raise PublicationError(f"{path}: {error.strerror or error}") from error
