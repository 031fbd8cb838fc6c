"""Where a signing key is, as the settings name it; opening it is for `sign` and `token_key`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where a key is: PKCS#11 library, labels of token and key, and the file with the PIN."""

    module: Path
    token: str
    key: str
    pin_file: Path

    def __str__(self) -> str:
        return f"key {self.key!r} in token {self.token!r} of {self.module}"


@dataclass(frozen=True, slots=True)
class TpmPlace:
    """Where a key is in a TPM 2.0: device, persistent handle, and the file with what authorises its
    use."""

    device: Path
    handle: int
    auth_file: Path

    def __str__(self) -> str:
        return f"key {self.handle:#x} in TPM {self.device}"


HeldPlace = TokenPlace | TpmPlace
"""Where a key signs without ever leaving."""

KeyPlace = tuple[Path, Path] | HeldPlace
"""Keystore and password file, or where it never leaves."""
