"""A file system of a few megabytes, to be filled and made read-only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size: int, *options: str) -> Iterator[Path]:
    """A tmpfs of `size` bytes in `folder`; without root's rights it asks sudo, without a prompt."""
    folder.mkdir()
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    owner = f"uid={os.getuid()},gid={os.getgid()}"
    settings = ",".join([f"size={size}", owner, *options])
    line = [*root, "mount", "-t", "tmpfs", "-o", settings, "smart-drill-test", str(folder)]
    subprocess.run(line, check=True, capture_output=True, timeout=300)
    try:
        yield folder
    finally:
        subprocess.run([*root, "umount", "--lazy", str(folder)], check=True, timeout=300)


def fill(folder: Path, leave: int = 0) -> Path:
    """Write a file until the disk has only `leave` bytes; removing it empties the disk again."""
    ballast = folder / "ballast"
    disk = os.statvfs(folder)
    with ballast.open("wb") as file:
        file.write(bytes(max(disk.f_bavail * disk.f_frsize - leave, 0)))
    return ballast
