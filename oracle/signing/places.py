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


KeyPlace = tuple[Path, Path] | TokenPlace
"""Keystore and password file, or a token."""
