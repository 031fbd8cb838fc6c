"""The oracle's signing keys: one, or two while the provider rotates from one to the other.

The contract settles only what its present key has signed, and counts a receipt only if it is dated
while its key was in force. So the key that the newest block shows signs everything from then on,
and if that block vanishes, the one before does again. Both sign the same logs under one guard
against contradictions (`signed`), so that it never matters to a bill which of them signed.
"""

from __future__ import annotations

import structlog

from oracle.errors import SigningError
from oracle.ports import Signer

log = structlog.get_logger()


class Keyring:
    """A signer that can change its key."""

    def __init__(self, *signers: Signer) -> None:
        """The first of `signers` signs until the contract says otherwise."""
        self.signers = signers
        """All of them, as they were given."""
        self._present = signers[0]
        self._failing = False

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self.addresses)})"

    @property
    def address(self) -> str:
        """The checksummed address of the key that signs now."""
        return self._present.address

    @property
    def is_p256(self) -> bool:
        """Whether the key that signs now is of P-256."""
        return self._present.is_p256

    @property
    def addresses(self) -> tuple[str, ...]:
        """The checksummed addresses of all keys, as they were given."""
        return tuple(one.address for one in self.signers)

    def successor(self, key: str) -> str | None:
        """The address of another key here that is `key`; None when nothing is to change."""
        if key.lower() == self.address.lower():
            return None
        return next((one for one in self.addresses if one.lower() == key.lower()), None)

    def use(self, address: str) -> None:
        """Sign with the key of that address from now on."""
        self._present = next(one for one in self.signers if one.address == address)

    def sign(self, digest: bytes) -> bytes:
        """Sign a bytes32 digest with the present key; a failure is said once until it is over."""
        try:
            signature = self._present.sign(digest)
        except SigningError as error:
            self._note(error)
            raise
        if self._failing:
            log.info("signing key works again", key=self.address)
        self._failing = False
        return signature

    def _note(self, error: SigningError) -> None:
        if not self._failing:
            log.error("signing key fails", reason=str(error))
        self._failing = True


def ring_of(signer: Signer) -> Keyring:
    """A signer as a key ring."""
    return signer if isinstance(signer, Keyring) else Keyring(signer)
