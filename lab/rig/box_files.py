"""The files that a box is started with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract
from web3.types import BlockData

from lab.rig import plan
from lab.rig.errors import RigError
from protocol.deployment import Deployment

PASSWORD = "a password for tests only"  # noqa: S105


def record_of(web3: Web3, contract: Contract, provider: str, asset: str) -> Deployment:
    """The record of a deployment, as the chain has it."""
    block, carried = _creation(web3, str(contract.address))
    code = carried[: -4 * 32]  # the constructor's arguments are behind it
    return Deployment(
        chain_id=web3.eth.chain_id,
        contract=str(contract.address),
        asset=asset,
        block_number=block["number"],
        block_hash="0x" + bytes(block["hash"]).hex(),
        grace_period_seconds=plan.GRACE_SECONDS,
        provider=provider,
        compiler="vyper",
        bytecode_sha256=sha256(code).hexdigest(),
    )


def _creation(web3: Web3, contract: str) -> tuple[BlockData, bytes]:
    """The block in which a contract was made, and what the transaction carried."""
    for number in range(web3.eth.block_number, 0, -1):
        block = web3.eth.get_block(number, full_transactions=True)
        for one in block["transactions"]:
            if isinstance(one, Mapping) and not one.get("to"):
                made = web3.eth.get_transaction_receipt(one["hash"])["contractAddress"]
                if made == contract:
                    return block, bytes(one["input"])
    raise RigError(f"no transaction made {contract}")


def write_keystore(folder: Path, name: str, account: LocalAccount) -> None:
    """Write an account's keystore and the file with its password, both named after it. It is cheap
    to open: what the rig is about comes after."""
    keystore = Account.encrypt(account.key, PASSWORD, iterations=2)
    write_secret(folder / f"{name}.json", json.dumps(keystore))
    write_secret(folder / f"{name}.password", PASSWORD + "\n")


def write_message_key(folder: Path, drill: int, key: bytes) -> None:
    """Write what a drill's bridge and the oracle share."""
    write_secret(plan.message_key_file(folder, drill), key.hex() + "\n")


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may use, as the programs demand of secrets."""
    path.touch(mode=0o600)
    path.write_text(text)
