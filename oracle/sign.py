"""Keys: the signer interface's one implementation so far, an encrypted keystore.

A keystore is an Ethereum keystore of version 3 (scrypt, AES-128-CTR), as eth-account writes it; its
password is read from a file, never from the environment, a command line or a prompt.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.datastructures import SignedTransaction
from eth_keys.datatypes import PrivateKey

from oracle.errors import KeystoreError
from protocol.typed_data import sign_digest


class KeystoreSigner:
    """A key held in memory, opened from an encrypted keystore."""

    def __init__(self, private_key: bytes) -> None:
        self._key = private_key
        self.address: str = str(PrivateKey(private_key).public_key.to_checksum_address())

    def __repr__(self) -> str:
        return f"KeystoreSigner({self.address})"

    def sign(self, digest: bytes) -> bytes:
        """Sign a bytes32 digest; returns 65 bytes `r || s || v`, the same for the same digest."""
        return sign_digest(self._key, digest)


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
    """The private key in a keystore; raises KeystoreError that names the file at fault."""
    password = _read_password(password_file)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KeystoreError(f"keystore {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise KeystoreError(f"keystore {path} is not JSON: {error}") from error
    try:
        return bytes(Account.decrypt(record, password))
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        reason = "the password is wrong" if "MAC" in str(error) else str(error)
        raise KeystoreError(f"keystore {path} cannot be opened: {reason}") from error


def new_keystore(path: Path, password_file: Path) -> str:
    """Make a key and write its keystore, readable by the owner only; returns the address.

    Raises KeystoreError when the file exists: a key is never overwritten.
    """
    password = _read_password(password_file)
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
    signing: tuple[Path, Path], gas: tuple[Path, Path]
) -> tuple[KeystoreSigner, GasAccount]:
    """Open both keystores, each given as (keystore, password file); refuse one key for both."""
    signer = KeystoreSigner(open_keystore(*signing))
    account = GasAccount(open_keystore(*gas))
    if signer.address == account.address:
        raise KeystoreError(
            f"the signing key and the gas key are both {signer.address}; make a second keystore "
            "with `drill-oracle keys new`"
        )
    return signer, account


def _read_password(path: Path) -> str:
    try:
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise KeystoreError(f"password file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise KeystoreError(f"password file {path} is not UTF-8 text") from error
    if not password:
        raise KeystoreError(f"password file {path} is empty")
    return password
