"""The signing key in a PKCS#11 token, such as a smart card, an HSM, or SoftHSM2 in the tests.

The token makes the key and never gives it out. It signs with plain ECDSA over the 32 bytes of a
digest (CKM_ECDSA) and answers `r || s` (PKCS#11 2.40, section 2.3.1). What Ethereum needs besides
is made here: s in the lower half of the curve's order (EIP-2), and the recovery bit, found by
trying both against the key's known address. A signature that recovers to none is refused.

A session ends when its token is drawn, reset or used up by somebody else. It is opened again once
for a signature, and after a failure not before REOPEN_SECONDS. A PIN that was refused is not tried
again, because a few wrong ones lock a token for good.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pkcs11
from eth_keys.datatypes import PublicKey
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, PKCS11Error, Session
from pkcs11.exceptions import (
    MultipleTokensReturned,
    NoSuchToken,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    UserAlreadyLoggedIn,
)

from host.errors import KeystoreError, SecretError
from host.secret_files import read_secret
from oracle.errors import PinError, SigningError
from oracle.signing.places import TokenPlace
from protocol.errors import SignatureError
from protocol.typed_data import recover_signer

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1 (SEC 2, section 2.4.1)."""

CURVE = bytes.fromhex("06052b8104000a")
"""The object identifier of secp256k1, 1.3.132.0.10, in DER: what CKA_EC_PARAMS holds."""

POINT_HEADS = (b"\x04\x41\x04", b"\x04")
"""An uncompressed point, in a DER octet string as PKCS#11 wants it, or bare as some tokens say."""

REOPEN_SECONDS = 1.0
"""Between two attempts to open a token that is gone: the step that signs also takes in samples."""

_PIN_REFUSED = (PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked)


class TokenSigner:
    """A secp256k1 key that stays in its token."""

    def __init__(self, place: TokenPlace, clock: Callable[[], float] = time.monotonic) -> None:
        """Open the token; raises KeystoreError that names what is wrong, PinError for the PIN."""
        self._place, self._clock = place, clock
        self._pin_refused: str | None = None
        self._failed: tuple[float, str] | None = None
        self._start = _starts[place.module]
        self._session, self._key, self.address = _open_key(place)

    def __repr__(self) -> str:
        return f"TokenSigner({self.address})"

    def sign(self, digest: bytes) -> bytes:
        """Sign a bytes32 digest; returns 65 bytes `r || s || v`, another each time.

        Raises SigningError when the token is away, and at once while it has just been.
        """
        if self._pin_refused is not None:
            raise SigningError(self._pin_refused)
        if self._failed is not None and self._clock() < self._failed[0]:
            raise SigningError(self._failed[1])
        try:
            signature = self._signature(digest)
        except (PKCS11Error, KeystoreError, SecretError, SigningError) as error:
            message = f"{self._place} does not sign: {_reason(error)}"
            self._failed = (self._clock() + REOPEN_SECONDS, message)
            if isinstance(error, PinError):
                self._pin_refused = f"{message}; it is not tried again before a restart"
            raise SigningError(self._pin_refused or message) from error
        self._failed = None
        return signature

    def close(self) -> None:
        """End the session."""
        try:
            self._session.close()
        except PKCS11Error:
            return  # it had ended by itself, which is why it is closed

    def _signature(self, digest: bytes) -> bytes:
        """From the session there is, or else from one new session."""
        if self._start == _starts[self._place.module]:
            try:
                return self._sign(digest)
            except (PKCS11Error, SigningError):
                self.close()
            _restart(self._place.module)
        self._start = _starts[self._place.module]
        self._session, self._key, found = _open_key(self._place)
        if found != self.address:
            self.close()
            raise KeystoreError(f"the token holds {found} now and not {self.address}")
        return self._sign(digest)

    def _sign(self, digest: bytes) -> bytes:
        raw = bytes(self._key.sign(digest, mechanism=Mechanism.ECDSA))
        return recoverable(raw, digest, self.address)


def recoverable(raw: bytes, digest: bytes, address: str) -> bytes:
    """`r || s` as 65 bytes `r || s || v` with a low s that recover to `address`.

    Raises SigningError when no recovery bit does.
    """
    if len(raw) != 64:
        raise SigningError(f"the token gave a signature of {len(raw)} bytes, not 64")
    s = int.from_bytes(raw[32:], "big")
    if s > ORDER // 2:
        raw = raw[:32] + (ORDER - s).to_bytes(32, "big") if s < ORDER else raw
    for v in (27, 28):
        signature = raw + bytes([v])
        try:
            if recover_signer(digest, signature) == address:
                return signature
        except SignatureError:
            continue  # r is not a point of the curve for this bit
    raise SigningError(f"the token gave a signature that is not of key {address}; it is refused")


def new_token_key(place: TokenPlace) -> str:
    """Have the token make a key that it never gives out; returns its address.

    Raises KeystoreError, also when the label is taken: a key is never overwritten.
    """
    session = _open(place, writable=True)
    try:
        if list(session.get_objects({Attribute.LABEL: place.key})):
            raise KeystoreError(f"{place} exists; a key is never overwritten")
        curve = session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: CURVE}, local=True
        )
        curve.generate_keypair(
            store=True,
            label=place.key,
            id=place.key.encode(),
            private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
        )
        return _address(session, place)
    except PKCS11Error as error:
        raise KeystoreError(f"{place} cannot be made: {_reason(error)}") from error
    finally:
        session.close()


_starts: Counter[Path] = Counter()
"""How often each library was started anew. Sessions from before are gone, and their handles may be
those of other sessions and keys by now."""


def _restart(module: Path) -> None:
    """Start a library anew: some see a token that was drawn and put back only so."""
    _starts[module] += 1
    try:
        pkcs11.lib(str(module)).reinitialize()
    except PKCS11Error as error:
        raise KeystoreError(f"{module} cannot be restarted: {_reason(error)}") from error


def _open_key(place: TokenPlace) -> tuple[Session, Any, str]:
    """A session, the private key in it, and its address."""
    session = _open(place)
    try:
        return session, _find(session, place, ObjectClass.PRIVATE_KEY), _address(session, place)
    except KeystoreError:
        session.close()
        raise


def _open(place: TokenPlace, *, writable: bool = False) -> Session:
    pin = read_secret(place.pin_file, "PIN")
    if not place.module.is_file():
        raise KeystoreError(f"PKCS#11 library {place.module}: no such file")
    try:
        token = pkcs11.lib(str(place.module)).get_token(token_label=place.token)
        try:
            return token.open(rw=writable, user_pin=pin)
        except UserAlreadyLoggedIn:  # with another key of the same token
            return token.open(rw=writable)
    except _PIN_REFUSED as error:
        raise PinError(
            f"token {place.token!r} refuses the PIN in {place.pin_file}: {_reason(error)}"
        ) from error
    except NoSuchToken as error:
        raise KeystoreError(f"{place.module} has no token labelled {place.token!r}") from error
    except MultipleTokensReturned as error:
        raise KeystoreError(
            f"{place.module} has several tokens labelled {place.token!r}"
        ) from error
    except PKCS11Error as error:
        raise KeystoreError(f"token {place.token!r} of {place.module}: {_reason(error)}") from error


def _address(session: Session, place: TokenPlace) -> str:
    key = _find(session, place, ObjectClass.PUBLIC_KEY)
    try:
        curve, encoded = bytes(key[Attribute.EC_PARAMS]), bytes(key[Attribute.EC_POINT])
    except PKCS11Error as error:
        raise KeystoreError(f"{place}: {_reason(error)}") from error
    if curve != CURVE:
        raise KeystoreError(f"{place} is not of the curve secp256k1")
    for head in POINT_HEADS:
        if encoded.startswith(head) and len(encoded) == len(head) + 64:
            return str(PublicKey(encoded[len(head) :]).to_checksum_address())
    raise KeystoreError(
        f"{place} has a public key of {len(encoded)} bytes that is not a whole point"
    )


def _find(session: Session, place: TokenPlace, kind: ObjectClass) -> Any:
    """The only key of that kind and label; all are listed, as an open search blocks the next."""
    what = "public" if kind is ObjectClass.PUBLIC_KEY else "private"
    template = {
        Attribute.CLASS: kind,
        Attribute.KEY_TYPE: KeyType.EC,
        Attribute.LABEL: place.key,
    }
    try:
        found = list(session.get_objects(template))
    except PKCS11Error as error:
        raise KeystoreError(f"{place}: {_reason(error)}") from error
    if len(found) != 1:
        raise KeystoreError(
            f"token {place.token!r} has {len(found) or 'no'} {what} EC keys labelled {place.key!r}"
        )
    return found[0]


def _reason(error: Exception) -> str:
    """What PKCS#11 calls it: most of these errors have a name and no text."""
    return str(error) or type(error).__name__
