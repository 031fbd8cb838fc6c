"""A PKCS#11 token in software (SoftHSM2)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pkcs11

from lab.rig.errors import RigError
from lab.rig.services import find_program
from oracle.signing.places import TokenPlace

PIN = "a PIN for tests only"
SO_PIN = "another PIN for tests only"
LIBRARIES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/softhsm/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
)


def find_library() -> Path:
    """SoftHSM's library; raises RigError where it is not installed."""
    for library in LIBRARIES:
        if library.exists():
            return library
    raise RigError("SoftHSM2 is not installed; run scripts/setup --with-debian")


class SoftToken:
    """One token in a folder of its own; `environment` is for the processes that use it."""

    label = "drill box"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "tokens"
        self.store.mkdir(parents=True)
        config = folder / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {self.store}\nlog.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": str(config)}
        self.pin_file = folder / "pin"
        self.pin_file.touch(0o600)
        self.pin_file.write_text(PIN + "\n")
        program = find_program("softhsm2-util")
        if program is None:
            raise RigError("softhsm2-util is not installed; run scripts/setup --with-debian")
        line: list[str | Path] = [program, "--init-token", "--free", "--label", self.label]
        line += ["--pin", PIN, "--so-pin", SO_PIN]
        subprocess.run(line, env=self.environment, check=True, capture_output=True, timeout=300)

    @contextmanager
    def here(self) -> Iterator[None]:
        """Used by this process, which may have loaded the library for another one."""
        name, config = next(iter(self.environment.items()))
        before = os.environ.get(name)
        os.environ[name] = config
        library = pkcs11.lib(str(find_library()))
        library.finalize()
        try:
            yield
        finally:
            library.finalize()
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before

    def place(self, key: str = "signing") -> TokenPlace:
        """A key in it."""
        return TokenPlace(find_library(), self.label, key, self.pin_file)

    def toml(self, key: str = "signing") -> str:
        """A key in it as a table of the settings."""
        place = self.place(key)
        return (
            f'{{ module = "{place.module}", token = "{place.token}", key = "{place.key}", '
            f'pin_file = "{place.pin_file}" }}'
        )

    def draw(self) -> None:
        """Pull it out."""
        self.store.rename(self.folder / "drawn")
        self.store.mkdir()

    def put_back(self) -> None:
        """Put it in again."""
        self.store.rmdir()
        (self.folder / "drawn").rename(self.store)
