"""The provider's account, in an encrypted keystore like the keys of a box."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eth_account import Account

from host.keystores import open_keystore


class KeystoreWallet:
    """An account whose key is in memory."""

    def __init__(self, private_key: bytes) -> None:
        self._account = Account.from_key(private_key)
        self.address: str = str(self._account.address)

    def __repr__(self) -> str:
        return f"KeystoreWallet({self.address})"

    def sign(self, transaction: dict[str, Any]) -> bytes:
        """The signed bytes of a transaction's fields."""
        return bytes(self._account.sign_transaction(transaction).raw_transaction)


def open_wallet(keystore: Path, password_file: Path) -> KeystoreWallet:
    """Open an account's keystore; raises HostError that names the file at fault."""
    return KeystoreWallet(open_keystore(keystore, password_file))
