"""What the payment asset is called, and how many decimals it has."""

from __future__ import annotations

from eth_hash.auto import keccak

from audit.amounts import COIN, NATIVE_DECIMALS, TOKEN, UNITS, Asset
from audit.errors import EndpointError, NodeRefusedError
from audit.node.fetch import ContractEndpoint
from audit.node.values import ZERO_ADDRESS, data

MOST_DECIMALS = 36
"""Of any token that anybody uses; one that claims more is shown in its smallest unit."""

LONGEST_SYMBOL = 12


def asset_of(chain: ContractEndpoint, address: str, block_hash: str, unit: str | None) -> Asset:
    """The asset at a block. Of a token the node is asked; `unit` is a name that somebody gave."""
    if address == ZERO_ADDRESS:
        return Asset(address, unit or COIN, NATIVE_DECIMALS, "wei", told=False)
    decimals = _decimals(_ask(chain, address, "decimals()", block_hash))
    if decimals is None:
        return Asset(address, UNITS, 0, UNITS, told=False)
    symbol = unit or _symbol(_ask(chain, address, "symbol()", block_hash)) or TOKEN
    return Asset(address, symbol, decimals, UNITS, told=True)


def _ask(chain: ContractEndpoint, address: str, signature: str, block_hash: str) -> bytes:
    call = {"to": address, "data": "0x" + keccak(signature.encode())[:4].hex()}
    try:
        return data(chain.endpoint.call("eth_call", call, {"blockHash": block_hash}), signature)
    except NodeRefusedError:
        # A token need not have it.
        return b""
    except EndpointError as error:
        raise EndpointError(f"token {address}: {error}") from error


def _decimals(answer: bytes) -> int | None:
    number = int.from_bytes(answer[:32], "big") if len(answer) == 32 else None
    return number if number is not None and number <= MOST_DECIMALS else None


def _symbol(answer: bytes) -> str:
    """A text, or the bytes32 of early tokens; empty unless it is short and plain."""
    content = answer
    if len(answer) >= 96 and int.from_bytes(answer[:32], "big") == 32:
        content = answer[64 : 64 + min(int.from_bytes(answer[32:64], "big"), len(answer))]
    text = content.rstrip(b"\x00").decode("utf-8", "replace")
    plain = text.isascii() and text.isprintable() and text.strip() == text
    return text if plain and len(text) <= LONGEST_SYMBOL else ""
