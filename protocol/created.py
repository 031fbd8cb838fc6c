"""Where the contracts are that a DrillMeter creates in its constructor: their addresses follow from
its own (https://eips.ethereum.org/EIPS/eip-161: a contract's creations count from 1).
"""

from __future__ import annotations

from eth_hash.auto import keccak


def lens_address(contract: str) -> str:
    """A contract's first creation: the lens, which describes what is stored."""
    return _creation(contract, 1)


def forwarder_address(contract: str) -> str:
    """A contract's second creation: the forwarder, which passes on what customers have signed."""
    return _creation(contract, 2)


def _creation(contract: str, number: int) -> str:
    rlp = b"\xd6\x94" + bytes.fromhex(contract[2:]) + bytes([number])
    return f"0x{keccak(rlp)[12:].hex()}"
