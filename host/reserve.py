"""Disk space set aside for the last records.

A full disk must lock the drills, but what is under way still has to be written: in the bridge's
spool the samples of the stroke, in the oracle's journal the reading that settles them and the
transaction that carries it. So a file beside the database holds some megabytes, allocated and not
only promised, and is given up when a write finds the disk full. It is taken back when twice its
size is free, so that a disk near its end does not flicker.

On a file system that copies on write (btrfs, ZFS) an overwritten block needs a new one: give
journal and spool a file system of their own there.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

LEAST_FREE_BYTES = 1_000_000
"""SQLite does not always say that the disk is full; with less than this free, it is."""


def for_lack_of_space(error: object, path: Path) -> bool:
    """Whether a database at `path` could not be written because its disk is full, as far as the
    `error` of SQLite and the disk tell."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return True
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return False  # nothing is known of the disk; the error itself is reported
    return disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES


class Reserve:
    """A file of `size` bytes that is there in good times; 0 for no reserve at all."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size = path, size
        self.held = size == 0
        self.take()

    @staticmethod
    def fault(path: Path, size: int) -> str | None:
        """Why a reserve of `size` bytes at `path` could not be taken, for lack of space; looks and
        allocates nothing."""
        held = path.stat().st_blocks * 512 if path.exists() else 0
        disk = os.statvfs(path.parent)
        free = disk.f_bavail * disk.f_frsize
        if held >= size or free >= 2 * size:
            return None
        return (
            f"{free // 10**6} MB are free on the disk of {path.parent} where {2 * size // 10**6} "
            f"are needed, to set {size // 10**6} MB aside"
        )

    def take(self) -> None:
        """Allocate the file, if it is not there and the disk has room; `held` says the outcome."""
        if self.held:
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return  # read-only, or not even an inode left: as good as a full disk
        try:
            if os.fstat(descriptor).st_blocks * 512 < self._size:
                disk = os.fstatvfs(descriptor)
                if disk.f_bavail * disk.f_frsize < 2 * self._size:
                    return
                os.posix_fallocate(descriptor, 0, self._size)
            self.held = True
        except OSError:
            os.ftruncate(descriptor, 0)  # what was allocated of it is needed more elsewhere
        finally:
            os.close(descriptor)

    def release(self) -> bool:
        """Give the space to whoever writes next; returns whether there was any."""
        if not self.held or self._size == 0:
            return False
        self.held = False
        try:
            os.truncate(self._path, 0)
        except OSError:
            return False
        return True
