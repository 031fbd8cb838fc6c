"""Keys in encrypted files: Ethereum keystores of version 3 (scrypt, AES-128-CTR).

The password is in a file of its own (`secret_files`). A keystore is never overwritten.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from eth_account import Account

from host.errors import KeystoreError
from host.secret_files import read_private, read_secret


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
            f"keystore file {path} is JSON, but not an Ethereum keystore of version 3; make one "
            "with `drill-oracle keys new`"
        )
    try:
        return bytes(Account.decrypt(record, password))
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        reason = "the password is wrong" if "MAC" in str(error) else f"malformed: {error}"
        raise KeystoreError(f"keystore file {path} cannot be opened: {reason}") from error


def new_keystore(path: Path, password_file: Path) -> str:
    """Make a key and write its keystore, readable by the owner only; returns the address.

    Raises KeystoreError when the file exists, because a key is never overwritten, or cannot be
    written: then nothing is left of it.
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
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)  # it holds no key that was ever said to exist
        raise KeystoreError(f"keystore {path}: {error.strerror}") from error
    return str(account.address)
