"""Keys: the signing key in an encrypted keystore or a token (`token_key`), and the gas account.

A keystore is an Ethereum keystore of version 3 (scrypt, AES-128-CTR), as eth-account writes it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import coincurve
from eth_account import Account
from eth_account.datastructures import SignedTransaction
from eth_keys.datatypes import PrivateKey

from host.secret_files import read_private, read_secret
from oracle.errors import KeystoreError
from oracle.keyring import Keyring
from oracle.ports import Signer
from oracle.token_key import TokenPlace, TokenSigner

KeyPlace = tuple[Path, Path] | TokenPlace
"""Where a signing key is: keystore and password file, or a token."""


class KeystoreSigner:
    """A key held in memory, opened from an encrypted keystore."""

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


def open_keystore(path: Path, password_file: Path) -> bytes:
    """The private key in a keystore.

    Raises KeystoreError or SecretError that names the file at fault.
    """
    password = read_secret(password_file, "password")
    try:
        record = json.loads(read_private(path, "keystore"))
    except (ValueError, RecursionError) as error:
        raise KeystoreError(f"keystore file {path} is not JSON: {error}") from error
    if not isinstance(record, dict) or not {"version", "crypto"} <= {key.lower() for key in record}:
        raise KeystoreError(
            f"keystore file {path} is JSON, but no Ethereum keystore of version 3; make one with "
            "`drill-oracle keys new`"
        )
    try:
        return bytes(Account.decrypt(record, password))
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        reason = "the password is wrong" if "MAC" in str(error) else f"malformed: {error}"
        raise KeystoreError(f"keystore file {path} cannot be opened: {reason}") from error


def new_keystore(path: Path, password_file: Path) -> str:
    """Make a key and write its keystore, readable by the owner only; returns the address.

    Raises KeystoreError when the file exists: a key is never overwritten.
    """
    password = read_secret(password_file, "password")
    account = Account.create()
    text = json.dumps(Account.encrypt(account.key, password))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeystoreError(f"keystore {path} exists; a key is never overwritten") from error
    except OSError as error:
        raise KeystoreError(f"keystore {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return str(account.address)


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
    if isinstance(place, TokenPlace):
        return TokenSigner(place)
    return KeystoreSigner(open_keystore(*place))
