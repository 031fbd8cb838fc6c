"""A chain in memory for the contract tests: pyrevm with time and money, contracts by their ABI.

Every transaction is its own: transient storage is cleared before it, it has the gas that EIP-7825
allows it, and it either returns a receipt or raises Reverted and has changed nothing. Structs come
back as dicts, addresses with their checksum.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Protocol

import pytest
from eth_utils import keccak, to_checksum_address
from eth_utils.abi import collapse_if_tuple
from web3 import Web3

from lab.rig.contract import EVM_VERSION, Compiled

if find_spec("pyrevm"):
    from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env
else:
    from contracts.evm_in_javascript import EVM, AccountInfo, BlockEnv, CfgEnv, Env

CHAIN_ID = 31_337
GENESIS_TIME = 1_800_000_000
SECONDS_PER_BLOCK = 12

TRANSACTION_GAS = 2**24
"""The most that one transaction may use (EIP-7825)."""

BLOCK_GAS = 60_000_000
CODE_LIMIT = 2**16
"""Above EIP-170's 24,576 bytes, for the build with the optimiser off; nothing else needs it."""

NOBODY = "0x" + "00" * 20

_CODEC = Web3().codec
_ERROR_STRING = keccak(text="Error(string)")[:4]
_FAILURE = re.compile(r"(Revert|Halt) \{(?:.*output: 0x([0-9a-f]*))?")

Abi = dict[str, Any]


class Account(Protocol):
    """Whoever has an address: a key pair or a deployed contract."""

    @property
    def address(self) -> str: ...


class Reverted(Exception):  # noqa: N818 - it is what happened to the transaction
    """A transaction or a view that reverted, with the reason it gave ("" for none)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Halted(Exception):  # noqa: N818
    """A transaction that ran out of gas or hit an invalid instruction; never expected."""


@dataclass(frozen=True, slots=True)
class Event:
    """A log entry by its name and all its arguments."""

    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction did."""

    result: Any
    events: list[Event]
    gas_used: int

    def named(self, name: str) -> list[Event]:
        """The events of one name, in order."""
        return [event for event in self.events if event.name == name]


def event(name: str, **args: Any) -> Event:
    """An expected event."""
    return Event(name, args)


def address_of(who: Account | str) -> str:
    """The address of an account, or the address itself."""
    return who if isinstance(who, str) else who.address


@contextmanager
def reverts(reason: str) -> Iterator[None]:
    """Expect a revert with exactly this reason, "" for none."""
    with pytest.raises(Reverted) as caught:
        yield
    assert caught.value.reason == reason


class Chain:
    """One chain: its time, its accounts' coins and what is deployed on it."""

    def __init__(self, chain_id: int = CHAIN_ID) -> None:
        self.chain_id = chain_id
        self.now = GENESIS_TIME
        self._contracts: dict[str, Deployed] = {}
        self._evm = EVM(
            env=Env(
                cfg=CfgEnv(chain_id=chain_id, limit_contract_code_size=CODE_LIMIT),
                block=self._block(),
            ),
            spec_id=EVM_VERSION.upper(),
            gas_limit=TRANSACTION_GAS,
        )

    def _block(self) -> BlockEnv:
        number = 1 + (self.now - GENESIS_TIME) // SECONDS_PER_BLOCK
        return BlockEnv(number=max(number, 1), timestamp=self.now, gas_limit=BLOCK_GAS)

    def advance(self, seconds: int) -> int:
        """Let time pass; returns the time of the block that comes now (Unix s)."""
        return self.set_time(self.now + seconds)

    def set_time(self, now: int) -> int:
        """Set the time of the block that comes now (Unix s)."""
        self.now = now
        self._evm.set_block_env(self._block())
        return now

    def coins(self, who: Account | str) -> int:
        """The native coins of an account."""
        return int(self._evm.get_balance(address_of(who)))

    def give(self, who: Account | str, amount: int) -> None:
        """Add native coins to an account out of nothing, without a call (as a validator could)."""
        address = address_of(who)
        self._evm.set_balance(address, self.coins(address) + amount)

    def code(self, who: Account | str) -> bytes:
        """The code at an address."""
        return bytes(self._evm.get_code(address_of(who)) or b"")

    def adopt(self, who: Account, code: bytes) -> None:
        """Put a contract's code at its address, without any storage, as on another chain."""
        self._evm.insert_account_info(who.address, AccountInfo(code=code))

    def store(self, who: Account | str, slot: int, word: int) -> None:
        """Set a word of an account's storage, for states that take too many transactions."""
        self._evm.insert_account_storage(address_of(who), slot, word)

    def stored(self, who: Account | str, slot: int) -> int:
        """A word of an account's storage."""
        return int(self._evm.storage(address_of(who), slot))

    def deploy(self, compiled: Compiled, deployer: Account, *args: Any, value: int = 0) -> Deployed:
        """Deploy a contract; raises Reverted when its constructor does."""
        inputs = next((e["inputs"] for e in compiled.abi if e["type"] == "constructor"), [])
        code = bytes.fromhex(compiled.bytecode[2:]) + _CODEC.encode(_types(inputs), args)
        address = self._run(lambda: self._evm.deploy(deployer.address, code, value=value))
        return self.attach(address, compiled.abi)

    def attach(self, address: str, abi: list[Abi]) -> Deployed:
        """Name a contract that is at an address already."""
        deployed = Deployed(self, to_checksum_address(address), abi)
        self._contracts[deployed.address] = deployed
        return deployed

    def transact(
        self,
        sender: Account | str,
        to: Account | str,
        data: bytes = b"",
        value: int = 0,
        gas: int = TRANSACTION_GAS,
    ) -> tuple[bytes, list[Event], int]:
        """Send a transaction with this much gas; returns its output, its events and its gas."""
        output = self._run(
            lambda: self._evm.message_call(
                address_of(sender), address_of(to), calldata=data, value=value, gas=gas
            )
        )
        result = self._evm.result
        return bytes(output), [self._decode_log(log) for log in result.logs], result.gas_used

    def view(self, to: Account | str, data: bytes) -> bytes:
        """Call without a transaction and without the right to change anything."""
        output = self._run(
            lambda: self._evm.message_call(NOBODY, address_of(to), calldata=data, is_static=True)
        )
        return bytes(output)

    def _run(self, action: Any) -> Any:
        self._evm.reset_transient_storage()
        try:
            return action()
        except RuntimeError as error:
            found = _FAILURE.search(str(error))
            if found is None or found[1] == "Halt":
                raise Halted(str(error)) from error
            raise Reverted(_reason(bytes.fromhex(found[2] or ""))) from None

    def _decode_log(self, log: Any) -> Event:
        return self._contracts[to_checksum_address(log.address)].decode_log(log)


@dataclass(frozen=True, eq=False)
class Deployed:
    """A contract on a chain."""

    chain: Chain
    address: str
    abi: list[Abi]
    _functions: dict[str, Abi] = field(init=False, repr=False)
    _events: dict[bytes, Abi] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        functions = {e["name"]: e for e in self.abi if e["type"] == "function"}
        events = {keccak(text=_signature(e)): e for e in self.abi if e["type"] == "event"}
        object.__setattr__(self, "_functions", functions)
        object.__setattr__(self, "_events", events)

    @property
    def functions(self) -> dict[str, Abi]:
        """The functions by name."""
        return self._functions

    def encode(self, function: str, *args: Any) -> bytes:
        """The calldata of a call."""
        abi = self._functions[function]
        return _selector(_signature(abi)) + _CODEC.encode(_types(abi["inputs"]), args)

    def transact(self, sender: Account | str, function: str, *args: Any, value: int = 0) -> Receipt:
        """Send a transaction; raises Reverted."""
        output, events, gas = self.chain.transact(sender, self, self.encode(function, *args), value)
        return Receipt(self._decode(function, output), events, gas)

    def call(self, function: str, *args: Any) -> Any:
        """Read a view; raises Reverted."""
        return self._decode(function, self.chain.view(self, self.encode(function, *args)))

    def _decode(self, function: str, output: bytes) -> Any:
        outputs = self._functions[function]["outputs"]
        values = _CODEC.decode(_types(outputs), output)
        named = [_named(abi, value) for abi, value in zip(outputs, values, strict=True)]
        return named[0] if len(named) == 1 else tuple(named) or None

    def decode_log(self, log: Any) -> Event:
        """A raw log of this contract as an event."""
        topics, data = log.data
        abi = self._events[bytes(topics[0])]
        indexed = [i for i in abi["inputs"] if i["indexed"]]
        plain = [i for i in abi["inputs"] if not i["indexed"]]
        values = {
            i["name"]: _named(i, _CODEC.decode([i["type"]], bytes(topic))[0])
            for i, topic in zip(indexed, topics[1:], strict=True)
        }
        decoded = _CODEC.decode(_types(plain), bytes(data))
        values |= {i["name"]: _named(i, v) for i, v in zip(plain, decoded, strict=True)}
        return Event(abi["name"], {i["name"]: values[i["name"]] for i in abi["inputs"]})


def _types(inputs: list[Abi]) -> list[str]:
    return [collapse_if_tuple(i) for i in inputs]


def _signature(abi: Abi) -> str:
    return f"{abi['name']}({','.join(_types(abi['inputs']))})"


def selector_of(abi: Abi) -> bytes:
    """The four bytes that a function of an interface is called by."""
    return _selector(_signature(abi))


@lru_cache(maxsize=256)
def _selector(signature: str) -> bytes:
    return bytes(keccak(text=signature)[:4])


def _named(abi: Abi, value: Any) -> Any:
    kind = abi["type"]
    if kind.endswith("]"):
        element = abi | {"type": kind[: kind.rindex("[")]}
        return [_named(element, v) for v in value]
    if kind == "tuple":
        return {c["name"]: _named(c, v) for c, v in zip(abi["components"], value, strict=True)}
    return to_checksum_address(value) if kind == "address" else value


def _reason(output: bytes) -> str:
    if output[:4] == _ERROR_STRING:
        return str(_CODEC.decode(["string"], output[4:])[0])
    return output.hex()
