"""Keys: the signing key in an encrypted keystore a token (`token_key`) or a TPM
(`tpm_key`), and the gas account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import coincurve
from eth_account import Account
from eth_account.datastructures import SignedTransaction
from eth_keys.datatypes import PrivateKey

from host.errors import KeystoreError
from host.extras import needing
from host.keystores import open_keystore
from oracle.ports import Signer
from oracle.signing.held_key import HeldKey
from oracle.signing.keyring import Keyring
from oracle.signing.places import HeldPlace, KeyPlace, TpmPlace
from oracle.signing.tpm_key import TpmSigner


class KeystoreSigner:
    """A secp256k1 key held in memory, opened from an encrypted keystore."""

    is_p256 = False

    def __init__(self, private_key: bytes) -> None:
        self._key = coincurve.PrivateKey(private_key)
        self.address: str = str(PrivateKey(private_key).public_key.to_checksum_address())

    def __repr__(self) -> str:
        return f"KeystoreSigner({self.address})"

    def sign(self, digest: bytes) -> bytes:
        """Sign a bytes32 digest; returns 65 bytes `r || s || v`, the same for the same digest."""
        # r, s and the recovery bit, with a low s; by RFC 6979.
        signature = self._key.sign_recoverable(digest, hasher=None)
        return bytes(signature[:64]) + bytes([signature[64] + 27])


class GasAccount:
    """The account that pays for transactions; its key signs nothing else."""

    def __init__(self, private_key: bytes) -> None:
        self._account = Account.from_key(private_key)
        self.address: str = str(self._account.address)

    def __repr__(self) -> str:
        return f"GasAccount({self.address})"

    def sign_transaction(self, transaction: dict[str, Any]) -> SignedTransaction:
        """Sign a transaction's fields."""
        signed: SignedTransaction = self._account.sign_transaction(transaction)
        return signed


def open_keys(
    signing: KeyPlace, gas: tuple[Path, Path], successor: KeyPlace | None = None
) -> tuple[Keyring, GasAccount]:
    """Open all keys; raises KeystoreError, also when one of them is another one again."""
    account = GasAccount(open_keystore(*gas))
    places = [signing] if successor is None else [signing, successor]
    ring = Keyring(*[open_signer(place) for place in places])
    if account.address in ring.addresses:
        raise KeystoreError(
            f"the signing key and the gas key are both {account.address}; make a second keystore "
            "with `drill-oracle keys new`"
        )
    if len(set(ring.addresses)) < len(places):
        raise KeystoreError(
            f"the signing key and its successor are both {ring.address}; make a new one with "
            "`drill-oracle keys new`"
        )
    return ring, account


def open_signer(place: KeyPlace) -> Signer:
    """Open one signing key; raises KeystoreError that names what is wrong."""
    if isinstance(place, tuple):
        return KeystoreSigner(open_keystore(*place))
    return open_held_key(place)


def open_held_key(place: HeldPlace) -> HeldKey:
    """Open a signing key that never leaves where it is; raises KeystoreError."""
    if isinstance(place, TpmPlace):
        return TpmSigner(place)
    with needing("oracle"):
        from oracle.signing.token_key import TokenSigner  # noqa: PLC0415  for tokens only
    return TokenSigner(place)
