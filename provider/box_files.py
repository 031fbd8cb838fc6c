"""Writing a box's files so that nothing that is there is lost, and no secret is seen by others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from provider.errors import BoxError
from provider.sending import Say


def write_once(path: Path, text: str, say: Say) -> None:
    """Write a file that is not there; where it says otherwise, write the new text beside it."""
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        return
    if path.read_text(encoding="utf-8") == text:
        path.with_name(path.name + ".new").unlink(missing_ok=True)
        return
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    say(f"{path} is left as it is; what would be written now is in {beside}")


def write_secret(path: Path, text: str, *, anew: bool = False) -> None:
    """Write a line that only the owner may read; a file that is there is an error, or replaced as
    a whole."""
    draft = path.with_name(path.name + ".part")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    if anew:
        draft.replace(path)
        return
    try:
        path.hardlink_to(draft)  # which fails where something is, and never overwrites it
    except FileExistsError as error:
        raise BoxError(f"{path} exists; nothing is overwritten") from error
    finally:
        draft.unlink()


def copy_secrets(source: Path, names: Iterable[str], folder: Path) -> None:
    """Copy files that only their owner may read, those that are not there yet."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        if not (folder / name).exists():
            write_secret(folder / name, (source / name).read_text().rstrip("\n"))
