"""A signing key that never leaves where it is, and what is done while it does not answer.

It is tried again, but not at once after a failure, and never with a PIN or an authorisation that
was refused: a few wrong ones lock most tokens and TPMs.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from hashlib import sha256

from host.errors import KeystoreError, SecretError
from oracle.errors import LockoutError, PinError, SigningError
from oracle.signing.curves import P256, PublicKey
from oracle.signing.places import HeldPlace

REOPEN_SECONDS = 1.0
"""Between two attempts with a key that is gone: the step that signs also takes in samples."""


PROBE = sha256(b"drill-oracle probe").digest()
"""To see whether a key signs. Nothing else is this: typed data has digests of Keccak-256."""


class HeldKey(ABC):
    """What a token and a TPM have in common."""

    def __init__(
        self, place: HeldPlace, public: PublicKey, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._where, self._clock = place, clock
        self.public = public
        """The public key."""
        self._refused: str | None = None
        self._failed: tuple[float, str] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    @property
    def address(self) -> str:
        """The checksummed address of the key."""
        return self.public.address

    @property
    def is_p256(self) -> bool:
        """Whether it is a key of P-256."""
        return self.public.curve is P256

    def sign(self, digest: bytes) -> bytes:
        """Sign a bytes32 digest; returns 65 bytes `r || s || v`, another each time.

        Raises SigningError when the key is away, and at once while it has just been.
        """
        if self._refused is not None:
            raise SigningError(self._refused)
        if self._failed is not None and self._clock() < self._failed[0]:
            raise SigningError(self._failed[1])
        try:
            signature = self._signature(digest)
        except (KeystoreError, SecretError, SigningError) as error:
            message = f"{self._where} does not sign: {error}"
            self._failed = (self._clock() + self._pause_seconds(error), message)
            if isinstance(error, PinError) and not isinstance(error, LockoutError):
                self._refused = f"{message}; it is not tried again before a restart"
            raise SigningError(self._refused or message) from error
        self._failed = None
        return signature

    @abstractmethod
    def _signature(self, digest: bytes) -> bytes:
        """A signature that recovers to the key; raises KeystoreError, SecretError, SigningError."""

    def _pause_seconds(self, _error: Exception) -> float:
        """How long it is left alone after a failure."""
        return REOPEN_SECONDS
