"""The signing key in a TPM 2.0, which most edge boxes have: a P-256 key at a persistent handle.

The TPM makes the key and never gives it out, to no other TPM either. What authorises its use is the
line of a file, and sent to the TPM with each signature; TPMs have no secp256k1. Wrong
authorisations are counted by the TPM itself, over all that it protects, and too many lock it for a
while.

This speaks to the kernel's device itself (`tpm_wire`): the bindings to the TPM's own software stack
come as C to compile, and a box has no compiler.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from host.errors import KeystoreError, SecretError
from host.secret_files import read_secret
from oracle.errors import LockoutError, PinError, TpmError
from oracle.signing import tpm_wire
from oracle.signing.curves import P256, PublicKey, recoverable
from oracle.signing.held_key import PROBE, REOPEN_SECONDS, HeldKey
from oracle.signing.places import TpmPlace
from oracle.signing.tpm_device import ask

ANSWER_SECONDS = 2.0
"""The step that signs also takes in samples. A signature takes a tenth of it on slow hardware."""

OPENING_SECONDS = 20.0
"""At the start, when nothing else waits; a TPM may test itself first."""

SILENCE_PAUSE_SECONDS = 10.0
"""Between two attempts with a TPM that does not answer, so that it costs a fifth of the time."""

MAKING_SECONDS = 120.0
"""Some hardware searches for seconds when it makes a key."""

AUTH_BYTES = 32
"""An authorisation is no longer than the hash that names the key (TPM 2.0, part 1, 19.6.4.2)."""


class TpmSigner(HeldKey):
    """A key that stays in its TPM."""

    def __init__(
        self,
        place: TpmPlace,
        clock: Callable[[], float] = time.monotonic,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Look at the key and have it sign a probe; raises KeystoreError that names what is wrong,
        PinError when the authorisation is refused."""
        self._place, self._auth = place, _auth(place)
        super().__init__(place, _public_key(place), clock)
        self._answer_seconds = OPENING_SECONDS
        self._signature(PROBE)
        self._answer_seconds = answer_seconds

    def _signature(self, digest: bytes) -> bytes:
        command = tpm_wire.sign(self._place.handle, self._auth, digest)
        response = _ask(self._place, command, self._answer_seconds)
        return recoverable(tpm_wire.parse_signature(response), digest, self.public)

    def _pause_seconds(self, error: Exception) -> float:
        if isinstance(error, LockoutError):
            return max(REOPEN_SECONDS, error.seconds)
        silent = isinstance(error.__cause__, TimeoutError)
        return SILENCE_PAUSE_SECONDS if silent else REOPEN_SECONDS


def new_tpm_key(place: TpmPlace, owner: bytes = b"") -> PublicKey:
    """Have the TPM make a key that it never gives out, and keep it at the handle.

    `owner` authorises the owner's hierarchy, which mostly is open. Returns the public key; raises
    KeystoreError, also when the handle is taken: a key is never overwritten.
    """
    auth = _auth(place)
    code, _ = ask(place.device, tpm_wire.read_public(place.handle), OPENING_SECONDS)
    if code == 0:
        raise KeystoreError(f"{place} exists; a key is never overwritten")
    if code not in tpm_wire.NO_SUCH_HANDLE:
        raise TpmError(f"{place}: the TPM refuses to look for it with {code:#x}")
    made = tpm_wire.create_primary(owner, auth, os.urandom(32))
    handle, public = tpm_wire.parse_created(_ask(place, made, MAKING_SECONDS, "the owner's"))
    try:
        kept = tpm_wire.evict_control(owner, handle, place.handle)
        _ask(place, kept, MAKING_SECONDS, "the owner's")
    finally:
        ask(place.device, tpm_wire.flush_context(handle), OPENING_SECONDS)
    return PublicKey.of(P256, public.point)


def _public_key(place: TpmPlace) -> PublicKey:
    code, response = ask(place.device, tpm_wire.read_public(place.handle), OPENING_SECONDS)
    if code in tpm_wire.NO_SUCH_HANDLE:
        raise KeystoreError(
            f"TPM {place.device} has no key {place.handle:#x}; make one with "
            "`drill-oracle keys new --tpm`"
        )
    if code:
        raise TpmError(f"{place} cannot be read: the TPM refuses with {code:#x}")
    public = tpm_wire.parse_public(response)
    if public.fault is not None:
        raise KeystoreError(f"{place} {public.fault}")
    return PublicKey.of(P256, public.point)


def _auth(place: TpmPlace) -> bytes:
    auth = read_secret(place.auth_file, "authorisation").encode()
    if len(auth) > AUTH_BYTES:
        raise SecretError(
            f"authorisation file {place.auth_file}: {len(auth)} bytes, a TPM takes {AUTH_BYTES}"
        )
    return auth


def _ask(place: TpmPlace, command: bytes, seconds: float, whose: str = "") -> bytes:
    """The response to a command that needs an authorisation; raises TpmError, PinError."""
    code, response = ask(place.device, command, seconds)
    if code == 0:
        return response
    if code in tpm_wire.AUTHORISATION_FAILS:
        if whose:  # which is not counted
            raise PinError(f"TPM {place.device} refuses {whose} authorisation")
        raise PinError(
            f"TPM {place.device} refuses the authorisation in {place.auth_file}{_counted(place)}"
        )
    if code == tpm_wire.LOCKED_OUT:
        wait_seconds = _lockout(place).seconds
        raise LockoutError(
            f"TPM {place.device} takes no authorisation{_counted(place)}; it takes one again after "
            f"{wait_seconds} s, or when its lockout is cleared",
            wait_seconds,
        )
    if code in tpm_wire.NO_SUCH_HANDLE:
        raise KeystoreError(f"TPM {place.device} has no key {place.handle:#x} any more")
    raise TpmError(f"{place}: the TPM refuses with {code:#x}")


def _lockout(place: TpmPlace) -> tpm_wire.Lockout:
    code, response = ask(place.device, tpm_wire.get_lockout(), OPENING_SECONDS)
    if code:
        raise TpmError(f"TPM {place.device} does not say how it is locked: {code:#x}")
    return tpm_wire.parse_lockout(response)


def _counted(place: TpmPlace) -> str:
    found = _lockout(place)
    return f" ({found.failures} of the {found.most} failures that lock it)"
