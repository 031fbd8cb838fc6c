"""The signing key in a PKCS#11 token, such as a smart card, an HSM, or SoftHSM2 in the tests.

The token makes the key and never gives it out: one of secp256k1, or one of P-256, which is all that
many secure elements have. It signs with plain ECDSA over the 32 bytes of a digest (CKM_ECDSA) and
answers `r || s` (PKCS#11 2.40, section 2.3.1); `curves` makes of it what is published.

A session ends when its token is drawn, reset or used up by somebody else. It is opened again once
for a signature; what happens after a failure is in `held_key`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pkcs11
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

from host.errors import KeystoreError
from host.secret_files import read_secret
from oracle.errors import PinError, SigningError
from oracle.signing.curves import CURVES, SECP256K1, KeyCurve, PublicKey, recoverable
from oracle.signing.held_key import HeldKey
from oracle.signing.places import TokenPlace

POINT_HEADS = (b"\x04\x41\x04", b"\x04")
"""An uncompressed point, in a DER octet string as PKCS#11 wants it, or bare as some tokens say."""

_PIN_REFUSED = (PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked)


class TokenSigner(HeldKey):
    """A key that stays in its token."""

    def __init__(self, place: TokenPlace, clock: Callable[[], float] = time.monotonic) -> None:
        """Open the token; raises KeystoreError that names what is wrong, PinError for the PIN."""
        self._place = place
        self._start = _starts[place.module]
        self._session, self._key, public = _open_key(place)
        super().__init__(place, public, clock)

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
        if found != self.public:
            self.close()
            raise KeystoreError(f"the token holds {found.address} now and not {self.address}")
        try:
            return self._sign(digest)
        except PKCS11Error as error:
            raise SigningError(_reason(error)) from error

    def _sign(self, digest: bytes) -> bytes:
        raw = bytes(self._key.sign(digest, mechanism=Mechanism.ECDSA))
        return recoverable(raw, digest, self.public)


def new_token_key(place: TokenPlace, curve: KeyCurve = SECP256K1) -> PublicKey:
    """Have the token make a key that it never gives out; returns the public one.

    Raises KeystoreError, also when the label is taken: a key is never overwritten.
    """
    session = _open(place, writable=True)
    try:
        if list(session.get_objects({Attribute.LABEL: place.key})):
            raise KeystoreError(f"{place} exists; a key is never overwritten")
        domain = session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: curve.parameters}, local=True
        )
        domain.generate_keypair(
            store=True,
            label=place.key,
            id=place.key.encode(),
            private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
        )
        return _public_key(session, place)
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


def _open_key(place: TokenPlace) -> tuple[Session, Any, PublicKey]:
    """A session, the private key in it, and the public one."""
    session = _open(place)
    try:
        return session, _find(session, place, ObjectClass.PRIVATE_KEY), _public_key(session, place)
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


def _public_key(session: Session, place: TokenPlace) -> PublicKey:
    key = _find(session, place, ObjectClass.PUBLIC_KEY)
    try:
        parameters, encoded = bytes(key[Attribute.EC_PARAMS]), bytes(key[Attribute.EC_POINT])
    except PKCS11Error as error:
        raise KeystoreError(f"{place}: {_reason(error)}") from error
    curve = next((one for one in CURVES.values() if one.parameters == parameters), None)
    if curve is None:
        raise KeystoreError(f"{place} is of another curve than {' and '.join(CURVES)}")
    for head in POINT_HEADS:
        if encoded.startswith(head) and len(encoded) == len(head) + 64:
            return PublicKey.of(curve, encoded[len(head) :])
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
