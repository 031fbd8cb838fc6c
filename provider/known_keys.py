"""Accounts whose keys everybody knows: programs for local chains hand them out.

On a public chain robots empty such an account within seconds, and whoever likes can sign as its
oracle. They come from three sets of twelve words, and from the smallest private keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from eth_account import Account
from eth_account.hdaccount import ETHEREUM_DEFAULT_PATH

from provider.errors import PlanError

LOCAL_CHAIN_IDS = (1337, 31337)
"""What ganache, geth's developer mode, hardhat and anvil call their chains: nobody else's."""

LOCAL_NODES = ("anvil/", "HardhatNetwork/", "Ganache/", "TestRPC")
"""How the programs for local chains begin the name that `web3_clientVersion` answers."""

WORDS = {
    "anvil and hardhat": "test test test test test test test test test test test junk",
    "ganache": "myth like bonus scare over problem client lizard pioneer submit female collect",
    "truffle": "candy maple cake sugar pudding cream honey rich smooth crumble sweet treat",
}

ACCOUNTS = 20
"""As many of each set as the programs show at the start."""

SMALLEST_KEYS = 64


@cache
def known_keys() -> Mapping[str, str]:
    """Where everybody knows it from, by address in small letters."""
    # The derivation is BIP-32's, which eth-account calls unaudited; no secret rests on it here.
    Account.enable_unaudited_hdwallet_features()
    found = {}
    for origin, words in WORDS.items():
        for number in range(ACCOUNTS):
            path = ETHEREUM_DEFAULT_PATH.rpartition("/")[0] + f"/{number}"
            account = Account.from_mnemonic(words, account_path=path)
            found[str(account.address).lower()] = f"account {number} of {origin}"
    for number in range(1, SMALLEST_KEYS + 1):
        address = str(Account.from_key(number.to_bytes(32, "big")).address)
        found[address.lower()] = f"the account of the private key {number}"
    return found


def is_local(chain_id: int, client_version: str, *, said_to_be: bool) -> bool:
    """Whether everybody's keys may be used: on the ids of local chains, and on another id only if
    somebody says that the chain is local and the node is a program for local chains."""
    return chain_id in LOCAL_CHAIN_IDS or (said_to_be and client_version.startswith(LOCAL_NODES))


def require_own_keys(addresses: Mapping[str, str]) -> None:
    """Raise PlanError when everybody knows the key of one of these addresses, by what it is for."""
    for purpose, address in addresses.items():
        origin = known_keys().get(address.lower())
        if origin is not None:
            raise PlanError(
                f"{purpose} is {address}, {origin}: everybody has its key. Make one of your own; "
                "such keys are for local chains (ids "
                f"{' and '.join(map(str, LOCAL_CHAIN_IDS))}, or --local with a node that is "
                "anvil, hardhat or ganache)"
            )
